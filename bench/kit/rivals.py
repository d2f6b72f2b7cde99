"""The rivals, from Debian, each set up as its own documentation says for this job."""

import shutil
import subprocess

from kit import net
from kit.process import Process

PACKAGES = {
    "nginx": "nginx",
    "wrk": "wrk",
    "prometheus-blackbox-exporter": "prometheus-blackbox-exporter",
    "/usr/lib/nginx/modules/ngx_nchan_module.so": "libnginx-mod-nchan",
}
# No rivals: the engines that the browser client is lived through in.
ENGINES = {"chromium": "chromium", "firefox-esr": "firefox-esr", "WebKitWebDriver": "webkit2gtk-driver", "Xvfb": "xvfb"}


def install_missing():
    import os

    have = lambda what: os.path.exists(what) if what.startswith("/") else find(what)
    missing = [package for what, package in {**PACKAGES, **ENGINES}.items() if not have(what)]
    if missing:
        print("installing", *missing, flush=True)
        subprocess.run(["apt-get", "install", "-y", "--no-install-recommends", *missing], check=True)


def find(name):
    return shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin")


def versions():
    found = {}
    for package in PACKAGES.values():
        out = subprocess.run(["dpkg-query", "-W", "-f=${Version}", package], capture_output=True, text=True)
        found[package] = out.stdout or "?"
    return found


class Nginx:
    """`http` is what stands in the http block, `%PORT%` in it the port. As a daemon (only then does it upgrade its binary) it is
    to be ended by whoever reads `nginx.pid`."""

    def __init__(self, bench, http, workers=1, core=None, modules=(), daemon=False):
        self.dir = bench.folder("nginx")
        self.port = net.free_port()
        load = "".join(f"load_module /usr/lib/nginx/modules/{m}.so;\n" for m in modules)
        text = f"""{load}daemon {"on" if daemon else "off"};
user {_me()};
worker_processes {workers};
worker_rlimit_nofile 20000;
pid nginx.pid;
error_log error.log;
events {{ worker_connections 18000; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  tcp_nodelay on;
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
{http.replace('%PORT%', f'{net.HOST}:{self.port}')}
}}
"""
        (self.dir / "nginx.conf").write_text(text)
        argv = [find("nginx"), "-p", f"{self.dir}/", "-c", "nginx.conf", "-e", "error.log"]
        self.process = Process(argv, self.dir, self.dir / "log", core=core)
        try:
            net.wait_for("nginx listens", self._listens, 10)
        except TimeoutError as e:
            raise RuntimeError(f"nginx: {self.process.tail()}") from e

    def _listens(self):
        return net.get(self.port, "/")[0] != 0

    def stop(self):
        self.process.stop()


def target(bench, log=False):
    """Answers every path with 200 and three bytes, as cheaply as it gets. With `log` it takes down time and path."""
    logged = "access_log asked.log t buffer=64k flush=200ms;" if log else ""
    return Nginx(bench, f"""
  log_format t '$msec $request_uri';
  server {{
    listen %PORT% backlog=4096 reuseport;
    {logged}
    default_type text/plain;
    location / {{ return 200 "ok\\n"; }}
  }}""")


def blackbox(bench):
    """One probe module, as near to ours as its options allow: IPv4, GET, a new connection each time."""
    folder = bench.folder("blackbox")
    (folder / "blackbox.yml").write_text(
        "modules:\n  http_2xx:\n    prober: http\n    timeout: 5s\n"
        "    http: {preferred_ip_protocol: ip4, ip_protocol_fallback: false}\n"
    )
    port = net.free_port()
    argv = [find("prometheus-blackbox-exporter"), "--config.file=blackbox.yml", f"--web.listen-address={net.HOST}:{port}", "--log.level=error"]
    process = Process(argv, folder, folder / "log")
    process.port = port
    net.wait_for("blackbox_exporter listens", lambda: net.get(port, "/-/healthy")[0] == 200, 10)
    return process


def _me():
    import grp
    import os
    import pwd

    return f"{pwd.getpwuid(os.getuid()).pw_name} {grp.getgrgid(os.getgid()).gr_name}"

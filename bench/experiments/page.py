"""Status pages per second on one core, against nginx serving the same bytes as a static file.

Ours and nginx are each pinned to core 0, wrk (1 thread, 64 kept-alive connections, gzip) to core 1, in alternating runs. nginx has
one worker, an open-file cache and no log, and sends fewer headers. The page is that of 20 services.
"""

import re
import subprocess

from kit import figures, net, rivals
from kit.figures import Row, at_least
from kit.stillhere import Stillhere, service


def run(bench):
    seconds, rounds = (2, 1) if bench.quick else (6, 5)
    target = rivals.target(bench)
    toml = '[defaults]\ninterval = "20s"\n' + "".join(
        service(f"service-{n}", url=f"http://{net.HOST}:{target.port}/{n}", group=f"Group {n // 5}") for n in range(20)
    )
    up = Stillhere(bench, toml, core=0).up()
    up.wait_until_all_are("operational")
    status, page = up.get("/", headers={"Accept-Encoding": "gzip"})
    assert status == 200 and page[:2] == b"\x1f\x8b", "the page is compressed"
    nginx = rivals.Nginx(
        bench,
        """
  sendfile on; tcp_nopush on; open_file_cache max=10 inactive=1h; open_file_cache_valid 1h;
  server { listen %PORT%; default_type "text/html; charset=utf-8"; location = / { root .; try_files /page =404; add_header Content-Encoding gzip; } }
""",
        core=0,
    )
    (nginx.dir / "page").write_bytes(page)
    status, served = net.get(nginx.port, "/")
    assert status == 200 and served == page, f"nginx serves the same bytes: {status}"
    ours, theirs = [], []
    for n in range(rounds):
        # The order changes each time, so that whatever drifts does not favour one of them.
        for which in ("ours", "theirs") if n % 2 == 0 else ("theirs", "ours"):
            process, port = (up.process, up.port) if which == "ours" else (nginx.process, nginx.port)
            (ours if which == "ours" else theirs).append(_wrk(process, port, seconds))
        bench.say("requests/s %.0f and %.0f; CPU µs/request %.2f and %.2f" % (ours[-1][0], theirs[-1][0], ours[-1][1], theirs[-1][1]))
    up.stop()
    nginx.stop()
    rate = [figures.median([x[0] for x in runs]) for runs in (ours, theirs)]
    cpu = [figures.median([x[1] for x in runs]) for runs in (ours, theirs)]
    p99 = [figures.median([x[2] for x in runs]) for runs in (ours, theirs)]
    return [
        Row("page", f"status page ({len(page):,} bytes) per second on one core", f"{rate[0]:,.0f}", f"{rate[1]:,.0f} (nginx, static file)", f"{rate[0] / rate[1]:.2f}", at_least(rate[0] / rate[1], 1.0, "× the rival")),
        Row("page", "the same: CPU per request", f"{cpu[0]:.2f} µs", f"{cpu[1]:.2f} µs", f"{cpu[0] / cpu[1]:.2f}"),
        Row("page", "the same: p99 at that load", f"{p99[0]:.2f} ms", f"{p99[1]:.2f} ms", f"{p99[0] / p99[1]:.2f}"),
    ]


def _wrk(process, port, seconds):
    """Requests per second, server CPU µs per request, p99 in ms."""
    argv = ["taskset", "-c", "1", rivals.find("wrk"), "-t1", "-c64", f"-d{seconds}s", "--latency", "-H", "Accept-Encoding: gzip", f"http://{net.HOST}:{port}/"]
    cpu = process.cpu_s()
    out = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    cpu = process.cpu_s() - cpu
    if "Non-2xx" in out or "Socket errors" in out:
        raise RuntimeError(out)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))
    total = float(re.search(r"(\d+) requests in", out).group(1))
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", out).groups()
    return rate, cpu / total * 1e6, float(number) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]

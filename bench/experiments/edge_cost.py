"""What a proxied request costs: the edge beside HAProxy, nginx, and no proxy at all.

Two nodes that answer at once with 100 bytes, on both cores like everything else: fronts (2 threads or workers each), nodes, and wrk
(1 thread). Ours has everything on: the gate, limits that count, tallies, the access log into a file; HAProxy and nginx
log nothing. CPU with 16 kept-alive connections, as the kernel accounts it to the front's processes; requests a second and p99
with 64. All in interleaved rounds; the order changes each time. On a busy machine only CPU and ratios say something.
"""

import re
import subprocess

from kit import figures, fronts, net, rivals
from kit.figures import Row, at_least, at_most
from kit.shop import Pair


def run(bench):
    seconds, rounds = (2, 2) if bench.quick else (5, 7)
    pair = Pair(bench, work_ms=0)
    made = [make(bench, pair.urls(), "cost") for make in (fronts.ours, fronts.haproxy, fronts.nginx)]
    runs = {front.name: [] for front in made}
    runs["none"] = []
    for n in range(rounds):
        for front in made[n % len(made):] + made[:n % len(made)]:
            _, cpu, _ = _wrk(front.process, front.port, 16, seconds)
            rate, _, p99 = _wrk(front.process, front.port, 64, seconds)
            runs[front.name].append((cpu, rate, p99))
        rate, _, p99 = _wrk(pair.nodes[0], pair.ports[0], 64, seconds)
        runs["none"].append((0, rate, p99))
        bench.say("; ".join(f"{name}: {r[-1][0]:.1f} µs, {r[-1][1]:,.0f}/s, p99 {r[-1][2]:.1f} ms" for name, r in runs.items()))
    for front in made:
        front.stop()
    pair.stop()
    middle = {name: [figures.median(column) for column in zip(*r)] for name, r in runs.items()}
    ours, haproxy, nginx, none = (middle[n] for n in ("ours", "HAProxy", "nginx", "none"))
    # Ratios are those of the rounds: what both had to bear at the same time cancels out.
    beside = lambda rival, column: figures.median([a[column] / b[column] for a, b in zip(runs["ours"], runs[rival])])
    said = lambda column, form, unit: ", ".join(f"{name} {form.format(middle[name][column])}" for name in ("HAProxy", "nginx")) + unit
    return [
        Row("edge_cost", "CPU of a proxied request, everything on, 16 connections", f"{ours[0]:.1f} µs", said(0, "{:.1f}", " µs"), f"{beside('HAProxy', 0):.2f} × HAProxy", at_most(beside("HAProxy", 0), 1.2, "× HAProxy")),
        Row("edge_cost", f"requests a second, 64 connections (without a proxy {none[1]:,.0f})", f"{ours[1]:,.0f}", said(1, "{:,.0f}", ""), f"{beside('HAProxy', 1):.2f} × HAProxy", at_least(beside("HAProxy", 1), 0.9, "× HAProxy")),
        Row("edge_cost", f"the same: p99 (without a proxy {none[2]:.1f} ms)", f"{ours[2]:.1f} ms", said(2, "{:.1f}", " ms"), f"{beside('nginx', 2):.2f} × nginx", at_most(beside("nginx", 2), 0.5, "× nginx")),
    ]


def _wrk(process, port, connections, seconds):
    """Requests per second, CPU µs per request of the process, p99 in ms."""
    argv = [rivals.find("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", f"http://{net.HOST}:{port}/"]
    cpu = process.cpu_s()
    out = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    cpu = process.cpu_s() - cpu
    if "Non-2xx" in out or "Socket errors" in out:
        raise RuntimeError(out)
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))
    total = float(re.search(r"(\d+) requests in", out).group(1))
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", out).groups()
    return rate, cpu / total * 1e6, float(number) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]

"""CPU per HTTP probe: ours with judge and disk, against prometheus-blackbox-exporter for the probe alone.

Both look at the same nginx over loopback with a new connection each time, at the same rate, in alternating windows. Ours
counts everything the process does meanwhile: schedule, probe, judge, batch to disk, snapshots. The exporter only
probes when asked, so a driver of eight threads asks it in even steps over kept-alive connections; only the exporter's own
CPU is counted, neither the driver's nor that of the Prometheus which would store the answer.
"""

import http.client
import threading
import time

from kit import figures, net, rivals
from kit.figures import Row, at_most
from kit.stillhere import Stillhere, service

THREADS = 8


def run(bench):
    window, warm, rounds = (4, 3, 1) if bench.quick else (20, 6, 3)
    target = rivals.target(bench)
    rows = []
    for rate, checks, interval in [(500, 1000, 2), (50, 100, 2)]:
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(_ours(bench, target.port, checks, interval, warm, window))
            theirs.append(_theirs(bench, target.port, rate, warm, window))
            bench.say(f"{rate}/s: {ours[-1]:.3f} and {theirs[-1]:.3f} ms CPU per probe")
        a, b = figures.median(ours), figures.median(theirs)
        rows.append(Row("probe", f"CPU per HTTP probe at {rate}/s, all included", f"{a:.3f} ms", f"{b:.3f} ms (blackbox_exporter)", f"{a / b:.2f}", at_most(a / b, 1 / 3, "of the rival")))
    return rows


def _ours(bench, port, checks, interval, warm, window):
    per_service = 20
    toml = f'[defaults]\ninterval = "{interval}s"\n' + "".join(
        service(f"s{s}", [(f"c{c}", f"http://{net.HOST}:{port}/{s}/{c}") for c in range(per_service)])
        for s in range(checks // per_service)
    )
    up = Stillhere(bench, toml).up()
    # The first round is looked at sooner than the schedule says; the figure is about the schedule.
    time.sleep(warm + interval)
    looks, cpu = up.looks(), up.process.cpu_s()
    time.sleep(window)
    looks_then, cpu_then = up.looks(), up.process.cpu_s()
    metrics = up.metrics()
    up.stop()
    seen = looks_then - looks
    if seen < 0.9 * window * checks / interval or metrics.get('stillhere_looks_total{outcome="up"}', 0) < 0.99 * looks_then:
        raise RuntimeError(f"only {seen:.0f} looks in {window} s, or not all were up: {metrics}")
    return (cpu_then - cpu) / seen * 1000


def _theirs(bench, port, rate, warm, window):
    exporter = rivals.blackbox(bench)
    done, end = [], threading.Event()
    began = time.monotonic() + 0.1
    path = f"/probe?module=http_2xx&target=http://{net.HOST}:{port}/"

    def drive(n):
        connection = http.client.HTTPConnection(net.HOST, exporter.port, timeout=10)
        turn = 0
        while not end.is_set():
            at = began + (turn * THREADS + n) / rate
            turn += 1
            wait = at - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            connection.request("GET", path)
            body = connection.getresponse().read()
            done.append(b"\nprobe_success 1" in body)

    drivers = [threading.Thread(target=drive, args=(n,), daemon=True) for n in range(THREADS)]
    for driver in drivers:
        driver.start()
    time.sleep(warm)
    first, cpu = len(done), exporter.cpu_s()
    time.sleep(window)
    last, cpu_then = len(done), exporter.cpu_s()
    end.set()
    for driver in drivers:
        driver.join()
    exporter.stop()
    if not all(done) or last - first < 0.9 * rate * window:
        raise RuntimeError(f"the exporter probed {last - first} times in {window} s, {done.count(False)} of all failed")
    return (cpu_then - cpu) / (last - first) * 1000

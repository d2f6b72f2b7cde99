"""20,000 HTTP checks every 20 s: how late looks begin, memory, looks skipped, and a restart.

1,000 services with 20 checks each, all towards one nginx on loopback that takes down what it was asked. The p99 is the upper
bound of the bucket in /metrics' histogram. For the restart the process is ended and started again, and the target's log says
when each check was first looked at.
"""

import time

from kit import net, rivals
from kit.figures import Row, at_most
from kit.stillhere import Stillhere, lag_quantile, service


def run(bench):
    services, checks, interval, window = (50, 20, 5, 10) if bench.quick else (1000, 20, 20, 60)
    total = services * checks
    target = rivals.target(bench, log=True)
    toml = f'[defaults]\ninterval = "{interval}s"\n' + "".join(
        service(f"s{s}", [(f"c{c}", f"http://{net.HOST}:{target.port}/{s}/{c}") for c in range(checks)])
        for s in range(services)
    )
    up = Stillhere(bench, toml).up(120)
    time.sleep(interval + 5)
    before, cpu = up.metrics(), up.process.cpu_s()
    time.sleep(window)
    after, cpu_then = up.metrics(), up.process.cpu_s()
    p99, looks = lag_quantile(before, after, 0.99)
    worst, _ = lag_quantile(before, after, 1.0)
    rss, peak = up.process.rss_kb() / 1024, up.process.rss_peak_kb() / 1024
    skipped = after["stillhere_looks_skipped_total"] + after.get("stillhere_observations_dropped_total", 0)
    looked = up.looks(after) - up.looks(before)
    down = after.get('stillhere_looks_total{outcome="down"}', 0) + after.get('stillhere_looks_total{outcome="unknown"}', 0)
    bench.say(f"{looked:.0f} looks in {window} s, {looked / (total * window / interval):.1%} of what was due; {down:.0f} not up")

    up.stop()
    asked = target.dir / "asked.log"
    time.sleep(0.5)
    seen_before = asked.stat().st_size
    began = time.time()
    up.up(120)
    answers = time.time() - began
    time.sleep(max(0, interval + 3 - answers))
    again = up.looks()
    up.stop()
    time.sleep(0.5)
    first = {}
    with open(asked) as f:
        f.seek(seen_before)
        for line in f:
            at, _, path = line.partition(" ")
            first.setdefault(path, float(at))
    last = max(first.values()) - began if first else float("inf")
    bench.say(f"after the restart: page after {answers:.2f} s, {len(first)} of {total} looked at, the last one after {last:.2f} s, {again:.0f} looks")
    name = f"{total:,} checks at {interval} s"
    return [
        Row("scale", f"{name}: p99 of how late a look begins (all below {_bound(worst)})", _bound(p99), "", "", at_most(p99 * 1000, 250, "ms")),
        Row("scale", f"{name}: RSS (peak {peak:.0f} MB), {(cpu_then - cpu) / window:.0%} of a core", f"{rss:.0f} MB", "", "", at_most(rss, 200, "MB")),
        Row("scale", f"{name}: looks skipped or dropped", f"{skipped:.0f} of {looks:.0f}", "", "", ("0", skipped == 0)),
        Row("scale", f"{name}: after a restart, until each was looked at", f"{last:.1f} s", "", "", (f"≤ {interval} s, all", len(first) == total and last <= interval + 0.5)),
    ]


def _bound(seconds):
    return "no bound" if seconds is None or seconds == float("inf") else f"≤ {seconds * 1000:g} ms"

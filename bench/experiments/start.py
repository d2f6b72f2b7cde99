"""From exec to the first probe with 1,000 checks; memory when idle; size of the binary."""

import subprocess
import time

from kit import figures, net
from kit.figures import Row, at_most, ms
from kit.stillhere import Stillhere, service


def run(bench):
    rounds, settle = (2, 3) if bench.quick else (7, 25)
    asked = []
    servers = net.Servers()
    port = servers.listen(lambda request: asked.append(request.at) or (200, b"ok\n"))
    toml = '[defaults]\ninterval = "20s"\n' + "".join(
        service(f"s{s}", [(f"c{c}", f"http://{net.HOST}:{port}/{s}/{c}") for c in range(10)]) for s in range(100)
    )
    fresh, again, rss = [], [], []
    for n in range(rounds):
        up = Stillhere(bench, toml)
        for took in (fresh, again):
            asked.clear()
            up.begin()
            net.wait_for("the first probe", lambda: asked, 30, every=0.002)
            took.append(asked[0] - up.process.began)
            up.wait()
            if n == 0 and took is again:
                time.sleep(settle)
                rss.append(up.process.rss_kb() / 1024)
            up.stop()
    one = Stillhere(bench, '[defaults]\ninterval = "20s"\n' + service("s", url=f"http://{net.HOST}:{port}/")).up()
    time.sleep(settle)
    idle = one.process.rss_kb() / 1024
    one.stop()
    servers.stop()
    size = bench.binary.stat().st_size / 1e6
    bench.say(f"first probe: fresh {[round(t * 1000) for t in fresh]} ms, again {[round(t * 1000) for t in again]} ms")
    return [
        Row("start", f"exec → first probe, 1,000 checks, empty folder (longest {ms(max(fresh), 0)})", ms(figures.median(fresh), 0), "", "", at_most(figures.median(fresh) * 1000, 150, "ms")),
        Row("start", f"the same with a folder in use (longest {ms(max(again), 0)})", ms(figures.median(again), 0), "", "", at_most(figures.median(again) * 1000, 150, "ms")),
        Row("start", "RSS with one check", f"{idle:.1f} MB", "", "", at_most(idle, 40, "MB")),
        Row("start", "RSS with 1,000 checks at 20 s", f"{rss[0]:.1f} MB", "", "", at_most(rss[0], 40, "MB")),
        Row("start", "size of the release binary", f"{size:.1f} MB", "", "", at_most(size, 30, "MB")),
    ]

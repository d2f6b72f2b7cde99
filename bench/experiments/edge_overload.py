"""More visitors than the nodes can serve, for five seconds: how many are served, and whether it is over when it is over.

Each node works on 4 requests at a time, 40 ms each (200 a second together), and queues the rest. 120 visitors a second come, from 5
to 10 s 400 a second. A visitor waits 2 s, leaves, comes again 0.3 s later, three times in all. 35 s. "Served in the spike"
are those due then who had their page within 1 s; "after" those due later who were served at all. Normal again is the first second after
10 s from which on at least 98 % are served within 1 s. Ours is told no number; nginx (max_conns), HAProxy (maxconn) and Caddy
(unhealthy_request_count) are told the 4; Envoy finds its own; nginx is there without the number too.
"""

from kit import figures, fronts
from kit.figures import Row, at_least, at_most
from kit.shop import Pair, Visitors

NEVER = 25


def run(bench):
    runs, others = (1, 1) if bench.quick else (5, 2)
    makers = fronts.those(bench, fronts.ours, fronts.nginx, fronts.nginx_plain, fronts.haproxy, fronts.caddy, fronts.envoy)
    found = {}
    for n in range(runs):
        for make in makers:
            if make is fronts.ours or n < others:
                name, one = _one(bench, make)
                found.setdefault(name, []).append(one)
    middle = {name: {k: figures.median([r[k] for r in rs]) for k in rs[0]} for name, rs in found.items()}
    ours = middle.pop("ours")
    said = lambda key: ", ".join(f"{name} {t[key]:.0f}" for name, t in middle.items())
    row = lambda what, key, goal=None: Row("edge_overload", what, f"{ours[key]:.0f}", said(key), "", goal)
    return [
        row(f"spike to twice what the nodes can do, 5 s, 2,000 visitors, median of {runs}: served within 1 s", "spike", at_least(ours["spike"], 950, "")),
        row("after it, of 3,000: served", "after", at_least(ours["after"], 2995, "")),
        row("seconds until normal", "normal", at_most(ours["normal"], 1, "s")),
        row("before it, of 600: not served", "refused", at_most(ours["refused"], 0, "")),
    ]


def _one(bench, make):
    pair = Pair(bench, work_ms=40, slots=4)
    front = make(bench, pair.urls(), "overload")
    seen = Visitors(bench, front.port, "--seconds", 35, "--rate", 120, "--spike", 400, 5, 10, "--patience", 2000, "--tries", 3).all()
    front.stop()
    pair.stop()
    before, spike, after = seen.due(0, 5), seen.due(5, 10), seen.due(10, 35)
    well = [seen.due(s, s + 1).served(1000) >= 0.98 * len(seen.due(s, s + 1)) for s in range(10, 35)]
    found = {
        "refused": len(before.failed()),
        "spike": spike.served(1000),
        "spike in the end": spike.served(),
        "after": after.served(),
        "after within 1 s": after.served(1000),
        "normal": next((n for n in range(25) if all(well[n:])), NEVER),
    }
    bench.say(f"{front.name}: " + ", ".join(f"{k} {v:.0f}" for k, v in found.items()))
    return front.name, found

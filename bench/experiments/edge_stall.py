"""A node that hangs: what visitors of the edge see, beside nginx, HAProxy, Caddy and Envoy.

As in edge_kill, 14 s: from 4 to 10 s one node is stopped with SIGSTOP, so that the kernel goes on accepting connections and nobody
answers. Counted are those due from 3.9 to 10 s, about 1,464 GETs and 366 orders with a key a run. nginx is told to wait 600 ms,
HAProxy, Caddy and Envoy probe the nodes, and Envoy hedges GETs.
"""

from kit import figures, fronts
from kit.figures import Row, at_most
from kit.shop import Pair, Visitors


def run(bench):
    runs = 1 if bench.quick else 2
    found = {}
    for _ in range(runs):
        for make in fronts.those(bench, fronts.ours, fronts.nginx, fronts.haproxy, fronts.caddy, fronts.envoy):
            found.setdefault(make.__name__, []).append(_one(bench, make))
    worst = {name: {k: max(r[k] for r in rs) for k in rs[0]} for name, rs in found.items()}
    ours = worst.pop("ours")
    said = lambda key: ", ".join(f"{name} {t[key]:.0f}" for name, t in worst.items())
    row = lambda what, key, limit, unit="": Row("edge_stall", what, f"{ours[key]:.0f}{' ' + unit if unit else ''}", said(key), "", None if limit is None else at_most(ours[key], limit, unit))
    return [
        row(f"one of two nodes hangs for 6 s, {ours['due']:,.0f} visitors, the worse of {runs} runs: slower than 1 s", "over 1 s", 0),
        row("the same: slower than 0.5 s", "over 0.5 s", 20),
        row("the same: failed GETs", "get", 0),
        row("the same: failed orders", "post", 0),
        row("the same: orders executed twice", "doubled", 0),
        row("the same: slowest answer, ms", "worst", None),
    ]


def _one(bench, make):
    pair = Pair(bench, work_ms=40)
    front = make(bench, pair.urls(), "stall")
    visitors = Visitors(bench, front.port, "--seconds", 14, "--rate", 300, "--post-every", 5)
    visitors.at(4, lambda: pair.freeze(0))
    visitors.at(10, lambda: pair.thaw(0))
    seen = visitors.all().due(3.9, 10)
    front.stop()
    pair.stop()
    found = {
        "due": len(seen),
        "over 1 s": seen.slower(1000),
        "over 0.5 s": seen.slower(500),
        "get": len(seen.gets().failed()),
        "post": len(seen.posts().failed()),
        "doubled": sum(n > 1 for n in pair.executed().values()),
        "worst": seen.worst(),
    }
    bench.say(f"{front.name}: " + ", ".join(f"{k} {v:.0f}" for k, v in found.items()) + f"; {seen.statuses()}")
    return found

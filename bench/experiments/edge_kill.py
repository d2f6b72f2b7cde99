"""A node killed, then both: what visitors of the edge see, beside nginx, HAProxy, Caddy and Envoy.

Two nodes, 40 ms of work each request. 300 visitors a second come whether or not they are answered (open loop; a visitor's time
runs from when it was due), every fifth orders something (POST with an Idempotency-Key); nobody tries again by themselves. 22 s: at
4 s one node is killed with SIGKILL, at 7 s it is started again, at 11 s both are killed, at 14 s both are started again. "One"
counts who was due from 3.9 to 10.9 s, "both" from then on. An order was doubled if the nodes executed it twice; they honour
keys between them, as the key's specification asks of an origin. A second run of ours has orders without a key: those that were
being worked on when a node died cannot be repeated, and must get an answer that says so.
"""

import time

from kit import fronts
from kit.figures import Row, at_most
from kit.shop import Pair, Visitors


def run(bench):
    runs = 1 if bench.quick else 2
    makers = fronts.those(bench, fronts.ours, fronts.nginx, fronts.haproxy, fronts.caddy, fronts.envoy)
    found = {}
    for n in range(runs):
        for make in makers:
            found.setdefault(make.__name__, []).append(_one(bench, make, "--post-every"))
    bare = _one(bench, fronts.ours, "--unkeyed-every")
    total = {name: {k: sum(r[k] for r in rs) if k not in WORST else max(r[k] for r in rs) for k in rs[0]} for name, rs in found.items()}
    ours = total.pop("ours")
    said = lambda key, unit="": ", ".join(f"{name} {t[key]:.0f}{unit}" for name, t in total.items())
    row = lambda what, key, limit=None, unit="ms": Row("edge_kill", what, f"{ours[key]:.0f}{' ' + unit if unit else ''}", said(key), "", None if limit is None else at_most(ours[key], limit, unit))
    gets, posts = ours["gets"], ours["posts"]
    return [
        row(f"one of two nodes killed: failed GETs of all runs ({gets:,} in all)", "one get", 0, ""),
        row(f"the same: failed orders with a key ({posts:,} in all)", "one post", 0, ""),
        row("the same: slowest answer", "one worst", 100, "ms"),
        row("both killed for 3 s: failed GETs", "both get", 0, ""),
        row("the same: failed orders with a key", "both post", 0, ""),
        row("the same: slowest answer", "both worst"),
        row("the same: beyond the outage, which lasts until a node listens again", "over", 100, "ms"),
        row("orders executed twice", "doubled", 0, ""),
        row("orders confirmed but not executed", "lost", 0, ""),
        Row("edge_kill", f"orders without a key, in work when a node died ({bare['failed']:.0f}): cut, or not told that the outcome is unknown", f"{bare['not told']:.0f}", "", "", at_most(bare["not told"], 0, "")),
        Row("edge_kill", "the same: failed GETs", f"{bare['one get'] + bare['both get']:.0f}", "", "", at_most(bare["one get"] + bare["both get"], 0, "")),
    ]


WORST = {"one worst", "both worst", "over"}


def _one(bench, make, every):
    pair = Pair(bench, work_ms=40)
    front = make(bench, pair.urls(), "kill")
    visitors = Visitors(bench, front.port, "--seconds", 22, "--rate", 300, every, 5)
    visitors.at(4, lambda: pair.kill(0))
    visitors.at(7, lambda: pair.start(0, wait=False))
    visitors.at(11, lambda: pair.kill(0, 1))
    killed = time.monotonic()
    visitors.at(14, lambda: [pair.start(n, wait=False) for n in (0, 1)])
    pair.wait_for_any()
    outage = time.monotonic() - killed
    seen = visitors.all()
    front.stop()
    pair.stop()
    executed = pair.executed()
    one, both = seen.due(3.9, 10.9), seen.due(10.9, 22)
    failed = seen.posts().failed()
    found = {
        "gets": len(seen.gets()),
        "posts": len(seen.posts()),
        "one get": len(one.gets().failed()),
        "one post": len(one.posts().failed()),
        "one worst": one.worst(),
        "both get": len(both.gets().failed()),
        "both post": len(both.posts().failed()),
        "both worst": both.worst(),
        "over": both.worst() - outage * 1000,
        "doubled": sum(n > 1 for n in executed.values()),
        "lost": sum(r["status"] == 200 and not executed[r["key"]] for r in seen.posts().rows),
        "failed": len(failed),
        "not told": sum(r["status"] != 502 or r.get("outcome") != "unknown" for r in failed),
    }
    bench.say(f"{front.name}{' (no keys)' if every == '--unkeyed-every' else ''}: " + ", ".join(f"{k} {v:.0f}" for k, v in found.items() if k not in ("gets", "posts")) + f"; {seen.statuses()}")
    return found

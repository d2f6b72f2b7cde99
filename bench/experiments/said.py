"""From an update that a person publishes to every open page.

The client of `fanout` holds all open pages and posts the update to the API itself; time runs from just before the post is written, so
that the token's check, the commit to disk, cutting the page's fragments and telling everybody are in it. Seven updates of one incident a
run, 5 s apart. No rival is in it.
"""

import json

from experiments.fanout import Client
from kit import figures, net
from kit.figures import Row, at_most
from kit.stillhere import Stillhere, service


def run(bench):
    n = 300 if bench.quick else bench.listeners
    rounds, runs = (3, 1) if bench.quick else (7, 4)
    seen = [_one(bench, n, rounds) for _ in range(runs)]
    for run in seen:
        bench.say(f"p50 {run['p50']:.1f}, p99 {run['p99']:.1f}, last {run['last']:.1f} ms, worst of all rounds {run['worst']:.1f} ms; {run['bytes']:.0f} bytes; lost {run['lost']:.0f}")
    of = {k: figures.median([run[k] for run in seen]) for k in seen[0]}
    what = f"an update published → {n:,} open pages, {of['bytes']:,.0f} bytes"
    return [
        Row("said", f"{what}: p99, median of rounds (p50 {of['p50']:.1f} ms)", f"{of['p99']:.1f} ms", goal=at_most(of["p99"], 150, "ms")),
        Row("said", f"{what}: p99 of all deliveries of a run", f"{of['p99 of all']:.1f} ms"),
    ]


def _one(bench, n, rounds):
    up = Stillhere(bench, service("shop", name="Shop")).up()
    opened = up.cli("incident", "open", "--title", "Payments fail", "--text", "Some payments fail.", "--service", "shop=partial_outage", "--json", "--data", "data")
    token = up.dir / "token"
    token.write_text(up.cli("token", "new", "bench", "--data", "data"))
    body = up.dir / "update"
    body.write_text('{"text": "We restart the database that payments wait for. Nothing that was paid is lost.", "status": "identified"}')
    at = f"{net.HOST}:{up.port}"
    path = f"/api/v1/incidents/{json.loads(opened)['incident']}/updates"
    client = Client(bench, n, rounds, "--addr", at, "--path", "/live?lang=en", "--mark", "event: change", "--publish", at, "--publish-path", path, "--bearer-file", token, "--body-file", body)
    return client.measure(up.process, up)

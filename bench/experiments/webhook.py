"""From the look that decides to the webhook, idle and while 64 connections ask for the page as fast as they can.

Each service fails once: its target begins to answer 500 at a random moment. With `fail_after = 1` the first 500 is the look that
decides. The time runs from that request's arrival at the target to the webhook's arrival at its receiver; both are read by one
thread on one clock, so the probe, the verdict, the commit, the outbox, the connection and the signature are all in it.

More than eight outages in a minute are told together, on purpose, so they come in batches, each with a Stillhere of its own.
"""

import json
import os
import random
import subprocess
import threading
import time

from kit import figures, net, rivals
from kit.figures import Row, at_most, ms
from kit.stillhere import Stillhere, service

# One less than what `respond` calls a storm.
IN_A_BATCH = 7


def run(bench):
    batches = 1 if bench.quick else 9
    idle, loaded = ([], []), ([], [])
    for n in range(batches):
        for took, loaded_too in ((idle, False), (loaded, True)):
            samples, rate = _outages(bench, IN_A_BATCH, loaded_too)
            took[0].extend(samples)
            took[1].append(rate)
    rows = []
    for took, how, limit in [(idle[0], "idle", 20), (loaded[0], f"while 64 connections ask for the page ({figures.median(loaded[1]):,.0f}/s)", 50)]:
        p50, p99 = figures.quantile(took, 0.5), figures.quantile(took, 0.99)
        rows.append(Row("webhook", f"deciding look → webhook, {how}, {len(took)} outages: p99 (p50 {ms(p50)}, max {ms(max(took))})", ms(p99), "", "", at_most(p99 * 1000, limit, "ms")))
    return rows


def _outages(bench, outages, loaded):
    failing, decided, arrived = set(), {}, {}
    told = threading.Condition()

    def target(request):
        name = request.path.strip("/")
        if name in failing:
            decided.setdefault(name, request.at)
            return 500, b"broken\n"
        return 200, b"ok\n"

    def hook(request):
        said = json.loads(request.body)
        if said.get("type") == "incident.opened":
            with told:
                for name in failing:
                    if f'"{name}"' in request.body.decode() and name not in arrived:
                        arrived[name] = request.at
                told.notify_all()
        return 204, b""

    servers = net.Servers()
    port, hook_port = servers.listen(target), servers.listen(hook)
    secret = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    toml = '[defaults]\ninterval = "1s"\nfail_after = 1\n' + "".join(
        service(f"s{n}", url=f"http://{net.HOST}:{port}/s{n}") for n in range(outages)
    )
    toml += f'[[channel]]\nname = "hook"\nkind = "webhook"\nurl = "http://{net.HOST}:{hook_port}/"\naudience = ["public"]\nsecrets = [{{ env = "HOOK_SECRET" }}]\n'
    up = Stillhere(bench, toml, env={"HOOK_SECRET": secret}).up()
    up.wait_until_all_are("operational")
    load = None
    if loaded:
        seconds = 120
        argv = [rivals.find("wrk"), "-t1", "-c64", f"-d{seconds}s", "-H", "Accept-Encoding: gzip", f"http://{net.HOST}:{up.port}/"]
        load = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1)
    asked, began = _pages(up), time.monotonic()
    try:
        for n in range(outages):
            name = f"s{n}"
            time.sleep(random.uniform(0.05, 0.5))
            failing.add(name)
            with told:
                if not told.wait_for(lambda: name in arrived, 20):
                    raise TimeoutError(f"no webhook for {name}; {os.linesep}{up.process.tail()}")
            failing.discard(name)
        rate = (_pages(up) - asked) / (time.monotonic() - began)
    finally:
        if load:
            load.kill()
            load.wait()
    up.stop()
    servers.stop()
    took = [arrived[n] - decided[n] for n in arrived]
    bench.say(f"{'loaded' if loaded else 'idle'}: p50 {ms(figures.median(took))}, max {ms(max(took))}, {rate:,.0f} pages/s")
    return took, rate


def _pages(up):
    return sum(v for n, v in up.metrics().items() if n.startswith("stillhere_requests_total"))

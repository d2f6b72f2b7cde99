"""The edge is replaced by a new process of itself, again and again, under load: who sees an error, beside nginx and HAProxy.

Two nodes, 40 ms of work each request. 300 visitors a second come whether or not they are answered (open loop; a visitor's time
runs from when it was due), every fifth orders something (POST with an Idempotency-Key); nobody tries again by themselves, but
for a request that was never written because its kept connection had ended. Every 4 s another process takes over: ours at SIGUSR2;
nginx as its documentation upgrades the binary (SIGUSR2 to the master, SIGQUIT to the old one when the new one is there); HAProxy in
master-worker mode (SIGUSR2 to the master, which hands its sockets on). A failure is anything but a 200. An order was doubled if the
nodes executed it twice. Then the same with nodes that have nothing to do, and as many requests as 64 connections can (wrk).
"""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

from kit import fronts, net, rivals
from kit.figures import Row, at_most
from kit.shop import Pair, Visitors

EVERY_S = 4


def run(bench):
    upgrades = 2 if bench.quick else 6
    makers = [_Ours] + ([_Nginx, _Haproxy] if bench.rivals else [])
    found = {make.name: {**_visitors(bench, make, upgrades), **_wrk(bench, make, upgrades // 2)} for make in makers}
    ours = found.pop(_Ours.name)
    said = lambda key: ", ".join(f"{name} {f[key]:,.0f}" for name, f in found.items())
    row = lambda what, key, limit=None: Row("edge_restart", what, f"{ours[key]:,.0f}", said(key), "", None if limit is None else at_most(ours[key], limit, ""))
    return [
        row(f"{upgrades} new processes under 300 visitors a second: failed, of {ours['all']:,}", "failed", 0),
        row("the same: orders executed twice", "doubled", 0),
        row("the same: orders confirmed but not executed", "lost", 0),
        row("the same: slowest answer of a page, ms", "worst get"),
        row("the same: slowest answer to an order with a key, ms", "worst post"),
        row(f"{upgrades // 2} new processes under 64 busy connections: connections cut, refused or silent for 2 s, and answers but 2xx", "wrk errors", 0),
        row("the same: requests answered a second", "wrk rate"),
    ]


def _visitors(bench, make, upgrades):
    pair = Pair(bench, work_ms=40)
    front = make(bench, pair.urls())
    try:
        seconds = EVERY_S * (upgrades + 1)
        visitors = Visitors(bench, front.port, "--seconds", seconds, "--rate", 300, "--post-every", 5)
        for n in range(upgrades):
            visitors.at(EVERY_S * (n + 1), front.upgrade)
        seen = visitors.all()
    finally:
        front.stop()
        pair.stop()
    executed = pair.executed()
    found = {
        "all": len(seen),
        "failed": len(seen.failed()),
        "doubled": sum(n > 1 for n in executed.values()),
        "lost": sum(r["status"] == 200 and not executed[r["key"]] for r in seen.posts().rows),
        "worst get": seen.gets().worst(),
        "worst post": seen.posts().worst(),
    }
    bench.say(f"{front.name}: " + ", ".join(f"{k} {v:.0f}" for k, v in found.items()) + f"; {seen.statuses()}")
    return found


def _wrk(bench, make, upgrades):
    pair = Pair(bench, work_ms=0)
    front = make(bench, pair.urls())
    try:
        argv = [rivals.find("wrk"), "-t1", "-c64", f"-d{EVERY_S * (upgrades + 1)}s", f"http://{net.HOST}:{front.port}/thing/1"]
        wrk = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        for _ in range(upgrades):
            time.sleep(EVERY_S)
            front.upgrade()
        out = wrk.communicate(timeout=60)[0]
    finally:
        front.stop()
        pair.stop()
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
    other = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    errors = sum(map(int, sockets.groups())) if sockets else 0
    errors += int(other[1]) if other else 0
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])
    bench.say(f"{front.name}, 64 connections: {errors} errors, {rate:,.0f} requests a second; {sockets[0] if sockets else 'no socket errors'}")
    return {"wrk errors": errors, "wrk rate": rate}


class _Replaced:
    """A front whose process changes: the one that is there now is ended by its id."""

    def __init__(self, front):
        self.front, self.port, self.name = front, front.port, type(self).name
        self.known = {self.pid()}

    def took_over(self, before):
        net.wait_for(f"{self.name}: another process is there", lambda: self.pid() not in (None, before), 20, every=0.005)
        self.known.add(self.pid())

    def stop(self):
        for pid in self.known:
            _signal(pid, signal.SIGTERM)
        self.front.stop()
        net.wait_for(f"{self.name} ends", lambda: not any(Path(f"/proc/{pid}").exists() for pid in self.known), 70)


class _Ours(_Replaced):
    name = "ours"

    def __init__(self, bench, nodes):
        super().__init__(fronts.ours(bench, nodes, "restart"))

    def pid(self):
        lines = (self.front.dir / "log").read_text().splitlines()
        said = [line.split() for line in lines if line.startswith(net.HOST)]
        return int(said[-1][1]) if said else None

    def upgrade(self):
        before = self.pid()
        _signal(before, signal.SIGUSR2)
        self.took_over(before)


class _Nginx(_Replaced):
    name = "nginx"

    def __init__(self, bench, nodes):
        super().__init__(fronts.nginx(bench, nodes, "restart"))

    def pid(self):
        try:
            return int((self.front.dir / "nginx.pid").read_text())
        except (FileNotFoundError, ValueError):
            return None

    def upgrade(self):
        before = self.pid()
        _signal(before, signal.SIGUSR2)
        self.took_over(before)
        # Its file is there before its workers are.
        workers = Path(f"/proc/{self.pid()}/task/{self.pid()}/children")
        net.wait_for("nginx has workers", lambda: workers.read_text().strip(), 20, every=0.005)
        _signal(before, signal.SIGQUIT)


class _Haproxy(_Replaced):
    name = "HAProxy"

    def __init__(self, bench, nodes):
        super().__init__(fronts.haproxy(bench, nodes, "restart"))

    def pid(self):
        """The worker; the master stays."""
        children = self.front.process.pids()[1:]
        return max(children, default=None)

    def upgrade(self):
        before = self.pid()
        _signal(self.front.process.pid, signal.SIGUSR2)
        self.took_over(before)


def _signal(pid, which):
    try:
        os.kill(pid, which)
    except ProcessLookupError:
        pass

"""The origin behind a front: two nodes that do the same, and visitors who come whether or not they are answered."""

import collections
import json
import os
import signal
import socket
import time

from kit import net
from kit.process import Process


class Pair:
    """Two nodes on ports that stay theirs. With a ledger they honour Idempotency-Key together (examples/node.rs)."""

    def __init__(self, bench, work_ms, slots=None, count=2):
        self.bench, self.dir = bench, bench.folder("pair")
        self.args = ["--work", work_ms, "--ledger", "ledger", *(["--slots", slots] if slots else [])]
        self.ports = [net.free_port() for _ in range(count)]
        self.nodes = [None] * count
        for n in range(count):
            self.start(n)

    def start(self, n, wait=True):
        argv = [self.bench.examples / "node", f"{net.HOST}:{self.ports[n]}", "--name", f"node-{n}", *self.args]
        self.nodes[n] = Process(argv, self.dir, self.dir / f"log-{n}")
        if wait:
            net.wait_for("the node answers", lambda: net.get(self.ports[n], "/")[0] == 200, 10)

    def wait_for_any(self):
        """Until one of them takes connections."""
        def takes(port):
            with socket.socket() as s:
                return s.connect_ex((net.HOST, port)) == 0

        net.wait_for("a node listens", lambda: any(takes(p) for p in self.ports), 10, every=0.001)

    def kill(self, *which):
        for n in which:
            self.nodes[n].child.kill()
        for n in which:
            self.nodes[n].kill()

    def freeze(self, n):
        os.kill(self.nodes[n].pid, signal.SIGSTOP)

    def thaw(self, n):
        os.kill(self.nodes[n].pid, signal.SIGCONT)

    def urls(self):
        return [f"http://{net.HOST}:{port}" for port in self.ports]

    def executed(self):
        """{order: how often}"""
        path = self.dir / "ledger"
        lines = path.read_text().splitlines() if path.exists() else []
        return collections.Counter(line.split(" ")[1] for line in lines)

    def stop(self):
        for n, node in enumerate(self.nodes):
            if node.alive():
                self.thaw(n)
            node.kill()


class Visitors:
    """examples/visitors.rs; `at(seconds, what)` things happen while they come."""

    def __init__(self, bench, port, *args):
        self.dir = bench.folder("visitors")
        argv = [bench.examples / "visitors", f"{net.HOST}:{port}", "out", *args]
        self.began = time.monotonic()
        self.process = Process(argv, self.dir, self.dir / "log")

    def at(self, seconds, what):
        time.sleep(max(0, self.began + seconds - time.monotonic()))
        what()

    def all(self, within=120):
        self.process.child.wait(within)
        if self.process.child.returncode:
            raise RuntimeError(f"the visitors ended:\n{self.process.tail()}")
        self.process.kill()
        return Seen([json.loads(line) for line in (self.dir / "out").read_text().splitlines()])


class Seen:
    """What visitors got. A failure is anything but a 200."""

    def __init__(self, rows):
        self.rows = rows

    def due(self, since, until):
        return Seen([r for r in self.rows if since * 1000 <= r["due"] < until * 1000])

    def gets(self):
        return Seen([r for r in self.rows if "key" not in r])

    def posts(self):
        return Seen([r for r in self.rows if "key" in r])

    def __len__(self):
        return len(self.rows)

    def failed(self):
        return [r for r in self.rows if r["status"] != 200]

    def served(self, within_ms=float("inf")):
        return sum(r["status"] == 200 and r["ms"] <= within_ms for r in self.rows)

    def slower(self, than_ms):
        """Of the served ones."""
        return sum(r["status"] == 200 and r["ms"] > than_ms for r in self.rows)

    def worst(self):
        return max((r["ms"] for r in self.rows if r["status"] == 200), default=0)

    def statuses(self):
        return dict(collections.Counter(r["status"] for r in self.failed()))

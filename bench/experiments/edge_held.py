"""Ten thousand people at an edge whose nodes are away, and ten thousand open WebSockets: memory of each, and do they go on.

Held: all nodes are down, each visitor has a connection of its own (a hundred from each address, because one client may take only
its share of a queue) and has asked for a page; when a node is back, everyone must have a 200. WebSockets: idle ones, through to
a node; each takes two open files at the edge, so that there are fewer where the limit is low. Memory is the growth of the edge's
PSS; what the kernel holds for sockets is not in it. Notice: all nodes are known to be down and nobody is held (`hold = "0s"`), 300
requests one after another, each on a new connection, from connecting to the first byte.
"""

import collections
import resource
import selectors
import socket
import time

from kit import figures, fronts, net
from kit.figures import Row, at_most, ms
from kit.shop import Pair

PER_ADDRESS = 100
GET = b"GET /thing HTTP/1.1\r\nHost: shop\r\n\r\n"
UPGRADE = (
    b"GET /socket HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def run(bench):
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    n = 500 if bench.quick else min(10_000, files - 500)
    sockets = min(n, (files - 500) // 2)
    held_kb, went_on, took = _held(bench, n)
    socket_kb, open_after = _sockets(bench, sockets)
    first = _notice(bench)
    p99 = figures.quantile(first, 0.99)
    fewer = "" if sockets == n else f" (no more with {files} open files)"
    return [
        Row("edge_held", f"{n:,} requests held while all nodes are away: memory of each", f"{held_kb:.1f} kB", "", "", at_most(held_kb, 12, "kB")),
        Row("edge_held", f"of them not answered 200 when a node was back (all within {took:.1f} s)", f"{n - went_on:,}", "", "", at_most(n - went_on, 0, "")),
        Row("edge_held", f"{sockets:,} idle WebSockets{fewer}: memory of each", f"{socket_kb:.1f} kB", "", "", at_most(socket_kb, 12, "kB")),
        Row("edge_held", "of them closed after 5 s", f"{sockets - open_after:,}", "", "", at_most(sockets - open_after, 0, "")),
        Row("edge_held", f"known to be down: first byte of the notice, p99 (median {ms(figures.median(first))})", ms(p99), "", "", at_most(p99 * 1000, 20, "ms")),
    ]


def _front(bench, pair, hold):
    pool = {"nodes": pair.urls(), "hold": hold, "queue": 20_000}
    return fronts.ours(bench, pair.urls(), "held", pools={"shop": pool}, routes=[{"pool": "shop"}])


class _Crowd:
    """Many clients on one thread."""

    def __init__(self, port, n, said):
        self.open, self.selector = [], selectors.DefaultSelector()
        for k in range(n):
            s = socket.socket()
            # From 127.1.0.1 on, so that no client is more than its share.
            s.bind((f"127.1.{k // PER_ADDRESS // 250}.{k // PER_ADDRESS % 250 + 1}", 0))
            s.connect((net.HOST, port))
            s.sendall(said)
            s.setblocking(False)
            self.selector.register(s, selectors.EVENT_READ)
            self.open.append(s)

    def answers(self, begins, within):
        """How many have got an answer that begins so."""
        self.others, good, until = collections.Counter(), 0, time.monotonic() + within
        waiting = len(self.open)
        while waiting and time.monotonic() < until:
            for key, _ in self.selector.select(0.2):
                try:
                    got = key.fileobj.recv(4096)
                except BlockingIOError:
                    continue
                except OSError:
                    got = b""
                self.selector.unregister(key.fileobj)
                waiting -= 1
                good += got.startswith(begins)
                if not got.startswith(begins):
                    self.others[got.split(b"\r\n\r\n")[-1][:160]] += 1
        return good

    def still_open(self):
        def is_open(s):
            try:
                return s.recv(1) != b""
            except BlockingIOError:
                return True
            except OSError:
                return False

        return sum(map(is_open, self.open))

    def close(self):
        for s in self.open:
            s.close()


def _held(bench, n):
    pair = Pair(bench, work_ms=5)
    front = _front(bench, pair, "120s")
    pair.kill(0, 1)
    _warm(front)
    before = front.process.pss_kb()
    crowd = _Crowd(front.port, n, GET)
    time.sleep(3)
    kb = (front.process.pss_kb() - before) / n
    pair.start(0, wait=False)
    began = time.monotonic()
    good = crowd.answers(b"HTTP/1.1 200", 60)
    took = time.monotonic() - began
    bench.say(f"held: {kb:.1f} kB each; {good} of {n} went on within {took:.1f} s {dict(crowd.others) or ''}")
    crowd.close()
    front.stop()
    pair.stop()
    return kb, good, took


def _sockets(bench, n):
    pair = Pair(bench, work_ms=0)
    front = _front(bench, pair, "10s")
    _warm(front)
    before = front.process.pss_kb()
    crowd = _Crowd(front.port, n, UPGRADE)
    good = crowd.answers(b"HTTP/1.1 101", 60)
    time.sleep(5)
    kb = (front.process.pss_kb() - before) / n
    still = min(good, crowd.still_open())
    bench.say(f"WebSockets: {kb:.1f} kB each; {good} of {n} were opened, {still} are after 5 s {dict(crowd.others) or ''}")
    crowd.close()
    front.stop()
    pair.stop()
    return kb, still


def _warm(front):
    """What the process needs once, whoever comes, is no part of what one more takes."""
    for _ in range(20):
        net.get(front.port, "/.well-known/stillhere/none", timeout=1)
    time.sleep(0.5)


def _notice(bench):
    pair = Pair(bench, work_ms=0)
    front = _front(bench, pair, "0s")
    pair.kill(0, 1)
    net.wait_for("the notice", lambda: net.get(front.port, "/")[0] == 503, 10)
    took = []
    for _ in range(300):
        began = time.monotonic()
        with socket.create_connection((net.HOST, front.port)) as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: shop\r\nAccept: text/html\r\nSec-Fetch-Dest: document\r\n\r\n")
            got = s.recv(65536)
            took.append(time.monotonic() - began)
        if not got.startswith(b"HTTP/1.1 503"):
            raise RuntimeError(f"not the notice: {got[:200]!r}")
    front.stop()
    pair.stop()
    return took

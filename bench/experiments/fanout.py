"""From the look that decides to the change on every open page, against nginx with nchan pushing the same message.

One client program holds all open pages and times both servers the same way. For ours it is also the target of the checks: time
runs from the moment it writes the answer that decides, so the probe's end, the verdict, the commit to disk, cutting the page's
fragments and telling everybody are in it. For nchan time runs from just before the same message is posted; nothing is
decided and nothing is stored. Six runs of seven rounds: more than eight outages in a minute are told together, on purpose. nginx has as many workers as there are cores. Runs alternate. Memory is the growth of the server's
PSS by opening the pages; what the kernel holds for sockets is in neither figure.
"""

import re
import subprocess

from kit import figures, net, rivals
from kit.figures import Row, at_most
from kit.process import Process
from kit.stillhere import Stillhere, service

# Between rounds, for both: time for the recovery to be told, and for caches to forget.
PAUSE_MS = 5000


def run(bench):
    n = 300 if bench.quick else bench.listeners
    rounds, runs = (3, 1) if bench.quick else (7, 6)
    ours, theirs = [], []
    message = bench.folder("message") / "data"
    for _ in range(runs):
        ours.append(_ours(bench, n, rounds, message))
        theirs.append(_theirs(bench, n, rounds, message))
        for who, run in (("ours", ours[-1]), ("nchan", theirs[-1])):
            bench.say(f"{who}: p50 {run['p50']:.1f}, p99 {run['p99']:.1f}, last {run['last']:.1f} ms, worst of all rounds {run['worst']:.1f} ms; {run['kb']:.1f} kB a listener; lost {run['lost']:.0f}; {run['bytes']:.0f} bytes")
    a, b = ({k: figures.median([r[k] for r in rs]) for k in rs[0]} for rs in (ours, theirs))
    what = f"deciding look → {n:,} open pages, {a['bytes']:,.0f} bytes"
    row = lambda name, key, goal=None: Row("fanout", f"{what}: {name}", f"{a[key]:.1f} ms", f"{b[key]:.1f} ms (nginx + nchan)", f"{a[key] / b[key]:.2f}", goal)
    return [
        row("p99, median of rounds", "p99", at_most(a["p99"] / b["p99"], 0.7, "× the rival")),
        row("p99 of all deliveries of a run", "p99 of all"),
        row("p50, median of rounds", "p50"),
        row("the last one, median of rounds", "last"),
        Row("fanout", "memory of the server per listener", f"{a['kb']:.1f} kB", f"{b['kb']:.1f} kB", f"{a['kb'] / b['kb']:.2f}", at_most(a["kb"], 16, "kB")),
    ]


def _ours(bench, n, rounds, message):
    target = f"{net.HOST}:{net.free_port()}"
    toml = '[defaults]\ninterval = "1s"\nfail_after = 1\nrecover_after = 1\n[respond]\nverify = "1s"\nreopen_within = "0s"\n'
    toml += "".join(service(f"service-{i}", url=f"http://{target}/{i}") for i in range(max(rounds, 10)))
    up = Stillhere(bench, toml)
    client = Client(bench, n, rounds, "--addr", f"{net.HOST}:{up.port}", "--path", "/live?lang=en", "--mark", "event: change", "--target", target, "--save", message)
    client.expect("target ready")
    up.up()
    up.wait_until_all_are("operational")
    return client.measure(up.process, up)


def _theirs(bench, n, rounds, message):
    nginx = rivals.Nginx(
        bench,
        """
  nchan_max_reserved_memory 256M;
  server {
    listen %PORT% backlog=4096;
    location = / { return 200; }
    location = /pub { nchan_publisher; nchan_channel_id page; nchan_message_buffer_length 10; client_max_body_size 1m; }
    location = /sub { nchan_subscriber eventsource; nchan_channel_id page; nchan_subscriber_first_message newest; }
  }
""",
        workers="auto",
        modules=["ngx_nchan_module"],
    )
    at = f"{net.HOST}:{nginx.port}"
    client = Client(bench, n, rounds, "--addr", at, "--path", "/sub", "--mark", "data:", "--publish", at, "--body-file", message)
    return client.measure(nginx.process, nginx)


class Client:
    """The program that holds the open pages."""

    def __init__(self, bench, n, rounds, *args):
        folder = bench.folder("fanout")
        argv = [bench.fanout_client, "--n", n, "--rounds", rounds, "--pause-ms", PAUSE_MS, "--gated", "yes", *args]
        self.n, self.rounds = n, rounds
        self.process = Process(argv, folder, folder / "log", stdin=subprocess.PIPE)

    def expect(self, text, within=60):
        def said():
            if text not in self._log() and not self.process.alive():
                raise RuntimeError(f"the client ended:\n{self.process.tail()}")
            return text in self._log()

        net.wait_for(f"the client says {text!r}", said, within)

    def _log(self):
        return self.process.log.read_text()

    def _go(self):
        self.process.child.stdin.write(b"\n")
        self.process.child.stdin.flush()

    def measure(self, server, owner):
        before = server.pss_kb()
        self._go()
        self.expect("streams open")
        grown = server.pss_kb() - before
        self._go()
        self.expect("median of rounds", 60 + self.rounds * 30)
        text = self._log()
        self.process.child.wait(20)
        owner.stop()
        if "INCOMPLETE" in text:
            raise RuntimeError(f"not every stream got every change:\n{text}")
        numbers = re.search(r"median of rounds: p50 ([\d.]+) ms  p99 ([\d.]+) ms  last ([\d.]+) ms; all: p99 ([\d.]+) ms  worst ([\d.]+) ms; lost (\d+)", text)
        found = dict(zip(["p50", "p99", "last", "p99 of all", "worst", "lost"], map(float, numbers.groups())))
        found["kb"] = grown / self.n
        found["bytes"] = figures.median([float(b) for b in re.findall(r"(\d+) bytes", text)])
        return found

"""A target is killed with SIGKILL at a random moment; how long until the page says so. `interval = "1s"`, defaults otherwise.

Each service has a target process of its own. The page itself is asked every 10 ms, as a reader would, and must have said that
all is well before.
"""

import random
import sys
import time

from kit import figures, net
from kit.figures import Row, at_most
from kit.process import Process
from kit.stillhere import Stillhere, service

TARGET = """
import http.server, sys
class Ok(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "3"); self.end_headers(); self.wfile.write(b"ok\\n")
    def log_message(self, *a): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Ok).serve_forever()
"""


# One less than what `respond` calls a storm: then incidents are told together, under one title.
IN_A_BATCH = 7


def run(bench):
    took = [t for _ in range(1 if bench.quick else 3) for t in _batch(bench)]
    p50, worst = figures.median(took), max(took)
    return [Row("detect", f"target killed → on the page, interval 1 s, {len(took)} kills: longest (p50 {p50:.2f} s)", f"{worst:.2f} s", "", "", at_most(worst, 2.5, "s"))]


def _batch(bench):
    folder = bench.folder("targets")
    (folder / "target.py").write_text(TARGET)
    ports = [net.free_port() for _ in range(IN_A_BATCH)]
    targets = [Process([sys.executable, "target.py", p], folder, folder / f"log{p}") for p in ports]
    for port in ports:
        net.wait_for("the target answers", lambda: net.get(port, "/")[0] == 200)
    names = [f"service-{n}" for n in range(IN_A_BATCH)]
    toml = '[defaults]\ninterval = "1s"\n' + "".join(
        service(n, url=f"http://{net.HOST}:{p}/", name=n) for n, p in zip(names, ports)
    )
    up = Stillhere(bench, toml).up()
    up.wait_until_all_are("operational")
    took = []
    for name, target in zip(names, targets):
        time.sleep(random.uniform(0.2, 1.3))
        assert not _says_down(up, name)
        killed = time.monotonic()
        target.kill()
        net.wait_for(f"{name} is down on the page", lambda: _says_down(up, name), 20, every=0.01)
        took.append(time.monotonic() - killed)
    up.stop()
    return took


def _says_down(up, name):
    """The title of the incident, as the page writes it."""
    return f"{name}: down" in up.get("/", headers={"Accept-Language": "en"})[1].decode()

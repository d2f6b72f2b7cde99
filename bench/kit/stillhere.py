"""The real binary with a configuration and a folder of its own."""

import json
import re
import subprocess

from kit import net
from kit.process import Process


class Stillhere:
    def __init__(self, bench, toml, core=None, env=None, port=None):
        self.bench, self.core, self.env = bench, core, env or {}
        self.dir = bench.folder("stillhere")
        self.port = port or net.free_port()
        (self.dir / "stillhere.toml").write_text(toml)
        self.process = None

    def begin(self):
        """Starts it and waits for nothing."""
        argv = [self.bench.binary, "up", "--config", "stillhere.toml", "--listen", f"{net.HOST}:{self.port}", "--data", "data"]
        self.process = Process(argv, self.dir, self.dir / "log", self.env, self.core)
        return self

    def up(self, within=60):
        self.begin()
        self.wait(within)
        return self

    def wait(self, within=60):
        def answers():
            if not self.process.alive():
                raise RuntimeError(f"stillhere ended:\n{self.process.tail()}")
            return net.get(self.port, "/healthz")[0] == 200

        net.wait_for("/healthz says ok", answers, within)

    def stop(self):
        self.process.stop()

    def get(self, path, **more):
        return net.get(self.port, path, **more)

    def json(self, path):
        return json.loads(self.get(path)[1])

    def services(self):
        """The public status of each service."""
        return {s["id"]: s["status"] for s in self.json("/api/v1/services")["services"]}

    def wait_until_all_are(self, status="operational", within=60):
        def all_are():
            seen = self.services()
            return seen and all(s == status for s in seen.values())

        net.wait_for(f"every service is {status}", all_are, within, every=0.1)

    def metrics(self):
        """{'name' or 'name{labels}': value}"""
        text = self.get("/metrics", timeout=20)[1].decode()
        found = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                found[name] = float(value)
        return found

    def looks(self, metrics=None):
        metrics = metrics or self.metrics()
        return sum(v for n, v in metrics.items() if n.startswith("stillhere_looks_total{"))

    def cli(self, *args, within=30):
        out = subprocess.run([self.bench.binary, *args], cwd=self.dir, capture_output=True, text=True, timeout=within)
        if out.returncode != 0:
            raise RuntimeError(f"stillhere {' '.join(args)}: {out.stderr}{out.stdout}")
        return out.stdout

    def log(self):
        return (self.dir / "log").read_text(errors="replace")


def lag_buckets(metrics):
    """[(bound in seconds, looks at most that late)], ascending."""
    found = []
    for name, value in metrics.items():
        if name.startswith("stillhere_look_lag_seconds_bucket"):
            bound = re.search(r'le="([^"]+)"', name).group(1)
            found.append((float("inf") if bound == "+Inf" else float(bound), value))
    return sorted(found)


def lag_quantile(before, after, share):
    """Upper bound of the bucket in which the quantile lies, of what began between two readings."""
    counts = [(bound, n - m) for (bound, n), (_, m) in zip(lag_buckets(after), lag_buckets(before))]
    total = counts[-1][1]
    for bound, n in counts:
        if total and n >= total * share:
            return bound, total
    return None, total


def service(ident, checks=None, **keys):
    """One [[service]]; `checks`: [(id, url)]."""
    lines = ["[[service]]", f'id = "{ident}"', *(f"{k} = {_value(v)}" for k, v in keys.items())]
    for check, url in checks or []:
        lines += ["[[service.check]]", f'id = "{check}"', f'url = "{url}"']
    return "\n".join(lines) + "\n"


def _value(v):
    return json.dumps(v)

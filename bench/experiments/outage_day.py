"""The browser client on a day on which everything fails, in three engines: what it says, how soon, and is anything lost.

Situations: web/client/test/situations.mjs, each in a browser profile of its own, in Chromium, Firefox ESR and WebKitGTK as Debian has
them; right is the verdict of the file, with nobody blamed who is not known to be at fault. First words: from a page's first request into
a killed origin until it says anything, and until it says whose fault it is, by the page's own clock; 100 times in each engine.
Frozen: the origin takes connections and is silent, and no mirror knows of it; 10 times. Orders: Chromium, a real edge, a link that is cut
all the time, reloads, an origin that dies; sent until 10,000 faults have been injected. Messages: sockets through the edge, 10,000 cuts, and the origin
and the edge killed meanwhile.
"""

import json
import os
import re
import shutil
import subprocess

from kit import figures
from kit.figures import Row, at_most
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DAY, CLIENT = ROOT / "bench" / "client", ROOT / "web" / "client"
ENGINES = {"chromium": "chromium", "firefox": "firefox-esr", "webkit": "WebKitWebDriver"}


def install():
    for folder in (CLIENT, DAY):
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=folder, check=True)
    subprocess.run(["npm", "run", "--silent", "build"], cwd=CLIENT, check=True)


def run(bench):
    rows = []
    for engine, command in ENGINES.items():
        if not shutil.which(command):
            bench.say(f"{engine} is not here: no {command}")
            continue
        rows += _engine(bench, engine, 3 if bench.quick else 100)
    faults = 300 if bench.quick else 10_000
    for said in _suite(bench, "outbox.test.mjs", "each of them once", FAULTS=faults):
        rows.append(_told("orders", said))
    for said in _suite(bench, "socket.test.mjs", "nothing is lost|origin that is killed", DROPS=faults):
        rows.append(_told("messages between client and edge", said))
    return rows


def _engine(bench, engine, runs):
    made = subprocess.run(["node", "day.mjs", engine, str(runs)], cwd=DAY, capture_output=True, text=True)
    facts = [json.loads(line) for line in made.stdout.splitlines()]
    if made.returncode:
        raise RuntimeError(f"{engine} ended:\n{made.stderr[-2000:]}")
    version = next(f["engine"] for f in facts if "engine" in f)
    seen = [f for f in facts if "situation" in f]
    wrong = [f for f in seen if f["wrong"]]
    for f in wrong:
        bench.say(f"{engine}: {f['situation']}: {f['wrong']}")
    of = lambda what, key: [f[key] for f in facts if f.get("time") == what]
    p95 = lambda values: figures.quantile(values, 0.95)
    first, truth, frozen = of("killed", "first"), of("killed", "truth"), of("frozen", "first")
    row = lambda what, value, limit: Row("outage_day", f"{version}: {what}", f"{value:.0f} ms", "", "", at_most(value, limit, "ms"))
    return [
        Row("outage_day", f"{version}: situations judged wrongly, of {len(seen)}", str(len(wrong)), "", "", at_most(len(wrong), 0, "")),
        row(f"origin killed, first words, p95 of {len(first)}", p95(first), 300),
        row("the same: whose fault it is, p95", p95(truth), 1000),
        row(f"origin frozen, nobody knows of it: noticed, worst of {len(frozen)}", max(frozen), 8000),
    ]


def _suite(bench, file, pattern, **env):
    """What the tests print about themselves. They fail where anything was lost or doubled."""
    made = subprocess.run(
        ["node", "--test", "--test-force-exit", f"--test-name-pattern={pattern}", f"test/{file}"],
        cwd=CLIENT, capture_output=True, text=True, env={**os.environ, "STILLHERE_FRONT": str(bench.examples / "front"), **{k: str(v) for k, v in env.items()}},
    )
    if made.returncode:
        raise RuntimeError(f"{file} failed:\n{made.stdout[-3000:]}")
    said = re.findall(r"^# \\?# (.*)$", made.stdout, re.M)
    for line in said:
        bench.say(line)
    return said


def _told(what, said):
    """`said` is what the test printed after it had counted."""
    counted, _, found = said.partition(": ")
    return Row("outage_day", f"{what}: {counted}", found, "", "", ("0 lost, 0 doubled", found.startswith("0 lost, 0 doubled")))

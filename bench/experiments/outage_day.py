"""The browser client on a day on which everything fails, beside rivals from npm: what is said, how soon, and is anything lost or doubled.

Situations: web/client/test/situations.mjs, each in a browser profile of its own, in Chromium, Firefox ESR and WebKitGTK as Debian has
them; right is the verdict of the file, with nobody blamed who is not known to be at fault. First words: from a page's first request into
a killed origin until it says anything, and until it says whose fault it is, by the page's own clock; `--runs` times in each engine.
Frozen: the origin takes connections and is silent, and no mirror knows of it; a tenth as often. Opened again: a page whose origin is dead, ours
and that of Workbox's recipes, ten times each. Orders, messages and the way back: client/orders.mjs, client/sockets.mjs and client/herd.mjs, which
say at their tops what each of them is put through. Ours meets `--faults` of each; rivals meet the beginning of the same list. Rivals are set up as
their own guides say. The shop honours Idempotency-Key for whoever sends one; ours has an edge in front of it, and once more has none.

Each step's facts are kept in client/partial.json until all are there: what was stopped goes on where it was, on the same commit with the same numbers.
"""

import json
import os
import shutil
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from kit import figures, machine
from kit.figures import Row, at_most
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DAY, CLIENT = ROOT / "bench" / "client", ROOT / "web" / "client"
PARTIAL = DAY / "partial.json"
ENGINES = {"chromium": "chromium", "firefox": "firefox-esr", "webkit": "WebKitWebDriver"}
# The rivals' share of the faults that ours meets: one in so many.
RIVAL_ORDERS, RIVAL_DROPS = 20, 10
# What each does, and what it does not claim to do, by its own guide.
ORDERS = {
    "stillhere": "Stillhere, edge",
    "stillhere-alone": "Stillhere, no edge",
    "offline-transactions": "TanStack offline transactions",
    "workbox": "Workbox background sync",
    "tanstack": "TanStack mutation, retry 3",
    "fetch": "fetch, pressed again",
}
SOCKETS = {"stillhere": "Stillhere Socket, edge", "socket.io": "Socket.IO", "partysocket": "partysocket", "reconnecting-websocket": "reconnecting-websocket"}
NO_CLAIM = {"socket.io": " (its guide leaves doubles to the application)", "partysocket": " (claims no delivery)", "reconnecting-websocket": " (claims no delivery)"}
HERD = ["stillhere page", "stillhere Socket", "stillhere EventStream", "partysocket", "reconnecting-websocket", "eventsource"]
HERD_LIMIT = 400
# Nothing new is heard of a step for so long: it hangs. More than people in client/orders.mjs wait at the end.
SILENT_S = 180


def install():
    for folder in (CLIENT, DAY):
        subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=folder, check=True)
    subprocess.run(["npm", "run", "--silent", "build"], cwd=CLIENT, check=True)


def run(bench):
    runs, faults = bench.runs or (3 if bench.quick else 100), bench.faults or (300 if bench.quick else 10_000)
    steps = Steps(bench, [machine.commit(ROOT), runs, faults])
    rows = []
    for engine, command in ENGINES.items():
        if not shutil.which(command):
            bench.say(f"{engine} is not here: no {command}")
            continue
        rows += _engine(bench, steps.facts(f"{engine}, {runs} runs", ["day.mjs", engine, str(runs)]))
    # Nothing is timed from here on: two at once.
    rival = lambda share, least: max(least, faults // share)
    wanted = [("orders", who, faults if who == "stillhere" else rival(RIVAL_ORDERS, 60)) for who in ORDERS if bench.rivals or who.startswith("stillhere")]
    wanted += [("sockets", who, faults if who == "stillhere" else rival(RIVAL_DROPS, 200)) for who in SOCKETS if bench.rivals or who == "stillhere"]
    wanted.sort(key=lambda w: -w[2])
    with ThreadPoolExecutor(2) as two:
        told = dict(zip([w[:2] for w in wanted], two.map(lambda w: steps.result(f"{w[0]}: {w[1]}", [f"{w[0]}.mjs", w[1], str(w[2])]), wanted)))
    rows += _orders({who: told[k, who] for k, who in told if k == "orders"})
    rows += _sockets({who: told[k, who] for k, who in told if k == "sockets"})
    rows += _herd([steps.result(f"the way back: {who}", ["herd.mjs", who]) for who in HERD if bench.rivals or who.startswith("stillhere")])
    steps.over()
    return rows


class Steps:
    """Runs each and keeps what it said; what has been said before, on the same commit with the same numbers, is not asked for again."""

    def __init__(self, bench, of):
        self.bench, self.of, self.lock = bench, of, threading.Lock()
        kept = json.loads(PARTIAL.read_text()) if PARTIAL.exists() else {}
        self.kept = kept.get("steps", {}) if kept.get("of") == of else {}

    def facts(self, name, argv):
        if name in self.kept:
            self.bench.say(f"{name}: known from the run before")
            return self.kept[name]
        began, facts = time.monotonic(), []
        front = {"STILLHERE_FRONT": str(self.bench.examples / "front")}
        with open(self.bench.scratch / f"{argv[0]}-{argv[1].replace(' ', '-')}.log", "w+") as complaints:
            made = subprocess.Popen(["node", *argv], cwd=DAY, stdout=subprocess.PIPE, stderr=complaints, text=True, env={**os.environ, **front})
            watch = Watch(made)
            last = ""
            for line in made.stdout:
                # The same progress again is none.
                if line != last:
                    watch.heard()
                last = line
                fact = json.loads(line)
                facts.append(fact)
                if "progress" in fact:
                    self.bench.say(f"{name}: {fact['progress']}")
            code = made.wait()
            watch.end()
            complaints.seek(0)
            if code:
                raise RuntimeError(f"{name} ended with {code}:\n{complaints.read()[-2000:]}")
        self.bench.say(f"{name}: {time.monotonic() - began:.0f} s")
        with self.lock:
            self.kept[name] = [f for f in facts if "progress" not in f]
            PARTIAL.write_text(json.dumps({"of": self.of, "steps": self.kept}))
        return self.kept[name]

    def result(self, name, argv):
        return next(f["result"] for f in self.facts(name, argv) if "result" in f)

    def over(self):
        PARTIAL.unlink(missing_ok=True)


class Watch:
    """Ends a process of which nothing is heard any more."""

    def __init__(self, process):
        self.process, self.timer = process, None
        self.heard()

    def heard(self):
        self.end()
        self.timer = threading.Timer(SILENT_S, self.process.kill)
        self.timer.daemon = True
        self.timer.start()

    def end(self):
        if self.timer:
            self.timer.cancel()


def _engine(bench, facts):
    version = next(f["engine"] for f in facts if "engine" in f)
    seen = [f for f in facts if "situation" in f]
    wrong = [f for f in seen if f["wrong"]]
    for f in wrong:
        bench.say(f"{version}: {f['situation']}: {f['wrong']}")
    of = lambda what, key: [f[key] for f in facts if f.get("time") == what]
    p95 = lambda values: figures.quantile(values, 0.95)
    first, truth, frozen = of("killed", "first"), of("killed", "truth"), of("frozen", "first")
    row = lambda what, value, limit: Row("outage_day", f"{version}: {what}", f"{value:.0f} ms", "no rival has words of its own", "", at_most(value, limit, "ms"))
    rows = [
        Row("outage_day", f"{version}: situations judged wrongly, of {len(seen)}", str(len(wrong)), "none judges", "", at_most(len(wrong), 0, "")),
        row(f"origin killed, first words, p95 of {len(first)}", p95(first), 300),
        row(f"the same: whose fault it is, p95", p95(truth), 1000),
        row(f"origin frozen, nobody knows of it: noticed, worst of {len(frozen)}", max(frozen), 8000),
    ]
    for how, what, limit in (("killed", "opened again while the origin refuses", 300), ("frozen", "opened again while the origin is silent", 1500)):
        again = {who: [f for f in facts if f.get("refresh") == how and f["who"] == who] for who in ("stillhere", "workbox")}
        ours = [f.get("ms") for f in again["stillhere"]]
        if not ours or None in ours:
            rows.append(Row("outage_day", f"{version}: {what}, page stands", "not at all", _stands(again["workbox"]), "", (f"≤ {limit} ms", False)))
        else:
            rows.append(Row("outage_day", f"{version}: {what}, page stands, worst of {len(ours)}", f"{max(ours):.0f} ms", _stands(again["workbox"]), "", at_most(max(ours), limit, "ms")))
    return rows


def _stands(facts):
    """Workbox's page says "offline", whatever the cause; without `networkTimeoutSeconds`, which its recipe has not, it does not end a silence."""
    times = [f.get("ms") for f in facts]
    return "" if not times else "workbox: nothing for 15 s" if None in times else f"workbox {max(times):.0f} ms"


def _orders(told):
    text = lambda r: f"{r['lost']} lost ({r['confirmed']} though confirmed), {r['doubled']} doubled, {r['unknown']} said to be unknown, {r['failed']} said to have failed, {r['late']} still waiting, {r['presses'] / max(r['orders'], 1):.2f} presses each"
    rows = []
    for who, r in told.items():
        what = f"orders, {ORDERS[who]}: {r['orders']}, {r['faults']} faults"
        goal = ("0 lost, 0 doubled", not r["lost"] and not r["doubled"]) if who.startswith("stillhere") else None
        rows.append(Row("outage_day", what, text(r) if goal else "", "" if goal else text(r), "", goal))
    return rows


def _sockets(told):
    text = lambda r: f"{r['lost']} lost, {r['doubled']} doubled, {r['disordered']} out of order; answers {r['unheard']} lost, {r['heardTwice']} doubled; {r['unsure']} said to be uncertain, {r['gapsTold']} answers in a gap that was told"
    rows = []
    for who, r in told.items():
        what = f"messages, {SOCKETS[who]}: {r['sent']}, {r['drops']} drops, {r['deaths'] + r['edgeDeaths']} deaths{NO_CLAIM.get(who, '')}"
        goal = ("0 lost, 0 doubled", not any(r[k] for k in ("lost", "doubled", "disordered", "unheard", "heardTwice"))) if who == "stillhere" else None
        rows.append(Row("outage_day", what, text(r) if goal else "", "" if goal else text(r), "", goal))
    return rows


def _herd(told):
    rows = []
    for r in told:
        ours = r["who"].startswith("stillhere")
        text = f"{r['worst']} in the worst second, all within {r['within']} s, {r['dials']} dials in vain each"
        # Nobody gives turns here: each knows only how long it was away. What a page asks to find that out (a HEAD each 8 s) is no arrival.
        goal = at_most(r["worst"], HERD_LIMIT, "") if ours else None
        rows.append(Row("outage_day", f"10,000 back after 60 s, no edge: {r['who']}", text if ours else "", "" if ours else text, "", goal))
    return rows

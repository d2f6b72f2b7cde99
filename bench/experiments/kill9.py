"""`kill -9` at random instants under load: nothing acknowledged is lost, and what repeats is counted. See bench/kill9."""

import json
import subprocess
import sys
import pathlib

from kit.figures import Row

CHECK = pathlib.Path(__file__).resolve().parent.parent / "kill9" / "check.py"


def run(bench):
    kills = min(bench.kills, 5) if bench.quick else bench.kills
    argv = [sys.executable, str(CHECK), "--binary", str(bench.binary), "--kills", str(kills), "--json"]
    out = subprocess.run(argv, capture_output=True, text=True, timeout=120 + kills * 20)
    if not out.stdout.strip():
        raise RuntimeError(f"the checker ended with {out.returncode}: {out.stderr[-2000:]}")
    r = json.loads(out.stdout.strip().splitlines()[-1])
    for line in r["lost"][:20]:
        bench.say(f"LOST: {line}")
    acked = f"{r['incidents']:,} incidents, {r['updates']:,} updates, {r['pushes']:,} heartbeats acknowledged, {r['messages']:,} messages queued"
    return [
        Row("kill9", f"{kills} × kill -9 under load; {acked}: lost", str(len(r["lost"])), "", "", ("0", not r["lost"])),
        Row("kill9", "messages that arrived twice, all under the same id with the same bytes; said aloud as sent again", f"{r['repeats']} of {r['delivered']:,}; {r['said_again']} said", "", "", ("each one said", r["repeats"] <= r["said_again"] and not r["differing"])),
    ]

#!/usr/bin/env python3
"""Kills Stillhere at random instants under load, starts it again, and holds it to what it had acknowledged.

    bench/kill9/check.py --binary target/release/stillhere --kills 10

Ends with 0 when nothing is lost, 1 otherwise. Prints what it saw; with --json one line of JSON. What is held:

- An incident or update that was answered with success over the API is there after the last start, with its words.
- Every heartbeat that was answered `OK` is counted among the check's looks (not with --short), and the job's last message is
  kept.
- Every message that was queued arrives, or is withdrawn for a reason that is written down.
- A message that arrives twice does so under one id with the same bytes, and we said that it might.
- No service has two open incidents, and the database is sound.
"""

import argparse
import hashlib
import json
import os
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from kit import net, process  # noqa: E402
from kit.stillhere import Stillhere, service  # noqa: E402

SERVICES, JOBS = 6, 3
SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
# How long it lives until it is killed, once it answers.
LIVES_S = (0.02, 1.2)
# When nothing disturbs it any more, what is queued must be sent; this long may pass without any of it being sent.
SETTLE_S = 90
# A minute's looks are counted in the table with the first commit a whole minute after its end, because looks are dated
# by their beginning: up to 120 s after a heartbeat nothing is there to be seen. Less patience than that reports every
# heartbeat of the last minute as lost.
SUMS_S = 240


class Acknowledged:
    """What we were told is safe."""

    def __init__(self):
        self.incidents, self.updates, self.open = {}, [], []
        self.pushes, self.last_push = [0] * JOBS, [-1] * JOBS
        self.sent_push = [-1] * JOBS


class Receiver:
    """Takes webhooks, sometimes slowly, sometimes not at all, and keeps what it took."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.taken, self.refused, self.moody = {}, 0, True

    def answer(self, request):
        if self.moody and self.random.random() < 0.1:
            self.refused += 1
            return 503, b"busy"
        if self.moody and self.random.random() < 0.3:
            time.sleep(self.random.uniform(0, 0.05))
        said = json.loads(request.body)
        record = self.taken.setdefault(request.headers["webhook-id"], [])
        # Statuspage's form of our ids has no dashes.
        record.append((hashlib.sha256(request.body).hexdigest(), said.get("type"), said.get("incident", {}).get("id", "").replace("-", "")))
        return 204, b""


class Bench:
    """What `Stillhere` needs to know of where it is."""

    def __init__(self, binary, scratch):
        self.binary, self.scratch = pathlib.Path(binary).resolve(), scratch

    def folder(self, name):
        path = self.scratch / name
        path.mkdir()
        return path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--short", action="store_true", help="do not wait for the minute's sums, which count every heartbeat")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keep", action="store_true", help="keep the folder with database and log")
    args = parser.parse_args()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="stillhere-kill9-"))
    try:
        result = Run(Bench(args.binary, scratch), args.kills, args.seed, args.short).run()
    finally:
        process.stop_all()
        if args.keep:
            print(f"kept: {scratch}", file=sys.stderr)
        else:
            shutil.rmtree(scratch, ignore_errors=True)
    if args.json:
        print(json.dumps(result))
    else:
        for key, value in result.items():
            print(f"{key:>12}: {value}")
    sys.exit(1 if result["lost"] or result["differing"] or result["repeats"] > result["said_again"] else 0)


class Run:
    def __init__(self, bench, kills, seed, short):
        self.kills, self.seed, self.short = kills, seed, short
        self.random = random.Random(seed)
        self.acked, self.hook = Acknowledged(), Receiver(seed + 1)
        self.broken, self.lost = set(), []
        self.lock, self.end = threading.Lock(), threading.Event()
        self.servers, self.hooks = net.Servers(), net.Servers()
        port = self.servers.listen(lambda r: (500, b"no\n") if r.path.strip("/") in self.broken else (200, b"ok\n"))
        hook = self.hooks.listen(self.hook.answer)
        toml = '[defaults]\ninterval = "1s"\nfail_after = 1\nrecover_after = 1\n[respond]\nverify = "1s"\nreopen_within = "0s"\n'
        toml += "".join(service(f"s{n}", url=f"http://{net.HOST}:{port}/s{n}") for n in range(SERVICES))
        toml += "".join(
            f'[[service]]\nid = "job{n}"\n[[service.check]]\nid = "push"\nkind = "push"\nkey = {{ env = "KEY_{n}" }}\nperiod = "1h"\n'
            for n in range(JOBS)
        )
        toml += (
            f'[[channel]]\nname = "hook"\nkind = "webhook"\nurl = "http://{net.HOST}:{hook}/"\n'
            'audience = ["public", "staff"]\nsecrets = [{ env = "HOOK_SECRET" }]\n'
        )
        self.keys = [f"kill9-job-key-{n}-0123456789abcdef" for n in range(JOBS)]
        env = {"HOOK_SECRET": SECRET, **{f"KEY_{n}": key for n, key in enumerate(self.keys)}}
        self.up = Stillhere(bench, toml, env=env)

    def run(self):
        began = time.monotonic()
        self.up.up()
        self.token = self.up.cli("token", "new", "kill9", "--data", "data").strip()
        work = [self._incidents, self._updates, self._breakages, self._readers, *(lambda n=n: self._pushes(n) for n in range(JOBS))]
        workers = [threading.Thread(target=w, daemon=True) for w in work]
        for worker in workers:
            worker.start()
        for _ in range(self.kills):
            time.sleep(self.random.uniform(*LIVES_S))
            self.up.process.kill()
            self.up.begin()
            # Sometimes it is killed while it starts.
            if self.random.random() < 0.85:
                self.up.wait()
        self.up.wait()
        time.sleep(1)
        self.end.set()
        for worker in workers:
            worker.join()
        self.broken.clear()
        self.hook.moody = False
        self._settle()
        return self._judge(began)

    # What goes on all the time. A request without an answer is neither here nor there: nobody was promised anything.

    def _api(self, method, path, body):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        status, answer = self.up.get(path, method=method, headers=headers, body=json.dumps(body) if body is not None else None, timeout=10)
        return json.loads(answer) if 200 <= status < 300 and answer else None

    def _incidents(self):
        n = 0
        while not self.end.is_set():
            n += 1
            title = f"by hand {n}"
            made = self._api("POST", "/api/v1/incidents", {"title": title, "text": f"words {n}"})
            if made:
                with self.lock:
                    self.acked.incidents[made["id"]] = title
                    self.acked.open.append(made["id"])
                if len(self.acked.open) > 8:
                    self._api("POST", f"/api/v1/incidents/{self.acked.open.pop(0)}/resolve", {"text": "over"})
            time.sleep(0.03)

    def _updates(self):
        n = 0
        while not self.end.is_set():
            n += 1
            with self.lock:
                ident = self.acked.open[-1] if self.acked.open else None
            if ident and self._api("POST", f"/api/v1/incidents/{ident}/updates", {"text": f"update {n}."}):
                self.acked.updates.append((ident, f"update {n}."))
            time.sleep(0.03)

    def _pushes(self, n):
        count = 0
        while not self.end.is_set():
            count += 1
            self.acked.sent_push[n] = count
            status, _ = self.up.get(f"/ping/{self.keys[n]}", method="POST", body=f"run {count}.", timeout=10)
            if status == 200:
                self.acked.pushes[n] += 1
                self.acked.last_push[n] = count
            time.sleep(0.03)

    def _breakages(self):
        turn = random.Random(self.seed + 2)
        while not self.end.is_set():
            name = f"s{turn.randrange(SERVICES)}"
            self.broken ^= {name}
            time.sleep(turn.uniform(0.05, 0.4))

    def _readers(self):
        while not self.end.is_set():
            self.up.get("/")
            self.up.get("/api/v2/summary.json")
            time.sleep(0.02)

    # What must be true afterwards.

    def _database(self):
        return sqlite3.connect(f"file:{self.up.dir / 'data' / 'stillhere.db'}?mode=ro", uri=True, timeout=10)

    def _queued(self):
        with self._database() as db:
            return {row[0] for row in db.execute("SELECT id FROM outbox WHERE state = 'queued'")}

    def _settle(self):
        """Until all is sent that is queued now. Promises of what is still open go on being due, and their messages with them."""
        left = self._queued()
        since = time.monotonic()
        while left and time.monotonic() - since < SETTLE_S:
            time.sleep(0.5)
            still = left & self._queued()
            if len(still) < len(left):
                since = time.monotonic()
            left = still
        with self._database() as db:
            for row in db.execute("SELECT id, attempt, lease_until, not_before, reason FROM outbox WHERE state = 'queued'"):
                if row[0] in left:
                    self.lost.append(f"still queued, {SETTLE_S} s after anything was sent: {row}")

    def _judge(self, began):
        for ident, title in self.acked.incidents.items():
            found = self._api("GET", f"/api/v1/incidents/{ident}", None)
            if not found or title not in json.dumps(found):
                self.lost.append(f"incident {ident} ({title}): {json.dumps(found)[:200]}")
        known = {}
        for ident, text in self.acked.updates:
            known[ident] = known.get(ident) or json.dumps(self._api("GET", f"/api/v1/incidents/{ident}", None))
            if text not in known[ident]:
                self.lost.append(f"update {text!r} of {ident}")
        for n in range(JOBS):
            self._judge_job(n)
        with self._database() as db:
            outbox = db.execute("SELECT id, state, reason FROM outbox").fetchall()
            sound = db.execute("PRAGMA integrity_check").fetchone()[0]
            opened = [json.loads(row[0]) for row in db.execute("SELECT incident FROM incident WHERE is_open = 1")]
        if sound != "ok":
            self.lost.append(f"integrity_check: {sound}")
        # After the outbox, so that what is said to be delivered has arrived; messages go on coming.
        taken = {ident: list(record) for ident, record in self.hook.taken.copy().items()}
        for ident, state, reason in outbox:
            if state == "delivered" and ident not in taken:
                self.lost.append(f"message {ident} is said to be delivered and never arrived")
            elif state == "dead":
                self.lost.append(f"message {ident} was given up: {reason}")
        arrived = {incident for record in taken.values() for _, kind, incident in record if kind == "incident.opened"}
        for ident in self.acked.incidents:
            if ident.replace("-", "") not in arrived:
                self.lost.append(f"nobody was told of incident {ident}")
        # `affected` of incidents opened by hand is empty here.
        affected = [a["service"] for i in opened for a in i.get("affected", [])]
        for name in {s for s in affected if affected.count(s) > 1}:
            self.lost.append(f"{name} has {affected.count(name)} open incidents")
        try:
            # Every entry once, none without what it records: the page and the log tell the same story.
            self.up.cli("verify", f"http://{net.HOST}:{self.up.port}", "--state", "seen.json")
        except RuntimeError as e:
            self.lost.append(f"the public record does not agree with the page: {e}")
        said = self.up.log().count("sending again")
        result = {
            "kills": self.kills,
            "seed": self.seed,
            "seconds": round(time.monotonic() - began, 1),
            "incidents": len(self.acked.incidents),
            "updates": len(self.acked.updates),
            "pushes": sum(self.acked.pushes),
            "messages": len(outbox),
            "delivered": len(taken),
            "withdrawn": sum(1 for _, state, _ in outbox if state == "withdrawn"),
            "refused": self.hook.refused,
            "repeats": sum(len(record) - 1 for record in taken.values()),
            "differing": sum(1 for record in taken.values() if len({digest for digest, *_ in record}) > 1),
            "said_again": said,
            "lost": self.lost,
        }
        self.up.stop()
        self.servers.stop()
        self.hooks.stop()
        return result

    def _judge_job(self, n):
        if not self.short:
            try:
                net.wait_for("the sums", lambda: self._counted(n) >= self.acked.pushes[n], SUMS_S, every=1)
            except TimeoutError:
                self.lost.append(f"job{n}: {self.acked.pushes[n]} heartbeats acknowledged, {self._counted(n)} counted")
        with self._database() as db:
            row = db.execute("SELECT state FROM push_state WHERE check_id = ?", (f"job{n}/push",)).fetchone()
        body = json.loads(row[0]).get("body", "") if row else ""
        kept = int(body.strip(".").split()[-1]) if body.startswith("run ") else -1
        # A later one may have been written and its answer lost with the process.
        if not self.acked.last_push[n] <= kept <= self.acked.sent_push[n]:
            self.lost.append(f"job{n}: heartbeat {self.acked.last_push[n]} was acknowledged, {kept} is kept")

    def _counted(self, n):
        answer = self.up.json(f"/api/v1/services/job{n}/checks/push/latency?step_minutes=1")
        return sum(p["up"] for p in answer["points"])


if __name__ == "__main__":
    os.umask(0o077)
    main()

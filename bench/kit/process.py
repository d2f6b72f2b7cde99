"""Processes that we start, measure from /proc, and end by their id."""

import os
import signal
import subprocess
import time

TICK = os.sysconf("SC_CLK_TCK")
_running = []


class Process:
    """A child with its own log file. What it forks (nginx's workers) is measured with it."""

    def __init__(self, argv, cwd, log, env=None, core=None, stdin=None):
        if core is not None:
            argv = ["taskset", "-c", str(core), *argv]
        self.log = log
        # Taken before the fork: what exec itself costs belongs to the start.
        self.began = time.monotonic()
        with open(log, "ab") as out:
            self.child = subprocess.Popen(
                [str(a) for a in argv],
                cwd=cwd,
                stdin=stdin or subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **(env or {})},
            )
        self.pid = self.child.pid
        _running.append(self)

    def pids(self):
        try:
            with open(f"/proc/{self.pid}/task/{self.pid}/children") as f:
                return [self.pid, *map(int, f.read().split())]
        except FileNotFoundError:
            return [self.pid]

    def cpu_s(self):
        """Seconds on a CPU, user and kernel, all threads."""
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/stat") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICK

    def pss_kb(self):
        """Memory that is ours alone, and our share of what is shared."""
        return sum(_field(f"/proc/{pid}/smaps_rollup", "Pss:") for pid in self.pids())

    def rss_kb(self):
        return sum(_field(f"/proc/{pid}/status", "VmRSS:") for pid in self.pids())

    def rss_peak_kb(self):
        return sum(_field(f"/proc/{pid}/status", "VmHWM:") for pid in self.pids())

    def alive(self):
        return self.child.poll() is None

    def kill(self):
        """SIGKILL, at once."""
        if self.alive():
            self.child.kill()
        self.child.wait()
        if self in _running:
            _running.remove(self)

    def stop(self, within=15):
        if self.alive():
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(within)
            except subprocess.TimeoutExpired:
                self.child.kill()
        self.child.wait()
        if self in _running:
            _running.remove(self)

    def tail(self, lines=15):
        with open(self.log, errors="replace") as f:
            return "".join(f.readlines()[-lines:])


def _field(path, name):
    with open(path) as f:
        for line in f:
            if line.startswith(name):
                return int(line.split()[1])
    return 0


def stop_all():
    """Ends whatever an experiment left running, newest first."""
    for process in reversed(list(_running)):
        process.stop(5)


def busy_share(seconds=1.0):
    """How much of all CPUs the machine uses, all processes together."""

    def read():
        with open("/proc/stat") as f:
            fields = [int(n) for n in f.readline().split()[1:9]]
        return sum(fields), fields[3] + fields[4]

    total, idle = read()
    time.sleep(seconds)
    total_then, idle_then = read()
    return 1 - (idle_then - idle) / max(1, total_then - total)

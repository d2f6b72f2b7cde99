"""What the figures were taken on."""

import os
import platform
import resource
import subprocess


def facts():
    cpu = "unknown CPU"
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                cpu = line.split(":", 1)[1].strip()
                break
    with open("/proc/meminfo") as f:
        memory = int(f.readline().split()[1]) / 1024 / 1024
    system = "Linux"
    with open("/etc/os-release") as f:
        for line in f:
            if line.startswith("PRETTY_NAME="):
                system = line.split("=", 1)[1].strip().strip('"')
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores of {cpu}, {memory:.0f} GiB, {system}, kernel {platform.release()}, {files} open files at most"


def commit(root):
    def git(*args):
        return subprocess.run(["git", "-C", str(root), *args], capture_output=True, text=True).stdout.strip()

    edited = " with edits" if git("status", "--porcelain", "--", "crates", "locales", "web", "migrations", "Cargo.lock") else ""
    return (git("rev-parse", "--short", "HEAD") or "unknown") + edited

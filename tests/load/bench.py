# load/bench.py - what the paired runs share: programs, one line of JSON from each run, medians
import json
import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "wire"))
from house import House, find_server                                                            # noqa: E402,F401


def find_release(given):
    """What is measured is a release build, unless another one is named."""
    return find_server(given, ("release",))


def find_program(server, name):
    """A program of the same build as the server."""
    path = os.path.join(os.path.dirname(server), "tests", "load", name)
    if not os.access(path, os.X_OK):
        raise SystemExit(f"{path} is not there: build {name}")
    return path


def run_json(command, timeout_s=300):
    """The object that a program prints, and its exit status under "exit". What it says beside is told when it failed."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=timeout_s)
    if done.returncode:
        sys.stderr.write(done.stderr)
    if not done.stdout.startswith("{"):
        raise SystemExit(f"{command[0]} ended with {done.returncode} and printed no result")
    return {**json.loads(done.stdout), "exit": done.returncode}


def ticks_of(pid):
    """CPU time of a process, with what it waited for, in ticks."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15])


class Others:
    """How many cores went to programs that take no part while a run ran, and how many the host kept for itself (stolen): a
    run beside busy strangers says little."""

    def __init__(self, *pids):
        self.pids = [*pids, os.getpid()]

    def _now(self):
        """Now, and the ticks of everybody and of who takes part: what a process waited for is in its own figure, so nothing
        is lost when one ends. The kernel's threads work for whoever asks, and are not counted."""
        everybody = mine = 0
        with open("/proc/stat") as file:
            stolen = int(file.readline().split()[8])
        for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
            try:
                with open(f"/proc/{pid}/stat") as file:
                    fields = file.read().rsplit(")", 1)[1].split()
            except OSError:
                continue
            parent, spent = int(fields[1]), sum(int(field) for field in fields[11:15])
            if parent != 2:
                everybody += spent
                mine += spent if pid in self.pids or parent in self.pids else 0
        return time.monotonic(), everybody - mine, stolen

    def __enter__(self):
        self.before = self._now()
        return self

    def __exit__(self, *_):
        seconds, others, stolen = (b - a for a, b in zip(self.before, self._now()))
        self.cores = max(0.0, others / os.sysconf("SC_CLK_TCK") / seconds)
        self.stolen = stolen / os.sysconf("SC_CLK_TCK") / seconds


def make_floor_database(house):
    """A database beside the server's, in the same cluster; its conninfo."""
    house.psql("create database floor")
    return house.conninfo.replace("dbname=posthorn", "dbname=floor")


def middle(results, name):
    return statistics.median(result[name] for result in results)


def spread(results, name):
    numbers = sorted(result[name] for result in results)
    return f"{middle(results, name):,.0f} ({numbers[0]:,.0f} to {numbers[-1]:,.0f})"

# load/bench.py - what the paired runs share: programs, one line of JSON from each run, medians
import json
import os
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "wire"))
from house import House, find_server                                                            # noqa: E402,F401


def find_program(server, name):
    """A program of the same build as the server."""
    path = os.path.join(os.path.dirname(find_server(server)), "tests", "load", name)
    if not os.access(path, os.X_OK):
        raise SystemExit(f"{path} is not there: build {name}")
    return path


def run_json(command, timeout_s=300):
    """The object that a program prints, and its exit status under "exit"."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True, timeout=timeout_s)
    if not done.stdout.startswith("{"):
        raise SystemExit(f"{command[0]} ended with {done.returncode} and printed no result")
    return {**json.loads(done.stdout), "exit": done.returncode}


def make_floor_database(house):
    """A database beside the server's, in the same cluster; its conninfo."""
    house.psql("create database floor")
    return house.conninfo.replace("dbname=posthorn", "dbname=floor")


def middle(results, name):
    return statistics.median(result[name] for result in results)


def spread(results, name):
    numbers = sorted(result[name] for result in results)
    return f"{middle(results, name):,.0f} ({numbers[0]:,.0f} to {numbers[-1]:,.0f})"

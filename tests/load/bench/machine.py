# load/bench/machine.py - what the figures were taken on, and whether anybody else was at work
import glob
import os
import platform
import re
import resource
import statistics
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")
# What is asked of Postgres and written beside the figures.
SETTINGS = ("fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size", "checkpoint_timeout",
            "wal_compression", "wal_buffers", "commit_delay", "autovacuum", "autovacuum_naptime", "jit", "huge_pages",
            "data_checksums")
# Without these nothing would be durable, and nothing is measured.
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


def said(*command):
    """The first line of what a program says of itself, or ''."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout.splitlines() or [""])[0].strip()


def read(path, otherwise=""):
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return otherwise


def first(pattern, text, otherwise="unknown"):
    found = re.search(pattern, text, re.M)
    return found[1].strip() if found else otherwise


def fdatasync_us(folder, times=200):
    """The median time of writing 8 KiB and having it on disk."""
    path, taken = os.path.join(folder, "fdatasync"), []
    with open(path, "wb", buffering=0) as file:
        for _ in range(times):
            begin = time.perf_counter()
            file.write(b"x" * 8192)
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - begin)
    os.unlink(path)
    return statistics.median(taken) * 1e6


def file_system(folder):
    return said("stat", "-f", "-c", "%T", folder) or "unknown"


def package(name):
    return said("dpkg-query", "-W", "-f", "${Version}", name) or "unknown"


def compiler_of(build):
    """The compiler of a build directory, and its flags."""
    cache = read(os.path.join(build, "CMakeCache.txt"))
    compiler = first(r"^CMAKE_C_COMPILER:\w+=(.*)$", cache)
    kind = first(r"^CMAKE_BUILD_TYPE:\w+=(.*)$", cache)
    flags = first(rf"^CMAKE_C_FLAGS_{kind.upper()}:\w+=(.*)$", cache, "")
    return f"{said(compiler, '--version')}, {kind} ({flags})"


def settings_of(house):
    rows = dict(house.psql("select name, current_setting(name) from pg_settings"))
    for name, wanted in DURABLE.items():
        if rows.get(name) != wanted:
            raise SystemExit(f"Postgres runs with {name} = {rows.get(name)}: nothing durable would be measured")
    return {name: rows[name] for name in SETTINGS if name in rows}


def describe(house, build, top):
    """Name -> words, for the head of the page."""
    memory = int(first(r"^MemTotal:\s+(\d+)", read("/proc/meminfo"), "0"))
    cpu = first(r"^model name\s*:\s*(.*)$", read("/proc/cpuinfo"))
    guest = first(r"^Hypervisor vendor:\s*(.*)$", subprocess.run(
        ["lscpu"], stdout=subprocess.PIPE, text=True, env={**os.environ, "LC_ALL": "C"}).stdout, "none")
    system = first(r'^PRETTY_NAME="?([^"]*)', read("/etc/os-release"))
    dirty = said("git", "-C", top, "status", "--porcelain", "--untracked-files=no", "--", "src", "sql", "tests/load")
    commit = said("git", "-C", top, "rev-parse", "--short=12", "HEAD") + (" and changes" if dirty else "")
    return {
        "Machine": f"{os.cpu_count()} cores ({cpu}; hypervisor: {guest}), {memory / 2**20:.0f} GiB, "
                   f"{file_system(house.dir)}, fdatasync of 8 KiB {fdatasync_us(house.dir):,.0f} us (median)",
        "System": f"{system}, Linux {platform.release()}",
        "Posthorn": f"commit {commit}; {compiler_of(build)}",
        "Libraries": f"nghttp2 {package('libnghttp2-14')}, OpenSSL {package('libssl3')}, libevent "
                     f"{package('libevent-core-2.1-7')}, libpq {package('libpq5')}",
        "Beside": f"PostgreSQL {dict(house.psql('select 1, version()'))['1'].split()[1]}, nghttpd and h2load "
                  f"{package('nghttp2-server')}",
    }


def listens(port, pid):
    """Whether this process, and no other, holds the socket that listens on the port."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in read(table).splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
                inodes.add(fields[9])
    held = set()
    for link in glob.glob(f"/proc/{pid}/fd/*"):
        try:
            held.add(first(r"^socket:\[(\d+)\]$", os.readlink(link), ""))
        except OSError:
            continue
    return bool(inodes) and inodes <= held


def children_cpu_s():
    """CPU seconds of the programs that were run and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def rss_kb(pid):
    return int(first(r"^Rss:\s+(\d+)", read(f"/proc/{pid}/smaps_rollup"), "0"))


def cpu_s(pid):
    """CPU seconds of a process itself."""
    fields = read(f"/proc/{pid}/stat").rsplit(")", 1)
    return sum(int(field) for field in fields[1].split()[11:13]) / TICKS if len(fields) == 2 else 0.0

# faults/machine.py - faults of a machine: a disk that is full under Postgres's log, a clock that jumps
import contextlib
import glob
import os
import pwd
import subprocess
import tempfile
import time

from injections import Fault

WAL_MIB = 320       # max_wal_size is a wish: what a checkpoint lags behind must not fill it by itself
CLOCK_NODE = 2
FAKETIME = "/usr/lib/*/faketime/libfaketime.so.1"


@contextlib.contextmanager
def small_disk():
    """Postgres's log goes to a small disk of its own while this lasts: for root in a mount namespace, made for the run."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="posthorn-wal-") as directory:
        os.chmod(directory, 0o755)
        owner = pwd.getpwnam(os.environ.get("POSTHORN_PG_USER", "postgres"))
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={WAL_MIB}m,mode=700,uid={owner.pw_uid},gid={owner.pw_gid}", "wal",
                        directory], check=True, timeout=10)
        before = dict(os.environ)
        # Nothing is kept for later: a full disk is to be felt at the next segment.
        os.environ.update(POSTHORN_PG_WAL=directory, POSTHORN_PG_OPTIONS="max_wal_size=128MB;min_wal_size=32MB;wal_recycle=off")
        try:
            yield directory
        finally:
            os.environ.clear()
            os.environ.update(before)
            subprocess.run(["umount", "--lazy", directory], check=True, timeout=10)


def jumping_clock(node):
    """A node, not yet started, with a clock that a file moves. False without libfaketime, or when it can't be preloaded:
    a sanitizer wants to be first."""
    libraries = glob.glob(FAKETIME)
    if not libraries or subprocess.run([node.server, "--print-config"], capture_output=True, timeout=10,
                                       env={**os.environ, "LD_PRELOAD": libraries[0]}).returncode:
        return False
    path = os.path.join(node.dir, "clock")
    set_clock(path, 0)
    # Nothing shared that a kill -9 would leave behind; deadlines are of the monotonic clock, which never jumps.
    node.environment = {"LD_PRELOAD": libraries[0], "FAKETIME_TIMESTAMP_FILE": path, "FAKETIME_CACHE_DURATION": "1",
                        "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_DISABLE_SHM": "1", "NO_FAKE_STAT": "1"}
    return True


def set_clock(path, seconds):
    """In one step: a file that is read while it is being written would be another time."""
    with open(path + ".new", "w") as file:
        file.write(f"{seconds:+d}\n")
    os.rename(path + ".new", path)


class ClockJump(Fault):
    def prepare(self, run):
        seconds = self.dice.choice([-3600, -60, -5, 5, 60, 3600])
        self.lasts_s = self.dice.uniform(1.5, 4)
        self.words = f"node {CLOCK_NODE} by {seconds:+d} s for {self.lasts_s:.1f} s"
        node = run.nodes[CLOCK_NODE]
        path = node.environment["FAKETIME_TIMESTAMP_FILE"]

        def end():
            set_clock(path, 0)
            node.wait_ready()
        return lambda: set_clock(path, seconds), end


class DiskFull(Fault):
    """Until Postgres panics, as it does when its log can't grow."""

    def prepare(self, run):
        node, ballast = run.nodes[0], os.path.join(os.environ["POSTHORN_PG_WAL"], "ballast")
        self.lasts_s = self.dice.uniform(0.2, 2)
        self.words = f"empty again after {self.lasts_s:.1f} s"

        def begin():
            fill(ballast)
            for _ in range(20):
                try:
                    node.psql("SELECT pg_switch_wal()")
                except subprocess.CalledProcessError:
                    return
                time.sleep(0.1)
            raise SystemExit("the disk is full, and Postgres does not notice")

        def end():
            os.unlink(ballast)
            for last in (False, True):
                try:
                    node.start_postgres()
                    return
                except subprocess.CalledProcessError:       # it was just giving up by itself
                    if last:
                        raise
        return begin, end


def fill(path):
    with open(path, "wb", buffering=0) as file:
        for size in (1 << 20, 4096):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass


CLOCK, DISK = {"jump-clock": (ClockJump, 2)}, {"fill-disk": (DiskFull, 1)}

# wire/house.py - a posthornd of one's own with a private Postgres, that may be killed and comes back with its data
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from ports import free_port

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# Proofs work much faster than people: the limits that protect against that are lifted where they exist (0: none).
LIFTED = re.compile(r"(_per_(second|minute|hour)|_burst)$")


def find_server(given=None, builds=("test", "release")):
    """posthornd as it was named (or its directory was), else of the first of these builds that is there."""
    places = [given] if given else [os.path.join(TOP, "build", name) for name in builds]
    for place in places:
        if place and os.path.isdir(place):
            place = os.path.join(place, "posthornd")
        if place and os.access(place, os.X_OK):
            return os.path.abspath(place)
    raise SystemExit("no posthornd: build it, or name it with --server")


class House:
    def __init__(self, server=None, settings=None):
        self.server = find_server(server)
        self.dir = tempfile.mkdtemp(prefix="posthorn-proof-", dir="/tmp")
        os.chmod(self.dir, 0o755)       # Postgres's user passes through
        self.pg = os.path.join(self.dir, "pg")
        self.port, self.tls_port, self.admin_port = free_port(), free_port(), free_port()
        self.ca = os.path.join(self.dir, "tls", "ca.pem")
        self.settings, self.environment = settings or {}, {}     # of posthornd
        self.process = None

    def __enter__(self):
        # A proof that is told to end (a timeout, say) leaves nothing running behind.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            self.start_postgres()
            self.start_server()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process:
            self.stop_server()
        self._pg("stop")
        self.sweep()

    def sweep(self):
        if not os.environ.get("KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)

    def _pg(self, verb):
        # stderr is left alone: Postgres inherits it, and a pipe would never end.
        done = subprocess.run([os.path.join(TOP, "scripts", "pg"), verb, self.pg], stdout=subprocess.PIPE, timeout=90,
                              check=True, text=True, stdin=subprocess.DEVNULL)
        return done.stdout.strip()

    def start_postgres(self):
        self.conninfo = self._pg("start").splitlines()[-1]

    def kill_postgres(self):
        self._pg("kill9")

    def psql(self, statement):
        done = subprocess.run(["psql", "-XAtq", "-F", "|", "-v", "ON_ERROR_STOP=1", self.conninfo, "-c", statement],
                              check=True, stdout=subprocess.PIPE, text=True, timeout=120)
        return [tuple(line.split("|")) for line in done.stdout.splitlines()]

    def postmaster(self):
        with open(os.path.join(self.pg, "data", "postmaster.pid")) as file:
            return int(file.readline())

    def write_config(self):
        printed = subprocess.run([self.server, "--print-config"], check=True, stdout=subprocess.PIPE, text=True,
                                 timeout=10, env=self._clean()).stdout
        want = {"server.listen": f"127.0.0.1:{self.tls_port}", "server.cleartext": f"127.0.0.1:{self.port}",
                "server.admin": f"127.0.0.1:{self.admin_port}", "tls.directory": os.path.dirname(self.ca),
                "store.conninfo": self.conninfo,
                "server.workers": "0", **self.settings}
        lines, section = [], ""
        for line in printed.splitlines():
            line = line.strip()
            if line.startswith("["):
                section = line.strip("[]")
            name = line.split("=")[0].strip()
            key = f"{section}.{name}"
            if key in want:
                line = f"{name} = {want.pop(key)}"
            elif "=" in line and not line.startswith((";", "#")) and LIFTED.search(name):
                line = f"{name} = 0"
            lines.append(line)
        if want:
            raise SystemExit(f"posthornd knows no setting {', '.join(want)}")
        path = os.path.join(self.dir, "posthornd.ini")
        with open(path, "w") as file:
            file.write("\n".join(lines) + "\n")
        return path

    @staticmethod
    def _clean():
        return {name: value for name, value in os.environ.items() if not name.startswith("POSTHORN_")}

    def start_server(self, wait_s=30):
        config = self.write_config()
        log = open(os.path.join(self.dir, "posthornd.log"), "a")
        self.process = subprocess.Popen([self.server, "--config", config], stdout=log, stderr=log, cwd=self.dir,
                                        stdin=subprocess.DEVNULL, env={**self._clean(), **self.environment})
        log.close()
        self.wait_ready(wait_s)

    def wait_ready(self, wait_s=30):
        end = time.monotonic() + wait_s
        while not self.ready():
            if self.process.poll() is not None:
                raise SystemExit(f"posthornd ended with {self.process.returncode}:\n{self.log_tail()}")
            if time.monotonic() > end:
                raise SystemExit(f"posthornd is not ready after {wait_s} s:\n{self.log_tail()}")
            time.sleep(0.02)

    def ready(self):
        try:
            with socket.create_connection(("127.0.0.1", self.admin_port), 2) as s:
                s.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return s.recv(64).startswith(b"HTTP/1.1 200")
        except OSError:
            return False

    def wait_for_workers(self, count, wait_s=30):
        """All of a supervisor's workers serve, and every one of them sees the others and has its slots."""
        end = time.monotonic() + wait_s
        while not all(self._sees(k, count) for k in range(count)):
            if time.monotonic() > end:
                raise SystemExit(f"{count} workers don't serve after {wait_s} s:\n{self.log_tail()}")
            time.sleep(0.1)
        if count > 1:
            time.sleep(3)       # who joins waits two seconds for others before the table is made

    def _sees(self, worker, count):
        try:
            with socket.create_connection(("127.0.0.1", self.admin_port + worker), 2) as s:
                s.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                told = b"".join(iter(lambda: s.recv(65536), b"")).decode()
        except OSError:
            return False
        return f"\nposthorn_nodes {count}\n" in told and f"\nposthorn_links_up {count - 1}\n" in told

    def log_tail(self, lines=15):
        with open(os.path.join(self.dir, "posthornd.log"), errors="replace") as log:
            return "".join(log.readlines()[-lines:])

    def kill_server(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)
        self.process = None

    def stop_server(self):
        """Ends it as an operator would; what it returns is its exit status, 0 when all is well."""
        self.process.terminate()
        try:
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.process = None
        return status

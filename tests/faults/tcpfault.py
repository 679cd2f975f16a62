# faults/tcpfault.py - posthorn-tcpfault, started and told what to do
import os
import shutil
import socket
import subprocess
import tempfile


class Refused(Exception):
    pass


class Tcpfault:
    """A proxy in front of `to` ("127.0.0.1:PORT" or a path), for a with statement. tcpfault.c says what say() takes."""

    def __init__(self, build, to, listen=None, postgres=False):
        self.program = os.path.join(build, "tests", "faults", "tcpfault", "posthorn-tcpfault")
        self.dir = tempfile.mkdtemp(prefix="posthorn-tcpfault-", dir="/tmp")
        self.to, self.postgres, self.process, self.teller = to, postgres, None, None
        self.listen = listen or os.path.join(self.dir, ".s.PGSQL.5432")

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.teller:
            self.teller.close()
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process.stdout.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def start(self):
        control = os.path.join(self.dir, "control")
        words = [self.program, "--listen", self.listen, "--to", self.to, "--control", control]
        self.process = subprocess.Popen(words + ["--postgres"] * self.postgres, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise SystemExit("posthorn-tcpfault did not start")
        self.teller = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.teller.settimeout(10)
        self.teller.connect(control)

    def say(self, order):
        self.teller.send(order.encode())
        answer = self.teller.recv(1024).decode()
        if answer.startswith("no") or not answer:
            raise Refused(f"{order}: {answer}")
        return answer

    def status(self):
        return {name: int(number) for name, number in (word.split("=") for word in self.say("status").split())}

    def port(self):
        return int(self.listen.rsplit(":", 1)[1])

    def conninfo(self, conninfo):
        """As the given one, but through here."""
        return " ".join(f"host={self.dir}" if word.startswith("host=") else word for word in conninfo.split())


def postgres_socket(conninfo):
    """The path of a Postgres on a Unix socket."""
    host = next(word[5:] for word in conninfo.split() if word.startswith("host="))
    return os.path.join(host, ".s.PGSQL.5432")

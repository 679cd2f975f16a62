# wire/nodes.py - several nodes on one private Postgres, linked by Unix sockets or by TLS
import os
import signal
import subprocess
import time
import urllib.request

from house import TOP, House
from ports import free_port


class Nodes:
    """nodes[k] is a House; all share the Postgres of the first. between(node) may change the settings
    and the environment of one before it starts; then Postgres runs."""

    def __init__(self, count, server=None, settings=None, with_tls=False, between=None):
        self.count, self.server, self.settings, self.with_tls = count, server, settings or {}, with_tls
        self.between, self.nodes = between, []

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
        try:
            for k in range(self.count):
                self.add(k)
            self.wait_for(lambda: all(self.number(k, "nodes") == self.count and self.number(k, "links_up") == self.count - 1
                                      for k in range(self.count)), "all linked")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for node in reversed(self.nodes):
            if node.process:
                node.process.send_signal(signal.SIGCONT)
                node.stop_server()
        for node in reversed(self.nodes):
            node.process = None
            if node is self.nodes[0]:
                node.__exit__()
            else:
                node.sweep()

    def add(self, k):
        node = House(self.server)
        self.nodes.append(node)
        # One certificate for all: a client trusts whichever of them it comes to.
        node.ca = self.nodes[0].ca
        node.settings = {"node.name": f"n{k}", **self.link(node, f"n{k}"), **self.settings}
        if k == 0:
            node.start_postgres()
        else:
            node.conninfo, node.pg = self.nodes[0].conninfo, self.nodes[0].pg
        if self.between:
            self.between(node)
        node.start_server()

    def link(self, node, name):
        if not self.with_tls:
            return {"node.link": f"unix:{node.dir}/link"}
        authority = os.path.join(self.nodes[0].dir, "authority")
        subprocess.run([os.path.join(TOP, "scripts", "cluster-ca"), authority, name], check=True, timeout=30,
                       stdout=subprocess.DEVNULL)
        return {"node.link": f"127.0.0.1:{free_port()}", "node.tls_directory": os.path.join(authority, name)}

    def __getitem__(self, k):
        return self.nodes[k]

    def number(self, k, name):
        """A figure of a node's metrics; None while it can't be asked."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.nodes[k].admin_port}/metrics", timeout=2) as answer:
                for line in answer.read().decode().splitlines():
                    if line.startswith(f"posthorn_{name} "):
                        return int(line.split()[1])
        except OSError:
            pass
        return None

    @staticmethod
    def wait_for(condition, what, wait_s=15):
        end = time.monotonic() + wait_s
        while not condition():
            if time.monotonic() > end:
                raise SystemExit(f"not within {wait_s} s: {what}")
            time.sleep(0.05)

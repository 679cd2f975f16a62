# faults/injections.py - what is done to nodes and Postgres in a run, and how it is healed
import os
import signal
import subprocess
import time

# A supervisor with one worker: its death and that of both are two different things.
settings = {"server.workers": 1, "server.run_directory": "run"}


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def processes(node):
    """The supervisor and its workers."""
    if not node.process or node.process.poll() is not None:
        return []
    return [node.process.pid, *children(node.process.pid)]


def tell(node, number):
    for pid in processes(node)[::-1]:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


class Fault:
    """prepare(run) gives what begins it and what ends it; words say where."""

    def __init__(self, kind, dice, longest):
        self.kind, self.dice, self.longest = kind, dice, longest
        self.k, self.lasts_s, self.words = dice.randrange(3), 0.0, ""
        self.where = f"node {self.k}"


class KillWorker(Fault):
    """The supervisor starts another at once, on the same sockets."""

    def prepare(self, run):
        self.words = self.where
        node = run.nodes[self.k]
        return lambda: [os.kill(pid, signal.SIGKILL) for pid in children(node.process.pid)], node.wait_ready


class KillNode(Fault):
    def prepare(self, run):
        node, self.lasts_s = run.nodes[self.k], self.dice.uniform(0, 1.5)
        self.words = f"{self.where}, back after {self.lasts_s:.1f} s"

        def begin():
            tell(node, signal.SIGSTOP)      # both at once, so that neither sees the other die
            tell(node, signal.SIGKILL)
            node.process.wait()
        return begin, node.start_server


class Stop(Fault):
    def prepare(self, run):
        node = run.nodes[self.k]
        self.lasts_s = self.dice.choice([0.1, 0.5, 1, 2, 4, self.longest])
        self.words = f"{self.where} for {self.lasts_s} s"
        workers = children(node.process.pid)

        def begin():
            tell(node, signal.SIGSTOP)

        def end():
            tell(node, signal.SIGCONT)
            for pid in workers:
                if os.path.exists(f"/proc/{pid}"):
                    try:
                        os.kill(pid, signal.SIGCONT)
                    except ProcessLookupError:
                        pass
            node.wait_ready()
        return begin, end


class Restart(Fault):
    """As an upgrade does it: drained, ended, started."""

    def prepare(self, run):
        node = run.nodes[self.k]
        self.words = self.where

        def begin():
            node.process.terminate()
            if node.process.wait(60):
                raise SystemExit(f"posthornd ended with {node.process.returncode}:\n{node.log_tail()}")
        return begin, node.start_server


class KillPostgres(Fault):
    def prepare(self, run):
        node, self.lasts_s = run.nodes[0], self.dice.uniform(0, 2)
        self.words = f"back after {self.lasts_s:.1f} s"
        return node.kill_postgres, node.start_postgres


class RestartPostgres(Fault):
    """pg_ctl -m immediate: as a machine that reboots."""

    def prepare(self, run):
        node, self.lasts_s = run.nodes[0], self.dice.uniform(0, 1)
        self.words = f"back after {self.lasts_s:.1f} s"

        def begin():
            os.kill(node.postmaster(), signal.SIGQUIT)
            end = time.monotonic() + 10
            while os.path.exists(os.path.join(node.pg, "data", "postmaster.pid")) and time.monotonic() < end:
                time.sleep(0.05)
        return begin, node.start_postgres


class KillBackends(Fault):
    """Connections cut in the middle of whatever they do."""

    def prepare(self, run):
        def begin():
            end = time.monotonic() + 30
            while True:
                try:
                    return run.nodes[0].psql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'posthorn'"
                                             " AND pid <> pg_backend_pid()")
                except subprocess.CalledProcessError:       # it may be recovering from what was done to it before
                    if time.monotonic() > end:
                        raise
                    time.sleep(0.2)
        return begin, lambda: None


class ByProxy(Fault):
    """Done by a proxy in front of a node or between it and Postgres (tcpfault/tcpfault.c)."""

    def prepare(self, run):
        proxy, node = self.proxies(run)[self.k], run.nodes[self.k]
        order = self.order()
        self.words = f"{self.where}: {order}"

        def end():
            proxy.say("pass")
            node.wait_ready()
        return lambda: proxy.say(order), end

    def cut(self):
        self.lasts_s = self.dice.uniform(0, 1)
        way, at = self.dice.choice(["up", "down"]), self.dice.randint(1, 20000)
        return self.dice.choice(["cut", "reset", f"cut-at {way} {at}", f"reset-at {way} {at}"])

    def lose(self):
        self.lasts_s = self.dice.choice([0.1, 0.5, 1, 2, 4, self.longest])
        return f"{self.dice.choice(['stall', 'swallow'])} {self.dice.choice(['up', 'down', 'both'])}"

    def slow(self):
        self.lasts_s = self.dice.uniform(0.5, 3)
        return self.dice.choice([f"delay {self.dice.randint(5, 200)}", f"slice {self.dice.randint(1, 100)}"])


class ToPostgres(ByProxy):
    @staticmethod
    def proxies(run):
        return run.stores


class LoseCommit(ToPostgres):
    """What no kill hits on purpose: the connection ends around the Sync that commits messages."""

    def order(self):
        self.lasts_s = 1.0
        moment = self.dice.choice(["reply", "reply", "reply", "after", "before", "hold"])
        late = f" {self.dice.randrange(20, 3000)}" if moment == "hold" else ""
        return f"commit {moment} {self.dice.randint(1, 3)}{late} message_insert"


class CutPostgres(ToPostgres):
    order = ByProxy.cut


class LosePostgres(ToPostgres):
    """A host that is gone, or a network in which nothing moves, for one node of the three."""
    order = ByProxy.lose


class SlowPostgres(ToPostgres):
    order = ByProxy.slow


class ToClients(ByProxy):
    @staticmethod
    def proxies(run):
        return run.edges


class CutClients(ToClients):
    """All of a node's, or one of them in the middle of what it says or is told."""
    order = ByProxy.cut


class LoseClients(ToClients):
    """Half-open, as behind a gateway that forgot them; or a network in which nothing moves."""
    order = ByProxy.lose


class SlowClients(ToClients):
    order = ByProxy.slow


class Network(Fault):
    """Rules of nftables in the run's own network namespace, gone when the fault ends."""

    TABLE = "inet posthorn_faults"

    def nft(self, *rules):
        lines = [f"add table {self.TABLE}", f"delete table {self.TABLE}", f"add table {self.TABLE}",
                 f"add chain {self.TABLE} in {{ type filter hook input priority 0; }}",
                 *[f"add rule {self.TABLE} in {rule}" for rule in rules]]
        subprocess.run(["nft", "-f", "-"], input="\n".join(lines) + "\n", text=True, check=True, timeout=10)

    def prepare(self, run):
        links = [int(node.settings["node.link"].rsplit(":", 1)[1]) for node in run.nodes.nodes]
        clients = [edge.port() for edge in run.edges]
        self.lasts_s = self.dice.choice([0.2, 0.5, 1, 2, 4, self.longest])
        rules = self.rules(links, clients)
        return lambda: self.nft(*rules), self.nft

    @staticmethod
    def ports(numbers):
        return "{ " + ", ".join(map(str, numbers)) + " }"


class DeafNode(Network):
    """One way: what the others begin to say to a node does not come; what it says to them does."""

    def rules(self, links, clients):
        self.words = f"{self.where} hears no other for {self.lasts_s} s"
        return [f"tcp dport {links[self.k]} counter drop"]


class PartNodes(Network):
    """No node hears of another one; all have Postgres and their clients."""

    def rules(self, links, clients):
        self.words = f"for {self.lasts_s} s"
        return [f"tcp {end} {self.ports(links)} counter drop" for end in ("dport", "sport")]


class PartClients(Network):
    def rules(self, links, clients):
        self.words = f"{self.where} for {self.lasts_s} s"
        return [f"tcp {end} {clients[self.k]} counter drop" for end in ("dport", "sport")]


class ResetClients(Network):
    def rules(self, links, clients):
        self.lasts_s = 0.3
        self.words = "all of all nodes"
        return [f"tcp dport {self.ports(clients)} counter reject with tcp reset"]


class LosePackets(Network):
    def rules(self, links, clients):
        percent = self.dice.choice([1, 5, 20])
        self.words = f"{percent} % for {self.lasts_s} s"
        return [f"tcp {end} {self.ports(links + clients)} numgen random mod 100 < {percent} counter drop"
                for end in ("dport", "sport")]


NETWORK = {
    "deaf-node": (DeafNode, 2), "part-nodes": (PartNodes, 2), "part-clients": (PartClients, 2),
    "reset-clients": (ResetClients, 1), "lose-packets": (LosePackets, 2),
}
KINDS = {
    "kill-worker": (KillWorker, 4), "kill-node": (KillNode, 4), "stop-node": (Stop, 4), "restart-node": (Restart, 3),
    "kill-postgres": (KillPostgres, 1), "restart-postgres": (RestartPostgres, 1), "kill-backends": (KillBackends, 2),
    "lose-commit": (LoseCommit, 5), "cut-postgres": (CutPostgres, 2), "lose-postgres": (LosePostgres, 2),
    "slow-postgres": (SlowPostgres, 1), "cut-clients": (CutClients, 2), "lose-clients": (LoseClients, 2),
    "slow-clients": (SlowClients, 1),
}


def choose(dice, kinds, longest, known):
    names = kinds.split(",") if kinds else list(known)
    missing = [name for name in names if name not in known]
    if missing:
        raise SystemExit(f"not to be had here: {', '.join(missing)}; there are {', '.join(known)}")
    name = dice.choices(names, [known[name][1] for name in names])[0]
    return known[name][0](name, dice, longest)

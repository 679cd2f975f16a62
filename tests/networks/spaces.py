"""tests/networks/spaces.py - a network namespace of its own, with a link that loses packets"""
import os
import subprocess
import sys
import time

from networks import WS2, Network
from ports import free_port

SERVER, CLIENT = "10.83.7.1", "10.83.7.2"


def sh(*command, check=True):
    return subprocess.run(command, check=check, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


class Lossy(Network):
    """The client lives in a namespace; nftables drops one packet of twenty on its way in and out. A forwarder
    carries the connections from the link to the server, which knows loopback only."""
    name, what, expected = "lossy", "5 % of all packets are lost", WS2
    batch = 2       # many small packets, so that some are lost for certain

    @classmethod
    def is_missing(cls):
        probe = f"posthorn-probe-{os.getpid()}"
        done = sh("ip", "netns", "add", probe, check=False)
        if done.returncode:
            return "network namespaces are not permitted: " + done.stdout.strip()
        done = sh("ip", "netns", "exec", probe, "nft", "add", "table", "ip", "posthorn", check=False)
        sh("ip", "netns", "del", probe, check=False)
        return "nftables does not work: " + done.stdout.strip() if done.returncode else False

    def begin(self):
        self.space = f"posthorn-{os.getpid()}"
        self.link = f"ph{os.getpid() % 100000}"
        sh("ip", "netns", "add", self.space)
        self.started.append(self)
        sh("ip", "link", "add", self.link, "type", "veth", "peer", "name", "lossy", "netns", self.space)
        sh("ip", "addr", "add", SERVER + "/30", "dev", self.link)
        sh("ip", "link", "set", self.link, "up")
        for command in (["ip", "addr", "add", CLIENT + "/30", "dev", "lossy"], ["ip", "link", "set", "lossy", "up"],
                        ["ip", "link", "set", "lo", "up"], ["nft", "-f", self.rules()]):
            sh("ip", "netns", "exec", self.space, *command)
        port = free_port()
        # The certificate names localhost: inside the namespace that leads over the link.
        forward = [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "forward.py")]
        self.far = subprocess.Popen([*forward, SERVER, str(port), str(self.stage.port)])
        self.near = subprocess.Popen(["ip", "netns", "exec", self.space, *forward, "127.0.0.1", str(port),
                                      f"{SERVER}:{port}"])
        self.url_ = f"https://localhost:{port}"
        for _ in range(200):        # until both forwarders listen
            heard = [sh(*where, "ss", "-Hltn", f"sport = :{port}").stdout for where in
                     ([], ["ip", "netns", "exec", self.space])]
            if all(heard):
                return
            time.sleep(0.05)
        raise RuntimeError("the forwarders do not start")

    def rules(self):
        path = os.path.join(self.stage.dir, "lossy.nft")
        with open(path, "w") as f:
            f.write("table ip posthorn {\n")
            for hook, device in (("input", "iifname"), ("output", "oifname")):
                f.write(f"  chain {hook} {{ type filter hook {hook} priority 0; policy accept;\n"
                        f"    {device} \"lossy\" numgen random mod 100 < 5 counter drop\n  }}\n")
            f.write("}\n")
        return path

    def prefix(self):
        return ["ip", "netns", "exec", self.space]

    def check(self, score, got):
        done = sh("ip", "netns", "exec", self.space, "nft", "list", "table", "ip", "posthorn")
        lost = sum(int(line.split("packets ")[1].split()[0]) for line in done.stdout.splitlines() if "packets " in line)
        score.check("lossy: packets were lost", lost >= 5, done.stdout)

    def end(self):
        for process in (getattr(self, "near", None), getattr(self, "far", None)):
            if process:
                process.terminate()
                process.wait()
        sh("ip", "link", "del", self.link, check=False)
        sh("ip", "netns", "del", self.space, check=False)

"""tests/networks/networks.py - the networks: what stands between client and server, and which way is expected to win"""
import os
import shutil
import time

from programs import Haproxy, Nginx, Squid, Tinyproxy
from rogues import Rogue

from cutter import Cutter

PASSWORD = "letmein"
WS2, WS1 = r"WebSocket over HTTP/2", r"WebSocket over HTTP/1\.1"
SSE, SSE1 = r"server-sent events over HTTP/", r"server-sent events over HTTP/1\.1"
LONG, LONG1 = r"long polling over HTTP/", r"long polling over HTTP/1\.1"


class Network:
    """begin() makes self.url_ and, if need be, self.proxy; what it started is ended by end()."""
    name = what = expected = needs = None
    batch = 16                  # messages in one request of the sender
    is_patient = False          # a person would try again here

    def __init__(self, bed, quick):
        self.bed, self.quick, self.started = bed, quick, []
        self.stage = bed.stage
        self.proxy = None
        self.url_ = "https://localhost:%d" % self.stage.port

    def begin(self):
        pass

    def keep(self, thing):
        self.started.append(thing)
        return thing

    def url(self):
        return self.url_

    def arguments(self):
        return []

    def prefix(self):
        """What the client is started by: a command that puts it into a place."""
        return []

    def listening(self):
        """The client begins to listen now."""

    def environment(self):
        return {"HTTPS_PROXY": self.proxy, "ALL_PROXY": self.proxy} if self.proxy else {}

    def check(self, score, got):
        """What else is to be seen here."""

    def end(self):
        for thing in reversed(self.started):
            thing.end()

    @classmethod
    def is_missing(cls):
        return cls.needs and not shutil.which(cls.needs) and not os.path.exists(f"/usr/sbin/{cls.needs}")


class Open(Network):
    name, what, expected = "open", "nothing in between", WS2


class SquidOpen(Network):
    name, what, expected, needs = "squid", "a CONNECT proxy", WS2 + ".*proxy", "squid"

    def begin(self):
        self.proxy = "http://127.0.0.1:%d" % self.keep(Squid(self.stage.dir)).port


class SquidPassword(Network):
    name, what, expected, needs = "squid-auth", "a CONNECT proxy with a password", WS2 + ".*proxy", "squid"

    def begin(self):
        self.port = self.keep(Squid(self.stage.dir, PASSWORD)).port
        self.proxy = f"http://guest:{PASSWORD}@127.0.0.1:{self.port}"

    def check(self, score, got):
        wrong = {"HTTPS_PROXY": f"http://guest:wrong@127.0.0.1:{self.port}"}
        done = self.stage.run(got["profile"], "doctor", environment=wrong)
        score.check(f"{self.name}: a wrong password is told", done.returncode != 0 and "password" in done.stdout,
                    done.stdout + done.stderr)


class TinyproxyOpen(Network):
    name, what, expected, needs = "tinyproxy", "a CONNECT proxy", WS2 + ".*proxy", "tinyproxy"

    def begin(self):
        self.proxy = "http://127.0.0.1:%d" % self.keep(Tinyproxy(self.stage.dir)).port


class TinyproxyPassword(Network):
    name, what, expected, needs = "tinyproxy-auth", "a CONNECT proxy with a password", WS2 + ".*proxy", "tinyproxy"

    def begin(self):
        port = self.keep(Tinyproxy(self.stage.dir, PASSWORD)).port
        self.proxy = f"http://guest:{PASSWORD}@127.0.0.1:{port}"


class NginxNetwork(Network):
    needs, location, version = "nginx", "", "1.1"

    def begin(self):
        front = self.keep(Nginx(self.stage.dir, self.stage.cleartext, self.bed.tls, self.location, self.version))
        self.url_ = "https://localhost:%d" % front.port


class NginxUpgrade(NginxNetwork):
    name, what, expected = "nginx", "nginx 1.22, set up for WebSocket", WS1
    location = ("proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; "
                "proxy_read_timeout 60s;")


class NginxPlain(NginxNetwork):
    name, what, expected = "nginx-plain", "nginx as it comes: HTTP/1.0, no Upgrade, buffered", SSE
    version = "1.0"         # its own default; without X-Accel-Buffering nothing would come


class NginxUnbuffered(NginxNetwork):
    name, what, expected = "nginx-unbuffered", "nginx, no Upgrade, proxy_buffering off", SSE
    location = "proxy_buffering off;"


class NginxHolding(NginxNetwork):
    name, what, expected, version = "nginx-holding", "nginx that buffers whatever it is told", LONG, "1.0"
    location = "proxy_ignore_headers X-Accel-Buffering; proxy_buffering on;"


class HaproxyH2(Network):
    name, what, expected, needs = "haproxy", "HAProxy 2.6, HTTP/2 on both sides", WS2, "haproxy"

    def begin(self):
        pem = os.path.join(self.stage.dir, "haproxy.pem")
        with open(pem, "w") as f:
            for part in ("cert.pem", "key.pem"):
                with open(os.path.join(self.bed.tls, part)) as g:
                    f.write(g.read())
        os.chmod(pem, 0o600)
        front = self.keep(Haproxy(self.stage.dir, "http", f"ssl crt {pem} alpn h2,http/1.1",
                                  "127.0.0.1:%d proto h2" % self.stage.cleartext))
        self.url_ = "https://localhost:%d" % front.port


class HaproxyTcp(Network):
    name, what, expected, needs = "haproxy-v2", "HAProxy in front of TLS, PROXY protocol v2", WS2, "haproxy"

    def begin(self):
        front = self.keep(Haproxy(self.stage.dir, "tcp", "",
                                  "127.0.0.1:%d source 127.0.0.2 send-proxy-v2" % self.stage.port))
        self.url_ = "https://localhost:%d" % front.port


class RogueNetwork(Network):
    traits = {}

    def begin(self):
        self.rogue = self.keep(Rogue(self.stage.cleartext, **self.traits))
        self.url_ = "http://127.0.0.1:%d" % self.rogue.port


class Strips(RogueNetwork):
    name, what, expected = "strips", "a proxy that strips Upgrade", SSE1
    traits = {"strips": True}


class Holds(RogueNetwork):
    name, what, expected = "holds", "a proxy that passes on whole answers only", LONG1
    traits = {"strips": True, "holds": True}


class GetAndPost(RogueNetwork):
    name, what, expected = "get-post", "only GET and POST get through", SSE1
    traits = {"strips": True, "methods": ("GET", "POST")}

    def check(self, score, got):
        run = self.stage.run
        done = run(got["profile"], "read", "sender")
        score.check("get-post: a mark (PUT) gets through", done.returncode == 0, done.stderr)
        group = run(got["profile"], "group", "create", "Before", "sender")
        done = run(got["profile"], "group", "rename", group.stdout.strip().split()[-1] if group.stdout else "?", "After")
        score.check("get-post: a new title (PATCH) gets through", done.returncode == 0, group.stderr + done.stderr)
        done = run(got["profile"], "group", "remove", group.stdout.strip().split()[-1] if group.stdout else "?", "sender")
        score.check("get-post: who is removed from a group (DELETE) is", done.returncode == 0, done.stderr)
        done = run(got["profile"], "logout")
        score.check("get-post: a logout (DELETE) gets through", done.returncode == 0, done.stderr)


class Portal(RogueNetwork):
    name, what, expected, is_patient = "portal", "a captive portal, until its terms are accepted", r"\w+ over HTTP/1\.1", True
    traits = {"strips": True, "portal_s": 4}

    def listening(self):
        self.rogue.portal_until = time.monotonic() + 4     # the terms have changed

    def check(self, score, got):
        score.check("portal: it stood in the way", self.rogue.portals >= 2, f"{self.rogue.portals} pages")


class Six(RogueNetwork):
    name, what, expected = "six", "six connections and no more", WS1
    traits = {"connections": 6}

    def check(self, score, got):
        score.check("six: no seventh was tried", self.rogue.refused == 0, f"{self.rogue.refused} refused")


class Cuts(Network):
    name, what, expected = "cuts", "every connection is cut after 20 s (4 s when quick)", r"\w+ over HTTP/"

    def begin(self):
        self.cutter = self.keep(Cutter(self.stage.port, (3, 4) if self.quick else (19, 20)))
        self.url_ = "https://localhost:%d" % self.cutter.port

    def check(self, score, got):
        score.check("cuts: there were cuts", self.cutter.cuts >= 2, f"{self.cutter.cuts} cuts")


ALL = [Open, SquidOpen, SquidPassword, TinyproxyOpen, TinyproxyPassword, NginxUpgrade, NginxPlain, NginxUnbuffered,
       NginxHolding, HaproxyH2, HaproxyTcp, Strips, Holds, GetAndPost, Portal, Six, Cuts]

# browser/drivers.py - Chromium and Firefox without a screen, driven by what they bring: no driver program, no packages
#
# Chromium speaks its DevTools protocol over two pipes, Firefox speaks Marionette over a loopback socket. Each gets a
# profile of its own, in which the server's certificate authority is trusted, and may reach localhost only.
import itertools
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from ports import free_port

START_S, ANSWER_S = 90, 60


class Failed(Exception):
    """The browser did not do what it was told to."""


def trust(database, ca):
    os.makedirs(database, exist_ok=True)
    for arguments in (["-N", "--empty-password"], ["-A", "-n", "proof", "-t", "CT,C,C", "-i", ca]):
        subprocess.run(["certutil", "-d", "sql:" + database, *arguments], check=True, timeout=60,
                       stdin=subprocess.DEVNULL)


class Browser:
    """One process group with a profile in a directory of its own; both are gone after the with."""

    def __init__(self, ca, has_http2):
        self.ca, self.has_http2 = ca, has_http2
        self.dir = tempfile.mkdtemp(prefix="posthorn-browser-")
        self.process = None
        self.numbers = itertools.count(1)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process:
            self.signal_group(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                pass
            self.signal_group(signal.SIGKILL)
            self.process.wait(10)
        shutil.rmtree(self.dir, ignore_errors=True)

    def signal_group(self, number):
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def launch(self, command, **more):
        environment = {"PATH": os.environ["PATH"], "HOME": self.dir, "LC_ALL": "C.UTF-8", "TMPDIR": self.dir,
                       "XDG_RUNTIME_DIR": self.dir, "MOZ_CRASHREPORTER_DISABLE": "1"}
        with open(os.path.join(self.dir, "log"), "w") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=environment, start_new_session=True, **more)

    def log_tail(self):
        with open(os.path.join(self.dir, "log"), errors="replace") as log:
            return log.read()[-2000:]

    def report(self):
        return json.loads(self.run("proof.report()"))


class Chromium(Browser):
    name = "Chromium"
    program = "chromium"

    def start(self):
        trust(os.path.join(self.dir, ".pki", "nssdb"), self.ca)
        command = [self.program, "--headless=new", "--remote-debugging-pipe",
                   "--user-data-dir=" + self.dir + "/profile",
                   "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
                   "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic",
                   "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost"]
        if os.geteuid() == 0:
            command.append("--no-sandbox")      # it refuses to have one as root
        if not self.has_http2:
            command.append("--disable-http2")
        its_in, self.to = os.pipe()
        self.of, its_out = os.pipe()
        self.launch(["bash", "-c", f'exec "$@" 3<&{its_in} 4>&{its_out} {its_in}<&- {its_out}>&-', "bash", *command],
                    pass_fds=(its_in, its_out))
        os.close(its_in)
        os.close(its_out)
        self.inbox, self.session = b"", None
        target = self.say("Target.createTarget", {"url": "about:blank"}, START_S)["targetId"]
        self.session = self.say("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        self.say("Page.enable")

    def __exit__(self, *_):
        super().__exit__()
        for fd in (self.to, self.of) if hasattr(self, "of") else ():
            os.close(fd)

    def next(self, until):
        while b"\0" not in self.inbox:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.of], [], [], left)[0]:
                raise Failed("no answer in time\n" + self.log_tail())
            octets = os.read(self.of, 1 << 16)
            if not octets:
                raise Failed("the browser ended\n" + self.log_tail())
            self.inbox += octets
        one, self.inbox = self.inbox.split(b"\0", 1)
        return json.loads(one)

    def say(self, method, parameters=None, wait_s=ANSWER_S):
        number, until = next(self.numbers), time.monotonic() + wait_s
        message = {"id": number, "method": method, "params": parameters or {}}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.next(until)
            if answer.get("id") == number:
                if "error" in answer:
                    raise Failed(f"{method}: {answer['error']}")
                return answer["result"]

    def visit(self, url):
        gone = self.say("Page.navigate", {"url": url})
        if gone.get("errorText"):
            raise Failed(f"{url}: {gone['errorText']}")
        until = time.monotonic() + ANSWER_S
        while self.run("location.href + ' ' + document.readyState") != url + " complete":
            if time.monotonic() > until:
                raise Failed(url + " was not loaded")
            time.sleep(0.05)

    def run(self, expression):
        answer = self.say("Runtime.evaluate", {"expression": expression, "returnByValue": True})
        if "exceptionDetails" in answer:
            raise Failed(f"{expression[:80]}: {answer['exceptionDetails']}")
        return answer["result"].get("value")


class Firefox(Browser):
    name = "Firefox"
    program = "firefox-esr"

    def start(self):
        profile, port = os.path.join(self.dir, "profile"), free_port()
        trust(profile, self.ca)
        wanted = {
            "marionette.port": port,
            "devtools.jsonview.enabled": False,         # a page of the server's answer, not of a viewer
            "browser.shell.checkDefaultBrowser": False, "browser.startup.page": 0,
            "app.update.disabledForTesting": True,
            "datareporting.policy.dataSubmissionEnabled": False, "toolkit.telemetry.server": "",
            "network.captive-portal-service.enabled": False, "network.connectivity-service.enabled": False,
            "extensions.getAddons.cache.enabled": False, "browser.safebrowsing.provider.mozilla.updateURL": "",
            # Everything but localhost is behind a proxy that is not there.
            "network.proxy.type": 1, "network.proxy.http": "127.0.0.1", "network.proxy.http_port": 9,
            "network.proxy.ssl": "127.0.0.1", "network.proxy.ssl_port": 9, "network.proxy.no_proxies_on": "localhost",
        }
        if not self.has_http2:
            wanted["network.http.http2.enabled"] = wanted["network.http.spdy.enabled.http2"] = False
        with open(os.path.join(profile, "user.js"), "w") as file:
            file.writelines(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in wanted.items())
        self.launch([self.program, "--headless", "--marionette", "--remote-allow-system-access", "--no-remote",
                     "--profile", profile])
        until = time.monotonic() + START_S
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", port), 2)
                break
            except OSError:
                if self.process.poll() is not None or time.monotonic() > until:
                    raise Failed("Firefox did not start\n" + self.log_tail()) from None
                time.sleep(0.1)
        self.inbox = b""
        self.next(until)                                # its greeting
        self.say("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {"acceptInsecureCerts": False}}}, START_S)

    def __exit__(self, *_):
        if hasattr(self, "socket"):
            self.socket.close()
        super().__exit__()

    def more(self, until):
        self.socket.settimeout(max(0.01, until - time.monotonic()))
        try:
            octets = self.socket.recv(1 << 16)
        except socket.timeout:
            raise Failed("no answer in time\n" + self.log_tail()) from None
        if not octets:
            raise Failed("the browser ended\n" + self.log_tail())
        self.inbox += octets

    def next(self, until):
        while b":" not in self.inbox:
            self.more(until)
        length, rest = self.inbox.split(b":", 1)
        length = int(length)
        while len(rest) < length:
            self.more(until)
            rest = self.inbox.split(b":", 1)[1]
        self.inbox = rest[length:]
        return json.loads(rest[:length])

    def say(self, method, parameters, wait_s=ANSWER_S):
        number, until = next(self.numbers), time.monotonic() + wait_s
        message = json.dumps([0, number, method, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(message), message))
        while True:
            answer = self.next(until)
            if isinstance(answer, list) and answer[:2] == [1, number]:
                if answer[2]:
                    raise Failed(f"{method}: {answer[2].get('error')}: {answer[2].get('message')}")
                return answer[3]

    def visit(self, url):
        self.say("WebDriver:Navigate", {"url": url})

    def run(self, expression):
        script = "return (window.wrappedJSObject || window).eval(arguments[0])"
        return self.say("WebDriver:ExecuteScript", {"script": script, "args": [expression]}).get("value")

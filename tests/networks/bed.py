"""tests/networks/bed.py - a server, a sender beside the network, and a receiver inside of it"""
import http.client
import json
import os
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "scenes", "cli"))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "wire"))
from stage import PASSWORD, Stage  # noqa: E402
from chat import new_key  # noqa: E402

TAKEN = "-- way: "


class Direct:
    """The sender: straight to the server's cleartext port."""

    def __init__(self, port, handle):
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.token = None
        self.id = self.ask("POST", "/v1/accounts", {"handle": handle, "password": PASSWORD})["id"]
        self.token = self.ask("POST", "/v1/sessions", {"handle": handle, "password": PASSWORD,
                                                       "device": {"name": "bed", "platform": "test"}})["token"]

    def ask(self, method, path, body=None):
        fields = {"Content-Type": "application/json"} if body is not None else {}
        if self.token:
            fields["Authorization"] = "Bearer " + self.token
        for left in (1, 0):
            try:
                self.http.request(method, path, None if body is None else json.dumps(body), fields)
                answer = self.http.getresponse()
                break
            except http.client.RemoteDisconnected:      # idle for too long: once more; keys make that harmless
                if not left:
                    raise
                self.http.close()
        text = answer.read()
        if answer.status not in (200, 201):
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:200]}")
        return json.loads(text)

    def send(self, conversation, texts):
        path = f"/v1/conversations/{conversation}/messages"
        done = self.ask("POST", "/v1/batch", {"requests": [
            {"do": "POST", "path": path, "body": {"key": new_key(), "text": text}} for text in texts]})
        bad = [r for r in done["responses"] if r["status"] != 201]
        if bad:
            raise RuntimeError(f"not sent: {bad[0]}")


class Receiver:
    """posthorn listen, inside the network; its output as it comes."""

    def __init__(self, stage, command, environment):
        self.events, self.notes = [], []
        self.process = subprocess.Popen([*command, "listen", "--json", "--ways"],
                                        env=dict(stage.environment(), **environment), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.threads = [threading.Thread(target=self.read, args=(self.process.stdout, self.event), daemon=True),
                        threading.Thread(target=self.read, args=(self.process.stderr, self.notes.append), daemon=True)]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def read(pipe, take):
        for line in pipe:
            take(line.rstrip("\n"))

    def event(self, line):
        self.events.append(json.loads(line))

    def messages(self):
        return [e for e in self.events if e["t"] == "message"]

    def ways(self):
        """The ways that were taken, in their order."""
        return [note[len(TAKEN):] for note in self.notes if note.startswith(TAKEN)]

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for thread in self.threads:
            thread.join(5)


class Bed:
    def __init__(self, build):
        # 127.0.0.2 is where the proxy that speaks the PROXY protocol connects from.
        self.stage = Stage(build, {"POSTHORN_LIMITS_SENDS_PER_SECOND": "0",
                                   "POSTHORN_SERVER_PROXY_PROTOCOL": "127.0.0.2"})
        self.tls = os.path.join(self.stage.dir, "tls")
        self.sender = Direct(self.stage.cleartext, "sender")
        self.count = 0

    def end(self):
        self.stage.end()

    def stream(self, network, messages, seconds):
        """Sends messages over so many seconds while a client in the network listens; answers what it got."""
        self.count += 1
        profile = f"n{self.count}"
        environment = network.environment()
        command = [*network.prefix(), self.stage.program, "--profile", profile, *network.arguments()]
        register = [*command, "--server", network.url(), "--ca", os.path.join(self.tls, "ca.pem"), "register", profile,
                    "--password-file", self.stage.password_file]
        done = None
        until = time.monotonic() + 60
        while time.monotonic() < until:         # as a person would who is told that it did not work
            done = subprocess.run(register, env=dict(self.stage.environment(), **environment), timeout=120, text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
            if done.returncode == 0 or not network.is_patient:
                break
            time.sleep(1)
        if done.returncode:
            raise RuntimeError(f"register: {done.stderr[-300:]}")
        me = self.sender.ask("GET", f"/v1/users?handle={profile}")["id"]
        conversation = self.sender.ask("POST", "/v1/conversations", {"kind": "direct", "with": me})["id"]
        network.listening()
        receiver = Receiver(self.stage, command, environment)
        try:
            begin = time.monotonic()
            while not receiver.ways() and time.monotonic() < begin + 60:
                time.sleep(0.05)
            found_s = time.monotonic() - begin
            texts = [f"{n} through {network.name}" for n in range(messages)]
            begin = time.monotonic()
            for n in range(0, messages, network.batch):
                self.sender.send(conversation, texts[n:n + network.batch])
                time.sleep(max(0, begin + seconds * (n + network.batch) / messages - time.monotonic()))
            until = time.monotonic() + 60
            while len(receiver.messages()) < messages and time.monotonic() < until and receiver.process.poll() is None:
                time.sleep(0.05)
            took_s = time.monotonic() - begin
        finally:
            receiver.end()
        return {"texts": texts, "events": receiver.events, "messages": receiver.messages(), "ways": receiver.ways(),
                "notes": receiver.notes, "found_s": found_s, "took_s": took_s, "conversation": conversation,
                "profile": profile}

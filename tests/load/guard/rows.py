# guard/rows.py - what is counted: one thing, again and again, each after the server has come to rest
import base64
import hashlib
import json
import os
import time

from client import HTTP, WAYS, Frames

DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
TEXT = "a message as people write them, of some fifty bytes"
FIRST_ID = 300000000000000000   # as long as real ones
GROUP = 100
CATCH_UP = 500
BATCH = 32


class Account:
    """Made past the server, which would hash a password for each."""

    def __init__(self, number):
        self.id, self.device = FIRST_ID + 2 * number, FIRST_ID + 2 * number + 1
        raw = self.id.to_bytes(8, "big") + self.device.to_bytes(8, "big")
        raw += hashlib.sha256(str(number).encode()).digest()
        self.token = base64.urlsafe_b64encode(raw).decode()
        self.hash = hashlib.blake2b(raw, digest_size=32).hexdigest()
        self.cursor = "1.0"

    @staticmethod
    def write(house, accounts):
        now_ms = int(time.time() * 1000)
        tables = {"account": lambda a: f"({a.id}, 'user-{a.id}', '', 'none', {now_ms})",
                  "handle": lambda a: f"('user-{a.id}', {a.id})",
                  "mailbox": lambda a: f"({a.id}, 0)",
                  "device": lambda a: f"({a.id}, {a.device}, '', '', '\\x{a.hash}', {now_ms}, {now_ms + 86400000})",
                  "device_cursor": lambda a: f"({a.id}, {a.device}, 0, {now_ms})"}
        for table, row in tables.items():
            house.psql(f"insert into {table} values {', '.join(map(row, accounts))}")


def new_key():
    number = int(time.time() * 1000) << 80 | int.from_bytes(os.urandom(10), "big")
    return "".join(DIGITS[number >> 5 * (25 - n) & 31] for n in range(26))


def message():
    return {"key": new_key(), "text": TEXT}


class NotThere(Exception):
    """The server has no such route."""


def checked(answer, *good):
    status, body = answer
    if status not in good:
        raise ConnectionError(f"{status} {body[:300]!r}")
    return json.loads(body)


class Row:
    """per: how many of what it tells one step is; less: the row that is part of this one."""

    per, less = 1, None
    steps, warm = 45, 24

    def __init__(self, name):
        self.name = name

    def open(self, house, accounts):
        self.house, self.accounts = house, accounts

    def quiet(self):
        self.house.quiet()

    def close(self):
        pass


class Trivial(Row):
    """A request that needs nothing: GET /v1/discover."""

    steps = 150

    def __init__(self, kind, tls):
        super().__init__(f"request {kind}{' tls' if tls else ''}")
        self.kind, self.tls = kind, tls

    def open(self, house, accounts):
        super().open(house, accounts)
        self.http = HTTP[self.kind](*((house.tls_port, house.ca) if self.tls else (house.port,)))

    def step(self):
        checked(self.http.ask("GET", "/v1/discover"), 200)
        self.quiet()

    def close(self):
        self.http.close()


class Send(Row):
    """A message of a direct conversation, whose receiver is not there."""

    def __init__(self, way, kind):
        super().__init__(f"send {way} {kind}")
        self.way, self.kind = way, kind

    def open(self, house, accounts):
        super().open(house, accounts)
        self.sender, self.receiver = accounts(2)
        self.http = HTTP[self.kind](house.port)
        body = json.dumps({"kind": "direct", "with": str(self.receiver.id)}).encode()
        made = HTTP["h1"](house.port)
        answer = checked(made.ask("POST", "/v1/conversations", self.sender.token, body), 200, 201)
        self.path = f"/v1/conversations/{answer['id']}/messages"
        made.close()
        self.quiet()
        self.look(self.receiver)
        if self.way == "frame":
            self.frames = Frames(self.http, f"/v1/events?after={self.sender.cursor}", self.sender.token)
            self.quiet()

    def look(self, account):
        """The cursor behind what opening the conversation has put into an inbox."""
        http = HTTP["h1"](self.house.port)
        account.cursor = checked(http.ask("GET", "/v1/events?after=now", account.token), 200)["cursor"]
        http.close()

    def send(self):
        if self.way == "frame":
            self.frames.send({"id": 7, "do": "POST", "path": self.path, "body": message()})
            # The sender's own copy comes by itself, before the answer or after it.
            while "id" not in self.frames.receive():
                pass
        else:
            body = json.dumps(message()).encode()
            checked(self.http.ask("POST", self.path, self.sender.token, body), 201)

    def step(self):
        self.send()
        self.quiet()

    def close(self):
        self.http.close()


class Deliver(Send):
    """The same with a receiver."""

    def __init__(self, way, kind):
        super().__init__("post", "h2")
        self.name, self.less = f"message to {way} {kind}", "send post h2"
        self.receive = way, kind

    def open(self, house, accounts):
        super().open(house, accounts)
        way, kind = self.receive
        self.ways = [WAYS[way](kind, house.port, account) for account in self.receivers()]
        self.arm()

    def receivers(self):
        return [self.receiver]

    def arm(self):
        for way in self.ways:
            way.arm()
        self.quiet()

    def step(self):
        self.send()
        for way in self.ways:
            page = way.take()
            if len(page["events"]) != 1 or page["events"][0]["text"] != TEXT:
                raise ConnectionError(f"{self.name}: {page}")
        self.arm()

    def close(self):
        super().close()
        for way in self.ways:
            way.close()


class Group(Deliver):
    """A message of a group to all its members but the sender, each with a connection: a delivery, sending included."""

    steps, warm = 5, 4      # ends before receivers of frames acknowledge, all at the same time

    def __init__(self, way, kind):
        super().__init__(way, kind)
        self.name, self.less, self.per = f"group of {GROUP} to {way} {kind}", None, GROUP - 1

    def open(self, house, accounts):
        Row.open(self, house, accounts)
        self.sender, *self.members = accounts(GROUP)
        self.http = HTTP["h2"](house.port)
        body = {"kind": "group", "title": "guard", "members": [str(member.id) for member in self.members]}
        made = checked(self.http.ask("POST", "/v1/conversations", self.sender.token, json.dumps(body).encode()), 201)
        self.path = f"/v1/conversations/{made['id']}/messages"
        self.quiet()
        way, kind = self.receive
        self.ways = []
        for member in self.members:
            self.look(member)
            self.ways.append(WAYS[way](kind, house.port, member))
        self.arm()


class CatchUp(Send):
    """An inbox page that has to be read from Postgres: an event of it."""

    steps, warm = 2, 2

    def __init__(self, kind):
        super().__init__("post", "h2")
        self.name, self.per, self.receive = f"catch-up of {CATCH_UP} {kind}", CATCH_UP, kind

    def open(self, house, accounts):
        super().open(house, accounts)
        for first in range(0, CATCH_UP, BATCH):
            count = min(BATCH, CATCH_UP - first)
            body = {"requests": [{"do": "POST", "path": self.path, "body": message()} for _ in range(count)]}
            answers = checked(self.http.ask("POST", "/v1/batch", self.sender.token, json.dumps(body).encode()), 200)
            if {answer["status"] for answer in answers["responses"]} != {201}:
                raise ConnectionError(f"{answers}")
        self.http.close()
        self.http = HTTP[self.receive](house.port)

    def step(self):
        path = f"/v1/events?after={self.receiver.cursor}&limit={CATCH_UP}"
        page = checked(self.http.ask("GET", path, self.receiver.token), 200)
        if len(page["events"]) != CATCH_UP:
            raise ConnectionError(f"{self.name}: {len(page['events'])} events")
        self.quiet()


class Typing(Deliver):
    """A signal to one receiver: nothing is stored."""

    def __init__(self, way, kind):
        super().__init__(way, kind)
        self.name, self.less = f"typing {way} {kind}", None

    def send(self):
        path = self.path.removesuffix("messages") + "typing"
        answer = self.http.ask("POST", path, self.sender.token, b"{}")
        if answer[0] == 404:
            raise NotThere("the server has no such route")
        checked(answer, 202)

    def step(self):
        self.send()
        for way in self.ways:
            page = way.take()
            if page.get("signal", {}).get("t") != "typing":
                raise ConnectionError(f"{self.name}: {page}")
        self.quiet()


ROWS = [Trivial("h2", False), Trivial("h1", False), Trivial("h2", True),
        Send("post", "h2"), Send("post", "h1"), Send("frame", "h2"), Send("frame", "h1"),
        Deliver("poll", "h2"), Deliver("longpoll", "h2"), Deliver("longpoll", "h1"), Deliver("sse", "h2"),
        Deliver("sse", "h1"), Deliver("ws", "h2"), Deliver("ws", "h1"), Deliver("push", "h2"),
        Group("longpoll", "h1"), Group("sse", "h2"), Group("sse", "h1"), Group("ws", "h2"), Group("ws", "h1"),
        Group("push", "h2"), CatchUp("h2"), Typing("ws", "h1")]

# wire/chat.py - what a client of the public API does: register, log in, send with keys, poll, read history
import asyncio
import json
import os
import random
import time
import traceback

from ways import Refused, open_way
from wire import H1, H2, Gone

PASSWORD = "correct horse battery"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_key():
    number = int(time.time() * 1000) << 80 | int.from_bytes(os.urandom(10), "big")
    return "".join(CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


class Account:
    """One account with one device, on one transport ("h1" or "h2")."""

    def __init__(self, handle, port, transport, context=None):
        self.handle, self.transport = handle, transport
        self.http = (H1 if transport == "h1" else H2)(port, context)
        self.id = self.token = self.cursor = None

    async def ask(self, method, path, body=None, wait_s=15):
        headers = [("authorization", "Bearer " + self.token)] if self.token else []
        if body is not None:
            headers.append(("content-type", "application/json"))
            if not isinstance(body, bytes):
                body = json.dumps(body, ensure_ascii=False).encode()
        return await self.http.ask(method, path, headers, body, wait_s)

    async def insist(self, what, method, path, body=None, wait_s=15, good=(200, 201), until_s=60):
        """Asks until the answer is good; 429, 503 and lost connections are tried again for until_s seconds."""
        end = time.monotonic() + until_s
        pause = 0.1
        while True:
            try:
                answer = await self.ask(method, path, body, wait_s)
                if answer.status in good:
                    return json.loads(answer.body)
                if answer.status not in (429, 503) or time.monotonic() > end:
                    raise Refused(what, answer)
                pause = retry_s(answer)
            except Gone:
                if time.monotonic() > end:
                    raise
            await asyncio.sleep(pause * random.uniform(1, 1.5))

    async def register(self):
        me = await self.insist("register " + self.handle, "POST", "/v1/accounts",
                               {"handle": self.handle, "password": PASSWORD})
        self.id = me["id"]

    async def login(self):
        session = await self.insist("login " + self.handle, "POST", "/v1/sessions",
                                    {"handle": self.handle, "password": PASSWORD,
                                     "device": {"name": "proof", "platform": "test"}})
        self.token, self.cursor = session["token"], session["cursor"]
        self.id = session["account"]["id"]

    async def direct(self, other):
        return (await self.insist("direct", "POST", "/v1/conversations", {"kind": "direct", "with": other.id}))["id"]

    async def group(self, title, members):
        return (await self.insist("group", "POST", "/v1/conversations",
                                  {"kind": "group", "title": title, "members": [m.id for m in members]}))["id"]

    async def poll(self, wait_s, limit=500):
        """One page of events after self.cursor, which it moves; raises Gone or Refused."""
        answer = await self.ask("GET", f"/v1/events?after={self.cursor}&limit={limit}&wait={wait_s}",
                                wait_s=wait_s + 15)
        if answer.status != 200:
            raise Refused("poll", answer)
        page = json.loads(answer.body)
        self.cursor = page["cursor"]
        return page["events"], page["more"]

    async def way(self, way, http=None, after=None, **more):
        """An open receiver (ways.py) of this device; http None: as its requests go."""
        return await open_way(way, http or self.transport, self.http.port, self.http.context, self.token,
                              after or self.cursor, **more)

    async def receive(self, way, http=None, after=None, wait_s=30):
        """Batches, some without events, until the way ends or breaks off (Ended, Gone); moves self.cursor."""
        receiver = await self.way(way, http, after)
        try:
            while True:
                item = await receiver.next(wait_s)
                if "events" in item:
                    self.cursor = item["cursor"]
                yield {"events": [], **item}
        finally:
            receiver.close()

    async def history(self, conversation, way):
        """Every event of a conversation by pages, in rising order; way is "before" or "after"."""
        events, edge = [], None if way == "before" else 1
        while True:
            bound = "" if edge is None else f"&{way}={edge}"
            page = await self.insist("history", "GET", f"/v1/conversations/{conversation}/messages?limit=200{bound}")
            page = sorted(page["messages"], key=lambda event: event["seq"])
            if not page:
                return events
            if way == "before":
                events, edge = page + events, page[0]["id"]
            else:
                events, edge = events + page, page[-1]["id"]


def retry_s(answer):
    try:
        return min(5.0, json.loads(answer.body)["retry_ms"] / 1000)
    except (ValueError, KeyError, TypeError):
        return 0.5


async def gather_some(limit, calls):
    """Runs coroutines, at most limit at a time; the first that fails ends it."""
    gate = asyncio.Semaphore(limit)

    async def one(call):
        async with gate:
            return await call

    return await asyncio.gather(*(one(call) for call in calls))


class Score:
    """Counts checks; a failed one is printed at once."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, what, good, detail=""):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            if self.failed <= 40:
                print(f"FAILED {what} {detail}", flush=True)
        return bool(good)

    def run(self, coroutine):
        """A run that breaks off has failed, and says where."""
        try:
            asyncio.run(coroutine)
        except Exception as why:
            traceback.print_exc()
            self.check("the run to its end", False, repr(why))

    def end(self):
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed or not self.passed else 0

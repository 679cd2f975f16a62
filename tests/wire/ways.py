# wire/ways.py - the five ways to receive behind one face: open(), next(), cut(), and the cursor they have come to
#
# next() gives what the server said, as the WebSocket would word it: {"events":[..],"cursor":..}, {"signal":..},
# {"bye":..}. It raises Ended when the server ended the stream in order, Gone when it broke off, Refused when it was
# not opened.
import asyncio
import json

from streams import WINDOW, Answer, open_line
from websocket import Closed, WebSocket
from wire import H1, H2, Gone

WAYS = ("poll", "long", "sse", "socket", "push")
PAIRS = tuple((way, http) for way in WAYS for http in ("h1", "h2") if (way, http) != ("push", "h1"))
STREAMS = tuple(pair for pair in PAIRS if pair[0] in ("sse", "socket", "push"))


class Refused(Exception):
    """An answer that was not hoped for."""

    def __init__(self, what, answer):
        self.status, self.answer = answer.status, answer
        super().__init__(f"{what}: {answer.status} {answer.body[:300]!r}")


class Ended(Exception):
    """The server ended it in order: code and reason of a Close frame, or the last bye's."""

    def __init__(self, code=None, reason=None, retry_ms=None):
        self.code, self.reason, self.retry_ms = code, reason, retry_ms
        super().__init__(f"ended: {code} {reason} {retry_ms}")


class Receiver:
    """port, context: where; http: "h1" or "h2"; token: whose."""

    def __init__(self, http, port, context, token, query="", headers=(), window=WINDOW):
        self.http, self.port, self.context, self.query, self.window = http, port, context, query, window
        self.headers = ([("authorization", "Bearer " + token)] if token else []) + list(headers)
        self.cursor, self.line = None, None

    def path(self, more=""):
        after = "" if self.cursor is None else f"after={self.cursor}"
        return "/v1/events?" + "&".join(part for part in (after, more, self.query) if part)

    async def open(self, after):
        """after None: it is not sent."""
        self.cursor = after
        await self.start()
        return self

    def at(self, item):
        if item.get("cursor"):
            self.cursor = item["cursor"]
        return item

    def cut(self):
        if self.line:
            self.line.cut()

    def close(self):
        if self.line:
            self.line.close()


class Poll(Receiver):
    wait_s, pause_s = 0, 0.05

    async def start(self):
        context = self.context.twin() if self.context else None
        self.line = (H1 if self.http == "h1" else H2)(self.port, context)
        self.is_new = True

    async def next(self, wait_s=30):
        if not self.is_new and self.pause_s:
            await asyncio.sleep(self.pause_s)
        hold_s = max(1, min(self.wait_s, int(wait_s) - 1)) if self.wait_s else 0
        answer = await self.line.ask("GET", self.path(f"wait={hold_s}"), self.headers, None, wait_s + 10)
        if answer.status != 200:
            raise Refused("poll", answer)
        page = json.loads(answer.body)
        self.is_new = not page["events"] and page["retry_ms"] == 0 and self.wait_s > 0
        return self.at(page)

    def cut(self):
        self.line.close()


class LongPoll(Poll):
    wait_s, pause_s = 20, 0


class Stream(Receiver):
    """A response whose body does not end."""

    async def start(self):
        self.line = await open_line(self.http, self.port, self.context, self.path(self.ask()), self.headers,
                                    push=self.takes_pushes, window=self.window)
        if self.line.status != 200:
            answer = await self.line.whole()
            self.line.close()
            raise Refused("open", answer)
        self.seen, self.rest = b"", b""
        self.bye = None

    takes_pushes = False

    async def cut_line(self, wait_s):
        """The next line of text, without its end; None: the body is over."""
        while b"\n" not in self.rest:
            piece = await self.line.read(wait_s)
            if not piece:
                return None
            self.rest += piece
            if len(self.seen) < 8192:
                self.seen += piece
        one, self.rest = self.rest.split(b"\n", 1)
        return one.decode("utf-8")

    def over(self):
        if self.bye is None:
            return Gone("the body ended without a bye")
        return Ended(self.bye.get("code"), "bye", self.bye.get("retry_ms"))


class Sse(Stream):
    def ask(self):
        self.headers.append(("accept", "text/event-stream"))
        return ""

    async def next(self, wait_s=30):
        """One event; comments are kept in .comments, retry in .retry_ms."""
        self.comments, name, data, last_id = [], None, [], None
        while True:
            text = await self.cut_line(wait_s)
            if text is None:
                raise self.over()
            field, _, value = text.partition(":")
            value = value.removeprefix(" ")
            if field == "" and text:
                self.comments.append(value)
            elif field == "retry":
                self.retry_ms = int(value)
            elif field == "id":
                last_id = value
            elif field == "event":
                name = value
            elif field == "data":
                data.append(value)
            elif text == "" and (data or last_id is not None):
                return self.item(name, "\n".join(data), last_id)

    def item(self, name, data, last_id):
        what = json.loads(data) if data else None
        if last_id is not None:
            events = [what] if data else []
            if data and what["t"] != name:
                raise Gone(f"event {name} says {what['t']}")
            return self.at({"events": events, "cursor": last_id})
        if name == "bye":
            self.bye = what
        return {name: what}


class Socket(Receiver):
    acks = True

    async def start(self):
        self.ws = await WebSocket.open(self.http, self.port, self.context, self.path(), self.headers,
                                       window=self.window)
        if isinstance(self.ws, Answer):
            raise Refused("open", self.ws)
        self.line = self.ws.line

    async def next(self, wait_s=30):
        try:
            item = await self.ws.receive(wait_s)
        except Closed as closed:
            retry = closed.reason.partition("retry=")[2]
            raise Ended(closed.code, closed.reason, int(retry) if retry else None) from None
        if "events" in item:
            self.at(item)
            if self.acks and item["events"]:
                await self.ws.send({"ack": self.cursor})
        return item


class Anchor(Stream):
    takes_pushes = True

    def ask(self):
        return "push=1"

    async def start(self):
        await super().start()
        self.items, self.promised, self.why = asyncio.Queue(4), [], None
        self.tasks = [asyncio.create_task(self.lines()), asyncio.create_task(self.pushes())]

    async def next(self, wait_s=30):
        if self.why:
            raise self.why
        try:
            item = await asyncio.wait_for(self.items.get(), wait_s)
        except asyncio.TimeoutError:
            raise Gone(f"anchor: nothing within {wait_s} s") from None
        if isinstance(item, Exception):
            self.why = item
            raise item
        return self.at(item) if "events" in item else item

    async def lines(self):
        """The anchor's own body."""
        try:
            while (text := await self.cut_line(None)) is not None:
                item = json.loads(text)
                self.bye = item.get("bye", self.bye)
                await self.items.put({"events": [], **item} if "cursor" in item else item)
            await self.items.put(self.over())
        except (Gone, ValueError) as why:
            await self.items.put(why if isinstance(why, Gone) else Gone(repr(why)))

    async def pushes(self):
        """One response after the other, as they were promised."""
        at = None
        try:
            while True:
                pushed = await self.line.promised(None)
                self.promised.append(pushed.request[":path"])
                await pushed.head(None)
                answer = await pushed.whole(None)
                page = json.loads(answer.body)
                if answer.status != 200 or self.promised[-1] != f"/v1/events?after={at}" and at:
                    raise Gone(f"{answer.status} pushed for {self.promised[-1]}, wanted after={at}")
                at = page["cursor"]
                await self.items.put(page)
        except Gone as why:
            if "reset" not in str(why) and "stream ended" not in str(why):
                await self.items.put(why)

    def stop(self):
        for task in getattr(self, "tasks", ()):
            task.cancel()

    def cut(self):
        self.stop()
        super().cut()

    def close(self):
        self.stop()
        super().close()


KINDS = {"poll": Poll, "long": LongPoll, "sse": Sse, "socket": Socket, "push": Anchor}


async def open_way(way, http, port, context, token, after, **more):
    """An open receiver, or Refused, or Gone."""
    receiver = KINDS[way](http, port, context, token, **more)
    try:
        return await receiver.open(after)
    except BaseException:
        receiver.close()
        raise

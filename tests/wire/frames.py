# wire/frames.py - verbs in the frames of a WebSocket, with the face of an HTTP client: the same dialogues on another carrier
#
# What only HTTP has (no token, cookies, header fields, waiting, bodies that are no JSON) goes over HTTP.
import asyncio
import json

from websocket import Closed, WebSocket
from wire import H1, H2, Answer, Gone

PLAIN = {"authorization", "content-type"}


class Wire:
    """One WebSocket of one session, and who waits for what."""

    def __init__(self, ws):
        self.ws, self.waiting, self.next_id = ws, {}, 1
        self.task = asyncio.create_task(self.read())

    async def read(self):
        try:
            while True:
                item = await self.ws.receive(60)
                if "id" in item:
                    self.waiting.pop(item["id"]).set_result(item)
        except (Gone, Closed, KeyError) as why:
            self.over(why)

    def over(self, why):
        self.ws.close()
        for one in self.waiting.values():
            if not one.done():
                one.set_exception(Gone(repr(why)))
        self.waiting.clear()
        self.ws = None

    async def ask(self, method, path, body):
        number, self.next_id = self.next_id, self.next_id + 1
        waiting = self.waiting[number] = asyncio.get_running_loop().create_future()
        words = {"id": number, "do": method, "path": path}
        data = json.dumps(words).encode()
        if body is not None:
            data = data[:-1] + b',"body":' + body + b"}"
        await self.ws.send(data)
        return await waiting


class Framed:
    below, http = None, None
    count = 0           # verbs that went in frames

    def __init__(self, port, context=None):
        self.port, self.context, self.wires = port, context, {}
        self.plain = self.below(port, context)
        self.opening = asyncio.Lock()

    def close(self):
        self.plain.close()
        for wire in self.wires.values():
            if wire.ws:
                wire.task.cancel()
                wire.over("closed")
        self.wires.clear()

    async def ask(self, method, path, headers, body, wait_s):
        token = dict(headers).get("authorization", "")[len("Bearer "):]
        if not token or not self.fits(method, path, headers, body):
            return await self.plain.ask(method, path, headers, body, wait_s)
        try:
            return await asyncio.wait_for(self.framed(token, method, path, body), wait_s)
        except asyncio.TimeoutError:
            raise Gone(f"{method} {path}: no answer within {wait_s} s") from None
        except Closed as why:
            raise Gone(repr(why)) from None

    async def framed(self, token, method, path, body):
        async with self.opening:
            wire = self.wires.get(token)
            if wire is None or wire.ws is None:
                ws = await WebSocket.open(self.http, self.port, self.context, "/v1/events?after=now",
                                          [("authorization", "Bearer " + token)])
                if isinstance(ws, Answer):
                    return ws
                wire = self.wires[token] = Wire(ws)
        Framed.count += 1
        said = await wire.ask(method, path, body)
        kind = "application/problem+json" if said["status"] >= 400 else "application/json"
        return Answer(said["status"], {"content-type": kind + "; charset=utf-8", "cache-control": "no-store"},
                      json.dumps(said["body"], ensure_ascii=False).encode())

    @staticmethod
    def fits(method, path, headers, body):
        names = {name.lower() for name, _ in headers}
        if not names <= PLAIN or dict(headers).get("content-type", "application/json") != "application/json":
            return False
        if path == "/v1/batch" and b'"cookie"' in body:
            return False        # a frame has no fields to set one with
        if method in ("HEAD", "OPTIONS") or len(path) > 2000 or path.startswith("/v1/events") and "wait=" in path:
            return False
        try:
            return body is None or json.loads(body) is not None
        except (ValueError, RecursionError):
            return False


class Framed1(Framed):
    below, http = H1, "h1"


class Framed2(Framed):
    below, http = H2, "h2"

"""tests/networks/rogues.py - HTTP/1.1 proxies of our own, each restrictive in one way of the real world"""
import asyncio
import threading
import time

REFUSAL = (b"HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/html\r\nContent-Length: 39\r\nConnection: close\r\n\r\n"
           b"<html>Only GET and POST, please.</html>")
UNKNOWN = b"HTTP/1.1 505 HTTP Version Not Supported\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
FULL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
PORTAL = (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 41\r\nConnection: close\r\n\r\n"
          b"<html>Accept our terms to go on...</html>")


class Gone(Exception):
    pass


class Rogue:
    """Listens on 127.0.0.1:port and passes requests on to a cleartext posthornd at target.

    strips: Upgrade and what belongs to it never gets through, as with TLS inspection
    holds: an answer is passed on when it is whole, not before
    methods: others are answered with a page of HTML
    portal_s: for so long every request is answered with a captive portal's page
    connections: so many at once; one more is refused"""

    def __init__(self, target, strips=False, holds=False, methods=None, portal_s=0, connections=None):
        self.target, self.strips, self.holds, self.methods = target, strips, holds, methods
        self.connections, self.open, self.most, self.refused, self.portals = connections, 0, 0, 0, 0
        self.portal_until = time.monotonic() + portal_s
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        self.thread = threading.Thread(target=self.run, args=(ready,), daemon=True)
        self.thread.start()
        if not ready.wait(10):
            raise RuntimeError("the proxy does not start")

    def run(self, ready):
        asyncio.set_event_loop(self.loop)
        self.server = self.loop.run_until_complete(asyncio.start_server(self.serve, "127.0.0.1", 0))
        self.port = self.server.sockets[0].getsockname()[1]
        ready.set()
        self.loop.run_forever()

    def end(self):
        asyncio.run_coroutine_threadsafe(self.leave(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()

    async def leave(self):
        self.server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def serve(self, reader, writer):
        back = None
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            if self.connections and self.open > self.connections:
                self.refused += 1
                writer.write(FULL)
                return
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
            while await self.one(reader, writer, there, back):
                pass
        except (Gone, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self.open -= 1
            for end in (writer, back):
                if end:
                    end.close()

    async def one(self, reader, writer, there, back):
        """One request and its answer; whether another may follow."""
        first, fields = await self.head(reader)
        method = first.split()[0].upper()
        if not first.endswith("HTTP/1.1"):      # the preface of HTTP/2, too
            writer.write(UNKNOWN)
            return False
        if time.monotonic() < self.portal_until:
            self.portals += 1
            writer.write(PORTAL)
            return False
        if self.methods and method not in self.methods:
            writer.write(REFUSAL)
            return False
        upgrades = any(name == "upgrade" for name, _ in fields)
        if self.strips:
            fields = [(n, v) for n, v in fields if n != "upgrade" and not n.startswith("sec-websocket") and
                      not (n == "connection" and "upgrade" in v.lower())]
        back.write(self.text(first, fields))
        await self.body(reader, fields, back.write, False)
        await back.drain()
        answer = asyncio.ensure_future(self.answer(method, there, writer))
        gone = asyncio.ensure_future(self.hang_up(reader)) if not (upgrades and not self.strips) else None
        try:
            await asyncio.wait([t for t in (answer, gone) if t], return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise Gone()
            result = answer.result()
        finally:
            for task in (answer, gone):
                if task:
                    task.cancel()
        if result == "101":
            await self.tunnel(reader, writer, there, back)
            return False
        return result

    @staticmethod
    async def hang_up(reader):
        """Comes back when the client is gone; what it pipelines stays in the reader."""
        while not reader.at_eof():
            await asyncio.sleep(0.05)

    @staticmethod
    async def head(reader):
        raw = await reader.readuntil(b"\r\n\r\n")
        lines = raw[:-4].decode("latin-1").split("\r\n")
        fields = [(n.strip().lower(), v.strip()) for n, v in (line.split(":", 1) for line in lines[1:])]
        return lines[0], fields

    @staticmethod
    def text(first, fields):
        return ("\r\n".join([first] + [f"{n}: {v}" for n, v in fields]) + "\r\n\r\n").encode("latin-1")

    async def body(self, reader, fields, write, until_end, drain=None):
        found = dict(fields)
        if found.get("transfer-encoding", "").lower() == "chunked":
            while True:
                line = await reader.readuntil(b"\r\n")
                size = int(line.split(b";")[0], 16)
                write(line + await reader.readexactly(size + 2))
                if drain:
                    await drain()
                if size == 0:
                    return
        left = int(found.get("content-length", 0))
        while left > 0 or ("content-length" not in found and until_end):
            part = await reader.read(min(left, 16384) if left else 16384)
            if not part:
                return
            left -= len(part) if left else 0
            write(part)
            if drain:
                await drain()

    async def answer(self, method, there, writer):
        first, fields = await self.head(there)
        status = first.split()[1]
        if status == "101":
            writer.write(self.text(first, fields))
            return "101"
        held = [self.text(first, fields)]
        write, drain = (held.append, None) if self.holds else (writer.write, writer.drain)
        if not self.holds:
            writer.write(held.pop())
        if method != "HEAD" and status not in ("204", "304"):
            await self.body(there, fields, write, True, drain)
        writer.write(b"".join(held))
        await writer.drain()
        return dict(fields).get("connection", "").lower() != "close"

    @staticmethod
    async def tunnel(reader, writer, there, back):
        async def copy(source, to):
            while True:
                part = await source.read(16384)
                if not part:
                    return
                to.write(part)
                await to.drain()
        tasks = [asyncio.ensure_future(copy(reader, back)), asyncio.ensure_future(copy(there, writer))]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()

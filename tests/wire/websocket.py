# wire/websocket.py - a WebSocket client over either version of HTTP; frames can be sent as wrong as a test wants
import base64
import hashlib
import json
import os
import struct

from streams import open_line
from wire import Gone

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PROTOCOL = "posthorn.v1"


class Closed(Exception):
    """The server closed with this code and reason."""

    def __init__(self, code, reason):
        self.code, self.reason = code, reason
        super().__init__(f"closed: {code} {reason!r}")


def frame(opcode, payload=b"", fin=True, mask=True, rsv=0):
    head = bytes([(fin << 7) | (rsv << 4) | opcode])
    bit, size = mask << 7, len(payload)
    if size < 126:
        head += bytes([bit | size])
    elif size < 65536:
        head += struct.pack(">BH", bit | 126, size)
    else:
        head += struct.pack(">BQ", bit | 127, size)
    if not mask:
        return head + payload
    key = os.urandom(4)
    wide = (key * (size // 4 + 1))[:size]
    masked = (int.from_bytes(payload, "big") ^ int.from_bytes(wide, "big")).to_bytes(size, "big")
    return head + key + masked


class WebSocket:
    def __init__(self, line):
        self.line, self.inbox = line, b""
        self.pings, self.is_ended, self.answers_pings = 0, False, True

    @classmethod
    async def open(cls, http, port, context, path, headers=(), version="13", protocol=PROTOCOL, **more):
        """A WebSocket, or the answer that came instead of one (an Answer)."""
        fields, key = list(headers), base64.b64encode(os.urandom(16)).decode()
        fields += [("sec-websocket-version", version)] if version else []
        fields += [("sec-websocket-protocol", protocol)] if protocol else []
        fields += [("sec-websocket-key", key)] if http == "h1" else []
        line = await open_line(http, port, context, path, fields, tunnel=True, **more)
        if line.status != (101 if http == "h1" else 200):
            answer = await line.whole()
            line.close()
            return answer
        if http == "h1":
            wanted = base64.b64encode(hashlib.sha1(key.encode() + MAGIC).digest()).decode()
            if line.headers.get("sec-websocket-accept") != wanted:
                raise Gone(f"sec-websocket-accept is {line.headers.get('sec-websocket-accept')}")
        if "sec-websocket-extensions" in line.headers:
            raise Gone("an extension that nobody asked for")
        return cls(line)

    async def send(self, what):
        data = what if isinstance(what, bytes) else json.dumps(what, ensure_ascii=False).encode()
        await self.line.write(frame(TEXT, data))

    async def raw(self, data):
        await self.line.write(data)

    async def frame(self, wait_s=30):
        """(opcode, payload) of the next frame, pings among them; None at the end."""
        while True:
            cut = self._cut()
            if cut:
                return cut
            piece = await self.line.read(wait_s)
            if not piece:
                return None
            self.inbox += piece

    def _cut(self):
        box = self.inbox
        if len(box) < 2:
            return None
        size, at = box[1] & 127, 2
        if box[1] & 128 or box[0] & 0xf0 != 0x80:
            raise Gone(f"a frame of a server that begins with {box[:2]!r}")
        if size > 125:
            wide = 2 if size == 126 else 8
            if len(box) < 2 + wide:
                return None
            size, at = int.from_bytes(box[2:2 + wide], "big"), 2 + wide
        if len(box) < at + size:
            return None
        self.inbox = box[at + size:]
        return box[0] & 15, box[at:at + size]

    async def receive(self, wait_s=30):
        """The next message, as JSON; pings are answered on the way. Raises Closed, or Gone."""
        while True:
            got = await self.frame(wait_s)
            if got is None:
                raise Gone("ended without a Close frame")
            opcode, payload = got
            if opcode == TEXT:
                return json.loads(payload.decode("utf-8"))
            if opcode == PING:
                self.pings += 1
                if self.answers_pings:
                    await self.line.write(frame(PONG, payload))
            elif opcode == CLOSE:
                await self._closed(payload)
            elif opcode != PONG:
                raise Gone(f"opcode {opcode}")

    async def _closed(self, payload):
        code = int.from_bytes(payload[:2], "big") if payload else 1005
        try:
            if not self.is_ended:
                await self.line.write(frame(CLOSE, payload[:2]))
                self.line.end()
        except (Gone, OSError):
            pass
        self.is_ended = True
        raise Closed(code, payload[2:].decode())

    async def shut(self, code=1000, reason="", wait_s=10):
        """Closes, and gives what the server closed with."""
        await self.line.write(frame(CLOSE, struct.pack(">H", code) + reason.encode()))
        self.is_ended = True
        try:
            while True:
                await self.receive(wait_s)
        except Closed as closed:
            return closed
        finally:
            self.line.end()

    def cut(self):
        self.line.cut()

    def close(self):
        self.line.close()

# wire/streams.py - exchanges that stay open: a body that comes in pieces, a tunnel, promises; HTTP/1.1 and HTTP/2
#
# A Line is one exchange. What is not read is not granted either: who stops reading is a slow client, and the server
# finds out. cut() ends the connection as a tunnel under a mountain does.
import asyncio

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from wire import WINDOW, Answer, Gone, connect

TUNNEL = {"upgrade": "websocket", "connection": "Upgrade"}
H1_BUFFER = 1 << 16


class Line:
    """What both versions give: status, headers (by lower-case name), read(), write(), end(), cut()."""

    status, headers = None, None

    async def whole(self, wait_s=15):
        """The rest of the body, as an answer."""
        parts = []
        while piece := await self.read(wait_s):
            parts.append(piece)
        return Answer(self.status, self.headers, b"".join(parts))


async def within(wait_s, what, waiting):
    try:
        return await asyncio.wait_for(waiting, wait_s)
    except asyncio.TimeoutError:
        raise Gone(f"{what}: nothing within {wait_s} s") from None


class Line1(Line):
    """HTTP/1.1, on a connection of its own."""

    def __init__(self, reader, writer):
        self.reader, self.writer, self.chunked, self.left = reader, writer, False, None

    @classmethod
    async def open(cls, port, context, method, path, headers, tunnel=False, body=None, wait_s=15, version="1.1"):
        line = cls(*await connect(port, context, "http/1.1"))
        lines = [f"{method} {path} HTTP/{version}", f"host: localhost:{port}"]
        lines += [f"{name}: {value}" for name, value in headers + (list(TUNNEL.items()) if tunnel else [])]
        lines += [] if body is None else [f"content-length: {len(body)}"]
        line.writer.write("\r\n".join(lines + ["", ""]).encode() + (body or b""))
        try:
            await within(wait_s, f"{method} {path}", line._head())
        except (OSError, asyncio.IncompleteReadError) as why:
            line.cut()
            raise Gone(f"{method} {path}: {why!r}") from None
        except BaseException:
            line.cut()
            raise
        return line

    async def _head(self):
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        self.status, self.headers = int(head[0].split(" ")[1]), {}
        for one in head[1:-2]:
            name, _, value = one.partition(":")
            self.headers[name.lower()] = value.strip()
        self.chunked = self.headers.get("transfer-encoding", "").lower() == "chunked"
        if "content-length" in self.headers:
            self.left = int(self.headers["content-length"])

    async def read(self, wait_s=30):
        """Some bytes; none: the body is over. Raises Gone when it breaks off."""
        try:
            return await within(wait_s, "read", self._read())
        except (OSError, asyncio.IncompleteReadError) as why:
            raise Gone(repr(why)) from None

    async def _read(self):
        if not self.chunked:
            if self.left == 0:
                return b""
            piece = await self.reader.read(min(self.left or H1_BUFFER, H1_BUFFER))
            if self.left is not None:
                self.left -= len(piece)
                if not piece:
                    raise Gone("the body is too short")
            return piece
        if self.left is None:
            self.left = int((await self.reader.readuntil(b"\r\n")).split(b";")[0], 16)
        if self.left == 0:
            await self.reader.readuntil(b"\r\n")
            self.chunked = False
            return b""
        piece = await self.reader.read(min(self.left, H1_BUFFER))
        if not piece:
            raise Gone("the body broke off")
        self.left -= len(piece)
        if self.left == 0:
            await self.reader.readexactly(2)
            self.left = None
        return piece

    async def write(self, data):
        try:
            self.writer.write(data)
            await self.writer.drain()
        except OSError as why:
            raise Gone(repr(why)) from None

    def end(self):
        if self.writer.can_write_eof():
            self.writer.write_eof()

    def cut(self):
        self.writer.transport.abort()

    def close(self):
        self.writer.close()


class Line2(Line):
    """One stream of an HTTP/2 connection."""

    def __init__(self, link, stream_id, request=None):
        self.link, self.id, self.request = link, stream_id, request
        self.pieces, self.promises = asyncio.Queue(), asyncio.Queue()
        self.answered = asyncio.get_running_loop().create_future()

    async def head(self, wait_s=15):
        self.status, self.headers = await within(wait_s, "head", asyncio.shield(self.answered))

    async def read(self, wait_s=30):
        piece, granted = await within(wait_s, "read", self.pieces.get())
        if isinstance(piece, Exception):
            self.pieces.put_nowait((piece, 0))
            raise piece
        if not piece:
            self.pieces.put_nowait((b"", 0))
        if granted:
            self.link.grant(self.id, granted)
        return piece

    async def promised(self, wait_s=15):
        """The next response that is promised on this one: a Line2 with .request, whose head may be far."""
        line = await within(wait_s, "promise", self.promises.get())
        if isinstance(line, Exception):
            self.promises.put_nowait(line)
            raise line
        return line

    async def write(self, data):
        await self.link.send(self.id, data)

    def end(self):
        self.link.end(self.id)

    def reset(self, code=h2.errors.ErrorCodes.CANCEL):
        self.link.reset(self.id, code)

    def cut(self):
        self.link.cut()

    def close(self):
        self.link.close()

    def fail(self, why):
        if not self.answered.done():
            self.answered.set_exception(Gone(why))
            self.answered.exception()
        self.pieces.put_nowait((Gone(why), 0))
        self.promises.put_nowait(Gone(why))


class Link:
    """An HTTP/2 connection. log holds what came and went, in order: (word, stream, more)."""

    def __init__(self, port, context):
        self.port, self.context, self.lines, self.log = port, context, {}, []
        self.is_mute = self.is_lost = False
        self.goaways = []

    @classmethod
    async def open(cls, port, context, push=False, window=WINDOW):
        link = cls(port, context)
        reader, link.writer = await connect(port, context, "h2")
        link.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        codes = h2.settings.SettingCodes
        link.h2.local_settings = h2.settings.Settings(initial_values={
            codes.ENABLE_PUSH: int(push), codes.INITIAL_WINDOW_SIZE: window, codes.MAX_CONCURRENT_STREAMS: 100})
        link.h2.initiate_connection()
        if window > 65535:
            link.h2.increment_flow_control_window(window - 65535)
        link.room, link.settled = asyncio.Event(), asyncio.Event()
        link.flush()
        link.task = asyncio.create_task(link._read(reader))
        await within(10, "SETTINGS", link.settled.wait())
        if link.is_lost:
            raise Gone("lost before SETTINGS")
        return link

    def flush(self):
        if not self.is_mute and not self.is_lost:
            self.writer.write(self.h2.data_to_send())

    def unmute(self):
        self.is_mute = False
        self.flush()

    async def request(self, method, path, headers=(), protocol=None, body=None, authority=None, wait_s=15):
        """A Line2 whose head is there."""
        line = self.start(method, path, headers, protocol, body is None and not protocol, authority)
        if body is not None:
            await self.send(line.id, body)
            self.end(line.id)
        await line.head(wait_s)
        return line

    def start(self, method, path, headers=(), protocol=None, is_whole=True, authority=None):
        if self.is_lost:
            raise Gone("lost")
        fields = [(":method", method), (":scheme", "https" if self.context else "http"),
                  (":authority", authority or f"localhost:{self.port}"), (":path", path)]
        fields += [(":protocol", protocol)] if protocol else []
        try:
            stream_id = self.h2.get_next_available_stream_id()
            line = self.lines[stream_id] = Line2(self, stream_id)
            self.h2.send_headers(stream_id, fields + list(headers), end_stream=is_whole)
        except h2.exceptions.ProtocolError as why:
            raise Gone(repr(why)) from None
        self.flush()
        return line

    async def send(self, stream_id, data):
        while data:
            try:
                room = 0 if self.is_lost else min(self.h2.local_flow_control_window(stream_id),
                                                  self.h2.max_outbound_frame_size)
                if self.is_lost:
                    raise Gone("lost")
                if room <= 0:
                    self.room.clear()
                    await within(30, "room to send", self.room.wait())
                    continue
                self.h2.send_data(stream_id, data[:room])
            except h2.exceptions.ProtocolError as why:
                raise Gone(repr(why)) from None
            data = data[room:]
            self.flush()

    def end(self, stream_id):
        self._say(lambda: self.h2.end_stream(stream_id))

    def reset(self, stream_id, code):
        self._say(lambda: self.h2.reset_stream(stream_id, code))

    def grant(self, stream_id, count):
        self._say(lambda: self.h2.acknowledge_received_data(count, stream_id))

    def _say(self, what):
        try:
            if not self.is_lost:
                what()
                self.flush()
        except h2.exceptions.ProtocolError:
            pass        # it is over already

    def cut(self):
        self.writer.transport.abort()
        self.leave("cut")

    def close(self):
        self.writer.close()
        self.leave("closed")

    def leave(self, why):
        self._lost(why)
        self.task.cancel()

    async def _read(self, reader):
        why = "end of file"
        try:
            while data := await reader.read(1 << 16):
                for event in self.h2.receive_data(data):
                    self._take(event)
                self.flush()
                self.room.set()
        except (OSError, h2.exceptions.ProtocolError) as error:
            why = repr(error)
        self._lost(why)

    def _take(self, event):
        line = self.lines.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.RemoteSettingsChanged):
            self.settled.set()
        elif isinstance(event, h2.events.PushedStreamReceived):
            pushed = Line2(self, event.pushed_stream_id, dict(event.headers))
            self.lines[event.pushed_stream_id] = pushed
            self.log.append(("promise", event.pushed_stream_id, pushed.request[":path"]))
            self.lines[event.parent_stream_id].promises.put_nowait(pushed)
        elif isinstance(event, h2.events.PingReceived):
            self.log.append(("ping", 0, event.ping_data))
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.goaways.append((int(event.error_code), event.last_stream_id))
            self.log.append(("goaway", event.last_stream_id, int(event.error_code)))
        elif line:
            self._take_on(line, event)

    def _take_on(self, line, event):
        if isinstance(event, h2.events.ResponseReceived):
            headers = dict(event.headers)
            self.log.append(("head", line.id, headers[":status"]))
            line.answered.set_result((int(headers[":status"]), headers))
        elif isinstance(event, h2.events.DataReceived):
            self.log.append(("data", line.id, len(event.data)))
            if event.data:
                line.pieces.put_nowait((event.data, event.flow_controlled_length))
            else:
                self.grant(line.id, event.flow_controlled_length)
        elif isinstance(event, h2.events.StreamEnded):
            self.log.append(("end", line.id, None))
            line.pieces.put_nowait((b"", 0))
            line.promises.put_nowait(Gone("the stream ended"))
        elif isinstance(event, h2.events.StreamReset):
            self.log.append(("reset", line.id, int(event.error_code)))
            line.fail(f"reset, error {int(event.error_code)}")

    def _lost(self, why):
        if self.is_lost:
            return
        self.is_lost = True
        self.room.set()
        self.settled.set()
        if not self.writer.is_closing():
            self.writer.close()
        for line in self.lines.values():
            line.fail(why)


async def open_line(http, port, context, path, headers, tunnel=False, push=False, window=WINDOW, wait_s=15):
    """GET path (tunnel: a WebSocket's request) on a connection of its own; http is "h1" or "h2"."""
    if context:
        context = context.twin()
    if http == "h1":
        return await Line1.open(port, context, "GET", path, headers, tunnel, wait_s=wait_s)
    link = await Link.open(port, context, push, window)
    try:
        return await link.request("CONNECT" if tunnel else "GET", path, headers, "websocket" if tunnel else None,
                                  wait_s=wait_s)
    except BaseException:
        link.close()
        raise

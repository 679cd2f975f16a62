# wire/wire.py - a small HTTP client for proofs: HTTP/1.1 and HTTP/2 on one asyncio loop, every wait with a deadline
#
# It knows nothing of chat. What goes wrong on the way is one exception, Gone: the request may or may not have been
# carried out, and the caller decides what to do about it.
import asyncio
import ssl

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings

WINDOW = 1 << 20


class Gone(Exception):
    """The connection ended, or the answer did not come in time: the outcome is unknown."""


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


class Tls(ssl.SSLContext):
    """Knows its authority: a context speaks one protocol at a time, so whoever wants another one makes a twin."""

    def twin(self):
        return tls(self.ca)


def tls(ca):
    context = Tls(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca)
    context.check_hostname = False
    context.ca = ca
    return context


async def connect(port, context, protocol):
    if context is not None:
        context.set_alpn_protocols([protocol])
    try:
        return await asyncio.wait_for(
            asyncio.open_connection("127.0.0.1", port, ssl=context,
                                    server_hostname="localhost" if context else None, limit=1 << 20), 10)
    except (OSError, asyncio.TimeoutError) as why:
        raise Gone(f"connect: {why!r}") from None


class H1:
    """HTTP/1.1: a connection carries one request at a time, so there are as many as requests at a time."""

    def __init__(self, port, context=None):
        self.port, self.context, self.idle = port, context, []

    def close(self):
        for _, writer in self.idle:
            writer.close()
        self.idle.clear()

    async def ask(self, method, path, headers, body, wait_s):
        reused = bool(self.idle)
        try:
            return await asyncio.wait_for(self._ask(method, path, headers, body), wait_s)
        except asyncio.TimeoutError:
            raise Gone(f"{method} {path}: no answer within {wait_s} s") from None
        except Gone:
            # An idle connection may have been closed at any time; a fresh one says more.
            if reused:
                self.close()
            raise

    async def _ask(self, method, path, headers, body):
        reader, writer = self.idle.pop() if self.idle else await connect(self.port, self.context, "http/1.1")
        try:
            lines = [f"{method} {path} HTTP/1.1", f"host: localhost:{self.port}"]
            lines += [f"{name}: {value}" for name, value in headers]
            if body is not None:
                lines.append(f"content-length: {len(body)}")
            writer.write("\r\n".join(lines + ["", ""]).encode() + (body or b""))
            await writer.drain()
            answer = await self._read(reader)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as why:
            writer.close()
            raise Gone(f"{method} {path}: {why!r}") from None
        except BaseException:
            writer.close()
            raise
        if answer.headers.get("connection", "").lower() == "close":
            writer.close()
        else:
            self.idle.append((reader, writer))
        return answer

    @staticmethod
    async def _read(reader):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            status = int(head[0].split(" ")[1])
            if status >= 200:
                break
        headers = {}
        for line in head[1:-2]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("transfer-encoding", "").lower() == "chunked":
            parts = []
            while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
                parts.append((await reader.readexactly(size + 2))[:-2])
            await reader.readuntil(b"\r\n")
            return Answer(status, headers, b"".join(parts))
        return Answer(status, headers, await reader.readexactly(int(headers["content-length"])))


class Stream:
    def __init__(self):
        self.done = asyncio.get_running_loop().create_future()
        self.headers, self.parts = {}, []


class H2:
    """HTTP/2: one connection, opened when it is needed, carries all requests at the same time."""

    def __init__(self, port, context=None):
        self.port, self.context = port, context
        self.h2 = self.writer = self.task = None
        self.streams, self.room, self.opening = {}, None, asyncio.Lock()

    def close(self):
        if self.task:
            self.task.cancel()
        self._lost("closed")

    async def ask(self, method, path, headers, body, wait_s):
        stream_id = None
        try:
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + wait_s):
                async with self.opening:
                    if self.h2 is None:
                        await self._open()
                while self.h2 is not None and \
                        self.h2.open_outbound_streams >= self.h2.remote_settings.max_concurrent_streams:
                    await self._more_room()
                if self.h2 is None:
                    raise Gone("lost while waiting for a stream")
                stream_id = self.h2.get_next_available_stream_id()
                stream = self.streams[stream_id] = Stream()
                self._send_head(stream_id, method, path, headers, body)
                if body:
                    await self._send_body(stream_id, body)
                return await stream.done
        except TimeoutError:
            raise Gone(f"{method} {path}: no answer within {wait_s} s") from None
        except (OSError, h2.exceptions.ProtocolError) as why:
            raise Gone(f"{method} {path}: {why!r}") from None
        finally:
            stream = self.streams.pop(stream_id, None)
            if stream and not stream.done.done() and self.h2 is not None:
                self._reset(stream_id)

    def _reset(self, stream_id):
        try:
            self.h2.reset_stream(stream_id, 8)
            self._write()
        except h2.exceptions.ProtocolError:
            pass

    async def _open(self):
        reader, self.writer = await connect(self.port, self.context, "h2")
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.h2.local_settings = h2.settings.Settings(initial_values={
            h2.settings.SettingCodes.ENABLE_PUSH: 0,
            h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: WINDOW,
            h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 100,
        })
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(WINDOW)
        self.room = asyncio.Event()
        self._write()
        self.task = asyncio.create_task(self._read(reader))

    def _write(self):
        self.writer.write(self.h2.data_to_send())

    async def _more_room(self):
        self.room.clear()
        await self.room.wait()

    def _send_head(self, stream_id, method, path, headers, body):
        head = [(":method", method), (":scheme", "https" if self.context else "http"),
                (":authority", f"localhost:{self.port}"), (":path", path)] + headers
        if body is not None:
            head.append(("content-length", str(len(body))))
        self.h2.send_headers(stream_id, head, end_stream=not body)
        self._write()

    async def _send_body(self, stream_id, body):
        while body and stream_id in self.streams and not self.streams[stream_id].done.done():
            room = min(self.h2.local_flow_control_window(stream_id), self.h2.max_outbound_frame_size)
            if room <= 0:
                await self._more_room()
                continue
            self.h2.send_data(stream_id, body[:room], end_stream=len(body) <= room)
            body = body[room:]
            self._write()

    async def _read(self, reader):
        why = "end of file"
        try:
            while data := await reader.read(1 << 18):
                for event in self.h2.receive_data(data):
                    self._take(event)
                if not self.h2:
                    return      # it was closed meanwhile, by ourselves
                self._write()
                self.room.set()
        except (OSError, h2.exceptions.ProtocolError) as error:
            why = repr(error)
        self._lost(why)

    def _take(self, event):
        stream = self.streams.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.DataReceived):
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if stream:
                stream.parts.append(event.data)
        elif isinstance(event, h2.events.ResponseReceived) and stream:
            stream.headers = dict(event.headers)
        elif isinstance(event, h2.events.StreamEnded) and stream and not stream.done.done():
            stream.done.set_result(Answer(int(stream.headers[":status"]), stream.headers, b"".join(stream.parts)))
        elif isinstance(event, h2.events.StreamReset) and stream and not stream.done.done():
            stream.done.set_exception(Gone(f"stream reset, error {event.error_code}"))
        elif isinstance(event, h2.events.ConnectionTerminated):
            # What is under way may still end well; what comes next takes a new connection.
            if event.error_code:
                self._lost(f"GOAWAY, error {event.error_code}")
            else:
                self._retire(event.last_stream_id)

    def _retire(self, last_stream_id):
        for stream_id, stream in self.streams.items():
            if stream_id > (last_stream_id or 0) and not stream.done.done():
                stream.done.set_exception(Gone("GOAWAY"))
        if not any(not stream.done.done() for stream in self.streams.values()):
            self._lost("GOAWAY")

    def _lost(self, why):
        if self.h2 is None:
            return
        self.h2 = None
        self.writer.close()
        self.room.set()
        for stream in self.streams.values():
            if not stream.done.done():
                stream.done.set_exception(Gone(why))

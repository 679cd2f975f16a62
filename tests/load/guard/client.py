# guard/client.py - clients that do one thing at a time, so that the server does the same work in every run
#
# Blocking sockets, one write a request. Windows are opened so far at the start that none has to be opened later: a
# WINDOW_UPDATE beside a request would be read with it or alone, as the clock has it.
import base64
import json
import os
import socket
import ssl

import h2.config
import h2.connection
import h2.events
import h2.settings

WAIT_S = 20
WINDOW = (1 << 31) - 1
ACK_EVERY = 15      # every stretch that is counted has the same number of them
JSON_TYPE = "application/json"


class Wire:
    """A connection's bytes."""

    def __init__(self, port, ca=None, protocol="h2"):
        self.sock = socket.create_connection(("127.0.0.1", port), WAIT_S)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if ca:
            context = ssl.create_default_context(cafile=ca)
            context.set_alpn_protocols([protocol])
            self.sock = context.wrap_socket(self.sock, server_hostname="localhost")

    def write(self, data):
        if data:
            self.sock.sendall(data)

    def read(self):
        data = self.sock.recv(1 << 20)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data

    def close(self):
        self.sock.close()


class Bytes:
    """What has come of a body."""

    def __init__(self, more):
        self.more, self.box, self.is_over = more, b"", False

    def until(self, mark):
        while mark not in self.box:
            self.more()
        head, self.box = self.box.split(mark, 1)
        return head

    def exactly(self, count):
        while len(self.box) < count:
            self.more()
        head, self.box = self.box[:count], self.box[count:]
        return head


class H1:
    """One request at a time; a stream or a tunnel takes the connection for good."""

    def __init__(self, port, ca=None):
        self.wire, self.port = Wire(port, ca, "http/1.1"), port
        self.box = Bytes(self._more)

    def _more(self):
        self.box.box += self.wire.read()

    def start(self, method, path, token=None, body=None, fields=()):
        lines = [f"{method} {path} HTTP/1.1", f"host: localhost:{self.port}"]
        lines += [f"authorization: Bearer {token}"] if token else []
        lines += [f"{name}: {value}" for name, value in fields]
        if body is not None:
            lines += [f"content-type: {JSON_TYPE}", f"content-length: {len(body)}"]
        self.wire.write("\r\n".join(lines + ["", ""]).encode() + (body or b""))

    def head(self):
        lines = self.box.until(b"\r\n\r\n").decode().split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:])
        return int(lines[0].split(" ")[1]), fields

    def answer(self):
        status, fields = self.head()
        return status, self.box.exactly(int(fields["content-length"]))

    def ask(self, *what):
        self.start(*what)
        return self.answer()

    def stream(self, path, token, accept):
        """The body of an answer that does not end, as Bytes."""
        self.start("GET", path, token, fields=[("accept", accept)])
        status, fields = self.head()
        if status != 200 or fields.get("transfer-encoding") != "chunked":
            raise ConnectionError(f"GET {path}: {status}")
        body = Bytes(None)

        def more():
            size = int(self.box.until(b"\r\n"), 16)
            body.box += self.box.exactly(size + 2)[:-2]

        body.more = more
        return body

    def tunnel(self, path, token):
        key = base64.b64encode(b"0123456789abcdef").decode()
        self.start("GET", path, token, fields=[("connection", "Upgrade"), ("upgrade", "websocket"),
                                               ("sec-websocket-version", "13"), ("sec-websocket-key", key),
                                               ("sec-websocket-protocol", "posthorn.v1")])
        status, _ = self.head()
        if status != 101:
            raise ConnectionError(f"upgrade: {status}")
        return self.box, self.wire.write

    def close(self):
        self.wire.close()


class H2:
    """A connection; the caller asks one thing at a time."""

    def __init__(self, port, ca=None, push=False):
        self.wire, self.port, self.scheme = Wire(port, ca), port, "https" if ca else "http"
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        codes = h2.settings.SettingCodes
        self.h2.local_settings = h2.settings.Settings(initial_values={
            codes.ENABLE_PUSH: int(push), codes.INITIAL_WINDOW_SIZE: WINDOW, codes.MAX_CONCURRENT_STREAMS: 100})
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(WINDOW - 65535)
        self.streams, self.pushed, self.is_settled = {}, [], False
        self.flush()
        while not self.is_settled:
            self.pump()

    def flush(self):
        self.wire.write(self.h2.data_to_send())

    def pump(self):
        for event in self.h2.receive_data(self.wire.read()):
            stream = self.streams.get(getattr(event, "stream_id", None))
            if isinstance(event, h2.events.SettingsAcknowledged):
                self.is_settled = True
            elif isinstance(event, h2.events.PushedStreamReceived):
                self.streams[event.pushed_stream_id] = body = Bytes(self.pump)
                self.pushed.append(body)
            elif isinstance(event, h2.events.ResponseReceived):
                stream.status = int(dict(event.headers)[":status"])
            elif isinstance(event, h2.events.DataReceived):
                stream.box += event.data
            elif isinstance(event, h2.events.StreamEnded):
                stream.is_over = True
                del self.streams[event.stream_id]
            elif isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)):
                raise ConnectionError(str(event))
        self.flush()

    def start(self, method, path, token=None, body=None, fields=(), is_whole=True):
        self.id = self.h2.get_next_available_stream_id()
        self.streams[self.id] = self.last = Bytes(self.pump)
        self.last.status = None
        head = [(":method", method), (":scheme", self.scheme), (":authority", f"localhost:{self.port}"),
                (":path", path)] + list(fields)
        head += [("authorization", f"Bearer {token}")] if token else []
        head += [("content-type", JSON_TYPE), ("content-length", str(len(body)))] if body is not None else []
        self.h2.send_headers(self.id, head, end_stream=is_whole and not body)
        if body:
            self.h2.send_data(self.id, body, end_stream=True)
        self.flush()

    def answer(self):
        while not self.last.is_over:
            self.pump()
        return self.last.status, self.last.box

    def ask(self, *what):
        self.start(*what)
        return self.answer()

    def stream(self, path, token, accept):
        self.start("GET", path, token, fields=[("accept", accept)])
        return self._opened(path)

    def _opened(self, what):
        while self.last.status is None:
            self.pump()
        if self.last.status != 200:
            raise ConnectionError(f"{what}: {self.last.status}")
        return self.last

    def tunnel(self, path, token):
        fields = [(":protocol", "websocket"), ("sec-websocket-version", "13"),
                  ("sec-websocket-protocol", "posthorn.v1")]
        self.start("CONNECT", path, token, fields=fields, is_whole=False)
        body, stream_id = self._opened("CONNECT"), self.id

        def write(data):
            self.h2.send_data(stream_id, data)
            self.flush()

        return body, write

    def close(self):
        self.wire.close()


HTTP = {"h1": H1, "h2": H2}


class Frames:
    """A WebSocket's messages, JSON both ways."""

    def __init__(self, http, path, token):
        self.http = http
        self.box, self._write = http.tunnel(path, token)

    def send(self, what):
        self._frame(1, json.dumps(what).encode())

    def _frame(self, opcode, payload):
        size = len(payload)
        head = bytes([0x80 | opcode]) + (bytes([0x80 | size]) if size < 126 else
                                         bytes([0x80 | 126]) + size.to_bytes(2, "big"))
        key = os.urandom(4)
        wide = int.from_bytes((key * (size // 4 + 1))[:size], "big")
        self._write(head + key + (int.from_bytes(payload, "big") ^ wide).to_bytes(size, "big"))

    def receive(self):
        while True:
            opcode, size = self.box.exactly(2)
            if size > 125:
                size = int.from_bytes(self.box.exactly(2 if size == 126 else 8), "big")
            payload = self.box.exactly(size)
            if opcode & 15 == 1:
                return json.loads(payload)
            if opcode & 15 == 9:
                self._frame(10, payload)
            else:
                raise ConnectionError(f"opcode {opcode & 15}: {payload[2:]!r}")


class Poll:
    """Asks when there is something; arm() comes before it is sent, take() after it was acknowledged."""

    wait_s = 0

    def __init__(self, kind, port, account):
        self.http, self.token, self.cursor = HTTP[kind](port), account.token, account.cursor

    def _start(self):
        self.http.start("GET", f"/v1/events?after={self.cursor}&wait={self.wait_s}", self.token)

    def arm(self):
        pass

    def take(self):
        self._start()
        return self._page(*self.http.answer())

    def _page(self, status, body):
        page = json.loads(body)
        if status != 200:
            raise ConnectionError(f"{status} {body!r}")
        self.cursor = page["cursor"]
        return page

    def close(self):
        self.http.close()


class LongPoll(Poll):
    wait_s = 50

    def arm(self):
        self._start()

    def take(self):
        return self._page(*self.http.answer())


class Sse(Poll):
    def __init__(self, *where):
        super().__init__(*where)
        self.body = self.http.stream(f"/v1/events?after={self.cursor}", self.token, "text/event-stream")

    def take(self):
        events = []
        while not events:
            lines = self.body.until(b"\n\n").split(b"\n")
            events = [json.loads(line[5:]) for line in lines if line.startswith(b"data:")]
        return {"events": events}


class Socket(Poll):
    def __init__(self, *where):
        super().__init__(*where)
        self.frames, self.count = Frames(self.http, f"/v1/events?after={self.cursor}", self.token), 0

    def take(self):
        page = self.frames.receive()
        if page.get("signal", {}).get("t") == "head" or page.get("events") == []:
            page = self.frames.receive()
        self.count += "cursor" in page
        if "cursor" in page and self.count % ACK_EVERY == 0:
            self.frames.send({"ack": page["cursor"]})
        return page


class Push(Poll):
    def __init__(self, kind, port, account):
        self.http, self.token, self.cursor = H2(port, push=True), account.token, account.cursor
        self.http.stream(f"/v1/events?after={self.cursor}&push=1", self.token, JSON_TYPE)

    def take(self):
        while not self.http.pushed or not self.http.pushed[0].is_over:
            self.http.pump()
        return self._page(200, self.http.pushed.pop(0).box)


WAYS = {"poll": Poll, "longpoll": LongPoll, "sse": Sse, "ws": Socket, "push": Push}

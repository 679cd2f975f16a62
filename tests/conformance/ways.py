# conformance/ways.py - hostile clients of the ways to receive: a WebSocket by hand, streams of HTTP/2, an account
#
# Built on attack.py's Peer. Everything blocks, has a deadline, and shows what the server really sent.
import base64
import hashlib
import http.client
import itertools
import json
import os
import socket
import struct
import threading
import time

import attack
from attack import (ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, RST, SETTINGS, WINDOW, Peer, Wrong, expect,
                    frame, raw_connect, u32)

TEXT, BINARY, CLOSE, WS_PING, WS_PONG = 1, 2, 8, 9, 10
PROMISE = 5
PROTOCOL = 'posthorn.v1'
PASSWORD = 'correct horse battery'
MASK = b'\x37\xfa\x21\x3d'
WINDOW_BYTES = 1 << 24


def ws_frame(first, payload=b'', mask=MASK, claims=None):
    """One frame; first is the whole first byte, claims a length that is not the payload's."""
    length = len(payload) if claims is None else claims
    bit = 0x80 if mask else 0
    if length < 126:
        head = bytes([first, bit | length])
    elif length < 65536:
        head = bytes([first, bit | 126]) + struct.pack('>H', length)
    else:
        head = bytes([first, bit | 127]) + struct.pack('>Q', length)
    if mask:
        times = len(payload) // 4 + 1
        wide = int.from_bytes((mask * times)[:len(payload)], 'big')
        payload = (int.from_bytes(payload, 'big') ^ wide).to_bytes(len(payload), 'big')
    return head + mask + payload


def ws_text(words):
    return ws_frame(0x80 | TEXT, (words if isinstance(words, str) else json.dumps(words)).encode())


class Frames:
    """Cuts what a server sent into frames; joins nothing, as ours sends no fragments."""

    def __init__(self):
        self.inbox = b''

    def put(self, octets):
        self.inbox += octets

    def next(self):
        if len(self.inbox) < 2:
            return None
        length, at = self.inbox[1] & 0x7f, 2
        expect(not self.inbox[1] & 0x80, 'a server does not mask')
        if length > 125:
            wide = 2 if length == 126 else 8
            if len(self.inbox) < 2 + wide:
                return None
            length, at = int.from_bytes(self.inbox[2:2 + wide], 'big'), 2 + wide
        if len(self.inbox) < at + length:
            return None
        first, payload = self.inbox[0], self.inbox[at:at + length]
        self.inbox = self.inbox[at + length:]
        expect(first & 0xf0 == 0x80, 'whole and without extensions: %r' % first)
        return first & 15, payload


class Streams(Peer):
    """HTTP/2 with what each stream carried. Grants windows and acknowledges when told to (quiet=False)."""

    def __init__(self, settings=b'', quiet=False):
        self.data, self.ended, self.promised, self.heads = {}, set(), {}, {}
        self.credit = {}            # what we may still send, beyond the first 65,535 bytes
        self.quiet, self.pings = quiet, []
        super().__init__(settings)
        if not quiet:
            self.send(frame(WINDOW, 0, 0, u32(WINDOW_BYTES)))

    def parse(self):
        while len(self.inbox) >= 9:
            length = int.from_bytes(self.inbox[:3], 'big')
            if len(self.inbox) < 9 + length:
                return
            kind, flags = self.inbox[3], self.inbox[4]
            stream = int.from_bytes(self.inbox[5:9], 'big') & 0x7fffffff
            payload, self.inbox = self.inbox[9:9 + length], self.inbox[9 + length:]
            self.counts[kind] = self.counts.get(kind, 0) + 1
            self.one(kind, flags, stream, payload)

    def one(self, kind, flags, stream, payload):
        if kind == GOAWAY:
            self.goaway = int.from_bytes(payload[4:8], 'big')
        elif kind == RST:
            self.resets[stream] = int.from_bytes(payload, 'big')
        elif kind == HEADERS:
            head = dict(self.decoder.decode(payload))
            self.heads[stream] = head
            self.status[stream] = int(head[':status'])
        elif kind == WINDOW:
            self.credit[stream] = self.credit.get(stream, 0) + int.from_bytes(payload, 'big')
        elif kind == PROMISE:
            self.promised[int.from_bytes(payload[:4], 'big')] = dict(self.decoder.decode(payload[4:]))
        elif kind == DATA:
            self.data[stream] = self.data.get(stream, b'') + payload
            if payload and not self.quiet:
                self.send(frame(WINDOW, 0, 0, u32(len(payload))) +
                          (b'' if flags & END_STREAM else frame(WINDOW, 0, stream, u32(len(payload)))))
        elif kind in (SETTINGS, PING) and not flags & ACK and not self.quiet:
            self.send(frame(kind, ACK, 0, payload if kind == PING else b''))
        if kind == PING and not flags & ACK:
            self.pings.append(payload)
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            self.ended.add(stream)

    def is_over(self, stream):
        return self.closed or stream in self.ended or stream in self.resets

    def ask(self, stream, fields, flags=END_HEADERS | END_STREAM):
        self.send(frame(HEADERS, flags, stream, self.encoder.encode(fields)))

    def answer(self, stream, seconds=10):
        """Status and whole body, as JSON where it is."""
        self.read(seconds, until=lambda: self.is_over(stream))
        return self.status.get(stream), as_json(self.data.get(stream, b''))

    def __repr__(self):
        return 'frames=%s goaway=%s closed=%s resets=%s status=%s' % (self.counts, self.goaway, self.closed, self.resets, self.status)


def as_json(octets):
    try:
        return json.loads(octets)
    except ValueError:
        return octets


class Refused(Exception):
    def __init__(self, status, body):
        super().__init__('%s %s' % (status, body))
        self.status, self.body = status, body


class Raw1:
    """A WebSocket's bytes over HTTP/1.1."""
    version = 1

    def __init__(self, path, fields=(), early=b'', body=b'', receive_bytes=0, upgrade=('websocket',)):
        self.s = raw_connect(('http/1.1',))
        if receive_bytes:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ['GET %s HTTP/1.1' % path, 'Host: localhost', 'Connection: Upgrade', 'Sec-WebSocket-Key: ' + key]
        lines += ['Upgrade: ' + u for u in upgrade] + ['%s: %s' % f for f in fields]
        if body:
            lines.append('Content-Length: %d' % len(body))
        self.s.sendall(('\r\n'.join(lines) + '\r\n\r\n').encode() + body + early)
        self.is_over = False
        self.head(key)

    def head(self, key):
        got = b''
        while b'\r\n\r\n' not in got:
            more = self.read(10)
            if not more:
                raise Refused(None, got)
            got += more
        head, self.rest = got.split(b'\r\n\r\n', 1)
        status = int(head.split(b' ')[1])
        self.fields = dict(line.lower().split(b': ', 1) for line in head.split(b'\r\n')[1:])
        if status != 101:
            length = int(self.fields.get(b'content-length', b'0'))
            while len(self.rest) < length:
                self.rest += self.read(5) or b' ' * length
            raise Refused(status, as_json(self.rest))
        proof = base64.b64encode(hashlib.sha1((key + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').encode()).digest())
        expect(self.fields[b'sec-websocket-accept'] == proof.lower(), head)

    def write(self, octets):
        self.s.settimeout(3)
        try:
            self.s.sendall(octets)
            return True
        except OSError:
            return False

    def read(self, seconds):
        """More bytes; b'' at the end; None: nothing in time."""
        if getattr(self, 'rest', b''):
            rest, self.rest = self.rest, b''
            return rest
        self.s.settimeout(max(seconds, 0.01))
        try:
            got = self.s.recv(1 << 16)
        except socket.timeout:
            return None
        except OSError:
            got = b''
        self.is_over |= not got
        return got

    def end(self):
        self.s.shutdown(socket.SHUT_WR)

    def close(self):
        self.s.close()


class Raw2:
    """The same over HTTP/2: extended CONNECT (RFC 8441)."""
    version = 2

    def __init__(self, path, fields=(), early=b'', peer=None, stream=1, settings=b'', receive_bytes=0,
                 protocol=(':protocol', 'websocket')):
        self.peer, self.stream, self.seen, self.written = peer or Streams(settings), stream, 0, 0
        if receive_bytes:
            self.peer.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        if not peer:
            self.peer.read(5, until=lambda: self.peer.count(SETTINGS))
        head = [(':method', 'CONNECT')] + ([protocol] if protocol else [])
        head += [(':scheme', 'https' if attack.args.tls else 'http'), (':authority', 'localhost'), (':path', path)]
        self.peer.ask(stream, head + [(name.lower(), value) for name, value in fields], END_HEADERS)
        if early:
            self.write(early)
        self.peer.read(10, until=lambda: stream in self.peer.status or self.peer.is_over(stream))
        status = self.peer.status.get(stream)
        if status != 200:
            raise Refused(status, self.peer.answer(stream, 3)[1])
        self.fields = {name.encode(): value.encode() for name, value in self.peer.heads[stream].items()}

    def write(self, octets, seconds=10):
        """Within the windows that the server gives; False: it does not give any."""
        end = time.time() + seconds
        while octets:
            most = min(16384, self.room(), len(octets))
            if most <= 0:
                self.peer.read(0.2, until=lambda: self.room() > 0)
                if self.is_over or time.time() > end:
                    return False
                continue
            if not self.peer.send(frame(DATA, 0, self.stream, octets[:most])):
                return False
            self.written += most
            self.peer.written = getattr(self.peer, 'written', 0) + most
            octets = octets[most:]
        return True

    def room(self):
        credit = self.peer.credit
        return 65535 + min(credit.get(self.stream, 0) - self.written, credit.get(0, 0) - getattr(self.peer, 'written', 0))

    def read(self, seconds):
        def more():
            return len(self.peer.data.get(self.stream, b'')) > self.seen
        if not more():
            self.peer.read(seconds, until=lambda: more() or self.peer.is_over(self.stream))
        got = self.peer.data.get(self.stream, b'')[self.seen:]
        self.seen += len(got)
        return got if got or self.is_over else None

    @property
    def is_over(self):
        return self.peer.is_over(self.stream)

    def end(self):
        self.peer.send(frame(DATA, END_STREAM, self.stream))

    def close(self):
        self.peer.s.close()


class WebSocket:
    """Frames on either."""

    def __init__(self, version, path, fields=(), **more):
        self.raw = (Raw1 if version == 1 else Raw2)(path, fields, **more)
        self.frames = Frames()

    def send(self, *octets):
        return self.raw.write(b''.join(octets))

    def next(self, seconds=10):
        """(opcode, payload), or None: it ended, or nothing came in time."""
        end = time.time() + seconds
        while True:
            one = self.frames.next()
            if one:
                return one
            got = self.raw.read(end - time.time())
            if got:
                self.frames.put(got)
            elif got == b'' or time.time() >= end:
                return self.frames.next()

    def until(self, opcode, seconds=10):
        """The payload of the next frame of that kind."""
        end = time.time() + seconds
        while True:
            one = self.next(end - time.time())
            if one is None:
                raise Wrong('no frame %d came' % opcode)
            if one[0] == opcode:
                return one[1]
            expect(opcode == CLOSE or one[0] != CLOSE, one)

    def json(self, seconds=10):
        return json.loads(self.until(TEXT, seconds))

    def answer(self, request, seconds=10):
        """Asks a verb, and waits for its answer."""
        self.send(ws_text(request))
        while True:
            said = self.json(seconds)
            if said.get('id') == request['id']:
                return said

    def closes_with(self, code, seconds=10):
        """A Close frame with the code, then the end; returns the reason."""
        payload = self.until(CLOSE, seconds)
        got = int.from_bytes(payload[:2], 'big')
        expect(got == code, 'closed with %d %r, not %d' % (got, payload[2:], code))
        self.send(ws_frame(0x80 | CLOSE, payload[:2]))      # ours, should the server wait for it
        end = time.time() + 5
        while not self.raw.is_over and time.time() < end:
            self.raw.read(1)
        expect(self.raw.is_over, 'closed, and still open')
        return payload[2:].decode()

    def close(self):
        self.raw.close()


class Device:
    """An account's session, and ordinary requests of it."""
    handles = itertools.count()

    def __init__(self, handle=None, cookie=False):
        self.handle = handle or 'attacker%d-%d' % (os.getpid(), next(self.handles))
        self.token = self.cookie = None
        if not handle:
            status, body = self.do('POST', '/v1/accounts', {'handle': self.handle, 'password': PASSWORD})
            expect(status == 201, body)
        wanted = {'handle': self.handle, 'password': PASSWORD, 'device': {'name': 'x', 'platform': 'test'}}
        if cookie:
            wanted['cookie'] = True
        status, body = self.do('POST', '/v1/sessions', wanted, [('Origin', own_origin())] if cookie else [])
        expect(status == 201, body)
        self.token, self.cursor, self.account = body.get('token'), body['cursor'], body['account']['id']

    def bearer(self):
        return ('Authorization', 'Bearer ' + self.token)

    def fields(self):
        return [self.bearer(), ('Sec-WebSocket-Version', '13'), ('Sec-WebSocket-Protocol', PROTOCOL)]

    def path(self, after=None, more=''):
        return '/v1/events?after=%s%s' % (after or self.cursor, more)

    def socket(self, version, **more):
        """A WebSocket that is open; its first batch has come."""
        w = WebSocket(version, self.path(), self.fields(), **more)
        expect('events' in w.json(), 'the first batch')
        return w

    @staticmethod
    def connect():
        if attack.args.tls:
            return http.client.HTTPSConnection(attack.args.host, attack.args.port, timeout=30, context=attack.tls_context())
        return http.client.HTTPConnection(attack.args.host, attack.args.port, timeout=30)

    def do(self, method, path, body=None, fields=(), connection=None):
        c = connection or self.connect()
        head = dict(fields)
        if self.token:
            head['Authorization'] = 'Bearer ' + self.token
        raw = None
        if body is not None:
            raw, head['Content-Type'] = json.dumps(body), 'application/json'
        c.request(method, path, raw, head)
        answer = c.getresponse()
        said = as_json(answer.read())
        for name, value in answer.getheaders():
            if name.lower() == 'set-cookie':
                self.cookie = value.split(';')[0]
        if not connection:
            c.close()
        return answer.status, said

    def group(self):
        status, body = self.do('POST', '/v1/conversations', {'kind': 'group', 'title': 'x', 'members': []})
        expect(status == 201, body)
        return body['id']


def own_origin():
    return attack.args.origin or '%s://localhost:%d' % ('https' if attack.args.tls else 'http', attack.args.port)


def new_key():
    digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
    number = int(time.time() * 1000) << 80 | int.from_bytes(os.urandom(10), 'big')
    return ''.join(digits[number >> shift & 31] for shift in range(125, -1, -5))


class Memory:
    """The server's, when --pid names it: how much it has grown since begin()."""
    GROWTH_KB_MAX = 8 * 1024
    first_kb = most_kb = 0

    @classmethod
    def begin(cls):
        cls.first_kb = cls.resident_kb()

    @staticmethod
    def resident_kb():
        if not attack.args.pid:
            return 0
        with open('/proc/%d/statm' % attack.args.pid) as f:
            return int(f.read().split()[1]) * (os.sysconf('SC_PAGESIZE') // 1024)

    @classmethod
    def watch(cls, done, most):
        while attack.args.pid and not done.wait(0.05):
            most[0] = max(most[0], cls.resident_kb() - cls.first_kb)

    @classmethod
    def run(cls, f):
        """As attack.run(); the case fails, too, when the server grows beyond the bound meanwhile."""
        def watched():
            done, most = threading.Event(), [0]
            watcher = threading.Thread(target=cls.watch, args=(done, most))
            watcher.start()
            try:
                f()
            finally:
                done.set()
                watcher.join()
            cls.most_kb = max(cls.most_kb, most[0])
            expect(most[0] <= cls.GROWTH_KB_MAX, 'the server grew by %d KiB' % most[0])
        watched.__name__ = f.__name__
        return attack.run(watched)

    @classmethod
    def report(cls):
        if attack.args.pid:
            print('the server grew by %d KiB at most (bound %d)' % (cls.most_kb, cls.GROWTH_KB_MAX))

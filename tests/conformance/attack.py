#!/usr/bin/python3
# conformance/attack.py - hostile HTTP/2 (and a few slow peers) against a live server, each with its outcome
"""attack.py --port N --tls|--cleartext [--host H] [--only CASE] [--bound-ms 250] [--skip-slow]

Each case must end as it says, and another client's ordinary requests must stay quick all the while.
Needs python3-h2 (for its hpack). Exits non-zero when anything failed; the last line is "N passed, M failed".
"""
import argparse
import http.client
import multiprocessing
import socket
import ssl
import struct
import sys
import threading
import time
import warnings

import hpack

PREFACE = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
DATA, HEADERS, PRIORITY, RST, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
PROTOCOL_ERROR, INTERNAL_ERROR, FRAME_SIZE_ERROR, REFUSED, COMPRESSION, CALM = 1, 2, 6, 7, 9, 11
PUBLIC, POSTED = '/v1/discover', '/v1/sessions'
args = None


def frame(kind, flags, stream, payload=b''):
    return struct.pack('>I', len(payload))[1:] + bytes([kind, flags]) + struct.pack('>I', stream) + payload


def u32(n):
    return struct.pack('>I', n)


def raw_connect(alpn=('h2',), context=None):
    s = socket.create_connection((args.host, args.port), timeout=15)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if args.tls:
        if context is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if alpn:
            context.set_alpn_protocols(list(alpn))
        s = context.wrap_socket(s, server_hostname='localhost')
    return s


class Peer:
    """One hostile HTTP/2 connection; keeps what the server said."""

    def __init__(self, settings=b''):
        self.s = raw_connect()
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()
        self.inbox = b''
        self.closed = False
        self.counts = {}
        self.goaway = None
        self.resets = {}
        self.status = {}
        self.send(PREFACE + frame(SETTINGS, 0, 0, settings))

    def fields(self, path=PUBLIC, method='GET', extra=()):
        return self.encoder.encode([(':method', method), (':scheme', 'https' if args.tls else 'http'),
                                    (':authority', 'localhost'), (':path', path)] + list(extra))

    def send(self, octets):
        """False when the server does not take it any more."""
        self.s.settimeout(2)
        try:
            self.s.sendall(octets)
            return True
        except OSError:
            return False

    def flood(self, piece, most):
        """Sends piece until the server stops us; how often it went out."""
        for n in range(most):
            if not self.send(piece):
                return n
        return most

    def read(self, quiet=3.0, until=None):
        """Until the end, or nothing for quiet seconds, or until() holds."""
        end = time.time() + 15
        while not self.closed and time.time() < end and not (until and until()):
            self.s.settimeout(quiet)
            try:
                got = self.s.recv(65536)
            except (socket.timeout, ssl.SSLWantReadError):
                break
            except OSError:
                got = b''
            if not got:
                self.closed = True
            self.inbox += got
            self.parse()
        return self

    def parse(self):
        while len(self.inbox) >= 9:
            length = int.from_bytes(self.inbox[:3], 'big')
            if len(self.inbox) < 9 + length:
                return
            kind, flags = self.inbox[3], self.inbox[4]
            stream = int.from_bytes(self.inbox[5:9], 'big') & 0x7fffffff
            payload, self.inbox = self.inbox[9:9 + length], self.inbox[9 + length:]
            self.counts[kind] = self.counts.get(kind, 0) + 1
            if kind == GOAWAY:
                self.goaway = int.from_bytes(payload[4:8], 'big')
            elif kind == RST:
                self.resets[stream] = int.from_bytes(payload, 'big')
            elif kind == HEADERS:
                self.status[stream] = int(dict(self.decoder.decode(payload))[':status'])

    def count(self, kind):
        return self.counts.get(kind, 0)

    def is_alive(self):
        """A PING is answered."""
        before = self.count(PING)
        self.send(frame(PING, 0, 0, b'areyouok'))
        self.read(3.0, until=lambda: self.count(PING) > before)
        return self.count(PING) > before

    def __repr__(self):
        return 'frames=%s goaway=%s closed=%s resets=%d status=%s' % (
            self.counts, self.goaway, self.closed, len(self.resets), sorted(set(self.status.values())))


class Wrong(Exception):
    pass


def expect(ok, what):
    if not ok:
        raise Wrong(repr(what))


def calmed(p, codes=(CALM,)):
    """Given up: GOAWAY with one of the codes where it could still be heard, and closed in any case."""
    p.read(3.0)
    expect(p.goaway in codes and p.closed, p)


def given_up(p):
    """Closed, with or without words (the answer may be lost when our bytes were still on their way)."""
    p.read(3.0)
    expect(p.closed and p.goaway in (None, CALM, INTERNAL_ERROR), p)


CASES = []


def case(f):
    CASES.append(f)
    return f


@case
def ordinary_request():
    p = Peer()
    p.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, p.fields()))
    p.read(3.0, until=lambda: p.count(DATA))
    expect(p.status.get(1) == 200 and p.count(DATA) >= 1, p)


@case
def rapid_reset():
    p = Peer()
    octets = b''.join(frame(HEADERS, END_STREAM | END_HEADERS, 1 + 2 * i, p.fields()) +
                      frame(RST, 0, 1 + 2 * i, u32(8)) for i in range(3000))
    p.send(octets)
    given_up(p)
    expect(p.count(HEADERS) < 1000, p)


def made_you_reset(tail, codes=(CALM,)):
    p = Peer()
    octets = b''.join(frame(HEADERS, END_STREAM | END_HEADERS, 1 + 2 * i, p.fields()) + tail(1 + 2 * i)
                      for i in range(3000))
    p.send(octets)
    p.read(3.0)
    expect(p.closed and p.count(RST) <= 200 and p.goaway in (None,) + codes, p)


@case
def made_you_reset_window_overflow():
    made_you_reset(lambda sid: frame(WINDOW, 0, sid, u32(0x7fffffff)))


@case
def made_you_reset_zero_increment():
    made_you_reset(lambda sid: frame(WINDOW, 0, sid, u32(0)), (CALM, PROTOCOL_ERROR))


@case
def made_you_reset_data_after_end():
    made_you_reset(lambda sid: frame(DATA, 0, sid, b'x'), (CALM, 5))


@case
def made_you_reset_self_dependency():
    made_you_reset(lambda sid: frame(PRIORITY, 0, sid, u32(sid) + b'\x10'), (CALM, PROTOCOL_ERROR))


@case
def continuation_flood():
    p = Peer()
    octets = frame(HEADERS, END_STREAM, 1, p.fields())
    for i in range(50):
        octets += frame(CONTINUATION, 0, 1, p.encoder.encode([('x-%d' % i, 'a' * 100)]))
    p.send(octets)
    p.read(3.0)
    expect(p.closed and not p.status, p)


@case
def continuations_too_many():
    p = Peer()
    octets = frame(HEADERS, END_STREAM, 1, p.fields())
    for i in range(8):
        octets += frame(CONTINUATION, END_HEADERS if i == 7 else 0, 1,
                        p.encoder.encode([('x-%d' % i, 'a' * 16000)]))
    p.send(octets)
    p.read(3.0)
    expect(p.closed and not p.status, p)


@case
def header_list_too_large_is_431():
    p = Peer()
    octets = frame(HEADERS, END_STREAM, 1, p.fields())
    octets += frame(CONTINUATION, 0, 1, p.encoder.encode([('x-1', '~' * 12000)]))
    octets += frame(CONTINUATION, END_HEADERS, 1, p.encoder.encode([('x-2', '~' * 12000)]))
    p.send(octets)
    p.read(3.0, until=lambda: p.count(DATA))
    expect(p.status == {1: 431}, p)
    p.send(frame(HEADERS, END_STREAM | END_HEADERS, 3, p.fields()))
    p.read(3.0, until=lambda: 3 in p.status)
    expect(p.status[3] == 200, p)


@case
def too_many_fields_is_431():
    p = Peer()
    p.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, p.fields(extra=[('x-%d' % i, 'a') for i in range(70)])))
    p.read(3.0, until=lambda: p.status)
    expect(p.status == {1: 431}, p)


@case
def hpack_bomb():
    p = Peer()
    for i in range(4):
        octets = frame(HEADERS, END_STREAM, 1 + 2 * i, p.fields())
        octets += frame(CONTINUATION, 0, 1 + 2 * i, p.encoder.encode([('x-b%d' % i, '~' * 2900)]))
        octets += frame(CONTINUATION, 0, 1 + 2 * i, b'\xbe' * 16000)
        octets += frame(CONTINUATION, END_HEADERS, 1 + 2 * i, b'\xbe' * 16000)
        p.send(octets)
    p.read(3.0)
    expect(p.closed and p.goaway in (None, CALM) and not p.status, p)


@case
def ping_flood_unread():
    p = Peer()
    p.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sent = p.flood(frame(PING, 0, 0, b'12345678') * 1000, 2000)
    expect(sent < 2000, sent)
    given_up(p)


@case
def ping_flood_read():
    p = Peer()
    for _ in range(30):
        p.send(frame(PING, 0, 0, b'12345678') * 10)
        p.read(0.05)
    calmed(p)
    expect(40 <= p.count(PING) <= 150, p)


@case
def settings_flood():
    p = Peer()
    p.send(frame(SETTINGS, 0, 0) * 50)
    calmed(p)


@case
def settings_flood_unread():
    p = Peer()
    p.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    expect(p.flood(frame(SETTINGS, 0, 0) * 1000, 2000) < 2000, p)
    given_up(p)


@case
def settings_with_many_entries():
    p = Peer()
    p.send(frame(SETTINGS, 0, 0, struct.pack('>HI', 4, 65535) * 100))
    calmed(p)


@case
def empty_data_flood():
    p = Peer()
    p.send(frame(HEADERS, END_HEADERS, 1, p.fields(POSTED, 'POST')))
    p.flood(frame(DATA, 0, 1) * 1000, 100)
    calmed(p)


@case
def padded_empty_data_flood():
    p = Peer()
    p.send(frame(HEADERS, END_HEADERS, 1, p.fields(POSTED, 'POST')))
    p.flood(frame(DATA, 8, 1, b'\x03\0\0\0') * 1000, 100)
    calmed(p)


@case
def priority_flood():
    p = Peer()
    piece = b''.join(frame(PRIORITY, 0, 1 + 2 * i, u32(0) + b'\x10') for i in range(1000))
    p.flood(piece, 100)
    calmed(p)


@case
def window_update_flood():
    p = Peer()
    p.flood(frame(WINDOW, 0, 0, u32(1)) * 1000, 100)
    calmed(p)


@case
def unknown_frames_are_ignored():
    p = Peer()
    p.flood(frame(0x50, 0, 0, b'x' * 100) * 100, 100)
    expect(p.is_alive(), p)


@case
def zero_window_parks_answers():
    p = Peer(struct.pack('>HI', 4, 0))
    p.send(b''.join(frame(HEADERS, END_STREAM | END_HEADERS, 1 + 2 * i, p.fields()) for i in range(50)))
    p.read(3.0, until=lambda: len(p.status) == 50)
    expect(len(p.status) == 50 and p.count(DATA) == 0 and p.is_alive(), p)
    p.send(frame(SETTINGS, 0, 0, struct.pack('>HI', 4, 65535)))
    p.read(3.0, until=lambda: p.count(DATA) >= 50)
    expect(p.count(DATA) >= 50, p)


@case
def streams_beyond_the_limit_are_refused():
    p = Peer()
    p.send(b''.join(frame(HEADERS, END_HEADERS, 1 + 2 * i, p.fields(POSTED, 'POST')) for i in range(140)))
    p.read(3.0, until=lambda: p.count(RST) >= 40)
    expect(p.count(RST) == 40 and set(p.resets.values()) == {REFUSED} and p.is_alive(), p)


@case
def streams_beyond_the_acknowledged_limit_end_it():
    p = Peer()
    p.read(0.5, until=lambda: p.count(SETTINGS) >= 1)
    p.send(frame(SETTINGS, ACK, 0))
    p.send(b''.join(frame(HEADERS, END_HEADERS, 1 + 2 * i, p.fields(POSTED, 'POST')) for i in range(140)))
    p.read(3.0)
    expect(p.goaway in (PROTOCOL_ERROR, REFUSED) and p.closed, p)


@case
def flood_is_not_read_for_ever():
    p = Peer()
    expect(p.flood(frame(WINDOW, 0, 0, u32(1)) * 5000, 2000) < 1000, p)


@case
def frame_too_large():
    p = Peer()
    p.send(frame(HEADERS, END_HEADERS, 1, b'\x82' * 17000))
    p.read(3.0)
    expect(p.goaway in (FRAME_SIZE_ERROR, None) and p.closed, p)


@case
def headers_on_stream_zero():
    p = Peer()
    p.send(frame(HEADERS, END_HEADERS | END_STREAM, 0, p.fields()))
    p.read(3.0)
    expect(p.goaway == PROTOCOL_ERROR and p.closed, p)


@case
def headers_on_even_stream():
    p = Peer()
    p.send(frame(HEADERS, END_HEADERS | END_STREAM, 2, p.fields()))
    p.read(3.0)
    expect(p.goaway == PROTOCOL_ERROR and p.closed, p)


@case
def priority_on_stream_zero():
    p = Peer()
    p.send(frame(PRIORITY, 0, 0, u32(3) + b'\x10'))
    p.read(3.0)
    expect(p.goaway == PROTOCOL_ERROR and p.closed, p)


@case
def broken_hpack():
    p = Peer()
    p.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, b'\xff\xff\xff\xff\xff\xff'))
    p.read(3.0)
    expect(p.goaway == COMPRESSION and p.closed, p)


@case
def bad_preface():
    s = raw_connect()
    s.sendall(b'PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n' + b'\0' * 32)
    s.settimeout(3)
    got = b''
    try:
        while True:
            more = s.recv(65536)
            if not more:
                break
            got += more
    except ConnectionError:
        pass
    expect(b' 200 ' not in got[:20], got)


def malformed(fields, answers=(400,)):
    p = Peer()
    p.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, p.encoder.encode(fields)))
    p.read(3.0, until=lambda: p.status or p.resets)
    expect(p.resets.get(1) == PROTOCOL_ERROR or p.status.get(1) in answers, p)
    expect(p.is_alive(), p)


BASE = [(':method', 'GET'), (':scheme', 'https'), (':authority', 'localhost'), (':path', PUBLIC)]


@case
def malformed_requests_are_reset_or_400():
    malformed(BASE[:3])
    malformed(BASE[1:])
    malformed(BASE + [('X-Upper', 'a')])
    malformed(BASE + [('connection', 'close')])
    malformed(BASE + [('transfer-encoding', 'chunked')])
    malformed(BASE + [('te', 'gzip')])
    malformed(BASE + [(':path', '/again')])
    malformed([('x-early', 'a')] + BASE)
    malformed(BASE[:3] + [(':path', 'no-slash')])
    malformed(BASE[:3] + [(':path', '/a b')])
    malformed(BASE[:3] + [(':path', '/a#b')])
    malformed([BASE[0], BASE[1], BASE[3]])
    malformed(BASE + [('host', 'another')])
    malformed(BASE + [('authorization', 'Bearer a'), ('authorization', 'Bearer b')])
    malformed(BASE + [('content-length', '5')])
    malformed(BASE + [('x-nul', 'a\0b')])
    malformed(BASE[:3] + [(':path', '/' + 'a' * 3000)], (414,))


@case
def connect_is_501():
    p = Peer()
    p.send(frame(HEADERS, END_HEADERS, 1, p.encoder.encode([(':method', 'CONNECT'), (':authority', 'a:1')])))
    p.read(3.0, until=lambda: p.status)
    expect(p.status == {1: 501}, p)


@case
def a_websocket_where_there_is_none_is_refused():
    p = Peer()
    p.send(frame(HEADERS, END_HEADERS, 1, p.encoder.encode(
        [(':method', 'CONNECT'), (':protocol', 'websocket')] + BASE[1:])))
    p.read(3.0, until=lambda: p.status)
    expect(p.status.get(1) in (400, 404, 405) and p.is_alive(), p)


@case
def body_too_large_is_413():
    p = Peer()
    p.send(frame(HEADERS, END_HEADERS, 1, p.fields(POSTED, 'POST')))
    for _ in range(3):
        p.send(frame(DATA, 0, 1, b'x' * 16000))
    p.read(0.3)
    p.send(frame(DATA, 0, 1, b'x' * 16000) * 2)
    p.read(3.0, until=lambda: p.status)
    expect(p.status == {1: 413} and p.is_alive(), p)


@case
def hang_ups_leave_nothing():
    for _ in range(30):
        p = Peer()
        p.send(b''.join(frame(HEADERS, END_HEADERS, 1 + 2 * i, p.fields(POSTED, 'POST')) for i in range(50)))
        p.s.close()


def tls_context():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def tls_refused(context, alpn):
    try:
        raw_connect(alpn, context).close()
    except (ssl.SSLError, ConnectionError):
        return
    raise Wrong('the handshake succeeded')


@case
def tls_alpn():
    if not args.tls:
        return
    tls_refused(tls_context(), ('spdy/3', 'h3'))
    expect(raw_connect(('http/1.1', 'h2'), tls_context()).selected_alpn_protocol() == 'h2', 'our order')
    s = raw_connect((), tls_context())
    s.sendall(b'GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n' % PUBLIC.encode())
    expect(s.recv(100).startswith(b'HTTP/1.1 200'), 'without ALPN it is HTTP/1.1')


@case
def tls_old_versions_and_ciphers():
    if not args.tls:
        return
    context = tls_context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers('AES128-SHA:AES256-GCM-SHA384:@SECLEVEL=0')
    tls_refused(context, ('h2',))
    context = tls_context()
    warnings.simplefilter('ignore', DeprecationWarning)
    context.set_ciphers('ALL:@SECLEVEL=0')
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    tls_refused(context, ('h2',))


@case
def h2c_upgrade_is_ignored():
    if args.tls:
        return
    s = raw_connect()
    s.sendall(b'GET ' + PUBLIC.encode() + b' HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n'
              b'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n')
    got = s.recv(300)
    expect(got.startswith(b'HTTP/1.1 200'), got)


SLOW = []


def slow(f):
    SLOW.append(f)
    return f


def closed_within(s, seconds):
    """What came until the server closed; how long that took."""
    got, begin = b'', time.time()
    s.settimeout(seconds)
    try:
        while True:
            more = s.recv(65536)
            if not more:
                break
            got += more
    except socket.timeout:
        raise Wrong('still open after %d s: %r' % (seconds, got[:80]))
    except OSError:
        pass
    return got, time.time() - begin


@slow
def slow_h1_head():
    s = raw_connect(('http/1.1',))
    begin = time.time()
    got = b''
    for c in b'GET / HTTP/1.1\r\nX-Slow: ' + b'a' * 40:
        try:
            s.sendall(bytes([c]))
            s.settimeout(0.3)
            got = s.recv(4096)
            break
        except socket.timeout:
            pass
    expect(b' 408 ' in got and time.time() - begin < 13, (got[:60], time.time() - begin))


@slow
def slow_h1_body():
    s = raw_connect(('http/1.1',))
    s.sendall(b'POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc' % POSTED.encode())
    got, took = closed_within(s, 16)
    expect(b' 408 ' in got, (got, took))


@slow
def slow_h2_header_block():
    p = Peer()
    p.send(frame(HEADERS, 0, 1, p.fields()))
    expect(closed_within(p.s, 16)[1] > 5, 'too early')


@slow
def slow_h2_body_is_408():
    p = Peer()
    p.send(frame(HEADERS, END_HEADERS, 1, p.fields(POSTED, 'POST')) + frame(DATA, 0, 1, b'{'))
    p.read(14, until=lambda: p.status)
    expect(p.status == {1: 408}, p)


@slow
def slow_handshake():
    s = socket.create_connection((args.host, args.port))
    s.sendall(b'\x16\x03\x01' if args.tls else b'PRI * HT')
    closed_within(s, 16)


@slow
def silent_connection():
    got, took = closed_within(raw_connect(('http/1.1',)), 30)
    expect(got == b'' and took > 2, (got, took))


@slow
def speaks_but_never_shows_who_it_is():
    p = Peer()
    expect(closed_within(p.s, 30)[1] > 5, 'too early')


def worst_percent(latencies):
    return sorted(latencies)[len(latencies) * 99 // 100] if latencies else float('inf')


def probe(attacked, stop, results, options):
    """Ordinary requests, one after the other, on connections of their own: before the attacks and during them."""
    global args
    args = options
    before, latencies, failed, connection = [], [], 0, None
    while not stop.is_set():
        begin = time.time()
        during = attacked.is_set()
        try:
            if connection is None:
                if args.tls:
                    connection = http.client.HTTPSConnection(args.host, args.port, timeout=10,
                                                             context=tls_context())
                else:
                    connection = http.client.HTTPConnection(args.host, args.port, timeout=10)
            connection.request('GET', PUBLIC)
            answer = connection.getresponse()
            answer.read()
            if answer.status not in (200, 429):
                failed += 1
        except (OSError, http.client.HTTPException):
            failed += 1
            connection = None
        (latencies if during else before).append(1000 * (time.time() - begin))
        time.sleep(0.005)
    results.put((len(latencies), failed, sorted(latencies)[len(latencies) // 2] if latencies else 0, worst_percent(latencies),
                 worst_percent(before)))


def run(f):
    begin = time.time()
    try:
        f()
        print('ok    %-40s %5.2f s' % (f.__name__, time.time() - begin), flush=True)
        return True
    except Exception as e:
        print('FAIL  %-40s %5.2f s  %s: %s' % (f.__name__, time.time() - begin, type(e).__name__, e), flush=True)
        return False


def main(cases=CASES, slow_cases=SLOW, prepare=None, run=run, report=None):
    """Other files have cases of their own; prepare() is called once there are arguments, report() at the end."""
    global args
    parser = argparse.ArgumentParser()
    parser.add_argument('--host', default='127.0.0.1')
    parser.add_argument('--port', type=int, required=True)
    parser.add_argument('--only')
    parser.add_argument('--bound-ms', type=float, default=250)
    parser.add_argument('--skip-slow', action='store_true')
    parser.add_argument('--pid', type=int, help='of the server, whose memory is looked at (not with sanitizers)')
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument('--tls', action='store_true')
    how.add_argument('--cleartext', action='store_true')
    args = parser.parse_args()
    if prepare:
        prepare()

    attacked, stop, results = multiprocessing.Event(), multiprocessing.Event(), multiprocessing.Queue()
    other = multiprocessing.Process(target=probe, args=(attacked, stop, results, args), daemon=True)
    other.start()
    time.sleep(1)
    attacked.set()
    chosen = [f for f in cases if not args.only or f.__name__ == args.only]
    late = [] if args.skip_slow else [f for f in slow_cases if not args.only or f.__name__ == args.only]
    outcomes = []
    waiting = [threading.Thread(target=lambda f=f: outcomes.append(run(f))) for f in late]
    for t in waiting:
        t.start()
    for t in waiting:           # beside each other, but not beside floods: their clocks are tight
        t.join()
    for f in chosen:
        outcomes.append(run(f))
    stop.set()
    count, failed, median, p99, before = results.get(timeout=20)
    other.join()
    bound = max(args.bound_ms, 3 * before)      # a machine that is busy with other things is slow before, too
    fine = failed == 0 and p99 <= bound and count > 0
    outcomes.append(fine)
    print('%s  the other client: %d requests, %d failed, p50 %.1f ms, p99 %.1f ms (before %.1f ms, bound %.0f ms)' %
          ('ok  ' if fine else 'FAIL', count, failed, median, p99, before, bound))
    if report:
        report()
    print('%d passed, %d failed' % (outcomes.count(True), outcomes.count(False)))
    sys.exit(0 if all(outcomes) else 1)


if __name__ == '__main__':
    main()

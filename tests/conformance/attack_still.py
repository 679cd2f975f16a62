#!/usr/bin/python3
# conformance/attack_still.py - clients of the ways to receive that fall silent, or never read what they asked for
"""attack_still.py --port N --tls|--cleartext [--host H] [--only CASE] [--bound-ms 250] [--pid SERVER]

As attack_ways.py; these take as long as the server's patience (most of them 30 to 75 s), beside each other.
"""
import functools
import json
import socket
import threading
import time

import attack
import ways
from attack import END_HEADERS, END_STREAM, HEADERS, PING, SETTINGS, Wrong, closed_within, expect, frame, raw_connect
from ways import (CLOSE, TEXT, WS_PING, Device, Memory, Streams, WebSocket, ws_frame, ws_text)

MESSAGES, MESSAGE_BYTES = 700, 16000        # more than the kernel keeps for a peer that does not read
STALL_S = 30                                # LIMIT_WRITE_STALL_MS
UNREAD = 128 * 1024                         # less than two segments, and loopback crawls when it is read at last
NO_WINDOW, WIDE = b'\0\4\0\0\0\0', b'\0\4\x7f\xff\xff\xff'      # INITIAL_WINDOW_SIZE
CASES = []


def case(f):
    CASES.append(f)
    return f


def both(f):
    for version in (1, 2):
        one = functools.partial(f, version)
        one.__name__ = '%s_h%d' % (f.__name__, version)
        CASES.append(one)
    return f


class Me:
    device = leaving = None                 # who hears nothing
    talker = reader = group = still = None  # and who hears much


@case
def half_a_handshake_h1():
    s = raw_connect(('http/1.1',))
    s.sendall(('GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' %
               Me.device.path()).encode())
    got, took = closed_within(s, 16)
    expect(b' 408 ' in got, (got, took))


@case
def half_a_handshake_h2():
    p = Streams()
    head = p.encoder.encode([(':method', 'CONNECT'), (':protocol', 'websocket'), (':path', '/v1/events')])
    p.send(frame(HEADERS, 0, 1, head))
    expect(closed_within(p.s, 16)[1] > 5, 'too early')


@both
def opened_and_silent(version):
    """Pinged after 15 s, given up after 60 to 75 s without a byte."""
    w, begin = Me.device.socket(version), time.time()
    w.send(b'\x81')                         # half a head is not much of a sign of life
    expect(w.until(WS_PING, 20) == b'', 'a ping')
    expect(12 < time.time() - begin < 20, 'the ping after %.1f s' % (time.time() - begin))
    beat = w.json()
    expect(beat['signal']['t'] == 'head', beat)
    while time.time() - begin < 85:
        one = w.next(5)
        if one and one[0] == CLOSE:
            break
    else:
        raise Wrong('still open')
    expect(int.from_bytes(one[1][:2], 'big') == 1001 and time.time() - begin > 55, (one, time.time() - begin))


@both
def pongs_keep_it(version):
    """Who answers pings and says nothing else stays."""
    w, begin = Me.device.socket(version), time.time()
    while time.time() - begin < 80:
        one = w.next(5)
        expect(one is None or one[0] != CLOSE, one)
        if one and one[0] == WS_PING:
            w.send(ws_frame(0x8a, one[1]))
    got = w.answer({'id': 1, 'do': 'GET', 'path': '/v1/sessions'})
    expect(got['status'] == 200, got)
    w.close()


@both
def our_close_unanswered(version):
    leaving = Me.leaving[version]
    w = leaving.socket(version)
    expect(leaving.do('DELETE', '/v1/sessions/current')[0] in (200, 204), 'logged out')
    begin = time.time()
    expect(int.from_bytes(w.until(CLOSE)[:2], 'big') == 1008, 'revoked')
    while not w.raw.is_over and time.time() - begin < 10:
        w.raw.read(1)
    expect(w.raw.is_over and 3 < time.time() - begin < 9, 'ended after %.1f s' % (time.time() - begin))


class Unread:
    """Asked for, and not read: at all (window False), or by windows that never open."""

    def __init__(self, device, way, version, window=False):
        self.name = '%s over h%d%s' % (way, version, ', no window' if window else '')
        self.window, self.version = window, version
        if version == 1:
            self.s = raw_connect(('http/1.1',))
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UNREAD)
            more = 'Accept: text/event-stream\r\n' if way == 'sse' else (
                'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
                'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: posthorn.v1\r\n')
            self.s.sendall(('GET %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n%s\r\n' %
                            (device.path(), device.token, more)).encode())
            return
        self.peer = Streams(NO_WINDOW if window else WIDE, quiet=True)
        self.s = self.peer.s
        if not window:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UNREAD)
            self.peer.send(frame(attack.WINDOW, 0, 0, b'\x7f\0\0\0'))
        self.peer.read(5, until=lambda: self.peer.count(SETTINGS))
        self.ask(way, device)

    def ask(self, way, device):
        scheme = 'https' if attack.args.tls else 'http'
        head = [(':method', 'CONNECT' if way == 'socket' else 'GET'), (':scheme', scheme), (':authority', 'localhost'),
                (':path', device.path(more='&push=1' if way == 'anchor' else '')),
                ('authorization', device.bearer()[1])]
        if way == 'socket':
            head.insert(1, (':protocol', 'websocket'))
            head += [('sec-websocket-version', '13'), ('sec-websocket-protocol', 'posthorn.v1')]
        if way == 'sse':
            head.append(('accept', 'text/event-stream'))
        self.peer.ask(1, head, END_HEADERS | (0 if way == 'socket' else END_STREAM))
        if self.window:
            self.peer.read(5, until=lambda: 1 in self.peer.status)
            expect(self.peer.status.get(1) == 200, (self.name, self.peer))

    def keep_company(self):
        """Windows that stay shut are no hung connection: the rest of it is read and answered."""
        if self.window and not self.peer.closed:
            self.peer.read(0.2)
            for ping in self.peer.pings:
                self.peer.send(frame(PING, 1, 0, ping))
            self.peer.pings.clear()

    def is_over(self):
        """What the kernel still has is read now."""
        if self.version == 2:
            self.peer.read(10, until=lambda: self.peer.is_over(1))
            return self.peer.is_over(1)
        try:
            return closed_within(self.s, 10) is not None
        except Wrong:
            return False


def read_all(w, counted):
    """Every event that comes, in order."""
    i = None
    while counted[0] < MESSAGES:
        one = w.next(60)
        if one is None or one[0] != TEXT:
            continue
        said = json.loads(one[1])
        for event in said.get('events', ()):
            expect(i is None or event['i'] == i + 1, (i, event['i']))
            i = event['i']
            counted[0] += event['t'] == 'message'
        if 'cursor' in said:
            w.send(ws_text({'ack': said['cursor']}))


@case
def nobody_reads():
    asked = [('socket', 1, False), ('sse', 1, False)]
    asked += [(way, 2, window) for way in ('socket', 'sse', 'anchor') for window in (False, True)]
    still = [Unread(Me.still[at // 3], *one) for at, one in enumerate(asked)]
    w, counted = Me.reader.socket(1), [0]
    reading = threading.Thread(target=read_all, args=(w, counted))
    reading.start()
    begin = time.time()
    talk()
    reading.join(30)
    print('      everything was sent and read after %.1f s' % (time.time() - begin))
    expect(counted[0] == MESSAGES, '%d of %d reached who reads' % (counted[0], MESSAGES))
    end = time.time() + STALL_S + 25            # a heartbeat may have been taken as progress
    while time.time() < end:
        for one in still:
            one.keep_company()
        time.sleep(0.5)
    left = [one.name for one in still if not one.is_over()]
    expect(not left, left)


def talk():
    connection = Me.talker.connect()
    for n in range(MESSAGES):
        status, body = Me.talker.do('POST', '/v1/conversations/%s/messages' % Me.group,
                                    {'key': ways.new_key(), 'text': 'x' * MESSAGE_BYTES}, connection=connection)
        expect(status == 201, body)


def prepare():
    attack.args.origin = None
    Me.device, Me.talker = Device(), Device()
    Me.leaving = {1: Device(Me.device.handle), 2: Device(Me.device.handle)}
    Me.group = Me.talker.group()
    Me.reader = Device(Me.talker.handle)
    Me.still = [Device(Me.talker.handle) for _ in range(3)]     # at most four channels each
    Memory.begin()


if __name__ == '__main__':
    attack.main([], CASES, prepare, Memory.run, Memory.report)

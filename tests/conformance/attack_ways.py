#!/usr/bin/python3
# conformance/attack_ways.py - hostile clients of WebSocket, server-sent events and pushes, over both HTTP versions
"""attack_ways.py --port N --tls|--cleartext [--host H] [--only CASE] [--bound-ms 250] [--pid SERVER]

As attack.py: each case must end as it says, and another client's requests must stay quick all the while. With --pid
the server's memory must stay within bounds, too: what it has grown by at any time since the first case.
"""
import functools
import json
import threading
import time

import attack
import ways
from attack import RST, Wrong, expect, frame, u32
from ways import (PROTOCOL, TEXT, WS_PONG, Device, Memory, Refused, Streams, WebSocket, ws_frame, ws_text)

PINGS = 100 * 1000
FRAMES = 5000
CASES = []


def case(f):
    CASES.append(f)
    return f


def both(f):
    """A case for each version of HTTP."""
    for version in (1, 2):
        one = functools.partial(f, version)
        one.__name__ = '%s_h%d' % (f.__name__, version)
        CASES.append(one)
    return f


class Me:
    """One account for all cases."""
    device = group = group_of_long = with_cookie = leaving = origin = None


def closed(version, code, *octets):
    w = Me.device.socket(version)
    w.send(*octets)
    w.closes_with(code)
    w.close()


def refused(version, path=None, fields=None, **more):
    """Status and body of a WebSocket that is not opened."""
    try:
        WebSocket(version, path or Me.device.path(), Me.device.fields() if fields is None else fields, **more).close()
    except Refused as r:
        return r.status, r.body
    raise Wrong('opened')


def said(got, status, code=None, field=None):
    expect(got[0] == status, got)
    expect(code is None or got[1]['code'] == code, got)
    expect(field is None or got[1].get('field') == field, got)


@both
def ordinary_socket(version):
    w = Me.device.socket(version)
    expect(w.raw.fields[b'sec-websocket-protocol'] == PROTOCOL.encode(), w.raw.fields)
    expect(b'sec-websocket-extensions' not in w.raw.fields, 'no extensions')
    got = w.answer({'id': 7, 'do': 'GET', 'path': '/v1/sessions'})
    expect(got['status'] == 200, got)
    w.send(ws_frame(0x88, b'\x03\xe8'))
    w.closes_with(1000)


@both
def unmasked_frames(version):
    closed(version, 1002, ws_frame(0x81, b'{"ack":"1.1"}', mask=b''))
    closed(version, 1002, ws_frame(0x89, b'', mask=b''))


@both
def reserved_bits_and_opcodes(version):
    for first in (0xc1, 0xa1, 0x91, 0x83, 0x87, 0x8b, 0x8f):
        closed(version, 1002, ws_frame(first, b'x'))


@both
def control_frames_too_long_or_in_parts(version):
    closed(version, 1002, ws_frame(0x89, b'x' * 126))
    closed(version, 1002, ws_frame(0x09, b'x'))
    closed(version, 1002, ws_frame(0x88, b'x' * 126))


@both
def one_byte_fragments(version):
    closed(version, 1009, ws_frame(0x01, b'{'), ws_frame(0x00, b' ') * 65534)
    closed(version, 1009, ws_frame(0x01, b''), ws_frame(0x00, b'') * 65534)


@both
def messages_too_long(version):
    closed(version, 1009, ws_frame(0x81, b'', claims=128 * 1024 + 1))
    closed(version, 1009, ws_frame(0x81, b'', claims=1 << 62))
    closed(version, 1009, ws_frame(0x01, b' ' * 100000), ws_frame(0x80, b' ' * 40000))


@both
def a_message_that_takes_its_time(version):
    w = Me.device.socket(version)
    whole = ws_frame(0x81, json.dumps({'id': 9, 'do': 'GET', 'path': '/v1/sessions'}).encode().ljust(128 * 1024))
    for at in (slice(0, 1), slice(1, 9), slice(9, 100), slice(100, -1)):
        w.send(whole[at])
        expect(w.next(0.2) is None, 'an answer to a part')
    w.send(whole[-1:])
    got = w.json()
    expect(got['id'] == 9 and got['status'] == 200, got)
    w.close()


@both
def no_text(version):
    closed(version, 1003, ws_frame(0x82, b'x'))
    closed(version, 1007, ws_frame(0x81, b'\xc3'))
    closed(version, 1007, ws_frame(0x01, b'{"\xed\xa0', claims=1000))    # told before it is whole


@both
def close_frames_that_are_none(version):
    closed(version, 1002, ws_frame(0x88, b'\x03'))
    for code in (999, 1004, 1005, 1006, 1015, 2999, 5000):
        closed(version, 1002, ws_frame(0x88, code.to_bytes(2, 'big')))
    closed(version, 1007, ws_frame(0x88, b'\x03\xe8\xff'))


@both
def frames_that_are_no_requests(version):
    w = Me.device.socket(version)
    for words in ('', 'x', '[]', '{}', '{"id":1}', '{"id":-1,"do":"GET","path":"/"}', '{"ack":7}', '{"ack":"junk"}',
                  '{"id":1,"do":"GET","path":"/v1/sessions","more":1}', '{"id":1,"id":2}', '[' * 5000):
        w.send(ws_text(words))
        got = w.json()
        problem = got.get('error') or got['body']
        expect(400 <= problem['status'] < 500, (words, got))
    got = w.answer({'id': 3, 'do': 'GET', 'path': '/v1/events?after=now&wait=5'})
    expect(got['status'] in (200, 400), got)
    got = w.answer({'id': 4, 'do': 'CONNECT', 'path': '/v1/events?after=now'})
    expect(got['status'] in (404, 405, 501), got)
    got = w.answer({'id': 5, 'do': 'GET', 'path': '/v1/sessions'})
    expect(got['status'] == 200, got)
    w.close()


@case
def pings_unread_h1():
    w = Me.device.socket(1, receive_bytes=65536)
    many_pings(w, PINGS)
    w.send(ws_frame(0x89, b'the newest'))
    newest_pong(w, PINGS)


@case
def pings_whose_answers_find_no_window_h2():
    peer = Streams()
    w = WebSocket(2, Me.device.path(), Me.device.fields(), peer=peer)
    expect('events' in w.json(), 'the first batch')
    peer.send(frame(attack.SETTINGS, 0, 0, b'\0\4\0\0\0\0'))     # INITIAL_WINDOW_SIZE 0
    peer.quiet = True
    many_pings(w, 30000)
    w.send(ws_frame(0x89, b'the newest'))
    peer.quiet = False
    peer.send(frame(attack.WINDOW, 0, 1, u32(1 << 20)))
    newest_pong(w, 1000)


def many_pings(w, count):
    piece = ws_frame(0x89, b'p' * 100) * 1000
    for _ in range(count // 1000):
        if not w.send(piece):
            raise Wrong('the server stopped reading')


def newest_pong(w, count):
    pongs = 0
    while w.until(WS_PONG, 15) != b'the newest':
        pongs += 1
    expect(pongs < count, '%d pongs' % pongs)      # the network keeps some, too
    got = w.answer({'id': 1, 'do': 'GET', 'path': '/v1/sessions'})
    expect(got['status'] == 200, got)
    w.close()


@both
def handshakes_that_lack_something(version):
    bearer, thirteen, protocol = Me.device.fields()
    got = refused(version, fields=[bearer, protocol])
    said(got, 426, 'upgrade_required')
    said(refused(version, fields=[bearer, ('Sec-WebSocket-Version', '8'), protocol]), 426)
    said(refused(version, fields=[bearer, thirteen]), 400, 'bad_request', 'sec-websocket-protocol')
    said(refused(version, fields=[bearer, thirteen, ('Sec-WebSocket-Protocol', 'posthorn.v2, chat')]), 400)
    said(refused(version, fields=[thirteen, protocol]), 401, 'unauthorized')
    said(refused(version, fields=[('Authorization', 'Bearer nobody'), thirteen, protocol]), 401)
    said(refused(version, '/v1/events'), 400)
    said(refused(version, Me.device.path('junk')), 400, 'bad_cursor')
    timeline, i = Me.device.cursor.split('.')
    said(refused(version, Me.device.path('%d.%s' % (int(timeline) + 1, i))), 410, 'resync')
    said(refused(version, Me.device.path('%s.%d' % (timeline, 1 << 50))), 410, 'resync')
    expect(refused(version, '/v1/discover')[0] in (400, 404, 405), 'nowhere else')


@both
def a_foreign_origin(version):
    bearer, thirteen, protocol = Me.device.fields()
    foreign, own = ('Origin', 'https://evil.example'), ('Origin', Me.origin)
    cookie = ('Cookie', Me.with_cookie.cookie)
    said(refused(version, fields=[bearer, thirteen, protocol, foreign]), 403, 'bad_origin')
    said(refused(version, fields=[bearer, thirteen, protocol, ('Origin', 'null')]), 403, 'bad_origin')
    said(refused(version, fields=[bearer, thirteen, protocol, ('Origin', own[1] + '.evil.example')]), 403)
    said(refused(version, Me.with_cookie.path(), [cookie, thirteen, protocol, foreign]), 403, 'bad_origin')
    said(refused(version, Me.with_cookie.path(), [cookie, thirteen, protocol]), 403, 'bad_origin')
    for device, who in ((Me.device, bearer), (Me.with_cookie, cookie)):
        w = WebSocket(version, device.path(), [who, thirteen, protocol, own])
        expect('events' in w.json(), 'the own origin is good')
        w.close()


@case
def upgrades_that_are_ambiguous():
    said(refused(1, upgrade=('websocket', 'h2c')), 400)
    said(refused(1, upgrade=('websocket', 'websocket')), 400)
    said(refused(1, body=b'{}'), 400)
    said(refused(1, fields=Me.device.fields() + [('Transfer-Encoding', 'chunked')]), 400)
    said(refused(1, fields=Me.device.fields() + [('Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ==')]), 400)


@case
def connect_without_or_with_a_wrong_protocol():
    for protocol in (None, (':protocol', 'connect-udp'), (':protocol', 'WebSocket')):
        try:
            WebSocket(2, Me.device.path(), Me.device.fields(), protocol=protocol)
            raise Wrong('opened')
        except Refused as r:
            expect(r.status in (400, 501) or r.status is None, r)
    p = Streams()                       # :protocol belongs to CONNECT
    p.ask(1, [(':method', 'GET'), (':protocol', 'websocket')] + attack.BASE[1:])
    p.read(3, until=lambda: p.is_over(1))
    expect(p.resets.get(1) == attack.PROTOCOL_ERROR or p.status.get(1) == 400, p)


@both
def frames_before_the_answer(version):
    early = b''.join(ws_text({'id': i, 'do': 'GET', 'path': '/v1/sessions'}) for i in range(3))
    w = WebSocket(version, Me.device.path(), Me.device.fields(), early=early)
    got = [w.json() for _ in range(4)]
    expect(sorted(one['id'] for one in got if 'id' in one) == [0, 1, 2], got)
    w.close()


@both
def much_before_the_answer(version):
    """More than a tunnel keeps before it is one: closed, or answered, and never without bounds."""
    early = ws_frame(0x89, b'x' * 100) * (600 if version == 2 else 20000)
    try:
        w = WebSocket(version, Me.device.path(), Me.device.fields(), early=early)
        w.until(TEXT)
        w.close()
    except (Refused, Wrong, OSError):
        pass
    ordinary_socket(version)


@both
def a_flood_of_verbs(version):
    w = Me.device.socket(version)
    frames = [ws_text({'id': i, 'do': 'GET', 'path': '/v1/conversations/%s' % Me.group}) for i in range(FRAMES)]
    answered = set()
    # By turns, as OpenSSL can't read and write one connection from two threads; many more than may be under way.
    for i in range(0, FRAMES if version == 1 else 0, 256):
        w.send(*frames[i:i + 256])
        while len(answered) < min(i + 256, FRAMES):
            got = w.json(20)
            expect(got['status'] == 200 and got['id'] not in answered, got)
            answered.add(got['id'])
    for i in range(FRAMES if version == 2 else 0):
        w.send(frames[i])
        while w.raw.peer.data.get(1, b'')[w.raw.seen:]:
            answered.add(w.json()['id'])
    while len(answered) < FRAMES:
        got = w.json(20)
        expect(got['status'] == 200 and got['id'] not in answered, got)
        answered.add(got['id'])
    w.close()


@both
def verbs_whose_answers_nobody_reads(version):
    """Each answer is 16 KB, so 48 MB would wait somewhere if the server went on reading; then they are read after all."""
    w = Me.device.socket(version, **({'receive_bytes': 65536} if version == 1 else {}))
    ask = '/v1/conversations/%s/messages?limit=1' % Me.group_of_long
    frames = [ws_text({'id': i, 'do': 'GET', 'path': ask}) for i in range(3000)]
    sent = len(frames)
    if version == 1:
        threading.Thread(target=lambda: w.raw.s.sendall(b''.join(frames)), daemon=True).start()
    else:
        peer = w.raw.peer
        peer.quiet = True
        peer.send(frame(attack.SETTINGS, 0, 0, b'\0\4\0\0\0\0'))
        sent = next((i for i, one in enumerate(frames) if not w.raw.write(one, 2)), sent)
        expect(sent < len(frames), 'all was taken')
    time.sleep(3)
    if version == 2:
        peer.quiet = False
        peer.send(frame(attack.SETTINGS, 0, 0, b'\0\4\0\1\0\0') + frame(attack.WINDOW, 0, 1, u32(1 << 20)))
    answered = set()
    while len(answered) < sent:
        got = w.json(20)
        expect(got['status'] == 200 and len(got['body']['messages'][0]['text']) == 16000, str(got)[:200])
        answered.add(got['id'])
    w.close()


def anchor_fields(authority='localhost', path=None):
    scheme = 'https' if attack.args.tls else 'http'
    return [(':method', 'GET'), (':scheme', scheme), (':authority', authority),
            (':path', path or Me.device.path(more='&push=1')), ('authorization', Me.device.bearer()[1])]


def anchor(stream=1, peer=None, **more):
    p = peer or Streams(**more)
    p.ask(stream, anchor_fields())
    p.read(5, until=lambda: p.promised or p.is_over(stream))
    expect(p.status.get(stream) == 200 and p.promised, p)
    return p


@case
def an_anchor_of_a_foreign_authority():
    for authority in ('evil.example', 'localhost.evil.example:443', '10.1.2.3'):
        p = Streams()
        p.ask(1, anchor_fields(authority))
        said(p.answer(1), 421, 'misdirected')
        expect(not p.promised, p)


@case
def an_anchor_that_takes_no_pushes():
    p = Streams(settings=b'\0\2\0\0\0\0')
    p.ask(1, anchor_fields())
    said(p.answer(1), 400, 'bad_request', 'query.push')
    said(Me.device.do('GET', Me.device.path(more='&push=1')), 400, 'bad_request', 'query.push')


@case
def a_promise_refused():
    for code in (attack.REFUSED, 8):
        p = anchor()
        p.send(frame(RST, 0, next(iter(p.promised)), u32(code)))
        p.read(5, until=lambda: 1 in p.ended)
        last = p.data[1].strip().split(b'\n')[-1]
        expect(1 in p.ended and b'"refused"' in last and b'"bye"' in last, (p, last))
        expect(p.is_alive(), p)


@case
def a_promise_never_acknowledged():
    p = anchor(quiet=True)
    promised = next(iter(p.promised))
    status, body = Me.device.do('POST', '/v1/conversations/%s/messages' % Me.group,
                                {'key': ways.new_key(), 'text': 'behind the promise'})
    expect(status == 201, body)
    p.read(2, until=lambda: promised in p.status)
    expect(promised not in p.status and not p.is_over(1) and len(p.pings) == 2, p)
    for ping in p.pings:
        p.send(frame(attack.PING, attack.ACK, 0, ping))
    p.read(2, until=lambda: promised in p.ended)
    expect(promised in p.ended and b'behind the promise' in p.data[promised], p)
    p.s.close()
    catch_up()


@case
def a_hundred_anchors():
    p = Streams()
    for stream in range(1, 200, 2):
        p.ask(stream, anchor_fields())
    p.read(10, until=lambda: len([s for s in p.ended if s % 2]) >= 96)
    over = [s for s in p.ended if s % 2]
    expect(len(over) == 96 and not p.closed, (len(over), p))
    wrong = [p.data[s] for s in over if b'"replaced"' not in p.data[s] and p.status[s] != 503]
    expect(not wrong, wrong[:1])
    p.read(1)
    expect(len([s for s in p.ended if s % 2]) == 96 and p.is_alive(), p)
    p.s.close()


@case
def promises_refused_for_ever():
    p = Streams()
    stream = 1
    for _ in range(300):
        before = len(p.promised)
        p.ask(stream, anchor_fields())
        p.read(3, until=lambda: len(p.promised) > before or p.is_over(stream))
        if p.closed or p.goaway is not None:
            break                       # too many resets: given up
        expect(len(p.promised) > before, p)
        p.send(frame(RST, 0, max(p.promised), u32(8)))
        p.read(3, until=lambda: p.is_over(stream))
        stream += 2
    p.s.close()
    a_promise_refused()


@case
def last_event_ids_that_are_none():
    sse = [('Accept', 'text/event-stream')]
    for junk in ('junk', '-1.5', '1.-1', '1.18446744073709551616', '1', '.', '1.1.1', ' 1. 1', 'x' * 4000, '%31.1'):
        got = Me.device.do('GET', Me.device.path(), None, sse + [('Last-Event-ID', junk)])
        said(got, 400, 'bad_cursor', 'last-event-id')
    timeline = Me.device.cursor.split('.')[0]
    got = Me.device.do('GET', Me.device.path(), None, sse + [('Last-Event-ID', '%s.%d' % (timeline, 1 << 50))])
    said(got, 410, 'resync')


@both
def a_socket_of_a_session_that_ends(version):
    leaving = Me.leaving[version]
    w = leaving.socket(version)
    expect(leaving.do('DELETE', '/v1/sessions/current')[0] in (200, 204), 'logged out')
    expect(w.closes_with(1008) == 'revoked', 'the reason')


def catch_up():
    Me.device.cursor = Me.device.do('GET', Me.device.path('now'))[1]['cursor']


def prepare():
    if not hasattr(attack.args, 'origin'):
        attack.args.origin = None
    device = Device()
    Me.device, Me.group = device, device.group()
    Me.group_of_long = device.group()
    status, body = device.do('POST', '/v1/conversations/%s/messages' % Me.group_of_long,
                             {'key': ways.new_key(), 'text': 'x' * 16000})
    expect(status == 201, body)
    catch_up()
    Me.origin = attack.args.origin = device.do('GET', '/v1/discover')[1]['nodes'][0]['url']
    Me.with_cookie = Device(device.handle, cookie=True)
    Me.leaving = {1: Device(device.handle), 2: Device(device.handle)}
    Memory.begin()


if __name__ == '__main__':
    attack.main(CASES, [], prepare, Memory.run, Memory.report)

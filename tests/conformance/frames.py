#!/usr/bin/python3
# conformance/frames.py - WebSocket frames by the numbers of Autobahn's list, over HTTP/1.1 and over HTTP/2
"""frames.py --port N --tls|--cleartext [--only 5.] : net_echo must listen there.

Autobahn's own suite (autobahn.py) knows HTTP/1.1 only and needs Python 2; these are the same questions, asked on both
versions with nothing but python3-h2. Inside 6.5 to 6.23 the order is our own. The last line is "N passed, M failed".
"""
import argparse
import sys
import time

import attack
from attack import Wrong, expect
from ways import CLOSE, BINARY, TEXT, WS_PING, WS_PONG, WebSocket, ws_frame

FIN, CONTINUES = 0x80, 0
CAP = 128 * 1024
CASES = []                  # (number, parts to send, what must come back)


def case(number, sent, *expected):
    """sent: a list of frames; each is a piece of its own on the wire. expected: (opcode, payload), or a close code."""
    CASES.append((number, sent, expected))


def chopped(frames, octets):
    whole = b''.join(frames)
    return [whole[i:i + octets] for i in range(0, len(whole), octets)]


def text(payload, first=FIN):
    return ws_frame(first | TEXT, payload)


def more(payload, first=0):
    return ws_frame(first | CONTINUES, payload)


def ping(payload):
    return ws_frame(FIN | WS_PING, payload)


def pong(payload):
    return ws_frame(FIN | WS_PONG, payload)


def close(code=None, reason=b''):
    return ws_frame(FIN | CLOSE, (code.to_bytes(2, 'big') if code is not None else b'') + reason)


def messages():
    for group, opcode, filler in ((1, TEXT, b'*'), (2, BINARY, b'\xfe')):
        for n, size in enumerate((0, 125, 126, 127, 128, 65535, 65536), 1):
            case('1.%d.%d' % (group, n), [ws_frame(FIN | opcode, filler * size)], (opcode, filler * size))
        case('1.%d.8' % group, chopped([ws_frame(FIN | opcode, filler * 65536)], 997), (opcode, filler * 65536))


def pings():
    case('2.1', [ping(b'')], (WS_PONG, b''))
    case('2.2', [ping(b'Hello, world!')], (WS_PONG, b'Hello, world!'))
    case('2.3', [ping(b'\x00\xff\xfe\xfd\xfc\xfb\x00\xff')], (WS_PONG, b'\x00\xff\xfe\xfd\xfc\xfb\x00\xff'))
    case('2.4', [ping(b'\xfe' * 125)], (WS_PONG, b'\xfe' * 125))
    case('2.5', [ping(b'\xfe' * 126)], 1002)
    case('2.6', chopped([ping(b'\xfe' * 125)], 1), (WS_PONG, b'\xfe' * 125))
    case('2.7', [pong(b'')])
    case('2.8', [pong(b'unasked')])
    case('2.9', [pong(b'unasked'), ping(b'asked')], (WS_PONG, b'asked'))
    ten = [b'payload-%d' % n for n in range(10)]
    case('2.10', [ping(p) for p in ten], *((WS_PONG, p) for p in ten))
    case('2.11', chopped([ping(p) for p in ten], 1), *((WS_PONG, p) for p in ten))


def reserved():
    first = (TEXT, b'first')
    case('3.1', [text(b'x', FIN | 0x10)], 1002)
    case('3.2', [text(b'first'), text(b'x', FIN | 0x20), ping(b'')], first, 1002)
    case('3.3', [text(b'first') + text(b'x', FIN | 0x30) + ping(b'')], first, 1002)
    case('3.4', chopped([text(b'first'), text(b'x', FIN | 0x40), ping(b'')], 1), first, 1002)
    case('3.5', [ws_frame(FIN | 0x50 | BINARY, b'\0\xff')], 1002)
    case('3.6', [ws_frame(FIN | 0x60 | WS_PING, b'x')], 1002)
    case('3.7', [ws_frame(FIN | 0x70 | CLOSE, b'')], 1002)
    for group, opcodes in ((1, range(3, 8)), (2, range(11, 16))):
        for n, opcode in enumerate(opcodes, 1):
            bad = ws_frame(FIN | opcode, b'' if n == 1 else b'reserved')
            if n < 3:
                case('4.%d.%d' % (group, n), [bad, ping(b'')], 1002)
            else:
                case('4.%d.%d' % (group, n), [text(b'first'), bad, ping(b'')], first, 1002)


def fragments():
    two = [text(b'fragment1', 0), more(b'fragment2', FIN)]
    whole = (TEXT, b'fragment1fragment2')
    case('5.1', [ws_frame(WS_PING, b'fragment1'), more(b'fragment2', FIN)], 1002)
    case('5.2', [ws_frame(WS_PONG, b'fragment1'), more(b'fragment2', FIN)], 1002)
    case('5.3', two, whole)
    case('5.4', [b''.join(two)], whole)
    case('5.5', chopped(two, 1), whole)
    between = [two[0], ping(b'ping payload'), two[1]]
    case('5.6', between, (WS_PONG, b'ping payload'), whole)
    case('5.7', [b''.join(between)], (WS_PONG, b'ping payload'), whole)
    case('5.8', chopped(between, 1), (WS_PONG, b'ping payload'), whole)
    for n, end in ((9, FIN), (12, 0)):
        sent = [more(b'nothing to continue', end), text(b'hello')]
        case('5.%d' % n, sent, 1002)
        case('5.%d' % (n + 1), [b''.join(sent)], 1002)
        case('5.%d' % (n + 2), chopped(sent, 1), 1002)
    case('5.15', two + [more(b'fragment3'), text(b'fragment4')], whole, 1002)
    case('5.16', [more(b'fragment1'), text(b'fragment2', 0), more(b'fragment3', FIN)] * 2, 1002)
    case('5.17', [more(b'fragment1', FIN), text(b'fragment2', 0), more(b'fragment3', FIN)] * 2, 1002)
    case('5.18', [text(b'fragment1', 0), text(b'fragment2')], 1002)
    five = [text(b'1', 0), more(b'2'), ping(b'one'), more(b'3'), more(b'4'), ping(b'two'), more(b'5', FIN)]
    answers = (WS_PONG, b'one'), (WS_PONG, b'two'), (TEXT, b'12345')
    case('5.19', five, *answers)
    case('5.20', chopped(five, 1), *answers)


def utf8():
    case('6.1.1', [text(b'')], (TEXT, b''))
    case('6.1.2', [text(b'', 0), more(b''), more(b'', FIN)], (TEXT, b''))
    case('6.1.3', [text(b'', 0), more(b'middle'), more(b'', FIN)], (TEXT, b'middle'))
    good = 'Hello-\u00b5@\u00df\u00f6\u00e4\u00fc\u00e0\u00e1-UTF-8!!'.encode()
    case('6.2.1', [text(good)], (TEXT, good))
    case('6.2.2', [text(good[:12], 0), more(good[12:], FIN)], (TEXT, good))
    octets = [text(good[:1], 0)] + [more(good[i:i + 1]) for i in range(1, len(good))] + [more(b'', FIN)]
    case('6.2.3', octets, (TEXT, good))
    case('6.2.4', chopped([text(good)], 1), (TEXT, good))
    bad = b'\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited'
    case('6.3.1', [text(bad)], 1007)
    case('6.3.2', [text(bad[:1], 0)] + [more(bad[i:i + 1]) for i in range(1, len(bad))] + [more(b'', FIN)], 1007)
    # 6.4: the close must come although the message, or the frame, never ends
    case('6.4.1', [text(b'\xce\xba\xe1\xbd\xb9', 0), more(b'\xf4\x90\x80\x80')], 1007)
    case('6.4.2', [text(b'\xce\xba\xe1\xbd\xb9\xf4', 0), more(b'\x90')], 1007)
    case('6.4.3', [ws_frame(FIN | TEXT, b'\xce\xba\xe1\xbd\xb9\xf4\x90\x80\x80', claims=100)], 1007)
    case('6.4.4', [ws_frame(FIN | TEXT, b'\xce\xba\xf4\x90', claims=100)], 1007)
    for group, is_good, octets in UTF8:
        for n, one in enumerate(octets, 1):
            case('6.%d.%d' % (group, n), [text(one)], (TEXT, one) if is_good else 1007)


def of(*points):
    return [chr(point).encode('utf-8', 'surrogatepass') for point in points]


def last_missing(encoded):
    return [one[:-1] for one in encoded]


FIRSTS = of(0, 0x80, 0x800, 0x10000)
LASTS = of(0x7f, 0x7ff, 0xffff, 0x10ffff)
NONCHARACTERS = of(*(plane << 16 | low for plane in range(17) for low in (0xfffe, 0xffff)))
UTF8 = [                    # group of 6, whether it is text, octets
    (5, True, ['\u03ba\u1f79\u03c3\u03bc\u03b5'.encode()[:n] for n in (2, 5, 7, 9, 11)]),
    (6, False, ['\u03ba\u1f79\u03c3\u03bc\u03b5'.encode()[:n] for n in (1, 3, 4, 6, 8, 10)]),
    (7, True, FIRSTS),
    (8, False, [b'\xf8\x88\x80\x80\x80', b'\xfc\x84\x80\x80\x80\x80']),
    (9, True, LASTS),
    (10, False, [b'\xf7\xbf\xbf\xbf', b'\xfb\xbf\xbf\xbf\xbf', b'\xfd\xbf\xbf\xbf\xbf\xbf']),
    (11, True, of(0xd7ff, 0xe000, 0xfffd, 0x10ffff)),
    (12, False, [b'\x80', b'\xbf'] + [b'\x80\xbf' * n for n in (1, 2, 3)] + [bytes(range(0x80, 0xc0))]),
    (13, False, [b''.join(bytes([n, 32]) for n in span) for span in
                 (range(0xc0, 0xe0), range(0xe0, 0xf0), range(0xf0, 0xf8), range(0xf8, 0xfc), range(0xfc, 0xfe))]),
    (14, False, last_missing(FIRSTS[1:] + LASTS[1:]) + [b'\xf8\x88\x80\x80', b'\xfb\xbf\xbf\xbf']),
    (15, False, [b''.join(last_missing(FIRSTS[1:] + LASTS[1:]))]),
    (16, False, [b'\xfe', b'\xff', b'\xfe\xfe\xff\xff']),
    (17, False, [b'\xc0\xaf', b'\xe0\x80\xaf', b'\xf0\x80\x80\xaf', b'\xf8\x80\x80\x80\xaf', b'\xfc\x80\x80\x80\x80\xaf']),
    (18, False, [b'\xc1\xbf', b'\xe0\x9f\xbf', b'\xf0\x8f\xbf\xbf', b'\xf8\x87\xbf\xbf\xbf', b'\xfc\x83\xbf\xbf\xbf\xbf']),
    (19, False, [b'\xc0\x80', b'\xe0\x80\x80', b'\xf0\x80\x80\x80', b'\xf8\x80\x80\x80\x80', b'\xfc\x80\x80\x80\x80\x80']),
    (20, False, of(0xd800, 0xdb7f, 0xdb80, 0xdbff, 0xdc00, 0xdf80, 0xdfff)),
    (21, False, [a + b for a in of(0xd800, 0xdb7f, 0xdb80, 0xdbff) for b in of(0xdc00, 0xdfff)]),
    (22, True, NONCHARACTERS),
    (23, True, of(0xfdd0, 0xfdef, 0xfff9, 0xfffa, 0xfffb, 0xfffc, 0xfffd)),
]


def closing():
    hello = (TEXT, b'hello')
    case('7.1.1', [text(b'hello'), close(1000)], hello, 1000)
    case('7.1.2', [close(1000), close(1000)], 1000)
    case('7.1.3', [close(1000), ping(b'late')], 1000)
    case('7.1.4', [close(1000), text(b'late')], 1000)
    case('7.1.5', [text(b'fragment1', 0), close(1000), more(b'fragment2', FIN)], 1000)
    case('7.1.6', [text(b'B' * 256 * 1024), close(1000), ping(b'')], 1009)
    case('7.3.1', [close()], None)
    case('7.3.2', [ws_frame(FIN | CLOSE, b'a')], 1002)
    case('7.3.3', [close(1000)], 1000)
    case('7.3.4', [close(1000, b'Hello, world!')], 1000)
    case('7.3.5', [close(1000, b'*' * 123)], 1000)
    case('7.3.6', [close(1000, b'*' * 124)], 1002)
    case('7.5.1', [close(1000, b'\xce\xba\xed\xa0\x80')], 1007)
    for n, code in enumerate((1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999), 1):
        case('7.7.%d' % n, [close(code)], code)
    for n, code in enumerate((0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999), 1):
        case('7.9.%d' % n, [close(code)], 1002)
    case('7.13.1', [close(5000)], 1002)
    case('7.13.2', [close(65535)], 1002)


def sizes():
    """9 and 10, up to the cap and just beyond it."""
    for group, opcode, filler in ((1, TEXT, b'*'), (2, BINARY, b'\xfe')):
        case('9.%d.1' % group, [ws_frame(FIN | opcode, filler * 65536)], (opcode, filler * 65536))
        case('9.%d.cap' % group, [ws_frame(FIN | opcode, filler * CAP)], (opcode, filler * CAP))
        case('9.%d.beyond' % group, [ws_frame(FIN | opcode, b'', claims=CAP + 1)], 1009)
        parts = [ws_frame(opcode, filler * 2048)] + [more(filler * 2048) for _ in range(62)] + [more(filler * 2048, FIN)]
        case('9.%d.cap' % (group + 2), parts, (opcode, filler * CAP))
        case('9.%d.beyond' % (group + 2), parts[:-1] + [more(filler * 2049, FIN)], 1009)
        for n, chop in enumerate((64, 512, 4096), 1):
            case('9.%d.%d' % (group + 4, n), chopped([ws_frame(FIN | opcode, filler * 20000)], chop), (opcode, filler * 20000))
        for n, size in enumerate((0, 16, 64, 256, 1024, 16384), 1):
            case('9.%d.%d' % (group + 6, n), [ws_frame(FIN | opcode, filler * size)] * 20, *[(opcode, filler * size)] * 20)
    whole = b'*' * 65536
    auto = [text(whole[:1300], 0)] + [more(whole[i:i + 1300], 0 if i + 1300 < 65536 else FIN) for i in range(1300, 65536, 1300)]
    case('10.1.1', auto, (TEXT, whole))


def play(version, sent, expected):
    w = WebSocket(version, '/ws-echo', [('Sec-WebSocket-Version', '13')])
    try:
        for part in sent:
            if not w.send(part):
                break               # it was closed meanwhile: what is expected will tell
        for one in expected:
            if not isinstance(one, tuple):
                closed_with(w, one)
                return
            got = w.next(10)
            expect(got == one, 'got %.60r instead of %.60r' % (got, one))
        w.send(close(1000))
        closed_with(w, 1000)
    finally:
        w.close()


def closed_with(w, code):
    got = w.next(10)
    payload = b'' if code is None else code.to_bytes(2, 'big')
    expect(got == (CLOSE, payload), 'got %.60r instead of close %s' % (got, code))
    end = time.time() + 10
    while not w.raw.is_over and time.time() < end:
        expect(not w.raw.read(1), 'something behind the close')
    expect(w.raw.is_over, 'closed, and still open')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--host', default='127.0.0.1')
    parser.add_argument('--port', type=int, required=True)
    parser.add_argument('--only', default='')
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument('--tls', action='store_true')
    how.add_argument('--cleartext', action='store_true')
    attack.args = parser.parse_args()
    for chapter in (messages, pings, reserved, fragments, utf8, closing, sizes):
        chapter()
    passed = failed = 0
    for version, name in ((1, 'HTTP/1.1'), (2, 'HTTP/2')):
        for number, sent, expected in CASES:
            if not number.startswith(attack.args.only):
                continue
            try:
                play(version, sent, expected)
                passed += 1
            except (Wrong, OSError) as e:
                failed += 1
                print('FAIL  %-10s over %s: %s' % (number, name, e))
    print('%d passed, %d failed' % (passed, failed))
    sys.exit(0 if passed and not failed else 1)


if __name__ == '__main__':
    main()

#!/usr/bin/python3
# conformance/http1.py - malformed and odd HTTP/1.1 against a live server: each gets its status, code and end
"""http1.py --port N --tls|--cleartext [--host H] [--only WORDS]

Exits non-zero when anything failed; the last line is "N passed, M failed".
"""
import argparse
import json
import socket
import ssl
import sys

args = None
GET = b'GET /v1/discover HTTP/1.1\r\nHost: a\r\n'
POST = b'POST /v1/sessions HTTP/1.1\r\nHost: a\r\n'
CHUNKED = POST + b'Transfer-Encoding: chunked\r\n\r\n'
BAD = (400, 'bad_request')
ANY_JSON_REFUSAL = (400, 401, 404, 415, 422, 429)       # the body arrived: what the api says of it is its own

# name, what is sent, (status, code), and whether the connection ends with it
REFUSED = [
    ('Content-Length and Transfer-Encoding', POST + b'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', BAD),
    ('Transfer-Encoding and Content-Length', POST + b'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n', BAD),
    ('two lengths that differ', POST + b'Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello1', BAD),
    ('two lengths that agree', POST + b'Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello', BAD),
    ('a list of lengths', POST + b'Content-Length: 5, 5\r\n\r\nhello', BAD),
    ('length +5', POST + b'Content-Length: +5\r\n\r\nhello', BAD),
    ('length -5', POST + b'Content-Length: -5\r\n\r\nhello', BAD),
    ('length 0x5', POST + b'Content-Length: 0x5\r\n\r\nhello', BAD),
    ('length 5 5', POST + b'Content-Length: 5 5\r\n\r\nhello', BAD),
    ('empty length', POST + b'Content-Length: \r\n\r\nhello', BAD),
    ('length beyond 64 bits', POST + b'Content-Length: 18446744073709551617\r\n\r\n', BAD),
    ('coding xchunked', POST + b'Transfer-Encoding: xchunked\r\n\r\n', (501, 'not_implemented')),
    ('coding chunked, identity', POST + b'Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n', (501, 'not_implemented')),
    ('coding gzip', POST + b'Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n', (501, 'not_implemented')),
    ('coding gzip, chunked', POST + b'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n', (501, 'not_implemented')),
    ('coding of a tab-led name', POST + b'Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n', BAD),
    ('two codings', POST + b'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n', BAD),
    ('coding in HTTP/1.0', b'POST /v1/sessions HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', BAD),
    ('space before the colon', POST + b'Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n', BAD),
    ('bare LF', b'GET / HTTP/1.1\nHost: a\n\n', BAD),
    ('bare LF in a field', GET + b'X: a\n\r\n', BAD),
    ('CR CR LF', GET + b'X: a\r\r\n\r\n', BAD),
    ('folded line', GET + b'X: a\r\n b\r\n\r\n', BAD),
    ('folded coding', POST + b'Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n', BAD),
    ('no Host', b'GET /v1/discover HTTP/1.1\r\n\r\n', BAD),
    ('two Hosts', GET + b'Host: b\r\n\r\n', BAD),
    ('a Host that is no host', b'GET /v1/discover HTTP/1.1\r\nHost: a b\r\n\r\n', BAD),
    ('a Host with a user', b'GET /v1/discover HTTP/1.1\r\nHost: me@a\r\n\r\n', BAD),
    ('control character in a value', GET + b'X: \x01 b\r\n\r\n', BAD),
    ('NUL in a value', GET + b'X: a\0b\r\n\r\n', BAD),
    ('DEL in a value', GET + b'X: a\x7fb\r\n\r\n', BAD),
    ('CR in a value', GET + b'X: a\rb: c\r\n\r\n', BAD),
    ('NUL in a name', GET + b'X\0: a\r\n\r\n', BAD),
    ('empty name', GET + b': a\r\n\r\n', BAD),
    ('no colon', GET + b'nonsense\r\n\r\n', BAD),
    ('name beyond ASCII', GET + b'X-\xc3\xa4: a\r\n\r\n', BAD),
    ('pseudo field', GET + b':path: /\r\n\r\n', BAD),
    ('chunk size 0x5', CHUNKED + b'0x5\r\nhello\r\n0\r\n\r\n', BAD),
    ('chunk size empty', CHUNKED + b'\r\nhello\r\n0\r\n\r\n', BAD),
    ('chunk size -1', CHUNKED + b'-1\r\nhello\r\n0\r\n\r\n', BAD),
    ('chunk size with a space', CHUNKED + b'5 \r\nhello\r\n0\r\n\r\n', BAD),
    ('chunk size of nine digits', CHUNKED + b'000000005\r\nhello\r\n0\r\n\r\n', BAD),
    ('chunk that is longer than it says', CHUNKED + b'5\r\nhelloXX0\r\n\r\n', BAD),
    ('chunk that ends in LF', CHUNKED + b'5\r\nhello\n0\r\n\r\n', BAD),
    ('LF in a chunk extension', CHUNKED + b'5;a\nb\r\nhello\r\n0\r\n\r\n', BAD),
    ('endless chunk extension', CHUNKED + b'5;' + b'a' * 8000 + b'\r\nhello\r\n0\r\n\r\n', BAD),
    ('trailer', CHUNKED + b'2\r\n{}\r\n0\r\nX: a\r\n\r\n', BAD),
    ('HTTP/0.9', b'GET /\r\n\r\n', BAD),
    ('HTTP/2.0 in the line', b'GET / HTTP/2.0\r\nHost: a\r\n\r\n', (505, 'http_version')),
    ('HTTP/1.2', b'GET / HTTP/1.2\r\nHost: a\r\n\r\n', (505, 'http_version')),
    ('http/1.1 in lower case', b'GET / http/1.1\r\nHost: a\r\n\r\n', BAD),
    ('two spaces', b'GET  / HTTP/1.1\r\nHost: a\r\n\r\n', BAD),
    ('space in the target', b'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n', BAD),
    ('tab in the line', b'GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n', BAD),
    ('leading empty line', b'\r\n' + GET + b'\r\n', BAD),
    ('leading space', b' ' + GET + b'\r\n', BAD),
    ('TLS bytes', b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', BAD),
    ('binary target', b'GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n', BAD),
    ('fragment in the target', b'GET /#a HTTP/1.1\r\nHost: a\r\n\r\n', BAD),
    ('absolute target', b'GET http://a/v1/discover HTTP/1.1\r\nHost: a\r\n\r\n', BAD),
    ('target without slash', b'GET v1/discover HTTP/1.1\r\nHost: a\r\n\r\n', BAD),
    ('asterisk with GET', b'GET * HTTP/1.1\r\nHost: a\r\n\r\n', BAD),
    ('CONNECT', b'CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n', (501, 'not_implemented')),
    ('method of 21 characters', b'A' * 21 + b' / HTTP/1.1\r\nHost: a\r\n\r\n', BAD),
    ('target of 2,049 bytes', b'GET /' + b'a' * 2048 + b' HTTP/1.1\r\nHost: a\r\n\r\n', (414, 'uri_too_long')),
    ('target that never ends', b'GET /' + b'a' * 10000, (414, 'uri_too_long')),
    ('65 fields', GET + b''.join(b'X-%d: a\r\n' % i for i in range(64)) + b'\r\n', (431, 'headers_too_large')),
    ('17 KB of fields', GET + b'X: ' + b'a' * 17000 + b'\r\n\r\n', (431, 'headers_too_large')),
    ('fields that never end', GET + b'X: a\r\n' * 5000, (431, 'headers_too_large')),
    ('another expectation', POST + b'Expect: 200-maybe\r\nContent-Length: 2\r\n\r\n{}', (417, 'expectation_failed')),
    ('length of 64 KiB and one', POST + b'Content-Length: 65537\r\n\r\n', (413, 'too_large')),
    ('chunks of more than 64 KiB', CHUNKED + b'8000\r\n' + b'a' * 0x8000 + b'\r\n8001\r\n' + b'a' * 0x8001, (413, 'too_large')),
    ('two Authorizations', GET + b'Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n', BAD),
    ('two Content-Types', POST + b'Content-Type: application/json\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}', BAD),
]


def connect():
    s = socket.create_connection((args.host, args.port), timeout=15)
    if args.tls:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(['http/1.1'])
        s = context.wrap_socket(s, server_hostname='localhost')
    return s


class Wrong(Exception):
    pass


def expect(ok, what):
    if not ok:
        raise Wrong(repr(what)[:300])


class Talk:
    """A connection and the answers that come over it."""

    def __init__(self):
        self.s = connect()
        self.inbox = b''

    def send(self, octets):
        try:
            self.s.sendall(octets)
        except OSError:
            pass                            # refused before it was all said

    def more(self):
        try:
            got = self.s.recv(65536)
        except ConnectionError:
            got = b''
        self.inbox += got
        return bool(got)

    def answer(self, without_body=False):
        """(status, fields, body)"""
        while b'\r\n\r\n' not in self.inbox:
            expect(self.more(), ('closed without an answer', self.inbox))
        head, self.inbox = self.inbox.split(b'\r\n\r\n', 1)
        lines = head.split(b'\r\n')
        version, status = lines[0].split(b' ')[:2]
        expect(version == b'HTTP/1.1', lines[0])
        fields = {}
        for line in lines[1:]:
            name, value = line.split(b': ', 1)
            expect(name.lower() not in fields, ('twice', name))
            fields[name.lower().decode()] = value.decode()
        if int(status) == 100:
            return 100, fields, b''
        length = 0 if without_body else int(fields['content-length'])
        while len(self.inbox) < length:
            expect(self.more(), 'closed inside the body')
        body, self.inbox = self.inbox[:length], self.inbox[length:]
        expect('date' in fields and fields.get('cache-control') == 'no-store', fields)
        expect(int(fields['content-length']) >= 2, fields)
        return int(status), fields, body

    def ends(self):
        while self.more():
            pass
        expect(self.inbox == b'', ('more than one answer', self.inbox))


def refused(octets, status, code, cut):
    t = Talk()
    if cut:                                 # in two pieces, for what a parser keeps in between
        t.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        t.send(octets[:len(octets) // 2])
        t.send(octets[len(octets) // 2:])
    else:
        t.send(octets)
    got, fields, body = t.answer()
    problem = json.loads(body)
    expect(got == status and problem['code'] == code and problem['status'] == status, (got, problem))
    expect(fields['content-type'].startswith('application/problem+json'), fields)
    expect(fields.get('connection') == 'close', fields)
    t.ends()


def is_public(t, octets):
    t.send(octets)
    status, fields, body = t.answer()
    expect(status == 200 and json.loads(body) is not None, (status, body))
    return fields


def keep_alive():
    t = Talk()
    for _ in range(5):
        expect('connection' not in is_public(t, GET + b'\r\n'), 'stays open')


def connection_close():
    t = Talk()
    expect(is_public(t, GET + b'Connection: close\r\n\r\n')['connection'] == 'close', 'says so')
    t.ends()


def connection_close_in_a_list():
    t = Talk()
    is_public(t, GET + b'Connection: x, CLOSE ,y\r\n\r\n')
    t.ends()


def http10_closes():
    t = Talk()
    is_public(t, b'GET /v1/discover HTTP/1.0\r\n\r\n')
    t.ends()


def http10_keep_alive():
    t = Talk()
    for _ in range(2):
        fields = is_public(t, b'GET /v1/discover HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n')
        expect(fields['connection'] == 'keep-alive', fields)


def pipelined():
    t = Talk()
    t.send((GET + b'\r\n') * 20)
    for _ in range(20):
        expect(t.answer()[0] == 200, 'in order')


def pipelined_flood():
    t = Talk()
    t.send((GET + b'\r\n') * 3000)
    for _ in range(3000):
        expect(t.answer()[0] == 200, 'every one')


def byte_by_byte():
    t = Talk()
    t.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for c in GET + b'\r\n':
        t.send(bytes([c]))
    expect(t.answer()[0] == 200, 'whole at last')


def head_has_no_body():
    t = Talk()
    t.send(b'HEAD' + GET[3:] + b'\r\n')
    status, fields, _ = t.answer(without_body=True)
    expect(status == 200 and int(fields['content-length']) > 0, fields)
    is_public(t, GET + b'\r\n')


def unknown_route():
    t = Talk()
    t.send(b'GET /v1/no/such HTTP/1.1\r\nHost: a\r\n\r\n')
    status, fields, body = t.answer()
    expect(status in (401, 404) and json.loads(body)['status'] == status, (status, body))
    is_public(t, GET + b'\r\n')


def continue_100():
    t = Talk()
    t.send(POST + b'Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n')
    expect(t.answer()[0] == 100, 'asked for')
    t.send(b'{}')
    expect(t.answer()[0] in ANY_JSON_REFUSAL, 'then the answer')


def continue_not_for_too_large():
    t = Talk()
    t.send(POST + b'Expect: 100-continue\r\nContent-Length: 999999\r\n\r\n')
    expect(t.answer()[0] == 413, 'instead of 100')
    t.ends()


def chunks_byte_by_byte():
    t = Talk()
    t.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for c in CHUNKED.replace(b'\r\n\r\n', b'\r\nContent-Type: application/json\r\n\r\n') + b'1;a="b"\r\n{\r\n1\r\n}\r\n0\r\n\r\n':
        t.send(bytes([c]))
    expect(t.answer()[0] in ANY_JSON_REFUSAL, 'whole at last')
    is_public(t, GET + b'\r\n')


def body_of_get_is_not_a_request():
    t = Talk()
    t.send(GET + b'Content-Length: 5\r\n\r\nhello' + GET + b'\r\n')
    expect(t.answer()[0] in (200, 400, 415), 'one')
    expect(t.answer()[0] == 200, 'two')


def body_of_64_kib():
    t = Talk()
    t.send(POST + b'Content-Type: application/json\r\nContent-Length: 65536\r\n\r\n' + b' ' * 65534 + b'{}')
    expect(t.answer()[0] in ANY_JSON_REFUSAL, 'fits')


def upload_after_413():
    t = Talk()
    t.send(POST + b'Content-Length: 1000000\r\n\r\n' + b'a' * 1000000)
    expect(t.answer()[0] == 413, 'the answer survives the upload')
    t.ends()


def half_close_gets_its_answer():
    if args.tls:
        return
    t = Talk()
    t.send(GET + b'\r\n')
    t.s.shutdown(socket.SHUT_WR)
    expect(t.answer()[0] == 200, 'answered')
    t.ends()


ACCEPTED = [keep_alive, connection_close, connection_close_in_a_list, http10_closes, http10_keep_alive, pipelined,
            pipelined_flood, byte_by_byte, head_has_no_body, unknown_route, continue_100,
            continue_not_for_too_large, chunks_byte_by_byte, body_of_get_is_not_a_request, body_of_64_kib,
            upload_after_413, half_close_gets_its_answer]


def run(name, f):
    if args.only and args.only not in name:
        return None
    try:
        f()
        return True
    except Exception as e:
        print('FAIL  %-45s %s: %s' % (name, type(e).__name__, e), flush=True)
        return False


def main():
    global args
    parser = argparse.ArgumentParser()
    parser.add_argument('--host', default='127.0.0.1')
    parser.add_argument('--port', type=int, required=True)
    parser.add_argument('--only')
    how = parser.add_mutually_exclusive_group(required=True)
    how.add_argument('--tls', action='store_true')
    how.add_argument('--cleartext', action='store_true')
    args = parser.parse_args()
    outcomes = []
    for name, octets, (status, code) in REFUSED:
        for cut in (False, True):
            outcomes.append(run(name + (', in two' if cut else ''), lambda: refused(octets, status, code, cut)))
    for f in ACCEPTED:
        outcomes.append(run(f.__name__, f))
    print('%d passed, %d failed' % (outcomes.count(True), outcomes.count(False)))
    sys.exit(1 if False in outcomes or True not in outcomes else 0)


if __name__ == '__main__':
    main()

#!/usr/bin/python3
"""scenes/test_ways_open.py - every way to receive is opened: what comes first, from which place, and what is refused"""
from scene import Gone, Said, asyncio, new_key, play, time
from streams import Link, Line1, open_line
from ways import PAIRS, STREAMS, Refused, open_way
from websocket import PROTOCOL, WebSocket

PLACES = ("h2", "h2s")      # cleartext and TLS; the version is the way's
SSE = ("accept", "text/event-stream")


async def pair(s, carrier="h2"):
    a, b = await s.persons(2, carrier)
    c = await a.direct(b)
    await b.drain()
    return a, b, c


def bearer(who):
    return ("authorization", "Bearer " + who.token)


async def until(receiver, count, wait_s=20):
    """That many messages, and what they were brought by."""
    events, items = [], []
    end = time.monotonic() + wait_s
    while len(events) < count and time.monotonic() < end:
        item = await receiver.next(wait_s)
        items.append(item)
        events += [e for e in item.get("events", []) if e["t"] == "message"]
    return events, items


async def answer_of(who, path, headers=(), http="h1", **more):
    line = await open_line(http, who.http.port, who.http.context, path, [bearer(who)] + list(headers), **more)
    answer = await line.whole()
    line.close()
    return answer


async def scene_it_tells_where_it_stands_at_once(s):
    for place in PLACES:
        a, b, c = await pair(s, place)
        for way, http in STREAMS:
            name = f"{way} {http} {place}"
            r = await b.way(way, http)
            s.equal(await r.next(8), {"events": [], "cursor": b.cursor}, f"{name}: the first word is the cursor")
            r.close()
            r = await b.way(way, http, "now")
            s.equal((await r.next(8))["cursor"], b.cursor, f"{name}: now is the head")
            await a.say(c, "new")
            events, _ = await until(r, 1)
            s.equal([e["text"] for e in events], ["new"], f"{name}: and goes on from there")
            s.equal(r.cursor, f"{b.cursor.split('.')[0]}.{events[0]['i']}", f"{name}: the cursor is its place")
            b.cursor = r.cursor
            r.close()


async def scene_what_was_missed_comes_first_and_the_live_after_it(s):
    for place in PLACES:
        a, b, c = await pair(s, place)
        start = b.cursor
        for n in range(0, 450, 30):
            sends = [{"do": "POST", "path": f"/v1/conversations/{c}/messages",
                      "body": {"key": k, "text": f"old {n + j}"}} for j, k in enumerate(keys(30))]
            s.equal((await a.do("POST", "/v1/batch", {"requests": sends})).status, 200, "a batch of sends")
        known = [(e["i"], e["id"], e["text"]) for e in await b.drain()]
        s.equal(len(known), 450, "as polls have them")
        for way, http in PAIRS:
            name = f"{way} {http} {place}"
            r = await b.way(way, http, start)
            events, items = await until(r, 450)
            s.equal([(e["i"], e["id"], e["text"]) for e in events], known, f"{name}: all that was missed, in order")
            s.expect(max(len(i.get("events", [])) for i in items) <= 200, f"{name}: in batches")
            sender = asyncio.create_task(say_some(a, c, 60))
            live, _ = await until(r, 60)
            await sender
            s.equal([e["i"] for e in live], list(range(events[-1]["i"] + 1, events[-1]["i"] + 61)), f"{name}: dense")
            s.equal([e["text"] for e in live], [f"live {n}" for n in range(60)], f"{name}: live, in order")
            known += [(e["i"], e["id"], e["text"]) for e in live]
            start, r_cursor = f"{start.split('.')[0]}.{known[-450][0] - 1}", r.cursor
            known = known[-450:]
            s.equal(r_cursor.split(".")[1], str(known[-1][0]), f"{name}: the cursor is the last one's place")
            r.close()


def keys(count):
    return [new_key() for _ in range(count)]


async def say_some(who, conversation, count):
    for n in range(count):
        await who.say(conversation, f"live {n}")


async def scene_long_events_keep_their_bytes(s):
    a, b, c = await pair(s)
    text = "ü" * 8000
    for way, http in PAIRS:
        r = await b.way(way, http)
        await asyncio.gather(*(a.say(c, text + str(n)) for n in range(20)))
        events, items = await until(r, 20)
        s.equal(sorted(e["text"] for e in events), sorted(text + str(n) for n in range(20)), f"{way} {http}: whole")
        if way in ("sse", "socket", "push"):
            s.expect(max(sum(len(e["text"].encode()) for e in i.get("events", [])) for i in items) <= 66000,
                     f"{way} {http}: a batch has at most 64 KiB of bodies")
        b.cursor = r.cursor
        r.close()


async def scene_the_fields_of_the_answers(s):
    a, b, c = await pair(s)
    for http in ("h1", "h2"):
        r = await b.way("sse", http)
        found = [r.line.headers.get(n) for n in ("content-type", "cache-control", "x-accel-buffering")]
        s.equal(found, ["text/event-stream; charset=utf-8", "no-cache, no-transform", "no"], f"{http}: of SSE")
        await r.next(8)
        s.equal(r.seen.decode(), f"retry: 2000\nid: {b.cursor}\n: ok\n\n", f"{http}: the first bytes")
        r.close()
        r = await b.way("sse", http, query="pad=1")
        await r.next(8)
        head, _, rest = r.seen.decode().partition("\n")
        s.expect(head[0] == ":" and head[1:].strip() == "" and len(head) >= 2048, f"{http}: pad=1 is 2 KiB of comment",
                 repr(head[:80]))
        s.expect(rest.startswith("retry: 2000\n"), f"{http}: before the first words", rest[:80])
        r.close()
        ws = await WebSocket.open(http, b.http.port, None, f"/v1/events?after={b.cursor}", [bearer(b)],
                                  protocol="other, posthorn.v1 ,x")
        s.equal(ws.line.headers.get("sec-websocket-protocol"), PROTOCOL, f"{http}: the subprotocol is answered")
        ws.close()
    r = await b.way("push", "h2")
    s.equal((r.line.headers["content-type"].split(";")[0], r.line.headers.get("cache-control")),
            ("application/x-ndjson", "no-store"), "of an anchor")
    r.close()
    line = await Line1.open(b.http.port, None, "GET", f"/v1/events?after={b.cursor}", [bearer(b), SSE], version="1.0")
    s.expect(line.status == 200 and not line.chunked, "HTTP/1.0 gets it until the end", repr(line.headers))
    s.expect((await line.read(8)).startswith(b"retry: 2000\n"), "at once")
    line.close()


async def scene_last_event_id(s):
    a, b, c = await pair(s)
    old = b.cursor
    await a.say(c, "one")
    await a.say(c, "two")
    t, i = old.split(".")
    for http in ("h1", "h2"):
        r = await b.way("sse", http, old, headers=[("last-event-id", f"{t}.{int(i) + 1}")])
        events, _ = await until(r, 1)
        s.equal([e["text"] for e in events], ["two"], f"{http}: Last-Event-ID goes before after")
        s.equal(r.cursor, f"{t}.{int(i) + 2}", f"{http}: each event's id is its cursor")
        r.close()
        line = await open_line(http, b.http.port, None, "/v1/events", [bearer(b), SSE, ("last-event-id", old)])
        s.equal(line.status, 200, f"{http}: then after is not needed")
        line.close()
        line = await open_line(http, b.http.port, None, f"/v1/events?after={old}", [bearer(b), SSE, ("last-event-id", "")])
        s.equal(line.status, 200, f"{http}: an empty one is none")
        line.close()
        s.refused(Said(await answer_of(b, "/v1/events?after=now", [SSE, ("last-event-id", "x")], http)), 400,
                  "bad_cursor", "last-event-id")


async def scene_which_way_is_asked_for(s):
    """wait and push go before Accept; Accept alone is SSE."""
    a, b, c = await pair(s)
    for http in ("h1", "h2"):
        for query in ("&wait=0", "&wait=1"):
            answer = await answer_of(b, f"/v1/events?after={b.cursor}{query}", [SSE], http)
            s.equal((answer.status, answer.headers["content-type"].split(";")[0]), (200, "application/json"),
                    f"{http}: {query} is a poll")
        answer = await answer_of(b, f"/v1/events?after={b.cursor}", [("accept", "application/json")], http)
        s.equal(answer.headers["content-type"].split(";")[0], "application/json", f"{http}: JSON is a poll")
        line = await open_line(http, b.http.port, None, f"/v1/events?after={b.cursor}",
                               [bearer(b), ("accept", "text/event-stream, */*;q=0.1")])
        s.equal(line.headers["content-type"].split(";")[0], "text/event-stream", f"{http}: a browser's list is SSE")
        line.close()
        head = await b.do("HEAD", f"/v1/events?after={b.cursor}", headers=[SSE]) if http == "h2" else None
        s.expect(head is None or head.status == 200, "HEAD does not wait", repr(head))


async def scene_what_is_refused(s):
    a, b, c = await pair(s)
    t, i = b.cursor.split(".")
    wrong = (("after=x", 400, "bad_cursor", "query.after"), ("", 400, "missing_field", "query.after"),
             ("after=now&x=1", 400, "unknown_field", "query.x"), (f"after={int(t) + 1}.{i}", 410, "resync", None),
             (f"after={t}.{int(i) + 1}", 410, "resync", None))
    for place in PLACES:
        who = await s.device(b, place)
        for way, http in STREAMS:
            for query, status, code, field in wrong:
                try:
                    await nowhere(who, way, http, query)
                    s.expect(False, f"{way} {http} {place} {query}: refused")
                except Refused as why:
                    s.refused(Said(why.answer), status, code, field)
        await a.drain()


async def nowhere(who, way, http, query):
    """Opens with nothing but this query."""
    (await open_way(way, http, who.http.port, who.http.context, who.token, None, query=query)).close()


async def scene_who_is_refused(s):
    a, b, c = await pair(s)
    for way, http in STREAMS:
        for token in ("", "x" * 43, a.token[:-1] + ("A" if a.token[-1] != "A" else "B")):
            try:
                (await open_way(way, http, a.http.port, None, token, a.cursor)).close()
                s.expect(False, f"{way} {http}: no token, no stream")
            except Refused as why:
                s.refused(Said(why.answer), 401, "unauthorized")
        for origin, good in (("https://evil.example", False), ("null", False)):
            try:
                (await a.way(way, http, headers=[("origin", origin)])).close()
                s.expect(way != "socket", f"{way} {http}: {origin} is foreign")
            except Refused as why:
                s.refused(Said(why.answer), 403, "bad_origin")
    r = await a.way("socket", "h1", headers=[("origin", f"https://127.0.0.1:{s.house.tls_port}")])
    s.equal((await r.next())["events"] is not None, True, "the own origin is good")
    r.close()


async def scene_a_browsers_cookie(s):
    """With a cookie an Origin is needed, and must be the server's."""
    a, b, c = await pair(s, "h1")
    own = f"https://127.0.0.1:{s.house.tls_port}"
    session = await s.stranger("h1").do("POST", "/v1/sessions",
                                        {"handle": b.handle, "password": "correct horse battery", "cookie": True,
                                         "device": {"name": "page", "platform": "web"}}, headers=[("origin", own)])
    cookie = ("cookie", session.headers["set-cookie"].split(";")[0])
    for http in ("h1", "h2"):
        for origin, good in ((own, True), ("https://evil.example", False), (None, False)):
            fields = [cookie] + ([("origin", origin)] if origin else [])
            ws = await WebSocket.open(http, b.http.port, None, "/v1/events?after=now", fields)
            is_open = isinstance(ws, WebSocket)
            s.equal(is_open, good, f"{http} socket: a cookie and the origin {origin}")
            if is_open:
                await ws.receive(8)
                await ws.send({"id": 1, "do": "GET", "path": "/v1/sessions"})
                got = await ws.receive(8)
                s.equal((got["id"], got["status"]), (1, 200), f"{http}: verbs in frames go on with the cookie")
                ws.close()
            line = await open_line(http, b.http.port, None, "/v1/events?after=now", fields + [SSE])
            if origin:
                s.equal(line.status, 200 if good else 403, f"{http} sse: a cookie and the origin {origin}")
            line.close()


async def scene_what_is_no_websocket(s):
    a, b, c = await pair(s)
    for http in ("h1", "h2"):
        for version in ("12", "", "14"):
            got = await WebSocket.open(http, b.http.port, None, "/v1/events?after=now", [bearer(b)], version=version)
            if isinstance(got, WebSocket):
                s.expect(False, f"{http}: version {version!r} is refused")
                continue
            s.refused(Said(got), 426, "upgrade_required")
            s.equal(got.headers.get("sec-websocket-version"), "13", f"{http}: and told the right one")
        for protocol in ("", "other", "posthorn.v2", "posthorn.v1x"):
            got = await WebSocket.open(http, b.http.port, None, "/v1/events?after=now", [bearer(b)], protocol=protocol)
            s.refused(Said(got), 400, "bad_request", "sec-websocket-protocol")
        got = await WebSocket.open(http, b.http.port, None, "/v1/snapshot", [bearer(b)])
        s.expect(not isinstance(got, WebSocket) and got.status >= 200, f"{http}: only events are a WebSocket")
        ws = await WebSocket.open(http, b.http.port, None, "/v1/events?after=now",
                                  [bearer(b), ("sec-websocket-extensions", "permessage-deflate")])
        s.expect("sec-websocket-extensions" not in ws.line.headers, f"{http}: no extension is agreed on")
        ws.close()


async def scene_who_takes_no_pushes(s):
    a, b, c = await pair(s)
    s.refused(Said(await answer_of(b, f"/v1/events?after={b.cursor}&push=1")), 400, "bad_request", "query.push")
    s.refused(Said(await answer_of(b, f"/v1/events?after={b.cursor}&push=1", http="h2")), 400, "bad_request",
              "query.push")
    s.refused(Said(await answer_of(b, "/v1/events?after=now&push=2", http="h2")), 400, "out_of_range", "query.push")
    link = await Link.open(b.http.port, None, push=True)
    line = await link.request("GET", f"/v1/events?after={b.cursor}&push=1", [bearer(b)], authority="elsewhere.example")
    s.refused(Said(await line.whole()), 421, "misdirected")
    link.close()


async def scene_the_method_may_be_named_in_a_field(s):
    """Networks that let only GET and POST through."""
    a, b, c = await pair(s)
    for http, who in (("h1", await s.device(b, "h1")), ("h2", b)):
        did = await who.do("POST", "/v1/users/me", {"name": "named"}, headers=[("x-http-method-override", "PATCH")])
        s.equal((did.status, did["name"]), (200, "named"), f"{http}: PATCH")
        did = await who.do("POST", f"/v1/conversations/{c}/marks", {"read": 1}, headers=[("x-http-method-override", "PUT")])
        s.equal(did.status, 200, f"{http}: PUT")
        did = await who.do("POST", "/v1/sessions", {}, headers=[("x-http-method-override", "GET")])
        s.expect(did.status in (200, 400), f"{http}: GET", repr(did))
        did = await who.do("POST", "/v1/events?after=now", headers=[("x-http-method-override", "CONNECT")])
        s.expect(did.status in (400, 405, 501), f"{http}: never CONNECT", repr(did))
        did = await who.do("GET", "/v1/users/me", headers=[("x-http-method-override", "DELETE")])
        s.expect(did.status in (200, 400, 404, 405), f"{http}: only of a POST", repr(did))
    phone = await s.device(b, "h1")
    did = await phone.do("POST", "/v1/sessions/current", headers=[("x-http-method-override", "DELETE")])
    s.equal(did.status, 200, "DELETE")
    s.refused(await phone.do("GET", "/v1/sessions"), 401, "unauthorized")
    try:
        line = await Line1.open(b.http.port, None, "POST", "/v1/events?after=now",
                                [bearer(b), ("x-http-method-override", "GET"), ("upgrade", "websocket"),
                                 ("connection", "Upgrade"), ("sec-websocket-version", "13"),
                                 ("sec-websocket-protocol", PROTOCOL), ("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA==")],
                                body=b"")
        s.expect(line.status != 101, "no upgrade by another name", str(line.status))
        line.close()
    except Gone as why:
        s.expect(False, "answered", repr(why))


if __name__ == "__main__":
    play(globals())

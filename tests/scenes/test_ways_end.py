#!/usr/bin/python3
"""scenes/test_ways_end.py - how every way to receive goes on and ends: acknowledged, replaced, revoked, refused, drained"""
from scene import Gone, Said, asyncio, play, time
from streams import Link
from test_ways_open import bearer, pair, until
from ways import PAIRS, STREAMS, Ended, Refused

PLACES = ("h2", "h2s")


async def ended(receiver, wait_s=15, stays=False):
    """How it ended: Ended, or Gone; and the items before that."""
    items = []
    end = time.monotonic() + wait_s
    try:
        while time.monotonic() < end:
            items.append(await receiver.next(wait_s))
        return None, items
    except (Ended, Gone) as why:
        return why, items
    finally:
        if not stays:
            receiver.close()


def is_end(why, way, code, word):
    """A Close frame for a WebSocket; for the others a bye, and then the end of the body."""
    if not isinstance(why, Ended):
        return False
    if way == "socket":
        return why.code == code and (why.reason == word or word is None and why.reason.startswith("retry="))
    return why.reason == "bye" and why.code == word


async def scene_the_fifth_channel_ends_the_oldest(s):
    for place in PLACES:
        a, b, c = await pair(s, place)
        for way, http in STREAMS:
            who = await s.device(b, place)
            four = [await who.way(way, http, b.cursor) for _ in range(4)]
            for r in four:
                await r.next(10)
            other = await b.way(way, http)
            fifth = await who.way("sse" if way == "socket" else "socket", http, b.cursor)
            await fifth.next(10)
            why, _ = await ended(four[0])
            s.expect(is_end(why, way, 1001, "replaced"), f"{way} {http} {place}: the oldest goes", repr(why))
            await a.say(c, way)
            for r in four[1:] + [fifth, other]:
                events, _ = await until(r, 1)
                s.equal([e["text"] for e in events], [way], f"{way} {http} {place}: the others stay")
                r.close()
            b.cursor = r.cursor
            await who.do("DELETE", "/v1/sessions/current")


async def scene_a_revoked_session_ends_within_a_second(s):
    for place in PLACES:
        a, b, c = await pair(s, place)
        for way, http in PAIRS:
            if way == "poll":
                continue
            who = await s.device(b, place)
            r = await who.way(way, http, "now")
            if way == "long":
                waiting = asyncio.create_task(r.next(20))
                await asyncio.sleep(0.3)
            else:
                await r.next(10)
                waiting = asyncio.create_task(ended(r))
            devices = (await who.do("GET", "/v1/sessions")).body["devices"]
            mine = [d["id"] for d in devices if d["current"]][0]
            said = await b.do("DELETE", f"/v1/sessions/{mine}")
            began = time.monotonic()
            s.equal(said.status, 200, "revoked")
            if way == "long":
                try:
                    await waiting
                    s.expect(False, f"{way} {http} {place}: 401")
                except Refused as why:
                    s.refused(Said(why.answer), 401, "unauthorized")
            else:
                why, _ = await waiting
                s.expect(is_end(why, way, 1008, "revoked"), f"{way} {http} {place}: told so", repr(why))
            took = time.monotonic() - began
            s.expect(took < 1, f"{way} {http} {place}: within a second", f"{took:.2f}")
            try:
                (await who.way(way, http, b.cursor)).close() if way != "long" else await r.next(5)
                s.expect(False, f"{way} {http} {place}: it can't come back")
            except Refused as why:
                s.equal(why.status, 401, f"{way} {http} {place}: it can't come back")


async def scene_acknowledgements_reach_the_database(s):
    """What a client took is known: an ack on a WebSocket, after= on every way."""
    a, b, c = await pair(s)
    for way, http in PAIRS:
        who = await s.device(b)
        r = await who.way(way, http, b.cursor)
        await a.say(c, f"{way} {http}")
        await until(r, 1)
        wanted = int(r.cursor.split(".")[1])
        if way != "socket":
            if way in ("sse", "push"):
                r.close()
                r = await who.way(way, http, r.cursor)
            await r.next(3 if way == "long" else 10)
        device = [d["id"] for d in (await who.do("GET", "/v1/sessions")).body["devices"] if d["current"]][0]
        for _ in range(50):
            rows = s.house.psql(f"select acknowledged from device_cursor where user_id = {b.id} and device_id = {device}")
            if rows and int(rows[0][0] or 0) == wanted:
                break
            await asyncio.sleep(0.2)
        s.equal(int(rows[0][0] or 0) if rows else None, wanted, f"{way} {http}: what was taken is known")
        b.cursor = r.cursor
        r.close()
        await who.do("DELETE", "/v1/sessions/current")


async def scene_an_ack_of_what_was_not_given(s):
    a, b, c = await pair(s)
    for http in ("h1", "h2"):
        t, i = b.cursor.split(".")
        r = await b.way("socket", http)
        await r.next(10)
        for ack in (f"{t}.{int(i) + 1}", f"{int(t) + 1}.{i}", "now", "x"):
            await r.ws.send({"ack": ack})
            item = await r.next(10)
            s.equal((item["error"]["status"], item["error"]["code"], item["error"]["field"]), (400, "bad_cursor", "ack"),
                    f"{http}: {ack} is refused")
        await a.say(c, "on")
        s.equal(len((await until(r, 1))[0]), 1, f"{http}: and it goes on")
        b.cursor = r.cursor
        r.close()


async def scene_a_promise_is_not_answered_before_it_is_read(s):
    """The pushed body waits for the acknowledgement of a ping behind the promise."""
    a, b, c = await pair(s)
    for place in PLACES:
        who = await s.device(b, place)
        r = await who.way("push", "h2", b.cursor)
        await r.next(10)
        link = r.line.link
        await asyncio.sleep(0.2)
        for n in range(5):
            await a.say(c, f"push {n}")
            events, _ = await until(r, 1)
            s.equal([e["text"] for e in events], [f"push {n}"], f"{place}: pushed")
        seen = [(word, stream) for word, stream, _ in link.log if stream % 2 == 0 or word == "ping"]
        for n in range(1, 6):
            wanted = [seen.index(("promise", 2 * n)), seen.index(("head", 2 * n))]
            s.expect(("ping", 0) in seen[wanted[0]:wanted[1]], f"{place}: promise, ping, answer", repr(seen))
        open_ones = [stream for word, stream in seen if word == "promise" and ("head", stream) not in seen]
        s.equal(len(open_ones), 1, f"{place}: one promise is out")
        # Whoever does not acknowledge gets no body.
        link.is_mute = True
        await a.say(c, "first")         # the promise out was acknowledged: this one may come
        await until(r, 1)
        await a.say(c, "second")
        try:
            item = await r.next(1.5)
            s.expect(False, f"{place}: nothing without the acknowledgement", repr(item))
        except Gone:
            s.expect(True, "silence")
        link.unmute()
        s.equal([e["text"] for e in (await until(r, 1))[0]], ["second"], f"{place}: with it, it comes")
        b.cursor = r.cursor
        r.close()


async def scene_more_comes_than_may_be_promised(s):
    """A few promises may wait for their acknowledgement; what comes meanwhile waits for them, and comes at once then."""
    a, b, c = await pair(s)
    for place in PLACES:
        who = await s.device(b, place)
        r = await who.way("push", "h2", b.cursor)
        await r.next(10)
        link = r.line.link
        await a.say(c, "begin")
        await until(r, 1)
        link.is_mute = True
        for n in range(30):
            await a.say(c, f"burst {n}")
        await asyncio.sleep(0.3)
        link.unmute()
        begin = time.monotonic()
        events, _ = await until(r, 30)
        s.equal([e["text"] for e in events], [f"burst {n}" for n in range(30)], f"{place}: all of them")
        s.expect(time.monotonic() - begin < 2, f"{place}: at once", f"{time.monotonic() - begin:.1f} s")
        promises = sum(word == "promise" for word, _, _ in link.log)
        s.expect(promises < 20, f"{place}: many in one answer", f"{promises} promises")
        b.cursor = r.cursor
        r.close()


async def scene_who_refuses_a_promise(s):
    a, b, c = await pair(s)
    for code in (7, 8):
        link = await Link.open(b.http.port, None, push=True)
        anchor = await link.request("GET", f"/v1/events?after={b.cursor}&push=1", [bearer(b)])
        pushed = await anchor.promised()
        pushed.reset(code)
        body = (await anchor.whole()).body.decode().splitlines()
        s.expect('"refused"' in body[-1] and '"bye"' in body[-1], f"RST_STREAM {code}: the anchor ends", repr(body))
        s.equal((await link.request("GET", "/v1/sessions", [bearer(b)])).status, 200, "the connection stays")
        link.close()


async def scene_many_ways_on_one_connection(s):
    """SSE, WebSocket, an anchor and requests share one connection; each has its own copy."""
    a, b, c = await pair(s)
    link = await Link.open(b.http.port, None, push=True)
    sse = await link.request("GET", f"/v1/events?after={b.cursor}", [bearer(b), ("accept", "text/event-stream")])
    anchor = await link.request("GET", f"/v1/events?after={b.cursor}&push=1", [bearer(b)])
    socket = await link.request("CONNECT", f"/v1/events?after={b.cursor}",
                                [bearer(b), ("sec-websocket-version", "13"),
                                 ("sec-websocket-protocol", "posthorn.v1")], protocol="websocket")
    await a.say(c, "to all of them")
    pushed = await anchor.promised()
    await pushed.head()
    s.expect(b"to all of them" in (await pushed.whole()).body, "pushed")
    for name, line in (("sse", sse), ("socket", socket)):
        seen = b""
        while b"to all of them" not in seen:
            seen += await line.read(10)
        s.expect(True, name)
    s.equal((await link.request("GET", "/v1/sessions", [bearer(b)])).status, 200, "and requests")
    link.close()


async def scene_zz_drain(s):
    """SIGTERM: every way is told when to come again, a connection of HTTP/2 with a GOAWAY; then all go on."""
    a, b, c = await pair(s)
    waiting, receivers = [], []
    for place in PLACES:
        for way, http in PAIRS:
            if way == "poll":
                continue
            who = b if place == "h2" else a
            who = await s.device(b if len(receivers) < 7 else a, place)
            r = await who.way(way, http, "now" if way == "long" else (b if len(receivers) < 7 else a).cursor)
            if way != "long":
                await r.next(10)
                waiting.append(asyncio.create_task(ended(r, 20, stays=True)))
            else:
                waiting.append(asyncio.create_task(r.next(25)))
            receivers.append((way, http, place, who, r))
    await asyncio.sleep(0.5)
    s.house.process.terminate()
    found = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 30)
    for (way, http, place, who, r), what in zip(receivers, found):
        name = f"{way} {http} {place}"
        if way == "long":
            s.expect(isinstance(what, dict) and what["retry_ms"] > 0 and what["events"] == [], f"{name}: answered",
                     repr(what))
        else:
            why = what[0]
            s.expect(is_end(why, way, 1012, None) and why.retry_ms, f"{name}: told when to come again", repr(why))
        if http == "h2" and way != "long":
            await asyncio.sleep(0 if r.line.link.goaways else 1)
            s.expect(any(code == 0 for code, _ in r.line.link.goaways), f"{name}: GOAWAY", repr(r.line.link.goaways))
        r.close()
    for p in s.people:
        p.http.close()
    s.equal(await asyncio.to_thread(s.house.process.wait, 20), 0, "the node ends well")
    s.house.process = None
    await asyncio.to_thread(s.house.start_server)
    for way, http, place, who, r in receivers:
        b_cursor = r.cursor
        again = await who.way(way, http, b_cursor)
        s.expect("events" in await again.next(5), f"{way} {http} {place}: goes on at its cursor")
        again.close()


if __name__ == "__main__":
    play(globals())

#!/usr/bin/python3
"""scenes/test_ways_end.py - how every way to receive lives and ends: heartbeats, replaced, revoked, slow, drained"""
import re
import socket
import urllib.request

from scene import Gone, Said, asyncio, play, time
from streams import Link
from test_ways_open import bearer, keys, pair, until
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


async def scene_heartbeats_in_silence(s):
    """All ways at once, 15 s each: a signal that tells the newest place; a WebSocket gets a ping, too."""
    a, b, c = await pair(s)
    people = [await s.device(b, "h2s" if n % 2 else "h2") for n in range(len(STREAMS))]

    async def one(way, http, who):
        r = await who.way(way, http, b.cursor)
        await r.next(10)
        began = time.monotonic()
        item = await r.next(35)
        took = time.monotonic() - began
        s.equal(item, {"signal": {"t": "head", "cursor": b.cursor}}, f"{way} {http}: a heartbeat")
        s.expect(14 < took < 25, f"{way} {http}: after 15 s", f"{took:.1f}")
        if way == "sse":
            s.equal(r.comments, [""], f"{way} {http}: a comment, too")
        if way == "socket":
            s.equal(r.ws.pings, 1, f"{way} {http}: with a ping")
        await asyncio.sleep(5)
        await gate.wait()
        events, items = await until(r, 1)
        s.equal((len(events), len(items)), (1, 1), f"{way} {http}: events go on")
        began = time.monotonic()
        item = await r.next(35)
        took = time.monotonic() - began
        s.expect(item["signal"]["cursor"] == r.cursor and 14 < took < 25,
                 f"{way} {http}: the silence begins with what was said last", f"{item} {took:.1f}")
        r.close()

    gate = asyncio.Event()
    tasks = [asyncio.create_task(one(way, http, who)) for (way, http), who in zip(STREAMS, people)]
    await asyncio.sleep(23)
    gate.set()
    await a.say(c, "hello")
    await asyncio.gather(*tasks)


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


def slow(r):
    """On HTTP/2 the window closes on whoever does not read; on HTTP/1.1 the socket fills, if it is small."""
    if r.http == "h1":
        r.line.reader._limit = 4096
        r.line.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)


def handed_on(s):
    return int(re.search(r"^posthorn_events_delivered_total (\d+)", metrics(s), re.M).group(1))


def rss_kb(process):
    with open(f"/proc/{process.pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


async def scene_who_stops_reading(s):
    """5,000 events flow past clients that don't read: little memory, and when they read on, all comes, in order."""
    a, b, c = await pair(s)
    start = b.cursor
    devices = [(way, http, await s.device(b)) for way, http in STREAMS]
    receivers = []
    for way, http, who in devices:
        r = await who.way(way, http, start, window=65535)
        await r.next(10)
        receivers.append(r)
        slow(r)
    before = rss_kb(s.house.process)
    text = "x" * 1700
    said = handed_on(s)
    for n in range(0, 5000, 640):
        done = await asyncio.gather(*(
            a.do("POST", "/v1/batch", {"requests": [
                {"do": "POST", "path": f"/v1/conversations/{c}/messages", "body": {"key": k, "text": text}}
                for k in keys(32)]}, wait_s=40) for _ in range(20)))
        s.equal({d.status for d in done}, {200}, "sent")
    await asyncio.sleep(1)
    said = handed_on(s) - said
    s.expect(said < 3 * 5120, "who does not read is not read for", f"{said} events went to {len(receivers)}")
    grown = rss_kb(s.house.process) - before
    s.expect(grown < 64 * 1024, "the server keeps little of 6 MB for each of five", f"{grown} KiB more")
    head = (await b.events("now", move=False))["cursor"]
    wanted = list(range(int(start.split(".")[1]) + 1, int(head.split(".")[1]) + 1))
    for (way, http, _), r in zip(devices, receivers):
        found = []
        try:
            end = time.monotonic() + 30
            while len(found) < len(wanted) and time.monotonic() < end:
                found += [e["i"] for e in (await r.next(20)).get("events", [])]
            s.equal(found == wanted, True, f"{way} {http}: all of it, dense, when it reads on")
        except (Gone, Ended) as why:
            s.expect(False, f"{way} {http}: reads on", f"{why!r} after {len(found)}")
        r.close()


async def scene_who_never_reads_again(s):
    """30 s without progress end it."""
    a, b, c = await pair(s)
    receivers = []
    for way, http in STREAMS:
        who = await s.device(b)
        r = await who.way(way, http, b.cursor, window=65535)
        await r.next(10)
        slow(r)
        receivers.append((way, http, r))
    text = "y" * 16000
    for n in range(40):
        await asyncio.gather(*(a.say(c, text) for _ in range(12)))
    gauge = re.compile(r"^posthorn_receivers (\d+)", re.M)
    began = time.monotonic()
    while time.monotonic() - began < 55:
        left = int(gauge.search(await asyncio.to_thread(metrics, s)).group(1))
        if left == 0:
            break
        await asyncio.sleep(1)
    s.equal(left, 0, "who takes nothing for 30 s is let go")
    for way, http, r in receivers:
        r.close()


def metrics(s):
    with urllib.request.urlopen(f"http://127.0.0.1:{s.house.admin_port}/metrics", timeout=5) as answer:
        return answer.read().decode()


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

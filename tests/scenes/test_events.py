#!/usr/bin/python3
"""scenes/test_events.py - receiving: polls, long polls, cursors, one waiting poll a device"""
from scene import CARRIERS, asyncio, new_key, play, time


def keys(count):
    return [new_key() for _ in range(count)]


async def pair(s, carrier="h2"):
    a, b = await s.persons(2, carrier)
    c = await a.direct(b)
    await a.drain()
    await b.drain()
    return a, b, c


async def scene_asking_again_gives_the_same(s):
    a, b, c = await pair(s)
    start = b.cursor
    for n in range(5):
        await a.say(c, str(n))
    first = await b.events(start, move=False)
    again = await b.events(start, move=False)
    s.equal(again.body, first.body, "nothing is ever popped")
    s.equal(sorted(first.body), ["cursor", "events", "more", "retry_ms"], "the answer")
    s.equal((len(first["events"]), first["more"], first["retry_ms"]), (5, False, 0), "all of it")
    s.equal(int(first["cursor"].split(".")[1]), first["events"][-1]["i"], "the cursor is the last one's place")
    pages, cursor = [], start
    while True:
        page = await b.events(cursor, limit=2, move=False)
        pages.append([e["text"] for e in page["events"]])
        cursor = page["cursor"]
        if not page["more"]:
            break
    s.equal(pages, [["0", "1"], ["2", "3"], ["4"]], "by pages")
    s.equal((await b.events(cursor, move=False)).body, {"cursor": cursor, "events": [], "more": False, "retry_ms": 0},
            "then nothing")


async def scene_after_now(s):
    a, b, c = await pair(s)
    await a.say(c, "old")
    now = await b.events("now")
    s.equal((now["events"], now["more"]), ([], False), "now starts at the head")
    await a.say(c, "new")
    s.equal([e["text"] for e in (await b.events())["events"]], ["new"], "and goes on from there")
    poll = asyncio.create_task(b.events("now", wait=20))
    await asyncio.sleep(0.3)
    await a.say(c, "newer")
    s.equal([e["text"] for e in (await poll)["events"]], ["newer"], "waiting from now on")


async def scene_a_long_poll_wakes(s):
    for carrier in CARRIERS:
        a, b, c = await pair(s, carrier)
        took = []
        for n in range(5):
            poll = asyncio.create_task(b.events(wait=20))
            await asyncio.sleep(0.1)
            s.expect(not poll.done(), f"{carrier}: it waits")
            began = time.monotonic()
            await a.say(c, f"wake {n}")
            said = await poll
            took.append(time.monotonic() - began)
            s.equal([e["text"] for e in said["events"]], [f"wake {n}"], f"{carrier}: with what came")
        s.expect(min(took) < 1, f"{carrier}: at once, not at the end of the wait", repr(took))
        s.equal(len((await a.drain())), 5, f"{carrier}: and the sender has them")


async def scene_a_long_poll_ends(s):
    a, b, c = await pair(s)
    began = time.monotonic()
    said = await b.events(wait=1)
    took = time.monotonic() - began
    s.equal((said.status, said["events"], said["more"]), (200, [], False), "empty at the end of the wait")
    s.expect(0.9 < took < 6, "after a second", f"{took:.2f}")
    await a.say(c, "there")
    began = time.monotonic()
    s.equal(len((await b.events(wait=20))["events"]), 1, "what is there is not waited for")
    s.expect(time.monotonic() - began < 8, "at once, not after 20 s")


async def scene_a_page_of_the_riders(s):
    """What wakes a poll may be more than it asked for."""
    a, b, c = await pair(s)
    poll = asyncio.create_task(b.events(wait=20, limit=3))
    await asyncio.sleep(0.2)
    sends = [{"do": "POST", "path": f"/v1/conversations/{c}/messages", "body": {"key": k, "text": str(n)}}
             for n, k in enumerate(keys(10))]
    s.equal((await a.do("POST", "/v1/batch", {"requests": sends})).status, 200, "ten at once")
    said = await poll
    s.expect(1 <= len(said["events"]) <= 3, "no more than asked for", repr(said))
    texts = [e["text"] for e in said["events"]] + [e["text"] for e in await b.drain()]
    s.equal(texts, [str(n) for n in range(10)], "and the rest follows, in order")
    # More than can ride along: what does not is read.
    for n in range(4):
        poll = asyncio.create_task(b.events(wait=20, limit=500))
        await asyncio.sleep(0.1)
        sends = [{"do": "POST", "path": f"/v1/conversations/{c}/messages", "body": {"key": k, "text": "x"}}
                 for k in keys(32)]
        done = await asyncio.gather(*(p.do("POST", "/v1/batch", {"requests": sends}) for p in (a, b, a)))
        s.equal([x.status for x in done], [200] * 3, "many at once")
        got = (await poll)["events"] + await b.drain()
        s.equal([e["i"] for e in got], list(range(got[0]["i"], got[0]["i"] + 64)), "64 new ones, dense")


async def scene_one_waiting_poll_a_device(s):
    for carrier in CARRIERS:
        a, b, c = await pair(s, carrier)
        phone = await s.device(b, carrier)
        phone.cursor = b.cursor
        other = asyncio.create_task(phone.events(wait=20))
        first = asyncio.create_task(b.events(wait=20))
        await asyncio.sleep(0.2)
        second = asyncio.create_task(b.events(wait=20))
        began = time.monotonic()
        s.equal((await first)["events"], [], f"{carrier}: the second makes the first answer, empty")
        s.expect(time.monotonic() - began < 8, "at once, not after 20 s")
        await asyncio.sleep(0.1)
        s.expect(not second.done() and not other.done(), f"{carrier}: the second waits, and so does the other device")
        await a.say(c, "to both")
        for poll in (second, other):
            s.equal([e["text"] for e in (await poll)["events"]], ["to both"], f"{carrier}: both devices have it")


async def scene_a_poll_that_hangs_up(s):
    for carrier in CARRIERS:
        a, b, c = await pair(s, carrier)
        for n in range(5):
            poll = asyncio.create_task(b.events(wait=20))
            await asyncio.sleep(0.05 * n)
            poll.cancel()
            await asyncio.gather(poll, return_exceptions=True)
            b.http.close()
        await a.say(c, "later")
        s.equal([e["text"] for e in (await b.events(wait=5))["events"]], ["later"], f"{carrier}: nothing is lost")


async def scene_what_is_no_cursor(s):
    a, b, c = await pair(s)
    timeline, i = b.cursor.split(".")
    for cursor in ("x", "1", f"{timeline}.", f".{i}", f"{timeline}.-1", f"{timeline}.{i}.1", f"{timeline}.1e3",
                   "0x1.1", "1.99999999999999999999", f"{timeline}.{i}%20"):
        said = await b.events(cursor, move=False)
        s.refused(said, 400, "bad_cursor", "query.after")
    s.refused(await b.events("%00", move=False), 400, "out_of_range", "query.after")
    s.refused(await b.events(f"{int(timeline) + 1}.{i}", move=False), 410, "resync")
    s.refused(await b.events(f"{timeline}.{int(i) + 1}", move=False), 410, "resync")
    s.refused(await b.events(f"{timeline}.{int(i) + 1}", wait=5, move=False), 410, "resync")
    s.equal((await b.events(f"{timeline}.0", move=False))["events"][0]["i"], 1, "0 is the beginning")
    for query, code, field in (("", "missing_field", "query.after"), ("after=now&wait=56", "out_of_range", "query.wait"),
                               ("after=now&wait=-1", "bad_type", "query.wait"),
                               ("after=now&wait=x", "bad_type", "query.wait"),
                               ("after=now&wait=", "bad_type", "query.wait"),
                               ("after=now&limit=0", "out_of_range", "query.limit"),
                               ("after=now&limit=501", "out_of_range", "query.limit"),
                               ("after=now&push=1", "bad_request", "query.push"),
                               ("after=now&push=2", "out_of_range", "query.push"),
                               ("after=now&pad=2", "out_of_range", "query.pad"),
                               ("after=now&after=now", "duplicate_field", "query.after"),
                               ("after=now&wait=%zz", "out_of_range", "query.wait")):
        s.refused(await b.do("GET", "/v1/events?" + query), 400, code, field)
    s.refused(await s.stranger().do("GET", "/v1/events?after=now"), 401, "unauthorized")


async def scene_long_answers_are_cut(s):
    a, b, c = await pair(s)
    start = b.cursor
    text = "ü" * 8192
    for n in range(5):
        await asyncio.gather(*(a.say(c, text) for _ in range(10)))
    count, pages, cursor = 0, 0, start
    while True:
        page = await b.events(cursor, limit=500, move=False)
        s.expect(len(page.text.encode()) <= 512 * 1024 + 32 * 1024, "an answer has its bound", str(len(page.text)))
        s.expect(all(e["text"] == text for e in page["events"]), "whole events")
        count, pages, cursor = count + len(page["events"]), pages + 1, page["cursor"]
        if not page["more"]:
            break
    s.equal(count, 50, "all come")
    s.expect(pages > 1, "in more than one answer")


async def scene_what_was_asked_for_is_acknowledged(s):
    a, b, c = await pair(s)
    await a.say(c, "x")
    await b.drain()
    await b.events()
    i = int(b.cursor.split(".")[1])
    for n in range(30):
        await asyncio.sleep(0.2)
        rows = s.house.psql(f"select max(acknowledged) from device_cursor where user_id = {b.id}")
        if rows and rows[0][0] and int(rows[0][0]) == i:
            break
    s.equal(int(rows[0][0] or 0), i, "it stands in the device's row soon")


if __name__ == "__main__":
    play(globals())

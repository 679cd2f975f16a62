#!/usr/bin/python3
"""scenes/test_typing.py - who types is seen by the others on every way, right now or never, and no event suffers"""
import re
import urllib.request

from scene import Gone, asyncio, new_key, play, time
from test_ways_open import pair, until
from test_ways_slow import slow
from ways import PAIRS, STREAMS


def typing(who, conversation, body=None):
    return who.do("POST", f"/v1/conversations/{conversation}/typing", body)


def signals_of(item):
    """What an item of any way says beside its events; heartbeats left out."""
    told = item.get("signals", []) + ([item["signal"]] if "signal" in item else [])
    return [signal for signal in told if signal["t"] != "head"]


async def hears(r, wait_s=8, count=1):
    """The next signals of a receiver, and the events that came before them."""
    signals, events = [], []
    end = time.monotonic() + wait_s
    while len(signals) < count and (left := end - time.monotonic()) > 0:
        try:
            item = await asyncio.wait_for(r.next(left + 1), left)
        except (Gone, asyncio.TimeoutError):
            break
        signals += signals_of(item)
        events += item.get("events", [])
    return signals, events


def metric(s, name):
    with urllib.request.urlopen(f"http://127.0.0.1:{s.house.admin_port}/metrics", timeout=5) as answer:
        return int(re.search(rf"^posthorn_{name} (\d+)", answer.read().decode(), re.M).group(1))


async def scene_on_every_way(s):
    """A device for each way; one typing reaches all, and the cursor stays where it was."""
    a, b, c = await pair(s)
    said = {"t": "typing", "c": c, "user": a.id}

    async def one(way, http, who):
        name = f"{way} {http}"
        r = await who.way(way, http, b.cursor)
        if (way, http) in STREAMS or way == "poll":
            s.equal((await r.next(8))["events"], [], f"{name}: opened")
        hearing = asyncio.create_task(hears(r))
        await asyncio.sleep(0.5)
        ready.release()
        signals, events = await hearing
        s.equal((signals, events), ([said], []), f"{name}: is told")
        s.equal(r.cursor, b.cursor, f"{name}: the cursor stays")
        r.close()

    ready = asyncio.Semaphore(0)
    # The sender has a second device, which is told; the first one, listening, is not.
    own, tablet = await a.way("socket", "h2"), await s.device(a)
    await own.next(8)
    devices = [await s.device(b, "h2s" if n % 2 else "h2") for n in range(len(PAIRS))]
    tasks = [asyncio.create_task(one(way, http, who)) for (way, http), who in zip(PAIRS, devices)]
    tasks.append(asyncio.create_task(one("socket", "h2", tablet)))
    tablet.cursor = b.cursor
    for _ in tasks:
        await asyncio.wait_for(ready.acquire(), 20)
    answer = await typing(a, c)
    s.equal((answer.status, answer.body), (202, {}), "202 and an empty object")
    await asyncio.gather(*tasks)
    s.equal(await hears(own, 1), ([], []), "the device that typed is not told")
    own.close()


async def scene_asked_in_frames_and_batches(s):
    a, b, c = await pair(s)
    c2 = (await a.do("POST", "/v1/conversations", {"kind": "group", "title": "t", "members": [b.id]})).body["id"]
    await b.drain()
    r = await b.way("socket", "h2")
    await r.next(8)
    mine = await a.way("socket", "h1", "now")
    await mine.next(8)
    await mine.ws.send({"id": 5, "do": "POST", "path": f"/v1/conversations/{c}/typing"})
    s.equal(await mine.next(8), {"id": 5, "status": 202, "body": {}}, "by a frame")
    s.equal((await hears(r))[0], [{"t": "typing", "c": c, "user": a.id}], "is passed on")
    said = await a.do("POST", "/v1/batch", {"requests": [
        {"do": "POST", "path": f"/v1/conversations/{c2}/typing", "body": {}},
        {"do": "POST", "path": f"/v1/conversations/{c2}/messages", "body": {"key": new_key(), "text": "x"}}]})
    s.equal([one["status"] for one in said["responses"]], [202, 201], "in a batch")
    signals, events = await hears(r)
    s.equal(signals, [{"t": "typing", "c": c2, "user": a.id}], "is passed on, too")
    mine.close()
    r.close()


async def scene_not_to_strangers(s):
    a, b, c = await pair(s)
    stranger, former = await s.persons(2)
    group = (await a.do("POST", "/v1/conversations",
                        {"kind": "group", "title": "t", "members": [b.id, former.id]})).body["id"]
    r = [await who.way("socket", "h2", "now") for who in (stranger, former)]
    for one in r:
        await one.next(8)
    s.refused(await typing(stranger, c), 404, "not_found")
    s.refused(await typing(stranger, group), 404, "not_found")
    s.refused(await typing(a, "999"), 404, "not_found")
    s.refused(await typing(s.stranger(), c), 401, "unauthorized")
    s.refused(await typing(a, c, {"x": 1}), 400, "unknown_field", "body.x")
    s.refused(await a.do("GET", f"/v1/conversations/{c}/typing"), 405, "method_not_allowed")
    s.equal((await a.do("DELETE", f"/v1/conversations/{group}/members/{former.id}")).status, 200, "removed")
    s.equal((await typing(a, c)).status, 202, "typed in the one")
    s.equal((await typing(b, group)).status, 202, "and in the other")
    s.refused(await typing(former, group), 404, "not_found")
    for one in r:
        s.equal((await hears(one, 1))[0], [], "nothing is heard outside")
        one.close()


async def scene_at_most_one_in_three_seconds(s):
    a, b, c = await pair(s)
    r = await b.way("sse", "h2")
    await r.next(8)
    for _ in range(5):
        s.equal((await typing(a, c)).status, 202, "every one is answered alike")
    s.equal((await typing(b, c)).status, 202, "the other member has a limit of their own")
    began = time.monotonic()
    s.equal(len((await hears(r, 1, 2))[0]), 1, "one of five is passed on")
    await asyncio.sleep(max(0, 3.1 - (time.monotonic() - began)))
    s.equal((await typing(a, c)).status, 202, "and after 3 s")
    s.equal(len((await hears(r, 2))[0]), 1, "the next")
    r.close()


async def scene_a_poll_comes_back(s):
    """What came between two long polls is in the second; who polls for the first time starts at now."""
    a, b, c = await pair(s)
    other = await s.device(b)
    r = await b.events(wait=1)
    s.equal(r.body, {"events": [], "cursor": b.cursor, "more": False, "retry_ms": 0}, "nothing at first")
    await typing(a, c)
    began = time.monotonic()
    r = await b.events(wait=20)
    s.equal((r["events"], r.body.get("signals")), ([], [{"t": "typing", "c": c, "user": a.id}]), "found when back")
    s.expect(time.monotonic() - began < 3, "at once")
    s.equal("signals" in (await b.events(wait=1)).body, False, "once")
    s.equal("signals" in (await other.events(b.cursor, wait=1)).body, False, "a new device starts at now")
    await a.say(c, "hello")
    r = await b.events(wait=20)
    s.equal([e["text"] for e in r["events"]], ["hello"], "events go on")


async def scene_nothing_suffers(s):
    """A reader that stops gets no signals of that time, and every event, in order."""
    a, b, c = await pair(s)
    people = await s.persons(12)
    group = (await a.do("POST", "/v1/conversations",
                        {"kind": "group", "title": "t", "members": [b.id] + [p.id for p in people]})).body["id"]
    await b.drain()
    start = b.cursor
    receivers = []
    for way, http in STREAMS:
        who = await s.device(b)
        receivers.append((f"{way} {http}", await who.way(way, http, start, window=65535)))
    for _, r in receivers:
        await r.next(10)
        slow(r)
    dropped = metric(s, "signals_dropped_total")
    text = "x" * 8000
    for n in range(12):
        await asyncio.gather(*(a.say(c, f"{n} {k} {text}") for k in range(20)), typing(people[n], group))
    s.expect(metric(s, "signals_dropped_total") > dropped, "signals are dropped for who does not read")
    for name, r in receivers:
        events, signals = [], 0
        while len(events) < 240:
            item = await r.next(20)
            events += [e for e in item.get("events", []) if e["t"] == "message"]
            signals += len(signals_of(item))
        wanted = list(range(events[0]["i"], events[0]["i"] + 240))
        s.equal([e["i"] for e in events] == wanted, True, f"{name}: every event, dense")
        s.expect(signals <= 12, f"{name}: not more signals than were sent", f"{signals}")
    await asyncio.sleep(0.5)
    await typing(a, group)
    for name, r in receivers:
        heard = (await hears(r, 8, 1))[0]
        s.expect({"t": "typing", "c": group, "user": a.id} in heard, f"{name}: and signals again", f"{heard}")
        r.close()


if __name__ == "__main__":
    play(globals())

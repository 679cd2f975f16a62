# scenes/test_verbs_events.py - plain and long polling
import asyncio

from both import new_key, timed, play_both


async def scene_poll(s):
    me, you = await s.people(2)
    status, page = await s.ask(you, "GET", f"/v1/events?after={you.cursor}")
    s.equal("nothing yet", (status, page), (200, {"cursor": you.cursor, "events": [], "more": False, "retry_ms": 0}))
    conversation = await me.direct(you)
    for n in range(5):
        await s.say(me, conversation, str(n))
    status, page = await s.ask(you, "GET", f"/v1/events?after={you.cursor}&limit=2")
    s.equal("a page", ([e["i"] for e in page["events"]], page["more"]), ([1, 2], True))
    status, again = await s.ask(you, "GET", f"/v1/events?after={you.cursor}&limit=2")
    s.equal("nothing is popped", again, page)
    s.equal("the rest", [e["i"] for e in await s.drain(you)], [1, 2, 3, 4, 5, 6])
    status, page = await s.ask(you, "GET", "/v1/events?after=now")
    s.equal("now is the head", (page["cursor"], page["events"]), (you.cursor, []))
    timeline, head = you.cursor.split(".")
    for cursor, status, code in [("", 400, "bad_cursor"), ("x", 400, "bad_cursor"), ("1", 400, "bad_cursor"),
                                 ("1.-1", 400, "bad_cursor"), ("01.1", 400, "bad_cursor"), ("1.1.1", 400, "bad_cursor"),
                                 (f"{timeline}.{int(head) + 1}", 410, "resync"),
                                 (f"{int(timeline) + 1}.{head}", 410, "resync")]:
        await s.refused(f"the cursor {cursor!r}", you, "GET", f"/v1/events?after={cursor}", status, code)
    await s.refused("without a cursor", you, "GET", "/v1/events", 400, "missing_field", "query.after")
    await s.refused("too long a wait", you, "GET", f"/v1/events?after={you.cursor}&wait=56", 400, "out_of_range",
                    "query.wait")


async def scene_long_poll(s):
    me, you = await s.people(2)
    conversation = await me.direct(you)
    await s.drain(you)
    for n in range(20):
        waiting = asyncio.ensure_future(timed(s.events(you, wait=20)))
        await asyncio.sleep(0.05)
        took, (status, sent) = await timed(s.say(me, conversation, str(n)))
        _, events = await waiting
        s.equal("it wakes", [e["text"] for e in events], [str(n)])
    took, events = await timed(s.events(you, wait=1))
    s.check("an empty answer at the end of the wait", events == [] and 0.9 < took < 2.5, f"{took} {events}")
    cursor = you.cursor
    waiting = asyncio.ensure_future(s.events(you, wait=10))
    await asyncio.sleep(0.1)
    status, answer = await s.ask(me, "POST", "/v1/batch", {"requests": [
        {"do": "POST", "path": f"/v1/conversations/{conversation}/messages",
         "body": {"key": key, "text": key}} for key in (new_key() for _ in range(10))]})
    got = await waiting
    got += await s.drain(you) if len(got) < 10 else []
    s.equal("what is committed together", len(got), 10)
    s.check("the cursor moved", you.cursor != cursor)


async def scene_one_poll_a_device(s):
    me = await s.person()
    twin = s.stranger(me.handle)
    twin.token, twin.cursor = me.token, me.cursor
    first = asyncio.ensure_future(timed(s.events(me, wait=20)))
    await asyncio.sleep(0.2)
    second = asyncio.ensure_future(timed(s.events(twin, wait=2)))
    took, events = await first
    s.check("a second poll answers the first, empty", events == [] and took < 1.5, f"{took} {events}")
    took, events = await second
    s.check("and waits itself", events == [] and took > 1.5, f"{took} {events}")


async def scene_hang_up(s):
    """Polls that hang up leave nothing behind; the next one gets what came meanwhile."""
    me, you = await s.people(2)
    conversation = await me.direct(you)
    await s.drain(you)
    for n in range(5):
        poll = s.ask(you, "GET", f"/v1/events?after={you.cursor}&wait=20")
        waiting = asyncio.ensure_future(poll)
        await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await s.say(me, conversation, str(n))
    s.equal("nothing is lost", [e["text"] for e in await s.drain(you)], list("01234"))


async def scene_devices_share(s):
    """Every device has a cursor of its own."""
    me, you = await s.people(2)
    other = await s.device(you)
    conversation = await me.direct(you)
    both = [asyncio.ensure_future(s.events(who, wait=10)) for who in (you, other)]
    first = await asyncio.gather(*both)
    s.check("both hear of it", [len(e) for e in first] == [1, 1], str(first))
    await s.say(me, conversation, "to both")
    s.equal("each for itself", [e["text"] for e in await s.drain(other)], ["to both"])
    s.equal("and the other", [e["text"] for e in await s.drain(you)], ["to both"])


if __name__ == "__main__":
    play_both(globals())

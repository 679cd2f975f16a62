#!/usr/bin/python3
"""scenes/test_history.py - what was said, how far it was read, and where everything stands"""
from scene import asyncio, new_key, play


async def scene_history_both_ways(s):
    a, b = await s.persons(2)
    c = await a.direct(b)
    for n in range(12):
        await a.say(c, str(n))
    path = f"/v1/conversations/{c}/messages"
    newest = await b.do("GET", f"{path}?limit=5")
    s.equal(([e.get("text") for e in newest["messages"]], newest["more"]), (["7", "8", "9", "10", "11"], True),
            "the newest, in rising order")
    s.expect("i" not in newest["messages"][0], "history has no inbox places")
    edge = newest["messages"][0]["id"]
    older = await b.do("GET", f"{path}?limit=200&before={edge}")
    s.equal(([e["seq"] for e in older["messages"]], older["more"]), (list(range(1, 9)), False), "and what was before")
    first = older["messages"][0]["id"]
    newer = await b.do("GET", f"{path}?limit=3&after={first}")
    s.equal(([e.get("text") for e in newer["messages"]], newer["more"]), (["0", "1", "2"], True), "forward")
    last = newest["messages"][-1]["id"]
    s.equal((await b.do("GET", f"{path}?after={last}")).body, {"messages": [], "more": False}, "nothing behind the last")
    heard = [{k: v for k, v in e.items() if k != "i"} for e in await b.drain()]
    whole = (await a.do("GET", f"{path}?limit=200"))["messages"]
    s.equal(whole, heard, "history says what the inbox said, to the letter")
    for query, code, field in (("limit=0", "out_of_range", "query.limit"), ("limit=201", "out_of_range", "query.limit"),
                               ("before=x", "out_of_range", "query.before"), ("after=-1", "out_of_range", "query.after"),
                               (f"before={edge}&after={edge}", "bad_request", "query.after"),
                               ("around=1", "unknown_field", "query.around")):
        s.refused(await b.do("GET", f"{path}?{query}"), 400, code, field)
    s.refused(await b.do("GET", "/v1/conversations/1/messages"), 404, "not_found")


async def scene_marks(s):
    a, b = await s.persons(2)
    phone = await s.device(b)
    c = await a.direct(b)
    for n in range(5):
        await a.say(c, str(n))
    await phone.drain()
    marks = f"/v1/conversations/{c}/marks"

    async def unread():
        said = await b.do("GET", f"/v1/conversations/{c}")
        return said["read_seq"], said["unread"]

    s.equal(await unread(), (0, 6), "nothing read")
    s.equal((await b.do("PUT", marks, {"read": 4})).status, 200, "read up to 4")
    s.equal(await unread(), (4, 2), "it counts")
    event = (await phone.drain())[-1]
    s.equal((event["t"], event["c"], event["read"]), ("mark", c, 4), "the other device hears of it")
    s.expect("seq" not in event, "a mark has no place in the conversation")
    s.equal((await b.do("PUT", marks, {"read": 2})).status, 200, "backwards")
    s.equal((await b.do("PUT", marks, {"read": 4, "delivered": 6})).status, 200, "again")
    s.equal(await unread(), (4, 2), "the maximum stays")
    s.equal(await phone.drain(), [], "and nobody hears of what is not new")
    s.equal([e["t"] for e in await a.drain() if e["t"] == "mark"], [], "others never do")
    s.refused(await b.do("PUT", marks, {"read": 7}), 400, "out_of_range", "body.read")
    s.refused(await b.do("PUT", marks, {"delivered": 7}), 400, "out_of_range", "body.delivered")
    s.refused(await b.do("PUT", marks, {"read": -1}), 400, "out_of_range", "body.read")
    s.refused(await b.do("PUT", marks, {"read": "4"}), 400, "bad_type", "body.read")
    s.refused(await b.do("PUT", marks, {}), 400, "missing_field", "body.read")
    s.refused(await b.do("PUT", marks, {"seen": 4}), 400, "unknown_field", "body.seen")


async def scene_snapshot(s):
    a, b, c = await s.persons(3)
    empty = await a.do("GET", "/v1/snapshot")
    s.equal((empty["conversations"], empty["next_page"], empty["me"]["id"]), ([], None, a.id), "an empty one")
    s.equal(sorted(empty.body), ["conversations", "cursor", "me", "next_page"], "as documented")
    d = await a.direct(b)
    groups = [await a.group(f"g{n}", [b, c]) for n in range(5)]
    last = await b.say(d, "the last word")
    whole = await a.do("GET", "/v1/snapshot")
    rows = {row["id"]: row for row in whole["conversations"]}
    s.equal(set(rows), {d, *groups}, "all are there")
    s.equal((rows[d]["kind"], rows[d]["with"], rows[d]["last_seq"], rows[d]["last_message"]["id"]),
            ("direct", b.id, 2, last["id"]), "the direct one")
    s.equal((rows[groups[0]]["title"], rows[groups[0]]["role"], rows[groups[0]]["members_count"],
             rows[groups[0]]["muted_until"]), ("g0", "owner", 3, None), "a group")
    got, page, pages = [], "", 0
    while page is not None:
        said = await a.do("GET", f"/v1/snapshot?limit=2{page and '&page=' + page}")
        got += [row["id"] for row in said["conversations"]]
        page, pages = said["next_page"], pages + 1
    s.equal((sorted(got), pages), (sorted(rows), 3), "by pages, each once")
    s.equal([e["t"] for e in (await a.events(whole["cursor"], move=False))["events"]], [], "its cursor is the head")
    await b.say(d, "later")
    s.equal([e["text"] for e in (await a.events(whole["cursor"], move=False))["events"]], ["later"], "and goes on")
    for query, code, field in (("limit=0", "out_of_range", "query.limit"), ("page=x", "out_of_range", "query.page"),
                               ("full=1", "unknown_field", "query.full")):
        s.refused(await a.do("GET", "/v1/snapshot?" + query), 400, code, field)


async def scene_nothing_falls_between_snapshot_and_events(s):
    a, b = await s.persons(2)
    c = await a.direct(b)
    stop = False

    async def chatter():
        n = 0
        while not stop:
            await a.say(c, str(n))
            n += 1

    talking = asyncio.create_task(chatter())
    for n in range(10):
        shot = await b.do("GET", "/v1/snapshot")
        row = shot["conversations"][0]
        events = (await b.events(shot["cursor"], wait=5, move=False))["events"]
        s.expect(events and events[0]["seq"] <= row["last_seq"] + 1, "no hole behind the snapshot",
                 f"snapshot ends at {row['last_seq']}, events begin at {events and events[0]['seq']}")
    stop = True
    await talking


if __name__ == "__main__":
    play(globals())

#!/usr/bin/python3
"""scenes/test_groups.py - conversations: direct ones, groups, who comes, goes and may do what"""
from scene import asyncio, json, new_key, play


async def put(p, c, who, role="member"):
    return await p.do("PUT", f"/v1/conversations/{c}/members/{who.id}", {"role": role})


async def remove(p, c, who):
    return await p.do("DELETE", f"/v1/conversations/{c}/members/{who.id}")


async def roles(p, c):
    said = await p.do("GET", f"/v1/conversations/{c}/members")
    return {m["user"]: m["role"] for m in said["members"]}


async def scene_direct_once_for_each_pair(s):
    a, b = await s.persons(2)
    first = await a.do("POST", "/v1/conversations", {"kind": "direct", "with": b.id})
    s.equal((first.status, first["kind"], first["with"], first["members_count"], first["last_seq"]),
            (201, "direct", b.id, 2, 1), "made")
    again = await a.do("POST", "/v1/conversations", {"kind": "direct", "with": b.id})
    s.equal((again.status, again["id"]), (200, first["id"]), "again: the same")
    other = await b.do("POST", "/v1/conversations", {"kind": "direct", "with": a.id})
    s.equal((other.status, other["id"], other["with"]), (200, first["id"], a.id), "from the other side: the same")
    s.equal(len(await b.drain()), 1, "one event tells of it")
    c, d = await s.persons(2, "h1")
    crossed = await asyncio.gather(*(p.do("POST", "/v1/conversations", {"kind": "direct", "with": q.id})
                                     for p, q in ((c, d), (d, c)) * 4))
    s.equal(sorted(x.status for x in crossed), [200] * 7 + [201], "eight at once from both sides: one is made")
    s.equal(len({x["id"] for x in crossed}), 1, "and all name it")


async def scene_direct_is_fixed(s):
    a, b, c = await s.persons(3)
    d = await a.direct(b)
    s.refused(await put(a, d, c), 422, "direct_fixed")
    s.refused(await put(a, d, b, "admin"), 422, "direct_fixed")
    s.refused(await remove(a, d, b), 422, "direct_fixed")
    s.refused(await remove(a, d, a), 422, "direct_fixed")
    s.refused(await a.do("PATCH", f"/v1/conversations/{d}", {"title": "x"}), 422, "direct_fixed")
    s.equal((await a.say(d, "still here")).status, 201, "it goes on")


async def scene_what_is_no_conversation(s):
    a, b = await s.persons(2)
    for body, status, code, field in (
            ({"kind": "direct", "with": a.id}, 400, "out_of_range", "body.with"),
            ({"kind": "direct"}, 400, "missing_field", "body.with"),
            ({"kind": "direct", "with": int(b.id)}, 400, "bad_type", "body.with"),
            ({"kind": "direct", "with": "0"}, 400, None, "body.with"),
            ({"kind": "direct", "with": "12x"}, 400, None, "body.with"),
            ({"kind": "direct", "with": b.id, "title": "x"}, 400, "unknown_field", "body.title"),
            ({"kind": "channel", "with": b.id}, 400, "out_of_range", "body.kind"),
            ({"kind": "group"}, 400, "missing_field", "body.title"),
            ({"kind": "group", "title": ""}, 400, "out_of_range", "body.title"),
            ({"kind": "group", "title": "x" * 257}, 400, "out_of_range", "body.title"),
            ({"kind": "group", "title": "x", "with": b.id}, 400, "unknown_field", "body.with"),
            ({"kind": "group", "title": "x", "members": [b.id, 5]}, 400, "bad_type", None),
            ({"kind": "direct", "with": "4611686018427387904"}, 404, "not_found", None),
            ({"kind": "group", "title": "x", "members": [b.id, "4611686018427387904"]}, 404, "not_found", None)):
        said = await a.do("POST", "/v1/conversations", body)
        s.expect(said.status == status and (not code or said.code == code) and
                 (not field or said.body.get("field") == field), f"{json.dumps(body)[:60]} is refused", repr(said))
    s.equal(await a.drain(), [], "nothing of that was made")


async def scene_a_group_lives(s):
    o, a, b, c = await s.persons(4)
    made = await o.do("POST", "/v1/conversations", {"kind": "group", "title": "Tea", "members": [a.id, a.id, o.id]})
    g = made["id"]
    s.equal((made.status, made["title"], made["role"], made["members_count"]), (201, "Tea", "owner", 2),
            "repeats and the maker count once")
    s.equal(await roles(a, g), {o.id: "owner", a.id: "member"}, "members")
    s.refused(await put(a, g, b), 403, "forbidden")
    s.refused(await a.do("PATCH", f"/v1/conversations/{g}", {"title": "Coffee"}), 403, "forbidden")
    s.refused(await remove(a, g, o), 403, "forbidden")
    s.equal((await a.say(g, "before b")).status, 201, "members speak")
    joined = await put(o, g, b)
    s.equal((joined.status, joined.body), (201, {"user": b.id, "role": "member"}), "b joins")
    s.equal((await put(o, g, b)).status, 200, "again: nothing new")
    s.equal((await put(a, g, b)).status, 200, "what is so already may be said by all")
    s.equal((await o.say(g, "hello b")).status, 201, "spoken")
    heard = await b.drain()
    s.equal([(e["t"], e.get("text"), e.get("change")) for e in heard],
            [("member", None, "joined"), ("message", "hello b", None)], "b hears from the joining on")
    seen = (await b.do("GET", f"/v1/conversations/{g}/messages"))["messages"]
    s.equal([e["seq"] for e in seen], [e["seq"] for e in heard], "and history shows no more")
    s.equal((await put(o, g, a, "admin")).status, 200, "a becomes admin")
    s.equal((await put(a, g, c)).status, 201, "who may add")
    s.refused(await put(a, g, c, "admin"), 403, "forbidden")
    s.refused(await remove(a, g, o), 403, "forbidden")
    s.equal((await a.do("PATCH", f"/v1/conversations/{g}", {"title": "Coffee"}))["title"], "Coffee", "and rename")
    s.equal((await remove(a, g, c)).status, 200, "and remove")
    s.refused(await c.say(g, "x"), 404, "not_found")
    s.refused(await c.do("GET", f"/v1/conversations/{g}"), 404, "not_found")
    last = (await c.drain())[-1]
    s.equal((last["t"], last["change"], last["user"]), ("member", "removed", c.id), "c hears of the going, and no more")
    s.refused(await remove(a, g, c), 404, "not_found")
    s.refused(await put(o, g, o, "member"), 422, "last_owner")
    s.refused(await remove(o, g, o), 422, "last_owner")
    s.equal((await put(o, g, a, "owner")).status, 200, "a becomes owner")
    s.equal((await remove(o, g, o)).status, 200, "then o may go")
    s.equal(await roles(a, g), {a.id: "owner", b.id: "member"}, "who stays")
    s.equal((await remove(b, g, b)).status, 200, "b goes")
    s.equal((await remove(a, g, a)).status, 200, "the last one may go, too")
    s.refused(await a.do("GET", f"/v1/conversations/{g}"), 404, "not_found")
    s.equal((await put(o, g, b)).status, 404, "nobody is in")


async def scene_odd_changes(s):
    o, a = await s.persons(2)
    g = await o.group("odd", [a])
    path = f"/v1/conversations/{g}/members/{a.id}"
    s.refused(await o.do("PUT", path, {"role": "king"}), 400, "out_of_range", "body.role")
    s.refused(await o.do("PUT", path, {}), 400, "missing_field", "body.role")
    s.refused(await o.do("PUT", f"/v1/conversations/{g}/members/4611686018427387904", {"role": "member"}), 404,
              "not_found")
    s.refused(await o.do("PATCH", f"/v1/conversations/{g}", {"title": 5}), 400, "bad_type", "body.title")
    s.refused(await o.do("PATCH", f"/v1/conversations/{g}", {}), 400, "missing_field", "body.title")


async def scene_the_hundred_and_first(s):
    o = await s.person()
    many = await s.persons(25)
    ids = [p.id for p in many]
    extra = []
    for n in range(75):
        said = await o.do("POST", "/v1/accounts", {"handle": s.fresh_handle(), "password": "correct horse"})
        extra.append(said["id"])
    everybody = ids + extra
    over = await o.do("POST", "/v1/conversations", {"kind": "group", "title": "big", "members": everybody})
    s.refused(over, 422, "group_full")
    full = await o.do("POST", "/v1/conversations", {"kind": "group", "title": "big", "members": everybody[:99]})
    s.equal((full.status, full["members_count"]), (201, 100), "a hundred fit")
    s.refused(await o.do("PUT", f"/v1/conversations/{full['id']}/members/{everybody[99]}", {"role": "member"}), 422,
              "group_full")
    s.equal((await o.say(full["id"], "to all")).status, 201, "all hear")
    heard = await asyncio.gather(*(p.drain() for p in many))
    s.expect(all([e["t"] for e in events] == ["conversation", "message"] for events in heard), "each of them")
    s.equal((await remove(o, full["id"], many[0])).status, 200, "one goes")
    s.equal((await o.do("PUT", f"/v1/conversations/{full['id']}/members/{everybody[99]}",
                        {"role": "member"})).status, 201, "then there is room")


async def scene_members_come_and_go_while_others_speak(s):
    """A message goes to those who are members at its seq: nobody else, and all of them."""
    o, a, b = await s.persons(3)
    g = await o.group("busy", [a])

    async def speak(p):
        for n in range(25):
            key = new_key()
            said = await p.insist_on(lambda: p.say(g, f"{p.handle} {n}", key=key))
            s.expect(said.status in (200, 201), "spoken", repr(said))

    async def change():
        for n in range(6):
            s.equal((await o.insist_on(lambda: put(o, g, b))).status, 201, "in")
            s.equal((await o.insist_on(lambda: remove(o, g, b))).status, 200, "out")

    await asyncio.gather(speak(o), speak(a), change())
    events = await o.drain()
    s.equal([e["seq"] for e in events], list(range(1, len(events) + 1)), "one sequence")
    inside, expected = False, []
    for e in events:
        if e["t"] == "member" and e["user"] == b.id:
            expected.append(e["seq"])
            inside = e["change"] == "joined"
        elif inside:
            expected.append(e["seq"])
    s.equal([e["seq"] for e in await b.drain()], expected, "b has what was said while b was in, and nothing else")


if __name__ == "__main__":
    play(globals())

# scenes/test_verbs_conversations.py - conversations, their members, history, marks and the snapshot
import asyncio

from both import new_key, play_both


async def scene_direct(s):
    me, you = await s.people(2)
    body = {"kind": "direct", "with": you.id}
    status, made = await s.ask(me, "POST", "/v1/conversations", body)
    s.equal("it begins", (status, made["kind"], made["with"], made["members_count"]), (201, "direct", you.id, 2))
    status, same = await s.ask(you, "POST", "/v1/conversations", {"kind": "direct", "with": me.id})
    s.equal("once for a pair", (status, same["id"]), (200, made["id"]))
    for what, wrong, status, code, field in [
            ("with oneself", {**body, "with": me.id}, 400, "out_of_range", "body.with"),
            ("with nobody", {**body, "with": "12345"}, 404, "not_found", None),
            ("with a number", {**body, "with": 5}, 400, "bad_type", "body.with"),
            ("with a title", {**body, "title": "x"}, 400, "unknown_field", "body.title"),
            ("of no kind", {**body, "kind": "channel"}, 400, "out_of_range", "body.kind"),
            ("with none", {"kind": "direct"}, 400, "missing_field", "body.with")]:
        await s.refused(what, me, "POST", "/v1/conversations", status, code, field, wrong)
    path = f"/v1/conversations/{made['id']}"
    await s.refused("no title", me, "PATCH", path, 422, "direct_fixed", body={"title": "x"})
    await s.refused("no third", me, "PUT", f"{path}/members/{(await s.person()).id}", 422, "direct_fixed",
                    body={"role": "member"})
    await s.refused("no leaving", me, "DELETE", f"{path}/members/{me.id}", 422, "direct_fixed")
    others = await s.people(2)
    answers = await asyncio.gather(*(s.ask(a, "POST", "/v1/conversations", {"kind": "direct", "with": b.id})
                                     for a, b in (others, others[::-1]) * 3))
    s.equal("both at once: one", len({a["id"] for _, a in answers}), 1)
    s.equal("made once", sorted(status for status, _ in answers), [200] * 5 + [201])


async def scene_group(s):
    owner, admin, member, late = await s.people(4)
    group = await owner.group("모임", [admin, member, admin])
    path = f"/v1/conversations/{group}"
    status, seen = await s.ask(member, "GET", path)
    s.equal("as a member sees it", (status, seen["title"], seen["role"], seen["members_count"]),
            (200, "모임", "member", 3))
    await s.refused("not as others do", late, "GET", path, 404, "not_found")
    await s.refused("nor its members", late, "GET", path + "/members", 404, "not_found")
    await s.refused("nor its history", late, "GET", path + "/messages", 404, "not_found")
    status, listed = await s.ask(member, "GET", path + "/members")
    s.equal("the members", {m["user"]: m["role"] for m in listed["members"]},
            {owner.id: "owner", admin.id: "member", member.id: "member"})
    await s.refused("members don't add", member, "PUT", f"{path}/members/{late.id}", 403, "forbidden",
                    body={"role": "member"})
    await s.refused("members don't rename", member, "PATCH", path, 403, "forbidden", body={"title": "x"})
    status, _ = await s.ask(owner, "PUT", f"{path}/members/{admin.id}", {"role": "admin"})
    s.equal("an admin is made", status, 200)
    status, _ = await s.ask(admin, "PUT", f"{path}/members/{late.id}", {"role": "member"})
    s.equal("who adds somebody", status, 201)
    await s.refused("but gives no roles", admin, "PUT", f"{path}/members/{late.id}", 403, "forbidden",
                    body={"role": "admin"})
    await s.refused("and removes no owner", admin, "DELETE", f"{path}/members/{owner.id}", 403, "forbidden")
    status, _ = await s.ask(admin, "PATCH", path, {"title": "새 모임"})
    s.equal("and renames", status, 200)
    await s.refused("no such role", owner, "PUT", f"{path}/members/{late.id}", 400, "out_of_range", "body.role",
                    body={"role": "king"})
    await s.refused("nobody joins", owner, "PUT", f"{path}/members/12345", 404, "not_found", body={"role": "member"})
    await s.refused("the last owner stays", owner, "DELETE", f"{path}/members/{owner.id}", 422, "last_owner")
    status, _ = await s.ask(owner, "DELETE", f"{path}/members/{member.id}")
    s.equal("one is removed", status, 200)
    await s.refused("and is out", member, "GET", path, 404, "not_found")
    await s.refused("and silent", member, "POST", path + "/messages", 404, "not_found",
                    body={"key": new_key(), "text": "x"})
    await s.say(owner, group, "after")
    heard = [(e["t"], e.get("change"), e.get("text")) for e in await s.drain(member)]
    s.equal("hears of the end, and no more", heard[-1][:2], ("member", "removed"))
    heard = [e for e in await s.drain(late)]
    s.equal("who comes late hears from there on", [e["t"] for e in heard],
            ["member", "conversation", "member", "message"])
    status, page = await s.ask(late, "GET", path + "/messages")
    s.equal("also in history", page["messages"][0]["seq"], heard[0]["seq"])
    status, _ = await s.ask(late, "DELETE", f"{path}/members/{late.id}")
    s.equal("one leaves", status, 200)


async def scene_full_group(s):
    """A hundred members, and the 101st; once is enough."""
    if s.transport == "h1":
        return
    owner, *others = await s.people(101)
    group = await owner.group("full", others[:99])
    status, seen = await s.ask(owner, "GET", f"/v1/conversations/{group}")
    s.equal("a hundred", seen["members_count"], 100)
    await s.refused("the 101st", owner, "PUT", f"/v1/conversations/{group}/members/{others[99].id}", 422, "group_full",
                    body={"role": "member"})
    await s.refused("nor at once", owner, "POST", "/v1/conversations", 422, "group_full",
                    body={"kind": "group", "title": "x", "members": [o.id for o in others]})
    status, _ = await s.say(owner, group, "to all")
    s.equal("one message", status, 201)
    heard = await asyncio.gather(*(s.drain(who) for who in others[:99]))
    s.check("for each of them", all([e["t"] for e in events] == ["conversation", "message"] for events in heard))


async def scene_history(s):
    me, you = await s.people(2)
    conversation = await me.direct(you)
    for n in range(12):
        await s.say(me, conversation, str(n))
    path = f"/v1/conversations/{conversation}/messages"
    status, newest = await s.ask(you, "GET", path + "?limit=5")
    s.equal("the newest page", ([m["seq"] for m in newest["messages"]], newest["more"]), ([9, 10, 11, 12, 13], True))
    status, older = await s.ask(you, "GET", f"{path}?limit=5&before={newest['messages'][0]['id']}")
    s.equal("older", ([m["seq"] for m in older["messages"]], older["more"]), ([4, 5, 6, 7, 8], True))
    status, oldest = await s.ask(you, "GET", f"{path}?limit=5&before={older['messages'][0]['id']}")
    s.equal("oldest", ([m["seq"] for m in oldest["messages"]], oldest["more"]), ([1, 2, 3], False))
    status, newer = await s.ask(you, "GET", f"{path}?limit=5&after={oldest['messages'][-1]['id']}")
    s.equal("newer", ([m["seq"] for m in newer["messages"]], newer["more"]), ([4, 5, 6, 7, 8], True))
    s.check("without a place in an inbox", all("i" not in m for m in newest["messages"]))
    await s.refused("both ways", you, "GET", path + "?before=5&after=3", 400, "bad_request")
    await s.refused("no id", you, "GET", path + "?before=x", 400, "out_of_range", "query.before")


async def scene_marks(s):
    me, you = await s.people(2)
    other = await s.device(you)
    conversation = await me.direct(you)
    for n in range(4):
        await s.say(me, conversation, str(n))
    await s.drain(you)
    await s.drain(other)
    path = f"/v1/conversations/{conversation}"
    status, seen = await s.ask(you, "GET", path)
    s.equal("unread", (seen["unread"], seen["read_seq"], seen["last_seq"]), (5, 0, 5))
    s.equal("read", (await s.ask(you, "PUT", path + "/marks", {"read": 3}))[0], 200)
    s.equal("read again", (await s.ask(you, "PUT", path + "/marks", {"read": 3, "delivered": 5}))[0], 200)
    s.equal("less is nothing", (await s.ask(you, "PUT", path + "/marks", {"read": 1}))[0], 200)
    status, seen = await s.ask(you, "GET", path)
    s.equal("the maximum stays", (seen["unread"], seen["read_seq"]), (2, 3))
    heard = await s.drain(other)
    s.equal("the other device hears once", [(e["t"], e["c"], e["read"]) for e in heard], [("mark", conversation, 3)])
    s.equal("the sender doesn't", [e["t"] for e in await s.drain(me) if e["t"] == "mark"], [])
    await s.refused("beyond the end", you, "PUT", path + "/marks", 400, "out_of_range", "body.read", {"read": 6})
    await s.refused("nothing", you, "PUT", path + "/marks", 400, "missing_field", "body.read", {})
    await s.refused("no member", await s.person(), "PUT", path + "/marks", 404, "not_found", body={"read": 1})


async def scene_snapshot(s):
    me, *others = await s.people(8)
    for other in others:
        await s.say(other, await other.direct(me), "hello from " + other.handle)
    status, page = await s.ask(me, "GET", "/v1/snapshot?limit=3")
    s.equal("a page", (status, len(page["conversations"]), page["me"]["id"]), (200, 3, me.id))
    cursor, all_of_them = page["cursor"], page["conversations"]
    while page["next_page"]:
        status, page = await s.ask(me, "GET", f"/v1/snapshot?limit=3&page={page['next_page']}")
        all_of_them += page["conversations"]
    s.equal("each once", {c["with"] for c in all_of_them}, {o.id for o in others})
    s.equal("no more than that", len(all_of_them), 7)
    s.check("with the last message", all(c["last_message"]["text"].startswith("hello") for c in all_of_them))
    s.equal("unread", {c["unread"] for c in all_of_them}, {2})
    me.cursor = cursor
    s.equal("nothing is behind it", await s.drain(me), [])
    await s.say(others[0], await others[0].direct(me), "later")
    s.equal("but what comes", [e["text"] for e in await s.drain(me)], ["later"])
    await s.refused("no page", me, "GET", "/v1/snapshot?page=x", 400, "out_of_range", "query.page")


if __name__ == "__main__":
    play_both(globals())

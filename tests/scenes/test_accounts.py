#!/usr/bin/python3
"""scenes/test_accounts.py - accounts, logins, devices, and the end of a session"""
from scene import PASSWORD, asyncio, play, time

DEVICE = {"name": "scene", "platform": "test"}


async def scene_register(s):
    p = s.stranger()
    made = await p.do("POST", "/v1/accounts", {"handle": p.handle, "password": PASSWORD, "name": "Påul"})
    s.equal(made.status, 201, "made")
    s.equal((made["handle"], made["name"], sorted(made.body)), (p.handle, "Påul", ["created_at", "handle", "id", "name"]),
            "the account")
    s.refused(await p.do("POST", "/v1/accounts", {"handle": p.handle, "password": PASSWORD}), 409, "handle_taken")
    s.refused(await p.do("POST", "/v1/accounts", {"handle": p.handle.upper(), "password": PASSWORD}), 409,
              "handle_taken")
    plain = await p.do("POST", "/v1/accounts", {"handle": p.handle + "B", "password": PASSWORD})
    s.equal((plain.status, plain["handle"], plain["name"]), (201, p.handle + "b", p.handle + "b"),
            "without a name it is called by its handle, folded")
    both = await asyncio.gather(*(p.do("POST", "/v1/accounts", {"handle": p.handle + "c", "password": PASSWORD})
                                  for _ in range(4)))
    s.equal(sorted(x.status for x in both), [201, 409, 409, 409], "four at once: one is made")


async def scene_what_is_no_account(s):
    p = s.stranger("h1")
    for body, code, field in (
            ({"handle": "a b", "password": PASSWORD}, "out_of_range", "body.handle"),
            ({"handle": "", "password": PASSWORD}, "out_of_range", "body.handle"),
            ({"handle": "x" * 65, "password": PASSWORD}, "out_of_range", "body.handle"),
            ({"handle": "okay", "password": "short"}, "out_of_range", "body.password"),
            ({"handle": "okay", "password": "x" * 129}, "out_of_range", "body.password"),
            ({"handle": "okay"}, "missing_field", "body.password"),
            ({"password": PASSWORD}, "missing_field", "body.handle"),
            ({"handle": "okay", "password": PASSWORD, "admin": True}, "unknown_field", "body.admin"),
            ({"handle": ["okay"], "password": PASSWORD}, "bad_type", "body.handle"),
            ({"handle": "okay", "password": PASSWORD, "name": "n" * 129}, "out_of_range", "body.name")):
        s.refused(await p.do("POST", "/v1/accounts", body), 400, code, field)


async def scene_login(s):
    p = await s.person("h2s")
    said = await p.do("POST", "/v1/sessions", {"handle": p.handle.upper(), "password": PASSWORD, "device": DEVICE})
    s.equal((said.status, len(said["token"]), said["account"]["id"], said["device"]["name"]),
            (201, 64, p.id, "scene"), "by any spelling of the handle")
    s.expect("set-cookie" not in said.headers, "no cookie unless asked for")
    wrong = await p.do("POST", "/v1/sessions", {"handle": p.handle, "password": PASSWORD + "x", "device": DEVICE})
    s.refused(wrong, 401, "bad_credentials")
    nobody = await p.do("POST", "/v1/sessions", {"handle": "nobody" + p.handle, "password": PASSWORD, "device": DEVICE})
    s.equal(nobody.text, wrong.text, "an unknown handle looks like a wrong password")
    odd = await p.do("POST", "/v1/sessions", {"handle": "a b", "password": PASSWORD, "device": DEVICE})
    s.equal(odd.text, wrong.text, "an impossible handle, too")
    for body, code, field in (({"handle": p.handle, "password": PASSWORD}, "missing_field", "body.device"),
                              ({"handle": p.handle, "password": PASSWORD, "device": {"name": "x"}}, "missing_field",
                               "body.device.platform"),
                              ({"handle": p.handle, "password": PASSWORD, "device": "x"}, "bad_type", "body.device"),
                              ({"handle": p.handle, "password": PASSWORD, "device": DEVICE, "cookie": 1}, "bad_type",
                               "body.cookie")):
        s.refused(await p.do("POST", "/v1/sessions", body), 400, code, field)


async def scene_a_wrong_token_is_no_token(s):
    p = await s.person()
    good = p.token
    for token in ("x", "A" * 64, good[:-1], good + "A", good[:-1] + ("A" if good[-1] != "A" else "B"),
                  good[:20] + ("A" if good[20] != "A" else "B") + good[21:], "é" * 32, ""):
        said = await p.do("GET", "/v1/sessions", headers=[("authorization", ("Bearer " + token).strip())])
        s.refused(said, 401, "unauthorized")
        s.expect("bearer" in said.headers.get("www-authenticate", "").lower(), "401 says how")
    s.refused(await p.do("GET", "/v1/sessions", headers=[("authorization", "Basic " + good)]), 401, "unauthorized")
    s.equal((await p.do("GET", "/v1/sessions", headers=[("authorization", "bearer " + good)])).status, 200,
            "the scheme is case-insensitive")


async def scene_users(s):
    a, b = await s.persons(2)
    by_handle = await a.do("GET", f"/v1/users?handle={b.handle.upper()}")
    s.equal((by_handle.status, by_handle["id"]), (200, b.id), "by handle")
    s.equal((await a.do("GET", f"/v1/users/{b.id}")).body, by_handle.body, "by id, the same")
    s.refused(await a.do("GET", f"/v1/users?handle=no{b.handle}"), 404, "not_found")
    s.refused(await a.do("GET", "/v1/users/1"), 404, "not_found")
    s.refused(await a.do("GET", "/v1/users/0"), 404, "not_found")
    s.refused(await a.do("GET", "/v1/users/99999999999999999999"), 404, "not_found")
    s.refused(await a.do("GET", "/v1/users"), 400, "missing_field", "query.handle")
    s.refused(await a.do("GET", "/v1/users?handle=a%20b"), 400, "out_of_range", "query.handle")
    s.refused(await a.do("GET", "/v1/users?handle=%ff"), 400, "out_of_range", "query.handle")
    s.refused(await a.do("GET", "/v1/users?handle=a&handle=b"), 400, "duplicate_field", "query.handle")
    s.refused(await a.do("GET", "/v1/users?name=a"), 400, "unknown_field", "query.name")
    named = await a.do("PATCH", "/v1/users/me", {"name": "Ada"})
    s.equal((named.status, named["name"]), (200, "Ada"), "renamed")
    s.equal((await b.do("GET", f"/v1/users/{a.id}"))["name"], "Ada", "and others see it")
    s.refused(await a.do("PATCH", "/v1/users/me", {"name": ""}), 400, "out_of_range", "body.name")
    s.refused(await a.do("PATCH", f"/v1/users/{b.id}", {"name": "x"}), 405, "method_not_allowed")


async def scene_devices(s):
    a = await s.person()
    phone = await s.device(a, "h1")
    listed = (await a.do("GET", "/v1/sessions"))["devices"]
    s.equal(len(listed), 2, "two devices")
    s.equal(sorted(listed[0]), ["created_at", "current", "id", "name", "platform", "seen_at"], "as documented")
    theirs = [d["id"] for d in listed if not d["current"]]
    s.equal(len(theirs), 1, "one is this one")
    s.equal((await a.do("DELETE", f"/v1/sessions/{theirs[0]}")).status, 200, "revoked")
    s.refused(await phone.do("GET", "/v1/sessions"), 401, "unauthorized")
    s.refused(await a.do("DELETE", f"/v1/sessions/{theirs[0]}"), 404, "not_found")
    event = (await a.drain())[-1]
    s.equal((event["t"], event["device"], event["change"]), ("device", theirs[0], "revoked"), "the others are told")
    b = await s.person()
    mine = [d["id"] for d in (await a.do("GET", "/v1/sessions"))["devices"]][0]
    s.refused(await b.do("DELETE", f"/v1/sessions/{mine}"), 404, "not_found")
    s.equal((await a.do("GET", "/v1/sessions")).status, 200, "others can't revoke it")
    s.equal((await a.do("DELETE", "/v1/sessions/current")).status, 200, "logout")
    s.refused(await a.do("GET", "/v1/sessions"), 401, "unauthorized")


async def scene_the_eleventh_device(s):
    a = await s.person()
    for n in range(9):
        await s.device(a)
    said = await a.do("POST", "/v1/sessions", {"handle": a.handle, "password": PASSWORD, "device": DEVICE})
    s.refused(said, 422, "too_many_devices")
    s.equal((await a.do("DELETE", "/v1/sessions/current")).status, 200, "one leaves")
    await s.device(a)
    s.expect(True, "then there is room")


async def scene_revocation_ends_a_long_poll(s):
    took = []
    for carrier in ("h2", "h1", "h2s", "h1s"):
        a = await s.person(carrier)
        phone = await s.device(a, carrier)
        await phone.drain()
        poll = asyncio.create_task(phone.events(wait=30))
        await asyncio.sleep(0.3)
        s.expect(not poll.done(), "it waits")
        ids = [d["id"] for d in (await a.do("GET", "/v1/sessions"))["devices"] if not d["current"]]
        began = time.monotonic()
        await a.do("DELETE", f"/v1/sessions/{ids[0]}")
        s.refused(await poll, 401, "unauthorized")
        took.append(time.monotonic() - began)
    # The machine may be busy with other tests: the best of four holds the promise, all are far from the wait's end.
    s.expect(min(took) < 1 and max(took) < 10, "within a second", repr(took))


async def scene_revocation_is_never_outrun(s):
    """However a session's end and its requests cross, afterwards the token is nothing."""
    a = await s.person()
    for n in range(12):
        phone = await s.device(a)
        ids = [d["id"] for d in (await a.do("GET", "/v1/sessions"))["devices"] if not d["current"]]
        asked = [asyncio.create_task(phone.do("GET", "/v1/sessions")) for _ in range(n % 4)]
        ended = asyncio.create_task(a.do("DELETE", f"/v1/sessions/{ids[0]}"))
        asked += [asyncio.create_task(phone.do("GET", "/v1/sessions")) for _ in range(4)]
        s.equal((await ended).status, 200, "revoked")
        await asyncio.gather(*asked)
        s.refused(await phone.do("GET", "/v1/sessions"), 401, "unauthorized")


if __name__ == "__main__":
    play(globals())

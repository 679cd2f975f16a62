# scenes/test_verbs_accounts.py - registering, logging in, devices and their end
import asyncio

from both import PASSWORD, play_both, timed


async def scene_register(s):
    me = s.stranger()
    body = {"handle": me.handle.upper(), "password": PASSWORD, "name": "안녕"}
    status, account = await s.ask(me, "POST", "/v1/accounts", body)
    s.equal("an account is made", status, 201)
    s.equal("its handle is folded", account["handle"], me.handle)
    s.equal("its name is kept", account["name"], "안녕")
    await s.refused("a handle is taken once", me, "POST", "/v1/accounts", 409, "handle_taken",
                    body={**body, "handle": me.handle})
    for field, value, code in [("handle", "", "out_of_range"), ("handle", "a b", "out_of_range"),
                               ("handle", ".a", "out_of_range"), ("handle", "x" * 65, "out_of_range"),
                               ("handle", 7, "bad_type"), ("password", "short", "out_of_range"),
                               ("password", "x" * 129, "out_of_range"), ("name", "x" * 129, "out_of_range"),
                               ("name", "a\0b", "out_of_range"), ("extra", 1, "unknown_field")]:
        await s.refused(f"{field} {value!r:.20}", me, "POST", "/v1/accounts", 400, code, "body." + field,
                        {"handle": s.handle(), "password": PASSWORD, field: value})
    await s.refused("a password is needed", me, "POST", "/v1/accounts", 400, "missing_field", "body.password",
                    {"handle": s.handle()})


async def scene_bodies(s):
    me = s.stranger()
    for what, body, status, code in [("no JSON", b"{", 400, "bad_json"), ("nothing", b"", 400, "bad_json"),
                                     ("no object", b"[]", 400, "bad_type"),
                                     ("broken UTF-8", b'{"handle":"\xff"}', 400, "bad_utf8"),
                                     ("a field twice", b'{"handle":"a","handle":"b"}', 400, "duplicate_field"),
                                     ("too deep", b'{"handle":' + b"[" * 20 + b"]" * 20 + b"}", 400, "too_deep"),
                                     ("too large", b" " * 66000, 413, "too_large")]:
        await s.refused(what, me, "POST", "/v1/accounts", status, code, body=body)
    await s.refused("no JSON by its type", me, "POST", "/v1/accounts", 415, "unsupported_media_type", body=b"{}",
                    headers=[("content-type", "text/plain")])


async def scene_login(s):
    me = await s.person()
    session = {"handle": me.handle, "password": PASSWORD, "device": {"name": "phone", "platform": "test"}}
    anon = s.stranger()
    status, opened = await s.ask(anon, "POST", "/v1/sessions", session)
    s.equal("a session opens", status, 201)
    s.equal("for this account", opened["account"]["id"], me.id)
    s.check("with a token", len(opened["token"]) == 64)
    wrong_s, _ = await timed(s.refused("a wrong password", anon, "POST", "/v1/sessions", 401, "bad_credentials",
                                       body={**session, "password": "not this one"}))
    nobody_s, _ = await timed(s.refused("an unknown handle", anon, "POST", "/v1/sessions", 401, "bad_credentials",
                                        body={**session, "handle": s.handle("nobody")}))
    s.check("takes about as long", 0.25 < (nobody_s + 0.05) / (wrong_s + 0.05) < 4, f"{wrong_s} {nobody_s}")
    await s.refused("a device is needed", anon, "POST", "/v1/sessions", 400, "missing_field", "body.device",
                    body={"handle": me.handle, "password": PASSWORD})
    for token in ("", "x", "A" * 64, me.token[:-1] + ("A" if me.token[-1] != "A" else "B")):
        anon.token = token
        await s.refused(f"the token {token:.4}", anon, "GET", "/v1/snapshot", 401, "unauthorized")
        s.check("the answer names the scheme", "Bearer" in s.headers.get("www-authenticate", ""))


async def scene_devices(s):
    me = await s.person()
    other = await s.device(me)
    status, page = await s.ask(me, "GET", "/v1/sessions")
    s.equal("both devices are listed", (status, len(page["devices"])), (200, 2))
    s.equal("one is this", [d["current"] for d in page["devices"]], [True, False])
    gone = page["devices"][1]["id"]
    waiting = asyncio.ensure_future(s.ask(other, "GET", f"/v1/events?after={other.cursor}&wait=20", wait_s=30))
    await asyncio.sleep(0.3)
    took, (status, _) = await timed(s.ask(me, "DELETE", f"/v1/sessions/{gone}"))
    s.equal("a device is revoked", status, 200)
    took, (status, problem) = await timed(waiting)
    s.check("its poll ends within a second", took < 1 and status == 401, f"{took} {status} {problem}")
    await s.refused("its token is nothing", other, "GET", "/v1/snapshot", 401, "unauthorized")
    await s.refused("it is gone", me, "DELETE", f"/v1/sessions/{gone}", 404, "not_found")
    events = await s.drain(me)
    s.equal("the other device hears of it", [(e["t"], e["device"]) for e in events], [("device", gone)])
    for _ in range(9):
        await s.device(me)
    await s.refused("an eleventh device", s.stranger(), "POST", "/v1/sessions", 422, "too_many_devices",
                    body={"handle": me.handle, "password": PASSWORD, "device": {"name": "x", "platform": "y"}})
    status, _ = await s.ask(me, "DELETE", "/v1/sessions/current")
    s.equal("one logs out", status, 200)
    await s.refused("and is out", me, "GET", "/v1/sessions", 401, "unauthorized")


async def scene_cookie(s):
    me = await s.person()
    anon = s.stranger()
    status, opened = await s.ask(anon, "POST", "/v1/sessions", {
        "handle": me.handle, "password": PASSWORD, "device": {"name": "web", "platform": "web"}, "cookie": True})
    cookie = s.headers.get("set-cookie", "")
    s.equal("a session opens", status, 201)
    for word in ("__Host-posthorn=", "Secure", "HttpOnly", "SameSite=Strict", "Path=/"):
        s.check(f"the cookie says {word}", word in cookie, cookie)
    sent = ("cookie", "a=b; " + cookie.split(";")[0])
    here = ("origin", f"https://127.0.0.1:{s.house.tls_port}")
    mark = ("PATCH", "/v1/users/me")
    status, _ = await s.ask(anon, "GET", "/v1/snapshot", headers=[sent])
    s.equal("it reads", status, 200)
    status, _ = await s.ask(anon, *mark, {"name": "web"}, [sent, here])
    s.equal("it writes from this origin", status, 200)
    await s.refused("not from another", anon, *mark, 403, "bad_origin", body={"name": "x"},
                    headers=[sent, ("origin", "https://evil.example")])
    await s.refused("nor reads there", anon, "GET", "/v1/snapshot", 403, "bad_origin",
                    headers=[sent, ("origin", "https://evil.example")])
    await s.refused("nor writes from nowhere", anon, *mark, 403, "bad_origin", body={"name": "x"}, headers=[sent])


async def scene_cookie_in_a_batch(s):
    me = await s.person()
    login = {"handle": me.handle, "password": PASSWORD, "device": {"name": "web", "platform": "web"}, "cookie": True}
    status, answer = await s.ask(me, "POST", "/v1/batch", {"requests": [
        {"do": "POST", "path": "/v1/sessions", "body": login}, {"do": "GET", "path": "/v1/sessions"}]})
    s.equal("both are answered", (status, [r["status"] for r in answer["responses"]]), (200, [201, 200]))
    cookie = s.headers.get("set-cookie", "")
    s.check("the batch's answer sets the cookie", cookie.startswith("__Host-posthorn="), cookie)
    sent = [("cookie", cookie.split(";")[0]), ("origin", f"https://127.0.0.1:{s.house.tls_port}")]
    status, answer = await s.ask(s.stranger(), "POST", "/v1/batch", {"requests": [
        {"do": "DELETE", "path": "/v1/sessions/current"}]}, sent)
    s.equal("a logout in a batch", (status, answer["responses"][0]["status"]), (200, 200))
    s.check("takes it away", "Max-Age=0" in s.headers.get("set-cookie", ""), s.headers.get("set-cookie"))


async def scene_users(s):
    me, you = await s.people(2)
    status, found = await s.ask(me, "GET", f"/v1/users?handle={you.handle.upper()}")
    s.equal("found by handle", (status, found["id"]), (200, you.id))
    status, found = await s.ask(me, "GET", f"/v1/users/{you.id}")
    s.equal("found by id", (status, found["handle"]), (200, you.handle))
    await s.refused("nobody", me, "GET", "/v1/users?handle=no-such-handle", 404, "not_found")
    await s.refused("no such id", me, "GET", "/v1/users/12345", 404, "not_found")
    await s.refused("no handle", me, "GET", "/v1/users", 400, "missing_field", "query.handle")
    status, found = await s.ask(you, "PATCH", "/v1/users/me", {"name": "새 이름"})
    s.equal("another name", (status, found["name"]), (200, "새 이름"))


if __name__ == "__main__":
    play_both(globals())

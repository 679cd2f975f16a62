#!/usr/bin/python3
"""scenes/test_http.py - what holds for every verb: methods, heads, cookies, batches, and who is hidden from whom"""
from scene import CARRIERS, H1, PASSWORD, asyncio, json, new_key, play, time

DEVICE = {"name": "scene", "platform": "test"}


async def scene_unknown_routes_and_methods(s):
    for carrier in CARRIERS:
        a = await s.person(carrier)
        for path in ("/", "/v1", "/v2/accounts", "/v1/accounts/", "/metrics", "/readyz", "/v1/conversations/1/typed",
                     "/v1/conversations/1/messages/2", "/v1/presence?users=1", "/v1/search?q=x", "/v1/blocks/1",
                     "/v1/sessions/current/push/x", "/v1/..%2fmetrics", "/v1/conversations/0"):
            s.refused(await a.do("GET", path), 404, "not_found")
        for method, path, allow in (("GET", "/v1/accounts", "POST"), ("OPTIONS", "/v1/sessions", "GET, HEAD, POST"),
                                    ("BREW", "/v1/events", "GET, HEAD"), ("PUT", "/v1/conversations/1", "GET, HEAD, PATCH"),
                                    ("POST", "/v1/conversations/1/members/1", "PUT, DELETE")):
            said = await a.do(method, path)
            s.refused(said, 405, "method_not_allowed")
            s.equal(said.headers.get("allow"), allow, f"{carrier}: {method} {path}: what is allowed")


async def scene_every_answer_has_a_body(s):
    for carrier in CARRIERS:
        a = await s.person(carrier)
        b = await s.person(carrier)
        c = await a.direct(b)
        await a.say(c, "x")
        for said in (await b.do("PUT", f"/v1/conversations/{c}/marks", {"read": 1}),
                     await a.do("DELETE", "/v1/sessions/current")):
            s.equal((said.status, said.body), (200, {}), f"{carrier}: at least {{}}")
            s.equal(said.headers.get("cache-control"), "no-store", f"{carrier}: never stored")
            s.equal(said.headers.get("content-type"), "application/json; charset=utf-8", f"{carrier}: JSON")


async def scene_head_is_get_without_a_body(s):
    a = await s.person("h2")
    got, head = await a.do("GET", "/v1/snapshot"), await a.do("HEAD", "/v1/snapshot")
    s.equal((head.status, head.text), (200, ""), "no body")
    s.equal(head.headers.get("content-length"), got.headers.get("content-length"), "but its length")


async def scene_method_override(s):
    for carrier in CARRIERS:
        a = await s.person(carrier)
        said = await a.do("POST", "/v1/users/me", {"name": "Ada"}, headers=[("x-http-method-override", "PATCH")])
        s.equal((said.status, said["name"]), (200, "Ada"), f"{carrier}: a POST that is a PATCH")
        said = await a.do("POST", "/v1/users/me", {"name": "Bob"}, headers=[("x-http-method-override", "patch")])
        s.refused(said, 405, "method_not_allowed")
        said = await a.do("POST", "/v1/sessions/current", headers=[("x-http-method-override", "DELETE")])
        s.equal(said.status, 200, f"{carrier}: a POST that is a DELETE")
        s.refused(await a.do("GET", "/v1/sessions"), 401, "unauthorized")


async def scene_cookies(s):
    a = await s.person("h2s")
    own = f"https://127.0.0.1:{s.house.tls_port}"
    said = await a.do("POST", "/v1/sessions",
                      {"handle": a.handle, "password": PASSWORD, "device": DEVICE, "cookie": True},
                      headers=[("origin", own)])
    cookie = said.headers.get("set-cookie", "")
    s.expect(cookie.startswith("__Host-posthorn=") and
             all(part in cookie for part in ("; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict")),
             "the cookie is guarded", cookie)
    browser = s.stranger("h2s")
    pair = [("cookie", "theme=dark; " + cookie.split(";")[0] + "; x=y")]
    listed = await browser.do("GET", "/v1/sessions", headers=pair + [("origin", own)])
    s.equal(listed.status, 200, "its own origin")
    s.equal((await browser.do("GET", "/v1/sessions", headers=pair)).status, 200, "the page's own GET names none")
    s.equal((await browser.do("PATCH", "/v1/users/me", {"name": "B"}, headers=pair + [("origin", own)])).status, 200,
            "and may change")
    for origin in ("https://evil.example", "null", own + ".evil", own.replace("https", "http"), own[:-1]):
        s.refused(await browser.do("GET", "/v1/sessions", headers=pair + [("origin", origin)]), 403, "bad_origin")
    s.refused(await browser.do("PATCH", "/v1/users/me", {"name": "C"}, headers=pair), 403, "bad_origin")
    s.equal((await a.do("GET", "/v1/sessions", headers=[("origin", "https://evil.example")])).status, 200,
            "a bearer's origin does not matter")
    out = await browser.do("DELETE", "/v1/sessions/current", headers=pair + [("origin", own)])
    s.expect(out.status == 200 and "Max-Age=0" in out.headers.get("set-cookie", ""), "logout takes it away", repr(out))
    s.refused(await browser.do("GET", "/v1/sessions", headers=pair + [("origin", own)]), 401, "unauthorized")


async def scene_discover(s):
    said = await s.stranger("h2s").do("GET", "/v1/discover")
    s.equal(said.body, {"nodes": [{"url": f"https://127.0.0.1:{s.house.tls_port}", "region": "", "load": 0}]},
            "this node alone, without a token")
    s.equal((await s.stranger("h1").do("GET", "/v1/discover?region=eu")).status, 200, "with a region")
    s.refused(await s.stranger().do("GET", "/v1/discover?zone=eu"), 400, "unknown_field", "query.zone")


async def scene_queries_that_nobody_reads(s):
    a = await s.person()
    s.refused(await a.do("GET", "/v1/sessions?x=1"), 400, "unknown_field", "query.x")
    s.refused(await a.do("POST", "/v1/batch?x", {"requests": []}), 400, "unknown_field", "query.x")
    s.refused(await a.do("GET", "/v1/sessions?token=" + a.token), 400, "unknown_field", "query.token")


async def scene_a_batch(s):
    a, b = await s.persons(2)
    c = await a.direct(b)
    said = await a.do("POST", "/v1/batch", {"requests": [
        {"do": "GET", "path": f"/v1/users?handle={b.handle}"}, {"do": "GET", "path": "/v1/nothing"},
        {"do": "POST", "path": f"/v1/conversations/{c}/messages", "body": {"key": new_key(), "text": "one"}},
        {"do": "POST", "path": f"/v1/conversations/{c}/messages", "body": {"key": new_key(), "text": "two"}},
        {"do": "PUT", "path": f"/v1/conversations/{c}/marks", "body": {"read": 3}},
        {"do": "GET", "path": f"/v1/conversations/{c}"}, {"do": "POST", "path": "/v1/accounts", "body": {"x": 1}}]})
    s.equal([r["status"] for r in said["responses"]], [200, 404, 201, 201, 200, 200, 400], "answered in order")
    bodies = [r["body"] for r in said["responses"]]
    s.equal((bodies[0]["id"], bodies[1]["code"], bodies[2]["seq"], bodies[3]["seq"], bodies[5]["read_seq"],
             bodies[6]["field"]), (b.id, "not_found", 2, 3, 3, "body.x"), "each as if it had come alone")
    one = {"do": "GET", "path": "/v1/discover"}
    s.equal((await a.do("POST", "/v1/batch", {"requests": [one] * 32})).status, 200, "32 fit")
    s.refused(await a.do("POST", "/v1/batch", {"requests": [one] * 33}), 400, "out_of_range", "body.requests")
    s.refused(await a.do("POST", "/v1/batch", {"requests": []}), 400, "out_of_range", "body.requests")
    nested = await a.do("POST", "/v1/batch", {"requests": [{"do": "POST", "path": "/v1/batch",
                                                            "body": {"requests": [one]}}]})
    s.equal(nested["responses"][0]["status"], 400, "none inside another")
    waits = time.monotonic()
    polled = await a.do("POST", "/v1/batch", {"requests": [{"do": "GET", "path": "/v1/events?after=now&wait=20"}]})
    s.equal(polled["responses"][0]["status"], 200, "a poll inside")
    s.expect(time.monotonic() - waits < 10, "does not wait")
    s.refused(await s.stranger().do("POST", "/v1/batch", {"requests": [one]}), 401, "unauthorized")


async def scene_a_batch_keeps_its_order(s):
    a, b = await s.persons(2)
    for n in range(8):
        c = await a.group(f"cold {n}", [b])
        sends = [{"do": "POST", "path": f"/v1/conversations/{c}/messages", "body": {"key": new_key(), "text": str(k)}}
                 for k in range(32)]
        said = await a.do("POST", "/v1/batch", {"requests": sends})
        s.equal([r["body"].get("seq") for r in said["responses"]], list(range(2, 34)), "as they stand in the batch")


async def scene_a_batch_with_long_answers(s):
    a, b = await s.persons(2)
    c = await a.direct(b)
    for n in range(4):
        await asyncio.gather(*(a.say(c, "x" * 16000) for _ in range(8)))
    read = {"do": "GET", "path": f"/v1/conversations/{c}/messages?limit=200"}
    send = {"do": "POST", "path": f"/v1/conversations/{c}/messages", "body": {"key": new_key(), "text": "short"}}
    said = await a.do("POST", "/v1/batch", {"requests": [read] * 8 + [send]}, wait_s=30)
    s.equal(said.status, 200, "the batch is answered")
    s.expect(len(said.text) <= 2 * 1024 * 1024, "within its bound", str(len(said.text)))
    statuses = [r["status"] for r in said["responses"]]
    s.expect(statuses[0] == 200 and set(statuses[:8]) == {200, 413}, "what does not fit must be asked for alone",
             repr(statuses))
    s.equal(statuses[8], 201, "what was done is told")


async def scene_bodies(s):
    a = await s.person("h1")
    for raw, kind, status in ((b'{"name":"A"}', "application/json", 200),
                              (b'{"name":"A"}', "application/json; charset=utf-8", 200),
                              (b'{"name":"A"}', "Application/JSON", 200), (b'{"name":"A"}', "text/plain", 415),
                              (b'{"name":"A"}', "application/jsonp", 415), (b'{"name":"A"}', "", 415)):
        said = await a.do("PATCH", "/v1/users/me", raw=raw, headers=[("content-type", kind)])
        s.equal(said.status, status, f"content-type {kind!r}")
    s.equal((await a.do("PATCH", "/v1/users/me", raw=b"\xef\xbb\xbf{}")).status, 400, "no byte order mark")


if __name__ == "__main__":
    play(globals())

# scenes/test_verbs_routes.py - routes, methods, discovery, batches
from both import new_key, play_both


async def scene_routes(s):
    me, anon = await s.person(), s.stranger()
    status, found = await s.ask(anon, "GET", "/v1/discover")
    s.equal("discovery needs no token", status, 200)
    s.equal("it names this node", [sorted(n) for n in found["nodes"]], [["load", "region", "url"]])
    for path in ("/", "/v1", "/v1/nothing", "/v1/discover/", "/v1/users/me/x", "/v1/users/0", "/v1/users/+1"):
        await s.refused(f"no route {path}", me, "GET", path, 404, "not_found")
    await s.refused("another method", me, "PUT", "/v1/snapshot", 405, "method_not_allowed", body={})
    s.equal("what is allowed", s.headers.get("allow"), "GET, HEAD")
    await s.refused("options", me, "OPTIONS", "/v1/accounts", 405, "method_not_allowed")
    await s.refused("unknown parameter", me, "GET", "/v1/snapshot?x=1", 400, "unknown_field", "query.x")
    await s.refused("a parameter twice", me, "GET", "/v1/snapshot?limit=1&limit=2", 400, "duplicate_field",
                    "query.limit")
    await s.refused("no number", me, "GET", "/v1/snapshot?limit=x", 400, "bad_type", "query.limit")
    await s.refused("out of range", me, "GET", "/v1/snapshot?limit=201", 400, "out_of_range", "query.limit")
    status, _ = await s.ask(me, "POST", "/v1/users/me", {"name": "by override"},
                            [("x-http-method-override", "PATCH")])
    s.equal("the method may be named in a field", status, 200)
    s.equal("nothing is kept", s.headers.get("cache-control"), "no-store")


async def scene_batch(s):
    me, you = await s.people(2)
    conversation = await me.direct(you)
    path = f"/v1/conversations/{conversation}/messages"
    sends = [{"do": "POST", "path": path, "body": {"key": new_key(), "text": str(n)}} for n in range(30)]
    status, answer = await s.ask(me, "POST", "/v1/batch", {"requests": [
        {"do": "GET", "path": f"/v1/users?handle={you.handle}"}, *sends, {"do": "GET", "path": "/v1/nothing"}]})
    responses = answer["responses"]
    s.equal("all are answered", (status, len(responses)), (200, 32))
    s.equal("in their order", [r["status"] for r in responses], [200] + [201] * 30 + [404])
    s.equal("sends too", [r["body"]["seq"] for r in responses[1:31]], list(range(2, 32)))
    s.equal("refusals are problems", responses[31]["body"]["code"], "not_found")
    texts = [e["text"] for e in await s.drain(you) if e["t"] == "message"]
    s.equal("all arrive in order", texts, [str(n) for n in range(30)])
    await s.refused("33 are too many", me, "POST", "/v1/batch", 400, "out_of_range", "body.requests",
                    {"requests": [{"do": "GET", "path": "/v1/discover"}] * 33})
    status, answer = await s.ask(me, "POST", "/v1/batch", {"requests": [
        {"do": "POST", "path": "/v1/batch", "body": {"requests": [{"do": "GET", "path": "/v1/discover"}]}}]})
    s.equal("no batch in a batch", answer["responses"][0]["status"], 400)
    await s.refused("unknown field inside", me, "POST", "/v1/batch", 400, "unknown_field", "body.requests[0].x",
                    {"requests": [{"do": "GET", "path": "/v1/discover", "x": 1}]})


if __name__ == "__main__":
    play_both(globals())

#!/usr/bin/python3
"""scenes/test_send.py - a message from one to another: keys, twice, and what is refused"""
from scene import CARRIERS, asyncio, json, new_key, old_key, play, time


async def pair(s, carrier="h2"):
    a, b = await s.persons(2, carrier)
    return a, b, await a.direct(b)


async def scene_a_message_arrives(s):
    for carrier in CARRIERS:
        a, b, c = await pair(s, carrier)
        sent = await a.say(c, "hello")
        s.equal(sent.status, 201, f"{carrier}: sent")
        s.equal(sorted(sent.body), ["at", "id", "seq"], f"{carrier}: answer")
        s.equal(sent["seq"], 2, f"{carrier}: the second event of the conversation")
        events = await b.drain()
        s.equal([e["t"] for e in events], ["conversation", "message"], f"{carrier}: events")
        got = events[-1]
        s.equal((got["text"], got["from"], got["c"], got["seq"], got["id"], got["at"]),
                ("hello", a.id, c, 2, sent["id"], sent["at"]), f"{carrier}: the event is what was answered")
        own = await a.drain()
        s.equal([e["i"] for e in own], [1, 2], f"{carrier}: the sender's own inbox is dense")
        s.equal(own[-1]["text"], "hello", f"{carrier}: the sender has it, too")


async def scene_text_of_every_kind_is_the_same(s):
    a, b, c = await pair(s)
    texts = ["a", "x" * 16384, "\u00e9\u00fc\u4f60\u597d\ud55c\uae00\u0440\u0443\u0441", "\U0001f468\u200d\U0001f469\u200d\U0001f467",
             "\"\\/\b\f\n\r\t", "\u0001\u001f\u007f\u2028\u2029", "</script>", "e\u0301", " ", "\ufeff", "\U0010ffff"]
    for text in texts:
        s.equal((await a.say(c, text)).status, 201, f"sent {text[:8]!r}")
    got = [e["text"] for e in await b.drain() if e["t"] == "message"]
    s.expect(got == texts, "what arrives is what was sent")
    escaped = b'{"key":"%s","text":"\\u00e9\\ud83d\\ude00"}' % new_key().encode()
    s.equal((await a.do("POST", f"/v1/conversations/{c}/messages", raw=escaped)).status, 201, "escapes")
    s.equal((await b.drain())[-1]["text"], "\u00e9\U0001f600", "escapes mean their characters")


async def scene_same_key_same_answer(s):
    a, b, c = await pair(s)
    key = new_key()
    first = await a.say(c, "once", key=key)
    for n in range(3):
        again = await a.say(c, "once", key=key)
        s.equal((again.status, again.body), (200, first.body), "the first answer again")
    s.refused(await a.say(c, "twice", key=key), 409, "key_reused", "body.key")
    s.refused(await a.say(c, "once", key=key, reply_to=1), 409, "key_reused", "body.key")
    both = await asyncio.gather(*(a.say(c, "at once", key=key2) for key2 in [new_key()] * 8))
    s.equal(sorted(x.status for x in both), [200] * 7 + [201], "eight at once: one is new")
    s.equal(len({x["id"] for x in both}), 1, "eight at once: one id")
    s.equal((await b.say(c, "mine", key=key)).status, 201, "another sender's key is another key")
    texts = [e["text"] for e in await b.drain() if e["t"] == "message"]
    s.equal(texts, ["once", "at once", "mine"], "nothing is doubled")


async def scene_key_of_another_time(s):
    a, b, c = await pair(s)
    now = time.time() * 1000
    day = 24 * 60 * 60 * 1000
    for age, good in ((6.5 * day, True), (8.5 * day, False), (400 * day, False), (-2 * day, False), (-day / 2, True)):
        said = await a.say(c, "old", key=old_key(now - age))
        if good:
            s.equal(said.status, 201, f"{age / day} days")
        else:
            s.refused(said, 422, "stale_key", "body.key")
    for bad in ("", "x" * 26, "0" * 25, "0" * 27, "8" + "Z" * 25, "01ARZ3NDEKTSV4RRFFQ69G5FA\u00e9", "I" * 26):
        said = await a.say(c, "x", key=bad)
        s.expect(said.status == 400 and said.body["field"] == "body.key", f"key {bad!r} is refused", repr(said))


async def scene_what_is_no_message(s):
    a, b, c = await pair(s)
    path = f"/v1/conversations/{c}/messages"
    k = new_key()
    for body, code, field, status in (
            ({"key": k}, "missing_field", "body.text", 400),
            ({"text": "x"}, "missing_field", "body.key", 400),
            ({"key": k, "text": ""}, "out_of_range", "body.text", 400),
            ({"key": k, "text": "x" * 16385}, "too_large", "body.text", 413),
            ({"key": k, "text": 5}, "bad_type", "body.text", 400),
            ({"key": k, "text": None}, "bad_type", "body.text", 400),
            ({"key": k, "text": "x", "extra": 1}, "unknown_field", "body.extra", 400),
            ({"key": k, "text": "x", "reply_to": 0}, "out_of_range", "body.reply_to", 400),
            ({"key": k, "text": "x", "reply_to": "1"}, "bad_type", "body.reply_to", 400),
            ({"key": k, "text": "x", "reply_to": 1.5}, "bad_type", "body.reply_to", 400),
            ({"key": k, "text": "x", "reply_to": 2 ** 60}, "out_of_range", "body.reply_to", 400),
            ({"key": k, "text": "x", "type": "a b"}, "out_of_range", "body.type", 400),
            ({"key": k, "text": "x", "type": "a" * 33}, "out_of_range", "body.type", 400),
            ({"key": k, "text": "x", "attachments": ["1"]}, "out_of_range", "body.attachments", 400),
            ({"key": k, "text": "x", "ciphertext": "AAAA"}, "bad_request", "body.ciphertext", 400),
            ({"key": k, "ciphertext": "not base64!"}, "out_of_range", "body.ciphertext", 400),
            ({"key": k, "ciphertext": "A" * 16388}, "too_large", "body.ciphertext", 413),
            ({"key": k, "text": "a\u0000b"}, "out_of_range", "body.text", 400)):
        s.refused(await a.do("POST", path, body), status, code, field)
    for raw, code in ((b"", "bad_json"), (b"{", "bad_json"), (b"[]", "bad_type"), (b"null", None), (b"5", None),
                      (b'{"key":"' + k.encode() + b'","text":"\xff"}', "bad_utf8"),
                      (b'{"key":"' + k.encode() + b'","text":"\xed\xa0\x80"}', "bad_utf8"),
                      (b'{"key":"' + k.encode() + b'","text":"\\ud800"}', "bad_json"),
                      (b'{"text":"a","text":"b"}', "duplicate_field"), (b"[" * 17 + b"]" * 17, "too_deep"),
                      (b'{"key":"' + k.encode() + b'","text":"x"} x', "bad_json"), (b"{'text':1}", "bad_json")):
        said = await a.do("POST", path, raw=raw)
        s.expect(said.status == 400 and said.code in (code, "bad_json", "bad_type") and (not code or said.code == code),
                 f"{raw[:40]!r} is refused as {code}", repr(said))
    said = await a.do("POST", path, raw=b'{"key":"' + b" " * 70000 + b'"}')
    s.refused(said, 413, "too_large")
    said = await a.do("POST", path, raw=b"key=1", headers=[("content-type", "application/x-www-form-urlencoded")])
    s.refused(said, 415, "unsupported_media_type")
    s.equal((await a.say(c, "and now a good one")).status, 201, "it still stands")
    s.equal([e["t"] for e in await b.drain()], ["conversation", "message"], "nothing of that came through")


async def scene_what_else_a_message_may_be(s):
    a, b, c = await pair(s)
    s.equal((await a.say(c, "re", reply_to=1, type="text", attachments=[])).status, 201, "reply")
    k = new_key()
    sent = await a.do("POST", f"/v1/conversations/{c}/messages",
                      {"key": k, "type": "e2ee.v1", "ciphertext": "QUJDREVGRw=="}, headers=())
    s.equal(sent.status, 201, "ciphertext")
    reply, secret = [e for e in await b.drain() if e["t"] == "message"]
    s.equal((reply.get("reply_to"), reply.get("type")), (1, None), "reply_to is told, the type text is not")
    s.equal((secret.get("ciphertext"), secret.get("type"), secret.get("key"), "text" in secret),
            ("QUJDREVGRw==", "e2ee.v1", k, False), "ciphertext as it was")


async def scene_strangers_see_nothing(s):
    a, b, c = await pair(s)
    mallory = await s.person()
    await a.say(c, "secret")
    for method, path, body in (
            ("POST", f"/v1/conversations/{c}/messages", {"key": new_key(), "text": "x"}),
            ("GET", f"/v1/conversations/{c}/messages", None), ("GET", f"/v1/conversations/{c}", None),
            ("GET", f"/v1/conversations/{c}/members", None), ("PATCH", f"/v1/conversations/{c}", {"title": "x"}),
            ("PUT", f"/v1/conversations/{c}/marks", {"read": 1}),
            ("PUT", f"/v1/conversations/{c}/members/{mallory.id}", {"role": "member"}),
            ("DELETE", f"/v1/conversations/{c}/members/{a.id}", None)):
        said = await mallory.do(method, path, body)
        s.refused(said, 404, "not_found")
        other = await mallory.do(method, path.replace(c, "999"), body)
        s.equal(other.text, said.text, f"{method} {path}: as if it were not there")
    s.equal(len(await mallory.drain()), 0, "and nothing arrives")


async def scene_one_order_for_all(s):
    a, b, c = await pair(s)
    await asyncio.gather(*(p.say(c, f"{p.handle} {n}") for n in range(50) for p in (a, b)))
    mine, theirs = await a.drain(), await b.drain()
    strip = [(e["seq"], e["id"], e.get("text")) for e in mine]
    s.equal([(e["seq"], e["id"], e.get("text")) for e in theirs], strip, "both see the same")
    s.equal([x[0] for x in strip], list(range(1, 102)), "seq is dense")
    ids = [int(x[1]) for x in strip]
    s.equal(ids, sorted(ids), "ids rise with seq")
    for events in (mine, theirs):
        s.equal([e["i"] for e in events], list(range(1, 102)), "i is dense")


if __name__ == "__main__":
    play(globals())

#!/usr/bin/python3
"""scenes/test_ways_frames.py - verbs in the frames of a WebSocket: the dialogues of HTTP again, and what only frames have"""
import scene
import chat
import frames
from scene import asyncio, json, new_key, play
from both import Scene
import test_verbs_accounts
import test_verbs_conversations
from test_ways_open import keys, pair
from ways import Ended
from websocket import BINARY, CLOSE, PING, PONG, TEXT, Closed, WebSocket, frame
from wire import Gone

chat.H1, chat.H2 = frames.Framed1, frames.Framed2       # every Account's requests go in frames from here on


def again(module, transport):
    def one(play_it):
        return lambda stage: play_it(Scene(stage, transport))
    return {f"{name}_in_frames_{transport}": one(value) for name, value in vars(module).items()
            if name.startswith("scene_")}


async def opened(s, who, http="h1"):
    r = await who.way("socket", http)
    await r.next(10)
    return r


async def scene_answers_find_their_question(s):
    """Many verbs at once, ids as a client likes them; each answer carries its id and is what HTTP would say."""
    a, b, c = await pair(s)
    for http in ("h1", "h2"):
        r = await opened(s, b, http)
        asked = {}
        for n in range(60):
            number = [n, 2 ** 53 - 1 - n, n * 1000003][n % 3]
            path = [f"/v1/users/{a.id}", "/v1/nothing", f"/v1/conversations/{c}"][n % 3]
            asked[number] = path
            await r.ws.send({"id": number, "do": "GET", "path": path})
        answers = {}
        while len(answers) < len(asked):
            item = await r.next(15)
            s.expect("id" in item and item["id"] not in answers, f"{http}: one answer each", repr(item))
            answers[item["id"]] = item
        s.equal(set(answers), set(asked), f"{http}: all are answered")
        for number, path in asked.items():
            plain = await b.http.plain.ask("GET", path, [("authorization", "Bearer " + b.token)], None, 15)
            s.equal((answers[number]["status"], answers[number]["body"]), (plain.status, json.loads(plain.body)),
                    f"{http}: {path} as HTTP says it")
        r.close()


async def scene_far_more_than_32_under_way(s):
    """The 33rd waits in the network; all are answered, sends of one conversation keep their order."""
    a, b, c = await pair(s)
    other = await a.group("another", [b])
    await b.drain()
    for http in ("h1", "h2"):
        r = await opened(s, a, http)
        data = b""
        for n, key in enumerate(keys(400)):
            where = (c, other)[n % 2]
            data += frame(TEXT, json.dumps({"id": n, "do": "POST", "path": f"/v1/conversations/{where}/messages",
                                            "body": {"key": key, "text": f"{http} {n}"}}).encode())
        writing = asyncio.create_task(r.ws.raw(data))
        seqs, events = {}, []
        while len(seqs) < 400 or len(events) < 400:
            item = await r.next(20)
            if "id" in item:
                s.expect(item["status"] == 201, f"{http}: stored", repr(item))
                seqs[item["id"]] = item["body"].get("seq")
            events += item.get("events", [])
        await writing
        for parity in (0, 1):
            found = [seqs[n] for n in range(parity, 400, 2)]
            s.equal(found, list(range(found[0], found[0] + 200)), f"{http}: sends of a conversation keep their order")
        s.equal([e["text"] for e in events if e["c"] == c], [f"{http} {n}" for n in range(0, 400, 2)],
                f"{http}: and the sender sees them so")
        a.cursor = r.cursor
        r.close()


async def scene_frames_that_say_nothing_good(s):
    """They are answered, and the connection stays."""
    a, b, c = await pair(s)
    wrong = ((b"", "bad_json", ""), (b"{", "bad_json", ""), (b"[]", "bad_type", ""), (b"7", "bad_json", ""),
             (b'{"id":1,"id":1}', "duplicate_field", None), (b'{"do":"GET","path":"/v1/sessions"}', "missing_field", "id"),
             (b'{"id":-1,"do":"GET","path":"/v1/sessions"}', None, "id"),
             (b'{"id":"1","do":"GET","path":"/v1/sessions"}', "bad_type", "id"),
             (b'{"id":9007199254740992,"do":"GET","path":"/v1/sessions"}', "out_of_range", "id"),
             (b'{"id":1.5,"do":"GET","path":"/v1/sessions"}', None, "id"),
             (b'{"ack":7}', "bad_type", "ack"), (b'{"ack":"x"}', "bad_cursor", "ack"), (b"{}", "missing_field", "id"))
    known = ((b'{"id":5}', "missing_field", "do"), (b'{"id":5,"do":"GET"}', "missing_field", "path"),
             (b'{"id":5,"do":"GET","path":"/v1/sessions","x":1}', "unknown_field", "x"),
             (b'{"id":5,"do":7,"path":"/v1/sessions"}', "bad_type", "do"))
    for http in ("h1", "h2"):
        r = await opened(s, b, http)
        for data, code, field in wrong:
            await r.ws.send(data)
            item = await r.next(10)
            problem = item.get("error") or {}
            s.expect(problem.get("status") == 400 and code in (None, problem.get("code")) and
                     (field is None or problem.get("field", "") == field), f"{http}: {data}", repr(item))
        for data, code, field in known:
            await r.ws.send(data)
            item = await r.next(10)
            problem = item.get("body") or item.get("error") or {}
            s.expect(problem.get("status") == 400 and problem.get("code") == code and problem.get("field") == field,
                     f"{http}: {data}", repr(item))
        for do, path, status in (("GET", "/v1/nothing", 404), ("BREW", "/v1/sessions", 405), ("GET", "", 400),
                                 ("GET", "v1/sessions", 404), ("GET", "/v1/events?after=x", 400),
                                 ("PUT", "/v1/snapshot", 405), ("CONNECT", "/v1/events?after=now", 405)):
            await r.ws.send({"id": 6, "do": do, "path": path})
            item = await r.next(10)
            found = item.get("status") or item.get("error", {}).get("status")
            s.equal(found, status, f"{http}: {do} {path!r} {item}")
        await r.ws.send({"id": 7, "do": "POST", "path": "/v1/batch",
                         "body": {"requests": [{"do": "GET", "path": "/v1/sessions"}, {"do": "GET", "path": "/v1/x"}]}})
        item = await r.next(10)
        s.equal((item["id"], [one["status"] for one in item["body"].get("responses", [])]), (7, [200, 404]),
                f"{http}: a batch in a frame")
        await r.ws.send({"id": 8, "do": "GET", "path": f"/v1/events?after={b.cursor}"})
        item = await r.next(10)
        s.equal((item["id"], item["status"], item["body"]["cursor"]), (8, 200, b.cursor), f"{http}: a poll in a frame")
        await a.say(c, "on")
        s.equal([e["text"] for e in (await r.next(10))["events"]], ["on"], f"{http}: it goes on")
        b.cursor = r.cursor
        r.close()


async def closed_by(r, data):
    """What the server closes with after these bytes."""
    await r.ws.raw(data)
    try:
        for _ in range(50):
            await r.next(10)
    except Ended as why:
        return why.code
    except Gone as why:
        return repr(why)
    finally:
        r.close()
    return None


async def scene_frames_that_break_the_protocol(s):
    a, b, c = await pair(s)
    ask = b'{"id":1,"do":"GET","path":"/v1/sessions"}'
    big = b'{"id":1,"do":"POST","path":"/v1/x","body":{"x":"' + b"x" * (128 * 1024) + b'"}}'
    cases = (("unmasked", frame(TEXT, ask, mask=False), 1002), ("a reserved bit", frame(TEXT, ask, rsv=4), 1002),
             ("an unknown opcode", frame(3, ask), 1002), ("binary", frame(BINARY, ask), 1003),
             ("bad UTF-8", frame(TEXT, b'{"id":"\xff"}'), 1007), ("129 KiB", frame(TEXT, big), 1009),
             ("a ping of 126 bytes", frame(PING, b"x" * 126), 1002), ("a ping in pieces", frame(PING, b"x", fin=False), 1002),
             ("a continuation of nothing", frame(0, ask), 1002),
             ("a message in a message", frame(TEXT, ask[:5], fin=False) + frame(TEXT, ask), 1002),
             ("65 fragments", frame(TEXT, b"{", fin=False) + frame(0, b" ", fin=False) * 64 + frame(0, b"}"), (1002, 1008, 1009)),
             ("a Close with one byte", frame(CLOSE, b"\x03"), 1002), ("a Close with 1005", frame(CLOSE, b"\x03\xed"), 1002))
    for http in ("h1", "h2"):
        for name, data, code in cases:
            r = await opened(s, b, http)
            found = await closed_by(r, data)
            s.expect(found in (code if isinstance(code, tuple) else (code,)), f"{http}: {name}", f"{found}, wanted {code}")
        s.equal((await b.do("GET", "/v1/sessions")).status, 200, f"{http}: the server lives")


async def scene_pings_fragments_and_a_clean_close(s):
    a, b, c = await pair(s)
    ask = b'{"id":1,"do":"GET","path":"/v1/sessions"}'
    for http in ("h1", "h2"):
        r = await opened(s, b, http)
        await r.ws.raw(frame(PING, b"hello"))
        s.equal(await r.ws.frame(10), (PONG, b"hello"), f"{http}: a ping is answered")
        await r.ws.raw(frame(TEXT, ask[:7], fin=False) + frame(PING, b"between") + frame(0, ask[7:20], fin=False) +
                       frame(0, ask[20:]))
        s.equal(await r.ws.frame(10), (PONG, b"between"), f"{http}: also between fragments")
        s.equal((await r.next(10))["status"], 200, f"{http}: fragments are one message")
        whole = frame(TEXT, ask)
        for n in range(len(whole)):
            await r.ws.raw(whole[n:n + 1])
            await asyncio.sleep(0)
        s.equal((await r.next(10))["status"], 200, f"{http}: byte by byte")
        closed = await r.ws.shut(1000)
        s.equal(closed.code, 1000, f"{http}: 1000 is answered by 1000")
        s.equal(await r.line.read(10), b"", f"{http}: then it ends")
        r.close()


async def scene_a_send_whose_socket_breaks(s):
    """The message was stored or not; the same key again says so."""
    a, b, c = await pair(s)
    for http in ("h1", "h2"):
        stored = 0
        for n in range(20):
            r = await opened(s, a, http)
            body = {"key": new_key(), "text": f"{http} {n}"}
            path = f"/v1/conversations/{c}/messages"
            await r.ws.send({"id": n, "do": "POST", "path": path, "body": body})
            await asyncio.sleep(0.002 * (n % 5))
            r.cut()
            said = await a.do("POST", path, body)
            s.expect(said.status in (200, 201), f"{http}: sent again", repr(said))
            stored += 1
        texts = [e["text"] for e in await b.drain() if e["t"] == "message"]
        s.equal(sorted(texts), sorted(f"{http} {n}" for n in range(20)), f"{http}: each exactly once")


async def scene_leaving_by_a_frame(s):
    """A session that ends itself is answered, and closed."""
    a, b, c = await pair(s)
    for http in ("h1", "h2"):
        who = await s.device(b)
        r = await who.way("socket", http, "now")
        await r.next(10)
        await r.ws.send({"id": 1, "do": "DELETE", "path": "/v1/sessions/current"})
        answered, code = None, None
        try:
            while True:
                item = await r.next(10)
                answered = item if "id" in item else answered
        except Ended as why:
            code = why.code
        s.expect(answered and answered["status"] == 200, f"{http}: answered first", repr(answered))
        s.expect(code in (1000, 1008), f"{http}: then closed", repr(code))
        r.close()


async def scene_zz_that_they_went_in_frames(s):
    s.expect(frames.Framed.count > 100 or "SCENE" in scene.os.environ, "the dialogues did go in frames",
             str(frames.Framed.count))


if __name__ == "__main__":
    scenes = {name: value for name, value in globals().items() if name.startswith("scene_") and "zz" not in name}
    scenes |= again(test_verbs_accounts, "h1") | again(test_verbs_conversations, "h2")
    play(scenes | {"scene_zz": scene_zz_that_they_went_in_frames})

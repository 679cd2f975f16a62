# openapi/receiving.py - what the streams of /v1/events really carry, held to the schemas of the document
import asyncio
import copy
import json
import os
import sys

import jsonschema

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "wire"))

from streams import Line1, Link  # noqa: E402
from ways import STREAMS, Ended, open_way  # noqa: E402
from websocket import WebSocket  # noqa: E402

HEARTBEAT_S = 40


class Held:
    """Items against schemas, and which forms of them were seen."""

    def __init__(self, document, report):
        self.document, self.report, self.seen = document, report, set()

    def to(self, schema_name, item, what):
        schema = {"$ref": f"#/components/schemas/{schema_name}", "components": self.document.strict}
        errors = list(jsonschema.Draft202012Validator(schema).iter_errors(item))
        self.report.check(not errors, f"{what}: {json.dumps(item)[:200]} is no {schema_name}: "
                                      f"{errors[0].message[:200] if errors else ''}")
        self.seen.add((schema_name, next(iter(item))))


async def follow(held, way, http, port, alice, after, say):
    """The opening, an event, a heartbeat, the end of the session."""
    def hold(item):
        if way == "socket":
            held.to("FrameFromServer", item, f"{way} {http}")
        elif "events" in item and way == "push" and "more" in item:
            held.to("Page", item, f"{way} {http}")
        elif way == "push":
            held.to("AnchorLine", {k: v for k, v in item.items() if k != "events"}, f"{way} {http}")
        elif "signal" in item:
            held.to("Signal", item["signal"], f"{way} {http}")
        elif "bye" in item:
            held.to("Bye", item["bye"], f"{way} {http}")
        else:
            for event in item["events"]:
                held.to("Event", event, f"{way} {http}")
        return item

    receiver = await open_way(way, http, port, None, alice.token, after)
    hold(await receiver.next(20))
    await say()
    while not hold(await receiver.next(20)).get("events"):
        pass
    while "signal" not in hold(await receiver.next(HEARTBEAT_S)):
        pass
    if way == "socket":
        for question in ({"id": 1, "do": "GET", "path": "/v1/sessions"}, {"id": 2, "do": "GET", "path": "/v1/nothing"},
                         {"id": 0}, {"x": 1}):
            await receiver.ws.send(question)
            hold(await receiver.next(20))
    return receiver, hold


async def to_the_end(receiver, hold):
    try:
        while True:
            hold(await receiver.next(20))
    except Ended:
        return True
    finally:
        receiver.close()


async def answer(line):
    """An answer as the checker wants it: with a type, a text and a body."""
    whole = await line.whole()
    line.close()
    whole.type, whole.text = whole.headers.get("content-type", ""), whole.body.decode()
    whole.body = json.loads(whole.text) if whole.text else None
    return whole


async def refusals(document, port, alice, after):
    """What only HTTP/2, or a request for a WebSocket, can be refused with."""
    bearer = ("authorization", "Bearer " + alice.token)
    link = await Link.open(port, None, push=True)
    document.validate("GET", "/v1/events", await answer(
        await link.request("GET", f"/v1/events?after={after}&push=1", [bearer], authority="elsewhere.example")))
    for fields in ([bearer, ("sec-websocket-version", "12"), ("sec-websocket-protocol", "posthorn.v1")],
                   [bearer, ("origin", "https://elsewhere.example"), ("sec-websocket-version", "13"),
                    ("sec-websocket-protocol", "posthorn.v1")]):
        document.validate("GET", "/v1/events", await answer(await Line1.open(
            port, None, "GET", f"/v1/events?after={after}",
            fields + [("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA==")], tunnel=True)))
    ws = await WebSocket.open("h1", port, None, f"/v1/events?after={after}", [bearer])
    if isinstance(ws, WebSocket):
        document.seen.add(("GET", "/v1/events", "101"))
        await ws.shut()
        ws.close()


async def all_ways(document, report, port, alice, after, say, leave):
    held = Held(document, report)
    await refusals(document, port, alice, after)
    sayings = asyncio.Lock()

    async def one_at_a_time():
        async with sayings:
            await asyncio.to_thread(say)

    # A device has four streams at once.
    some = await asyncio.gather(*(follow(held, way, http, port, alice, after, one_at_a_time)
                                  for way, http in STREAMS if (way, http) != ("sse", "h1")))
    ends = [asyncio.create_task(to_the_end(*one)) for one in some]
    await asyncio.to_thread(leave)
    report.check(all(await asyncio.gather(*ends)), "a session that is revoked ends every stream")
    wanted = {("FrameFromServer", "events"), ("FrameFromServer", "signal"), ("FrameFromServer", "id"),
              ("FrameFromServer", "error"), ("AnchorLine", "cursor"), ("AnchorLine", "signal"), ("AnchorLine", "bye"),
              ("Page", "events"), ("Signal", "t"), ("Event", "i")}
    report.check(wanted <= held.seen, f"never seen: {sorted(wanted - held.seen)}")
    report.check(any(name == "Bye" for name, _ in held.seen), "Bye was never seen")


def hold(document, report, port, alice, after, say, leave):
    """alice's session ends on the way: leave() ends it."""
    try:
        asyncio.run(all_ways(document, report, port, alice, after, say, leave))
    except Exception as why:  # what breaks off has failed
        report.check(False, f"the streams, to their end: {why!r}")

#!/usr/bin/python3
"""scenes/test_ways_switch.py - a receiver thrown from way to way, its connections cut: each event exactly once, in order

SWITCH_EVENTS=20000 SWITCH_SEED=7 tests/scenes/test_ways_switch.py BUILD_DIR plays the long one.
"""
import collections
import os
import random

import scene
from scene import Gone, asyncio, play, time
from test_ways_open import keys
from ways import PAIRS, Ended, Refused, open_way
from wire import tls

EVENTS = int(os.environ.get("SWITCH_EVENTS", "2000"))
SEED = int(os.environ.get("SWITCH_SEED", time.time_ns() % 100000))
RECEIVERS = 3
ALL = [(way, http, secure) for way, http in PAIRS for secure in (False, True)]


class Nomad:
    """One device. Keeps its place, checks that every event is the next one, and never stays."""

    def __init__(self, s, who, dice):
        self.s, self.who, self.dice = s, who, dice
        self.cursor, self.texts, self.twice, self.moves = who.cursor, [], 0, collections.Counter()
        self.cuts = self.ends = 0
        self.bag = []

    async def open(self):
        if not self.bag:
            self.bag = self.dice.sample(ALL, len(ALL))
        way, http, secure = self.bag.pop()
        house = self.s.house
        self.moves[way, http, secure] += 1
        return await open_way(way, http, house.tls_port if secure else house.port,
                              tls(house.ca) if secure else None, self.who.token, self.cursor)

    def take(self, item):
        i = int(self.cursor.split(".")[1])
        for event in item.get("events", ()):
            if event["i"] <= i:
                self.twice += 1
            elif not self.s.expect(event["i"] == i + 1, "dense", f"{event['i']} behind {i}"):
                raise AssertionError("a gap")
            else:
                i = event["i"]
                if event["t"] == "message":
                    self.texts.append(event["text"])
        if "cursor" in item and "events" in item:
            self.s.expect(int(item["cursor"].split(".")[1]) == i, "the cursor fits its events", f"{item['cursor']} {i}")
            self.cursor = item["cursor"]

    async def stay(self, receiver, enough):
        """Some events, or some time; then it is left behind, mostly without a word."""
        until = time.monotonic() + self.dice.choice((0, 0.02, 0.1, 0.3))
        count = len(self.texts) + self.dice.choice((1, 10, 100, 1000))
        while len(self.texts) < enough:
            left = until - time.monotonic()
            if left <= 0 or len(self.texts) >= count:
                break
            try:
                self.take(await asyncio.wait_for(receiver.next(20), left + 0.01))
            except asyncio.TimeoutError:
                break

    async def roam(self, enough):
        old = None
        while len(self.texts) < enough:
            try:
                receiver = await self.open()
            except Gone:
                continue
            if old:
                old.close()         # make before break: the old one goes when the new one stands
                old = None
            try:
                await self.stay(receiver, enough)
            except Ended:
                self.ends += 1      # a move, not an error: at most four channels at once
            except Gone:
                self.cuts += 1
            if self.dice.random() < 0.5:
                receiver.cut()
                self.cuts += 1
            elif self.dice.random() < 0.5:
                receiver.close()
            else:
                old = receiver
        if old:
            old.close()


async def chatter(who, conversation, count):
    """Numbered messages in their order, sometimes many in one request."""
    n = 0
    while n < count:
        some = min(count - n, random.choice((1, 1, 5, 32)))
        requests = [{"do": "POST", "path": f"/v1/conversations/{conversation}/messages",
                     "body": {"key": key, "text": str(n + j)}} for j, key in enumerate(keys(some))]
        while True:
            said = await who.do("POST", "/v1/batch", {"requests": requests}, wait_s=40)
            if said.status == 200 and all(one["status"] in (200, 201) for one in said["responses"]):
                break
            await asyncio.sleep(0.2)
        n += some
        await asyncio.sleep(random.choice((0, 0.002, 0.02)))


async def scene_thrown_from_way_to_way(s):
    dice = random.Random(SEED)
    a, b = await s.persons(2)
    c = await a.direct(b)
    start = b.cursor
    devices = [await s.device(b) for _ in range(RECEIVERS)]
    for one in devices:
        one.cursor = start
    nomads = [Nomad(s, one, dice) for one in devices]
    began = time.monotonic()
    tasks = [asyncio.create_task(nomad.roam(EVENTS)) for nomad in nomads]
    await chatter(a, c, EVENTS)
    await asyncio.gather(*tasks)
    wanted = [str(n) for n in range(EVENTS)]
    moves = sum((nomad.moves for nomad in nomads), collections.Counter())
    for nomad in nomads:
        s.expect(nomad.texts == wanted, f"seed {SEED}: each exactly once, in order",
                 f"{len(nomad.texts)} texts, {sum(nomad.moves.values())} moves")
        s.equal(nomad.twice, 0, f"seed {SEED}: nothing behind the cursor comes again")
    s.expect(len(moves) == len(ALL), f"seed {SEED}: every way was taken", repr(sorted(set(ALL) - set(moves))))
    print(f"seed {SEED}: {EVENTS} events to {RECEIVERS} receivers, {sum(moves.values())} moves, "
          f"{sum(n.cuts for n in nomads)} cuts, {time.monotonic() - began:.1f} s", flush=True)


if __name__ == "__main__":
    scene.SCENE_S = max(90, EVENTS // 20)
    play(globals())

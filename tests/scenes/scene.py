# scenes/scene.py - what a dialogue with a real node needs: a house to talk to, people, and words for what must hold
#
# A file test_*.py holds scenes: `async def scene_...(s)`. Each gets a Stage with one running house (shared by the
# file's scenes; people have fresh handles) and says what must hold with s.expect(). Run one file alone
# (tests/scenes/test_send.py [BUILD_DIR]) or all by tests/scenes/run.
import asyncio
import itertools
import json
import os
import re
import sys
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "wire"))

from chat import PASSWORD, Account, Score, new_key  # noqa: E402
from house import House  # noqa: E402
from wire import H1, H2, Gone, tls  # noqa: E402

__all__ = ["CARRIERS", "H1", "H2", "Gone", "House", "PASSWORD", "Said", "Stage", "asyncio", "json", "new_key", "old_key", "play", "time"]

SCENE_S = 90
CARRIERS = ("h2", "h1", "h2s", "h1s")   # cleartext and TLS


def old_key(unix_ms):
    return new_key_at(unix_ms)


def new_key_at(unix_ms):
    digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    number = int(unix_ms) << 80 | int.from_bytes(os.urandom(10), "big")
    return "".join(digits[number >> shift & 31] for shift in range(125, -1, -5))


class Said:
    """An answer: status, headers, and the body as text and as JSON."""

    def __init__(self, answer):
        self.status, self.headers = answer.status, answer.headers
        self.text = answer.body.decode("utf-8", "replace")
        try:
            self.body = json.loads(self.text)
        except ValueError:
            self.body = None

    def __getitem__(self, name):
        return self.body[name]

    @property
    def code(self):
        return self.body.get("code") if isinstance(self.body, dict) else None

    def __repr__(self):
        return f"{self.status} {self.text[:300]}"


class Person(Account):
    """One device of an account; a second device is another Person of the same handle."""

    def __init__(self, stage, handle, carrier):
        super().__init__(handle, stage.port(carrier), carrier[:2], stage.tls(carrier))
        self.stage = stage

    async def do(self, method, path, body=None, wait_s=15, headers=(), raw=None):
        """One request; body as JSON, or raw bytes as they are."""
        fields = [("authorization", "Bearer " + self.token)] if self.token else []
        if body is not None:
            raw = json.dumps(body, ensure_ascii=False).encode()
        given = [name for name, _ in headers]
        if raw is not None and "content-type" not in given:
            fields.append(("content-type", "application/json"))
        if "authorization" in given:
            fields = [field for field in fields if field[0] != "authorization"]
        return Said(await self.http.ask(method, path, fields + list(headers), raw, wait_s))

    async def say(self, conversation, text, **more):
        body = {"key": new_key(), "text": text, **more}
        return await self.do("POST", f"/v1/conversations/{conversation}/messages", body)

    async def insist_on(self, ask, tries=20):
        """Asks until the answer is no 503: a busy conversation or machine may say so, and the client comes again."""
        for _ in range(tries):
            said = await ask()
            if said.status != 503:
                break
            await asyncio.sleep(said.body.get("retry_ms", 500) / 1000)
        return said

    async def events(self, after=None, wait=0, limit=None, move=True):
        """A poll; follows the cursor when it was good."""
        more = f"&limit={limit}" if limit else ""
        said = await self.do("GET", f"/v1/events?after={after or self.cursor}&wait={wait}{more}", wait_s=wait + 15)
        if move and said.status == 200:
            self.cursor = said["cursor"]
        return said

    async def drain(self):
        """All events that there are now."""
        events = []
        while True:
            said = await self.events()
            events += said["events"]
            if not said["more"]:
                return events

    async def cursor_i(self):
        return int(self.cursor.split(".")[1])


class Stage:
    count = itertools.count()

    def __init__(self, house, score):
        self.house, self.score, self.scene = house, score, ""
        self.people = []

    def port(self, carrier):
        return self.house.tls_port if carrier.endswith("s") else self.house.port

    def tls(self, carrier):
        return tls(self.house.ca) if carrier.endswith("s") else None

    def expect(self, good, what, detail=""):
        return self.score.check(f"{self.scene}: {what}", good, detail if not good else "")

    def equal(self, got, wanted, what):
        return self.expect(got == wanted, what, f"got {got!r}, wanted {wanted!r}")

    def refused(self, said, status, code, field=None):
        """A problem document with this status and code; field None: none is asked for."""
        good = (said.status == status and said.code == code and said.body.get("status") == status and
                said.headers.get("content-type", "").startswith("application/problem+json") and
                said.headers.get("cache-control") == "no-store" and
                (field is None or said.body.get("field") == field))
        return self.expect(good, f"{status} {code} {field or ''}", repr(said))

    def fresh_handle(self):
        return f"p{os.getpid()}x{next(self.count)}"

    async def person(self, carrier="h2", register=True):
        p = Person(self, self.fresh_handle(), carrier)
        self.people.append(p)
        if register:
            await p.register()
            await p.login()
        return p

    async def persons(self, how_many, carrier="h2"):
        return list(await asyncio.gather(*(self.person(carrier) for _ in range(how_many))))

    async def device(self, of, carrier="h2"):
        """Another device of the same account."""
        p = Person(self, of.handle, carrier)
        self.people.append(p)
        await p.login()
        return p

    def stranger(self, carrier="h2"):
        """Somebody without an account or token."""
        p = Person(self, self.fresh_handle(), carrier)
        self.people.append(p)
        return p

    def leave(self):
        for p in self.people:
            p.http.close()
        self.people.clear()


async def play_one(stage, name, scene):
    stage.scene = name
    try:
        await asyncio.wait_for(scene(stage), SCENE_S)
    except Exception as why:  # a scene that breaks off has failed, the others go on
        last = traceback.extract_tb(why.__traceback__)
        where = [f"{frame.name}:{frame.lineno}" for frame in last if "test_" in frame.filename]
        stage.expect(False, "broke off", f"{why!r} at {' '.join(where)}")
    stage.leave()
    await asyncio.sleep(0)


async def play_all(scenes, house, score):
    stage = Stage(house, score)
    only = os.environ.get("SCENE")
    for name, scene in scenes:
        if not only or re.search(only, name):
            await play_one(stage, name, scene)


def play(module, **settings):
    """Plays a file's scenes against a house of its own, prints "N passed, M failed" and exits."""
    scenes = [(name[6:], scene) for name, scene in module.items() if name.startswith("scene_")]
    score = Score()
    given = sys.argv[1] if len(sys.argv) > 1 else None
    with House(server=given, settings=settings) as house:
        asyncio.run(play_all(scenes, house, score))
        if house.process:
            score.check("posthornd ends well", house.stop_server() == 0, house.log_tail(40))
    sys.exit(score.end())

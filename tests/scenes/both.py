# scenes/both.py - the same dialogue held twice: over HTTP/1.1 in the clear, and over HTTP/2 with TLS
#
# A scene_*(s) in a file that ends with play_both(globals()) gets a Scene: people, questions, expectations, all on one
# of the two transports.
import json
import time

from scene import PASSWORD, Account, Gone, new_key, play, tls  # noqa: F401
from chat import gather_some  # noqa: E402


class Scene:
    def __init__(self, stage, transport):
        self.stage, self.house, self.transport = stage, stage.house, transport
        self.headers = {}

    def check(self, what, good, detail=""):
        return self.stage.expect(good, f"{self.transport}: {what}", detail)

    def equal(self, what, found, wanted):
        return self.check(what, found == wanted, f"found {found!r}, wanted {wanted!r}")

    def handle(self, stem="p"):
        return stem + self.stage.fresh_handle()

    def stranger(self, handle=None):
        """Somebody without a session."""
        if self.transport == "h2":
            who = Account(handle or self.handle(), self.house.tls_port, "h2", tls(self.house.ca))
        else:
            who = Account(handle or self.handle(), self.house.port, "h1")
        self.stage.people.append(who)
        return who

    async def person(self):
        someone = self.stranger()
        await someone.register()
        await someone.login()
        return someone

    async def people(self, count):
        return await gather_some(8, [self.person() for _ in range(count)])

    async def device(self, person):
        """Another device of somebody."""
        other = self.stranger(person.handle)
        await other.login()
        return other

    async def ask(self, who, method, path, body=None, headers=(), wait_s=15):
        """Status and JSON of an answer; its header fields stay in self.headers."""
        sent = list(headers)
        if who.token:
            sent.append(("authorization", "Bearer " + who.token))
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body, ensure_ascii=False).encode()
        if body is not None and not any(name == "content-type" for name, _ in sent):
            sent.append(("content-type", "application/json"))
        answer = await who.http.ask(method, path, sent, body, wait_s)
        self.headers = answer.headers
        return answer.status, json.loads(answer.body)

    async def refused(self, what, who, method, path, status, code, field=None, body=None, headers=()):
        """The answer is a problem document with this status, code and field."""
        found, problem = await self.ask(who, method, path, body, headers)
        good = found == status and problem.get("code") == code and problem.get("status") == status
        good = good and (field is None or problem.get("field") == field)
        good = good and self.headers.get("content-type", "").startswith("application/problem+json")
        self.check(what, good, f"found {found} {problem}, wanted {status} {code} {field or ''}")

    async def say(self, who, conversation, text, key=None):
        return await self.ask(who, "POST", f"/v1/conversations/{conversation}/messages",
                              {"key": key or new_key(), "text": text})

    async def events(self, who, wait=0, limit=200):
        """A page of events; moves the cursor."""
        status, page = await self.ask(who, "GET", f"/v1/events?after={who.cursor}&wait={wait}&limit={limit}",
                                      wait_s=wait + 10)
        self.equal("a poll is answered", status, 200)
        who.cursor = page["cursor"]
        return page["events"]

    async def drain(self, who):
        """Everything that is there now."""
        events = []
        while page := await self.events(who):
            events += page
        return events


async def timed(awaitable):
    start = time.monotonic()
    result = await awaitable
    return time.monotonic() - start, result


def play_both(module, **settings):
    def on(scene, transport):
        return lambda stage: scene(Scene(stage, transport))

    play({f"{name}_{transport}": on(value, transport) for name, value in module.items()
          if name.startswith("scene_") for transport in ("h1", "h2")}, **settings)

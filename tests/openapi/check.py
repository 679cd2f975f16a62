#!/usr/bin/python3
"""tests/openapi/check.py URL - holds a running server to docs/openapi.yaml.

Exercises every operation, with success and its failures, over HTTP/1.1 at URL (cleartext, limits off), and checks each
real answer against the schema documented for its status. Fails as well when a documented operation and status was
never seen, when the document itself is broken, or when its list of codes is not that of src/base/err.def.
"""
import contextlib
import copy
import http.client
import json
import pathlib
import re
import secrets
import sys
import threading
import time
import urllib.parse

import jsonschema
import yaml

import receiving as streams

TOP = pathlib.Path(__file__).resolve().parents[2]
INSIDE = {"ok", "exists", "members_changed", "wait_over"}  # err.def: outcomes that no client sees
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Report:
    passed = failed = 0

    def check(self, good, what):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print("FAILED " + what)
        return good


class Document:
    """The yaml, with its references resolved and every object closed: an answer with a field that is not documented
    fails, although clients ignore such fields."""

    def __init__(self, path, report):
        self.tree = yaml.safe_load(path.read_text())
        self.report = report
        self.operations = {}
        self.seen = set()
        strict = copy.deepcopy(self.tree["components"])
        self.inherited = set(re.findall(r"allOf: \[\{ \$ref: \"#/components/schemas/(\w+)\"", path.read_text()))
        for name, schema in strict["schemas"].items():
            self.close(schema, name not in self.inherited)
        self.strict = strict
        for path_name, item in self.tree["paths"].items():
            for method, operation in item.items():
                if method in ("get", "post", "put", "patch", "delete"):
                    self.operations[(method.upper(), path_name)] = operation

    def close(self, schema, top=True):
        if isinstance(schema, list):
            for part in schema:
                self.close(part)
        elif isinstance(schema, dict):
            for key, part in schema.items():
                if key == "properties":
                    for inner in part.values():
                        self.close(inner)
                elif key not in ("required", "enum", "const"):
                    self.close(part)
            if top and "additionalProperties" not in schema and ("properties" in schema or "allOf" in schema):
                schema["unevaluatedProperties"] = False

    def resolve(self, node):
        while "$ref" in node:
            place = self.tree
            for part in node["$ref"].lstrip("#/").split("/"):
                place = place[part]
            node = place
        return node

    def sound(self):
        """References lead somewhere, schemas are schemas, ids are unique, path parameters are declared."""
        text = json.dumps(self.tree)
        for reference in sorted(set(re.findall(r'"\$ref": "([^"]+)"', text))):
            try:
                self.resolve({"$ref": reference})
            except KeyError:
                self.report.check(False, f"{reference} leads nowhere")
        for name, schema in self.tree["components"]["schemas"].items():
            try:
                jsonschema.Draft202012Validator.check_schema(schema)
            except jsonschema.SchemaError as error:
                self.report.check(False, f"schema {name}: {error.message}")
        ids = [operation["operationId"] for operation in self.operations.values()]
        self.report.check(len(ids) == len(set(ids)), "operationIds are unique")
        for (method, path), operation in self.operations.items():
            declared = {self.resolve(p)["name"] for p in
                        self.tree["paths"][path].get("parameters", []) + operation.get("parameters", [])
                        if self.resolve(p)["in"] == "path"}
            self.report.check(declared == set(re.findall(r"\{(\w+)\}", path)), f"{method} {path}: path parameters")

    def codes_are_those_of_the_server(self):
        table = (TOP / "src/base/err.def").read_text()
        server = set(re.findall(r'^X\(\w+,\s*"(\w+)"', table, re.M)) - INSIDE
        documented = set(self.tree["components"]["schemas"]["Code"]["enum"])
        self.report.check(server == documented, f"codes differ from err.def: {sorted(server ^ documented)}")

    def validate(self, method, path, answer):
        """The answer against what is documented; path is the documented one."""
        what = f"{method} {path} -> {answer.status} {answer.text[:300]}"
        operation = self.operations[(method, path)]
        status = str(answer.status)
        response = operation["responses"].get(status)
        if response is None:
            response = operation["responses"].get("default")
            if not self.report.check(answer.status >= 400, f"{what}: not documented"):
                return
        else:
            self.seen.add((method, path, status))
        contents = self.resolve(response)["content"]
        media = answer.type.split(";")[0] if answer.type.split(";")[0] in contents else next(iter(contents))
        content = contents[media]
        self.report.check(answer.type.split(";")[0] == media, f"{what}: content-type is {answer.type}")
        self.report.check(answer.headers.get("cache-control") == "no-store", f"{what}: cache-control")
        schema = copy.deepcopy(content["schema"])
        self.close(schema)
        schema["components"] = self.strict
        errors = sorted(jsonschema.Draft202012Validator(schema).iter_errors(answer.body), key=str)
        self.report.check(not errors, f"{what}: " + "; ".join(
            f"{'.'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in errors[:3]))
        if media == "application/problem+json" and isinstance(answer.body, dict):
            self.report.check(answer.body.get("status") == answer.status, f"{what}: status in the body")

    def everything_was_seen(self):
        for (method, path), operation in sorted(self.operations.items()):
            for status in operation["responses"]:
                if status != "default":
                    self.report.check((method, path, status) in self.seen, f"{method} {path}: {status} was never seen")


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.type = self.headers.get("content-type", "")
        self.text = response.read().decode()
        try:
            self.body = json.loads(self.text)
        except ValueError:
            self.body = None

    def __getitem__(self, name):
        return self.body[name] if isinstance(self.body, dict) and name in self.body else ""


class Server:
    """Requests to the server under test; the answer of each is validated on its way back."""

    def __init__(self, url, document, report):
        self.at = urllib.parse.urlsplit(url).netloc
        self.document = document
        self.report = report

    def raw(self, method, target, body=None, headers=None):
        connection = http.client.HTTPConnection(self.at, timeout=70)
        try:
            connection.request(method, target, body, headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def ask(self, expected, method, path, who=None, body=None, query=None, headers=None, raw=None, **place):
        """expected: "201" or "404 not_found"."""
        target = path
        for name, value in place.items():
            target = target.replace("{" + name + "}", str(value))
        if query is not None:
            target += "?" + (query if isinstance(query, str) else urllib.parse.urlencode(query))
        fields = {"Authorization": "Bearer " + who.token} if who else {}
        data = raw
        if body is not None:
            data = json.dumps(body, ensure_ascii=False).encode()
        if data is not None:
            fields["Content-Type"] = "application/json"
        fields.update(headers or {})
        answer = self.raw(method, target, data, fields)
        self.document.validate(method, path, answer)
        status, _, code = expected.partition(" ")
        got = f"{answer.status} {answer['code']}".strip()
        self.report.check(str(answer.status) == status and (not code or answer["code"] == code),
                          f"{method} {target} {str(data)[:120]}: {got}, expected {expected}; {answer.text[:200]}")
        return answer


class Person:
    def __init__(self, server, handle, platform="test"):
        self.server, self.handle = server, handle
        self.password = "a good long password"
        account = server.ask("201", "POST", "/v1/accounts",
                             body={"handle": handle, "password": self.password, "name": handle.title()})
        self.id = account["id"]
        self.login(platform)

    def login(self, platform="test"):
        session = self.server.ask("201", "POST", "/v1/sessions", body={
            "handle": self.handle, "password": self.password, "device": {"name": "d", "platform": platform}})
        self.token, self.cursor = session["token"], session["cursor"]
        self.device = (session["device"] or {}).get("id", "")
        return session


class Token:
    def __init__(self, token):
        self.token = token


def ulid(ms=None):
    number = (int(time.time() * 1000) if ms is None else ms) << 80 | secrets.randbits(80)
    return "".join(CROCKFORD[number >> shift & 31] for shift in range(125, -5, -5))


NOBODY = Token("A" * 64)
ABSENT = "4611686018427387904"


def accounts(server, name):
    path = "/v1/accounts"
    good = {"handle": name("ok"), "password": "a good long password"}
    server.ask("201", "POST", path, body=good)
    server.ask("409 handle_taken", "POST", path, body=good)
    server.ask("409 handle_taken", "POST", path, body={**good, "handle": good["handle"].upper()})
    server.ask("400 missing_field", "POST", path, body={"handle": name("x")})
    server.ask("400 unknown_field", "POST", path, body={**good, "admin": True})
    server.ask("400 bad_type", "POST", path, body={**good, "handle": 7})
    server.ask("400 out_of_range", "POST", path, body={**good, "password": "short"})
    server.ask("400 out_of_range", "POST", path, body={**good, "handle": "no spaces"})
    server.ask("400 duplicate_field", "POST", path, raw=b'{"handle":"a","handle":"b","password":"12345678"}')
    server.ask("400 bad_json", "POST", path, raw=b'{"handle":')
    server.ask("400 bad_utf8", "POST", path, raw=b'{"handle":"\xff"}')
    server.ask("400 too_deep", "POST", path, raw=b'{"handle":' + b"[" * 40 + b"]" * 40 + b"}")
    server.ask("415 unsupported_media_type", "POST", path, body=good, headers={"Content-Type": "text/plain"})


def sessions(server, alice):
    path = "/v1/sessions"
    who = {"handle": alice.handle, "password": alice.password, "device": {"name": "phone", "platform": "test"}}
    server.ask("401 bad_credentials", "POST", path, body={**who, "password": "not the password"})
    server.ask("401 bad_credentials", "POST", path, body={**who, "handle": "nobody-" + alice.handle})
    server.ask("400 missing_field", "POST", path, body={"handle": alice.handle, "password": alice.password})
    server.ask("415 unsupported_media_type", "POST", path, body=who, headers={"Content-Type": "text/plain"})
    cookie = server.ask("201", "POST", path, body={**who, "cookie": True})
    server.report.check("__Host-posthorn=" in cookie.headers.get("set-cookie", ""), "a session with a cookie sets it")
    devices = [cookie["device"]["id"]]
    for _ in range(8):
        devices.append(server.ask("201", "POST", path, body=who)["device"]["id"])
    server.ask("422 too_many_devices", "POST", path, body=who)
    server.ask("200", "GET", path, alice)
    server.ask("401 unauthorized", "GET", path)
    server.ask("401 unauthorized", "GET", path, NOBODY)
    one = "/v1/sessions/{device}"
    for device in devices:
        server.ask("200", "DELETE", one, alice, device=device)
    server.ask("404 not_found", "DELETE", one, alice, device=devices[0])
    server.ask("404 not_found", "DELETE", one, alice, device="x")
    server.ask("401 unauthorized", "DELETE", one, NOBODY, device=devices[0])
    short = Token(server.ask("201", "POST", path, body=who)["token"])
    server.ask("200", "DELETE", "/v1/sessions/current", short)
    server.ask("401 unauthorized", "DELETE", "/v1/sessions/current", short)


def users(server, alice, bob):
    server.ask("200", "GET", "/v1/users", alice, query={"handle": bob.handle})
    server.ask("404 not_found", "GET", "/v1/users", alice, query={"handle": bob.handle + "-nobody"})
    server.ask("400 missing_field", "GET", "/v1/users", alice)
    server.ask("400 unknown_field", "GET", "/v1/users", alice, query={"handle": bob.handle, "all": 1})
    server.ask("401 unauthorized", "GET", "/v1/users", query={"handle": bob.handle})
    server.ask("200", "GET", "/v1/users/{user}", alice, user=bob.id)
    server.ask("404 not_found", "GET", "/v1/users/{user}", alice, user=ABSENT)
    server.ask("401 unauthorized", "GET", "/v1/users/{user}", user=bob.id)
    renamed = server.ask("200", "PATCH", "/v1/users/me", alice, {"name": "앨리스 \U0001f4ef"})
    server.report.check(renamed["name"] == "앨리스 \U0001f4ef", "the name is the one that was set")
    server.ask("400 out_of_range", "PATCH", "/v1/users/me", alice, {"name": "x" * 129})
    server.ask("401 unauthorized", "PATCH", "/v1/users/me", NOBODY, {"name": "x"})


def direct(server, alice, bob, carol):
    path = "/v1/conversations"
    made = server.ask("201", "POST", path, alice, {"kind": "direct", "with": bob.id})
    again = server.ask("200", "POST", path, bob, {"kind": "direct", "with": alice.id})
    server.report.check(made["id"] == again["id"], "two accounts have one direct conversation")
    server.ask("400", "POST", path, alice, {"kind": "direct"})
    server.ask("400", "POST", path, alice, {"kind": "circle", "title": "x"})
    server.ask("401 unauthorized", "POST", path, NOBODY, {"kind": "direct", "with": bob.id})
    server.ask("404 not_found", "POST", path, alice, {"kind": "direct", "with": ABSENT})
    one = "/v1/conversations/{conversation}"
    server.ask("200", "GET", one, bob, conversation=made["id"])
    server.ask("404 not_found", "GET", one, carol, conversation=made["id"])
    server.ask("404 not_found", "GET", one, carol, conversation=ABSENT)
    server.ask("401 unauthorized", "GET", one, conversation=made["id"])
    server.ask("422 direct_fixed", "PATCH", one, alice, {"title": "x"}, conversation=made["id"])
    server.ask("422 direct_fixed", "PUT", one + "/members/{user}", alice, {"role": "member"},
               conversation=made["id"], user=carol.id)
    return made["id"]


def group(server, alice, bob, carol, dave):
    made = server.ask("201", "POST", "/v1/conversations", alice,
                      {"kind": "group", "title": "Post 우체국", "members": [bob.id, carol.id]})
    server.ask("404 not_found", "POST", "/v1/conversations", alice,
               {"kind": "group", "title": "x", "members": [ABSENT]})
    server.report.check(made["members_count"] == 3 and made["role"] == "owner", "the maker is the owner, with two others")
    place = {"conversation": made["id"]}
    one, members = "/v1/conversations/{conversation}", "/v1/conversations/{conversation}/members"
    server.ask("200", "PATCH", one, alice, {"title": "Horn"}, **place)
    server.ask("400", "PATCH", one, alice, {"title": ""}, **place)
    server.ask("401 unauthorized", "PATCH", one, NOBODY, {"title": "x"}, **place)
    server.ask("403 forbidden", "PATCH", one, bob, {"title": "x"}, **place)
    server.ask("404 not_found", "PATCH", one, dave, {"title": "x"}, **place)
    server.ask("200", "GET", members, bob, **place)
    server.ask("401 unauthorized", "GET", members, **place)
    server.ask("404 not_found", "GET", members, dave, **place)
    member = members + "/{user}"
    server.ask("201", "PUT", member, alice, {"role": "member"}, user=dave.id, **place)
    server.ask("200", "PUT", member, alice, {"role": "admin"}, user=dave.id, **place)
    server.ask("400 out_of_range", "PUT", member, alice, {"role": "king"}, user=dave.id, **place)
    server.ask("401 unauthorized", "PUT", member, NOBODY, {"role": "member"}, user=dave.id, **place)
    server.ask("403 forbidden", "PUT", member, bob, {"role": "admin"}, user=carol.id, **place)
    server.ask("404 not_found", "PUT", member, alice, {"role": "member"}, user=ABSENT, **place)
    server.ask("403 forbidden", "DELETE", member, bob, user=carol.id, **place)
    server.ask("200", "DELETE", member, dave, user=carol.id, **place)
    server.ask("404 not_found", "DELETE", member, alice, user=carol.id, **place)
    server.ask("401 unauthorized", "DELETE", member, NOBODY, user=bob.id, **place)
    server.ask("200", "DELETE", member, dave, user=dave.id, **place)
    server.ask("422 last_owner", "DELETE", member, alice, user=alice.id, **place)
    server.ask("422", "PUT", member, alice, {"role": "member"}, user=alice.id, **place)
    server.ask("422 group_full", "POST", "/v1/conversations", alice,
               {"kind": "group", "title": "x", "members": [str(n) for n in range(1000, 1100)]})
    return made["id"]


def messages(server, alice, bob, carol, conversation):
    path = "/v1/conversations/{conversation}/messages"
    place = {"conversation": conversation}
    key = ulid()
    first = server.ask("201", "POST", path, alice, {"key": key, "text": "안녕 \U0001f44b\u200d"}, **place)
    again = server.ask("200", "POST", path, alice, {"key": key, "text": "안녕 \U0001f44b\u200d"}, **place)
    server.report.check(first.body == again.body, f"the first answer comes again: {first.text} {again.text}")
    server.ask("409 key_reused", "POST", path, alice, {"key": key, "text": "else"}, **place)
    server.ask("422 stale_key", "POST", path, alice, {"key": ulid(1000), "text": "old"}, **place)
    server.ask("201", "POST", path, bob, {"key": ulid(), "text": "yes", "reply_to": first["seq"]}, **place)
    server.ask("201", "POST", path, bob, {"key": ulid(), "ciphertext": "c2VhbGVk"}, **place)
    server.ask("400 missing_field", "POST", path, alice, {"text": "no key"}, **place)
    server.ask("400 out_of_range", "POST", path, alice, {"key": "short", "text": "x"}, **place)
    server.ask("400 out_of_range", "POST", path, alice, {"key": ulid(), "text": ""}, **place)
    server.ask("413 too_large", "POST", path, alice, {"key": ulid(), "text": "x" * 16385}, **place)
    server.ask("400 out_of_range", "POST", path, alice, {"key": ulid(), "text": "a\u0000b"}, **place)
    server.ask("400 out_of_range", "POST", path, alice, {"key": ulid(), "text": "x", "type": "No Word"}, **place)
    server.ask("400 out_of_range", "POST", path, alice, {"key": ulid(), "text": "x", "attachments": ["1"]}, **place)
    server.ask("401 unauthorized", "POST", path, NOBODY, {"key": ulid(), "text": "x"}, **place)
    server.ask("404 not_found", "POST", path, carol, {"key": ulid(), "text": "x"}, **place)
    server.ask("413 too_large", "POST", path, alice, {"key": ulid(), "text": "x" * 70000}, **place)
    server.ask("415 unsupported_media_type", "POST", path, alice, {"key": ulid(), "text": "x"},
               headers={"Content-Type": "text/plain"}, **place)
    page = server.ask("200", "GET", path, bob, query={"limit": 2}, **place)
    server.report.check(len(page["messages"]) == 2 and page["more"] is True, "a page of two, and there is more")
    server.ask("200", "GET", path, bob, query={"before": page["messages"][0]["id"]}, **place)
    server.ask("200", "GET", path, bob, query={"after": first["id"]}, **place)
    server.ask("400", "GET", path, bob, query={"before": first["id"], "after": first["id"]}, **place)
    server.ask("400 out_of_range", "GET", path, bob, query={"limit": 201}, **place)
    server.ask("400 unknown_field", "GET", path, bob, query={"offset": 2}, **place)
    server.ask("401 unauthorized", "GET", path, **place)
    server.ask("404 not_found", "GET", path, carol, **place)


def marks(server, alice, carol, conversation):
    path = "/v1/conversations/{conversation}/marks"
    place = {"conversation": conversation}
    server.ask("200", "PUT", path, alice, {"delivered": 2, "read": 2}, **place)
    server.ask("200", "PUT", path, alice, {"read": 1}, **place)
    server.ask("400 out_of_range", "PUT", path, alice, {"read": 1000000}, **place)
    server.ask("401 unauthorized", "PUT", path, NOBODY, {"read": 1}, **place)
    server.ask("404 not_found", "PUT", path, carol, {"read": 1}, **place)


@contextlib.contextmanager
def soon(act):
    """Does it when the body has begun to wait, and has done it when the body ends."""
    timer = threading.Timer(0.3, act)
    timer.start()
    yield
    timer.join()


def typing(server, alice, bob, carol, conversation):
    path = "/v1/conversations/{conversation}/typing"
    place = {"conversation": conversation}
    after = server.ask("200", "GET", "/v1/events", bob, query={"after": "now"})["cursor"]
    with soon(lambda: server.ask("202", "POST", path, alice, {}, **place)):
        page = server.ask("200", "GET", "/v1/events", bob, query={"after": after, "wait": 20})
    server.report.check(page["signals"] == [{"t": "typing", "c": conversation, "user": alice.id}] and not page["events"],
                        f"typing is heard: {page.text}")
    server.ask("202", "POST", path, alice, **place)
    server.ask("400 unknown_field", "POST", path, alice, {"text": "x"}, **place)
    server.ask("401 unauthorized", "POST", path, NOBODY, **place)
    server.ask("404 not_found", "POST", path, carol, **place)


def receiving(server, alice, bob, conversation):
    path = "/v1/events"
    events = server.ask("200", "GET", path, alice, query={"after": alice.cursor})
    numbers = [event["i"] for event in events["events"] or []]
    start = int(alice.cursor.split(".")[1])
    server.report.check(numbers == list(range(start + 1, start + 1 + len(numbers))) and numbers, f"dense inbox {numbers}")
    now = server.ask("200", "GET", path, alice, query={"after": "now"})["cursor"]

    def say():
        server.ask("201", "POST", "/v1/conversations/{conversation}/messages", bob, {"key": ulid(), "text": "wake up"},
                   conversation=conversation)

    def say_later():
        with soon(say):
            pass

    with soon(say):
        woken = server.ask("200", "GET", path, alice, query={"after": now, "wait": 20})
    server.report.check([e.get("text") for e in woken["events"]] == ["wake up"], f"the long poll wakes: {woken.text}")
    server.ask("200", "GET", path, alice, query={"after": woken["cursor"], "wait": 1})
    for query in ({}, {"after": "x"}, {"after": now, "wait": 56}, {"after": now, "limit": 0}, {"after": now, "x": 1}):
        server.ask("400", "GET", path, alice, query=query)
    server.ask("401 unauthorized", "GET", path, query={"after": now})
    server.ask("400 bad_request", "GET", path, alice, query={"after": now, "push": 1})
    timeline, head = now.split(".")
    server.ask("410 resync", "GET", path, alice, query={"after": f"{int(timeline) + 1}.{head}"})
    server.ask("410 resync", "GET", path, alice, query={"after": f"{timeline}.{int(head) + 100000}"})
    alice.login()       # a session of its own: its streams see its end
    port = int(server.at.rpartition(":")[2])
    streams.hold(server.document, server.report, port, alice, alice.cursor, say_later,
                 lambda: server.ask("200", "DELETE", "/v1/sessions/{device}", alice, device=alice.device))
    alice.login()


def snapshot(server, alice):
    path = "/v1/snapshot"
    page = server.ask("200", "GET", path, alice, query={"limit": 1})
    server.ask("200", "GET", path, alice, query={"limit": 1, "page": page["next_page"]})
    server.ask("200", "GET", path, alice)
    server.ask("400 out_of_range", "GET", path, alice, query={"limit": 201})
    server.ask("401 unauthorized", "GET", path)


def batch(server, alice, conversation):
    path = "/v1/batch"
    send = {"do": "POST", "path": f"/v1/conversations/{conversation}/messages"}
    answer = server.ask("200", "POST", path, alice, {"requests": [
        {**send, "body": {"key": ulid(), "text": "one"}}, {**send, "body": {"key": ulid(), "text": "two"}},
        {"do": "GET", "path": "/v1/nothing"}]})
    server.report.check([r["status"] for r in answer["responses"] or []] == [201, 201, 404], f"a batch: {answer.text}")
    server.ask("400 out_of_range", "POST", path, alice, {"requests": [{"do": "GET", "path": "/v1/sessions"}] * 33})
    server.ask("401 unauthorized", "POST", path, body={"requests": [{"do": "GET", "path": "/v1/sessions"}]})


def nodes(server):
    server.ask("200", "GET", "/v1/discover")
    server.ask("200", "GET", "/v1/discover", query={"region": "here"})
    server.ask("400 unknown_field", "GET", "/v1/discover", query={"x": "y"})


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    report = Report()
    document = Document(TOP / "docs/openapi.yaml", report)
    document.sound()
    document.codes_are_those_of_the_server()
    server = Server(sys.argv[1], document, report)
    run = secrets.token_hex(4)
    alice, bob, carol, dave = (Person(server, f"{name}-{run}") for name in ("alice", "bob", "carol", "dave"))
    accounts(server, lambda name: f"{name}-{run}")
    sessions(server, alice)
    users(server, alice, bob)
    conversation = direct(server, alice, bob, carol)
    group(server, alice, bob, carol, dave)
    messages(server, alice, bob, carol, conversation)
    marks(server, alice, carol, conversation)
    typing(server, alice, bob, carol, conversation)
    receiving(server, alice, bob, conversation)
    snapshot(server, alice)
    batch(server, alice, conversation)
    nodes(server)
    document.everything_was_seen()
    print(f"{report.passed} passed, {report.failed} failed")
    return 0 if report.failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main())

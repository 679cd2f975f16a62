"""tests/scenes/cli/test_odd.py - servers and proxies that misbehave: what the client makes of them"""
import http.server
import json
import threading
import time

CONVERSATION = "9"


class Odd:
    """An HTTP/1.1 server that answers from a script. routes: (method, path without query) -> function(body, path)
    giving (status, object or bytes[, headers]), or None: the connection is cut."""

    def __init__(self, stage, profile, routes, transport="longpoll"):
        odd = self
        self.seen = []      # (time, method, path, body)
        self.routes = {("POST", "/v1/sessions"): lambda body, path: (201, {
            "token": "t0ken", "account": {"id": "5", "handle": "odd"}, "device": {"id": "6"}, "cursor": "1.0"})}
        self.routes.update(routes)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                odd.seen.append((time.monotonic(), self.command, self.path, body))
                route = odd.routes.get((self.command, self.path.partition("?")[0]))
                found = route(body, self.path) if route else (404, {"code": "not_found", "status": 404})
                if found is None:
                    self.close_connection = True
                    return
                status, what, *headers = found
                data = what if isinstance(what, bytes) else json.dumps(what).encode()
                self.send_response(status)
                headers = headers[0] if headers else {}
                self.send_header("Content-Length", headers.pop("Content-Length", str(len(data))))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = do_DELETE = answer

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass            # a client that was ended

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.stage, self.profile = stage, profile
        stage.ok(profile, "--server", "http://127.0.0.1:%d" % self.server.server_port, "--http", "1.1",
                 "--transport", transport, "login", "odd", "--password-file", stage.password_file)

    def polls(self):
        return [(at, path) for at, _, path, _ in self.seen if path.startswith("/v1/events")]

    def sends(self):
        return [(at, json.loads(body)) for at, method, path, body in self.seen if path.endswith("/messages")]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def event(i):
    return {"i": i, "t": "message", "c": CONVERSATION, "seq": i, "id": str(100 + i), "from": "5",
            "at": "2026-11-23T02:00:00.000Z", "text": "number %d" % i}


def batch(cursor, *numbers):
    return 200, {"cursor": "1.%d" % cursor, "events": [event(i) for i in numbers], "more": False, "retry_ms": 0}


def script(*answers):
    """Gives one answer after the other; the last one again and again, after a second."""
    left = list(answers)

    def answer(body, path):
        if len(left) > 1:
            return left.pop(0)
        time.sleep(1)
        return left[0]
    return answer


def numbers(out):
    return [e["i"] for e in map(json.loads, out.splitlines())]


def a_gap_is_asked_for_again(stage):
    events = script(batch(2, 1, 2), batch(5, 3, 5), batch(5, 3, 4, 5), batch(6, 6), batch(6))
    with Odd(stage, "gap", {("GET", "/v1/events"): events}) as odd:
        out = stage.ok("gap", "--json", "listen", "--count", "6", "--wait", "20")
        assert numbers(out) == [1, 2, 3, 4, 5, 6], out
        asked = [path.partition("after=")[2].partition("&")[0] for _, path in odd.polls()]
        assert asked == ["1.0", "1.2", "1.2", "1.5"], asked


def repeats_are_dropped(stage):
    events = script(batch(2, 1, 2), batch(3, 1, 2, 3), batch(4, 4), batch(4))
    with Odd(stage, "repeat", {("GET", "/v1/events"): events}):
        assert numbers(stage.ok("repeat", "--json", "listen", "--count", "4", "--wait", "20")) == [1, 2, 3, 4]


def a_gap_for_ever_ends_in_a_snapshot(stage):
    snapshot = (200, {"cursor": "1.7", "me": {}, "conversations": [], "next_page": None})

    def events(body, path):
        if "after=1.7" not in path:
            return batch(7, 6, 7) if "after=1.1" in path else batch(1, 1)
        return batch(8, 8)
    with Odd(stage, "lost", {("GET", "/v1/events"): events, ("GET", "/v1/snapshot"): lambda b, p: snapshot}):
        done = stage.run("lost", "--json", "listen", "--count", "2", "--wait", "90")
        assert numbers(done.stdout) == [1, 8], done
        assert "could not continue" in done.stderr, done.stderr


def resync_takes_a_snapshot(stage):
    gone = (410, {"code": "resync", "status": 410})
    with Odd(stage, "resync", {("GET", "/v1/events"): script(batch(1, 1), gone, batch(21, 21), batch(21)),
                               ("GET", "/v1/snapshot"): lambda b, p: (200, {
                                   "cursor": "2.20", "conversations": [], "next_page": None})}) as odd:
        done = stage.run("resync", "--json", "listen", "--count", "2", "--wait", "20")
        assert numbers(done.stdout) == [1, 21], done
        assert "could not continue" in done.stderr
        assert "after=2.20" in odd.polls()[2][1], odd.polls()


def an_empty_answer_at_once_is_no_reason_to_spin(stage):
    with Odd(stage, "spin", {("GET", "/v1/events"): lambda body, path: batch(0)}) as odd:
        stage.run("spin", "listen", "--wait", "4")
        assert 1 <= len(odd.polls()) <= 9, len(odd.polls())


def a_portal_is_not_a_receipt(stage):
    page = (200, b"<html>please log in</html>", {"Content-Type": "text/html"})
    sends = script(page, (200, {"hello": "I am a proxy"}), (201, {"id": "7", "seq": 1, "at": "x"}), page)
    with Odd(stage, "portal", {("POST", "/v1/conversations/9/messages"): sends,
                               ("GET", "/v1/events"): script(page, batch(1, 1), batch(1))}) as odd:
        stage.ok("portal", "send", CONVERSATION, "through a portal", "--wait", "30")
        keys = {body["key"] for _, body in odd.sends()}
        assert len(odd.sends()) == 3 and len(keys) == 1, odd.sends()
        assert numbers(stage.ok("portal", "--json", "listen", "--count", "1", "--wait", "20")) == [1]


def it_waits_as_long_as_it_is_asked(stage):
    stored = (201, {"id": "7", "seq": 1, "at": "x"})
    sends = script((503, {"code": "busy", "status": 503, "retry_ms": 2500}), (429, {}, {"Retry-After": "3"}), stored)
    with Odd(stage, "slow", {("POST", "/v1/conversations/9/messages"): sends}) as odd:
        stage.ok("slow", "send", CONVERSATION, "patience", "--wait", "60")
        at = [when for when, _ in odd.sends()]
        assert len(at) == 3 and at[1] - at[0] >= 2.5 and at[2] - at[1] >= 3, at


def a_lost_answer_is_asked_for_with_the_same_key(stage):
    stored = (200, {"id": "7", "seq": 1, "at": "x"})
    cut = (200, b'{"id":', {"Content-Length": "100", "Connection": "close"})
    with Odd(stage, "cut", {("POST", "/v1/conversations/9/messages"): script(None, cut, stored)}) as odd:
        stage.ok("cut", "send", CONVERSATION, "once", "--wait", "60")
        assert len(odd.sends()) == 3 and len({body["key"] for _, body in odd.sends()}) == 1, odd.sends()


def refusals_leave_the_outbox(stage):
    for status, word, code in ((409, "key_reused", 6), (422, "stale_key", 5), (403, "forbidden", 5),
                               (404, "not_found", 4), (413, "too_large", 5), (401, "unauthorized", 3)):
        answer = (status, {"code": word, "status": status, "detail": "no: " + word})
        with Odd(stage, "no", {("POST", "/v1/conversations/9/messages"): lambda b, p: answer}) as odd:
            done = stage.run("no", "send", CONVERSATION, "x", "--wait", "20")
            assert done.returncode == code and "no: " + word in done.stderr, (status, done)
            assert len(odd.sends()) == 1, odd.sends()
            waiting = stage.run("no", "outbox", "--wait", "0").stdout
            assert bool(waiting) == (status == 401), "only a lost session is not the message's fault"
            stage.run("no", "logout", "--force")


def order_holds_over_failures(stage):
    """A message that has to be tried again is not overtaken by the next one of its conversation."""
    import random
    dice = random.Random(7)
    stored = []

    def sends(body, path):
        if dice.random() < 0.35:
            return 503, {"code": "busy", "status": 503}
        text, key = json.loads(body)["text"], json.loads(body)["key"]
        if (key, text) not in stored:
            stored.append((key, text))
        return None if dice.random() < 0.2 else (201, {"id": "7", "seq": len(stored), "at": "x"})
    with Odd(stage, "order", {("POST", "/v1/conversations/9/messages"): sends,
                              ("GET", "/v1/events"): script(batch(0)),
                              ("GET", "/v1/conversations/9"): lambda b, p: (200, {"id": "9", "kind": "group",
                                                                                  "title": "Nine"}),
                              ("GET", "/v1/conversations/9/messages"): lambda b, p: (200, {"messages": []})}):
        stage.run("order", "chat", CONVERSATION, stdin="".join("%d\n" % n for n in range(6)))
        for _ in range(6):
            if stage.run("order", "outbox", "--wait", "20").returncode == 0:
                break
        assert [text for _, text in stored] == [str(n) for n in range(6)], stored


SCENES = [a_gap_is_asked_for_again, repeats_are_dropped, a_gap_for_ever_ends_in_a_snapshot, resync_takes_a_snapshot,
          an_empty_answer_at_once_is_no_reason_to_spin, a_portal_is_not_a_receipt, it_waits_as_long_as_it_is_asked,
          a_lost_answer_is_asked_for_with_the_same_key, refusals_leave_the_outbox, order_holds_over_failures]

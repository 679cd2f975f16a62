"""tests/scenes/cli/test_ways.py - the ways to receive: each one, doctor, and networks that leave only some"""
import json
import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "switch"))
from cutter import Cutter
from network import Meddler, TunnelProxy

NAMES = {"ws": "WebSocket", "sse": "server-sent events", "push": "pushed responses", "longpoll": "long polling",
         "poll": "polling"}


def taken(stderr):
    """The ways that were in use, one after the other."""
    return re.findall(r"^-- way: (.*)$", stderr, re.M)


def messages(out):
    return [e.get("text") for e in map(json.loads, out.splitlines()) if e["t"] == "message"]


def dense(out):
    found = [e["i"] for e in map(json.loads, out.splitlines())]
    assert found == list(range(found[0], found[0] + len(found))), found


def clear(stage, who):
    """Takes what waits for somebody, so that the next scene begins at the end."""
    stage.run(who, "--transport", "poll", "listen", "--wait", "1")


def cleartext(port):
    return "http://127.0.0.1:%d" % port


def listens(stage, who, count, *options, while_listening=lambda: None, seconds=40):
    """What `listen` prints for count events, and what it says."""
    done = stage.start(who, "--json", *options, "listen", "--ways", "--count", str(count), "--wait", str(seconds))
    try:
        while_listening()
        out, err = done.communicate(timeout=seconds + 60)
    finally:
        if done.poll() is None:
            done.kill()
    assert done.returncode == 0, (done.returncode, out, err)
    dense(out)
    return out, err


def people(stage):
    stage.account("wim")
    stage.account("win")
    stage.ok("wim", "send", "win", "hello")
    clear(stage, "win")


def each_way_brings_events(stage):
    for way, name in NAMES.items():
        for http in ("2", "1.1") if way != "push" else ("2",):
            texts = ["%s %s %d" % (way, http, n) for n in range(3)]
            stage.ok("wim", "send", "win", texts[0])
            out, err = listens(stage, "win", 3, "--transport", way, "--http", http, while_listening=lambda: [
                stage.ok("wim", "send", "win", text) for text in texts[1:]])
            assert messages(out) == texts, (way, http, out)
            assert taken(err) == ["%s over HTTP/%s, direct" % (name, http)], err


def the_best_is_taken(stage):
    for options, wanted in (((), "WebSocket over HTTP/2, direct"), (("--http", "1.1"), "WebSocket over HTTP/1.1, direct"),
                            (("--http", "2"), "WebSocket over HTTP/2, direct")):
        stage.ok("wim", "send", "win", "which way?")
        _, err = listens(stage, "win", 1, *options)
        assert taken(err) == [wanted], err


def choices_that_make_no_sense(stage):
    for options in (("--transport", "pigeon"), ("--transport", "push", "--http", "1.1"), ("--proxy", "socks5://x:1")):
        assert stage.run("win", *options, "listen", "--wait", "1").returncode == 2, options


def doctor(stage):
    report = [json.loads(line) for line in stage.ok("win", "--json", "doctor").splitlines()]
    ways = {(r["transport"], r["http"]): r for r in report if r["check"] == "way"}
    assert len(ways) == 9 and all(r["works"] for r in ways.values()), ways
    choice = [r for r in report if r["check"] == "taken"][0]
    assert (choice["transport"], choice["http"], choice["path"]) == ("ws", "2", "direct"), choice
    assert all(r["ok"] for r in report if r["check"] != "way"), report
    said = stage.ok("win", "--http", "1.1", "--transport", "sse", "doctor")
    assert "server-sent events over HTTP/1.1, direct" in said, said
    stage.ok("wim", "send", "win", "still there")
    clear_out = stage.ok("win", "--json", "listen", "--count", "1", "--wait", "20")
    assert messages(clear_out) == ["still there"]       # doctor took nothing


def through_a_tunnel(stage):
    with TunnelProxy() as proxy:
        url = "http://127.0.0.1:%d" % proxy.port
        for way in NAMES:
            stage.ok("wim", "send", "win", "through " + way)
            _, err = listens(stage, "win", 1, "--transport", way, "--proxy", url)
            assert taken(err) == ["%s over HTTP/2, through the proxy 127.0.0.1:%d" % (NAMES[way], proxy.port)], err
        count = proxy.tunnels
        assert count >= len(NAMES)
        stage.ok("win", "--proxy", "none", "whoami")
        environment = {"HTTPS_PROXY": url}
        assert stage.run("win", "devices", environment=environment).returncode == 0
        assert proxy.tunnels > count
        count = proxy.tunnels
        for more in ({"NO_PROXY": "localhost"}, {"no_proxy": "example, *"}):
            assert stage.run("win", "devices", environment=dict(environment, **more)).returncode == 0
        stage.ok("win", "--proxy", "none", "devices")
        assert proxy.tunnels == count


def what_a_proxy_says(stage):
    with TunnelProxy(user="ann:s3cret@x") as proxy:
        place = "127.0.0.1:%d" % proxy.port
        done = stage.run("win", "--proxy", "http://" + place, "devices")
        assert done.returncode == 8 and "the proxy wants a password" in done.stderr, done
        done = stage.run("win", "--proxy", "http://ann:wrong@" + place, "devices")
        assert done.returncode == 8 and "does not accept the password" in done.stderr, done
        stage.ok("win", "--proxy", "http://ann:s3cret%40x@" + place, "devices")
    for answer, words in ((b"HTTP/1.1 403 Forbidden\r\n\r\n", "the proxy forbids it"),
                          (b"HTTP/1.1 504 Gateway Timeout\r\n\r\n", "can't reach the server"),
                          (b"220 mail.example ESMTP\r\n\r\n", "is not an HTTP proxy"),
                          (b"", "closed the connection")):
        with TunnelProxy(answer=answer or b"HT") as proxy:
            done = stage.run("win", "--proxy", "http://127.0.0.1:%d" % proxy.port, "devices")
            assert done.returncode == 8 and words in done.stderr, (answer, done)
    done = stage.run("win", "--proxy", "http://127.0.0.1:1", "devices")
    assert done.returncode == 8 and "the proxy" in done.stderr, done


def cleartext_people(stage):
    """An account that comes in by the cleartext port, perhaps through something."""
    stage.account("wob", cleartext(stage.cleartext))
    stage.ok("wim", "send", "wob", "hello")
    clear(stage, "wob")


def upgrade_is_stripped(stage):
    with Meddler(stage.cleartext, strips=True) as network:
        login(stage, "strip", cleartext(network.port))
        stage.ok("wim", "send", "wob", "in spite of it")
        out, err = listens(stage, "strip", 1)
        assert messages(out) == ["in spite of it"]
        assert taken(err) == ["server-sent events over HTTP/1.1, direct"], err
        assert "strips Upgrade" in err, err
        report = {(r["transport"], r["http"]): r for r in
                  map(json.loads, stage.run("strip", "--json", "doctor").stdout.splitlines()) if r["check"] == "way"}
        assert "strips Upgrade" in report["ws", "1.1"]["detail"] and not report["ws", "1.1"]["works"], report
        assert report["sse", "1.1"]["works"] and report["longpoll", "1.1"]["works"], report


def silence_about_http_2(stage):
    with Meddler(stage.cleartext, ponders=True) as network:
        begin = time.monotonic()
        login(stage, "ponder", cleartext(network.port))
        stage.ok("wim", "send", "wob", "in HTTP/1.1 then")
        out, err = listens(stage, "ponder", 1)
        assert messages(out) == ["in HTTP/1.1 then"]
        assert taken(err) == ["WebSocket over HTTP/1.1, direct"], err
        assert time.monotonic() - begin < 20


def answers_are_held_back(stage):
    with Meddler(stage.cleartext, strips=True, buffers=True) as network:
        login(stage, "buffer", cleartext(network.port))
        out, err = listens(stage, "buffer", 2, seconds=60, while_listening=lambda: [
            time.sleep(3), stage.ok("wim", "send", "wob", "one"), stage.ok("wim", "send", "wob", "two")])
        assert messages(out) == ["one", "two"]
        assert taken(err) == ["long polling over HTTP/1.1, direct"], err
        assert "held back" in err, err


def only_get_and_post(stage):
    with Meddler(stage.cleartext, methods=("GET", "POST")) as network:
        login(stage, "getpost", cleartext(network.port))
        stage.ok("getpost", "read", "wim")
        assert "PUT" in network.seen and network.seen[-1] == "POST", network.seen
        row = [line for line in stage.ok("getpost", "conversations").splitlines() if "@wim" in line][0]
        assert "\t0 unread" in row, row


def login(stage, profile, url):
    stage.ok(profile, "--server", url, "login", "wob", "--password-file", stage.password_file)


def connections_are_cut(stage):
    for way in ("auto", *NAMES):
        cutter = Cutter(stage.port, lives=None)
        try:
            profile = "cut-" + way
            stage.ok(profile, "--server", "https://localhost:%d" % cutter.port, "--ca",
                     os.path.join(stage.dir, "tls", "ca.pem"), "login", "wob", "--password-file", stage.password_file)
            cutter.lives = (0.1, 0.6)
            texts = ["%s %d" % (way, n) for n in range(20)]
            out, _ = listens(stage, profile, 20, "--transport", way, seconds=90, while_listening=lambda: [
                stage.ok("wim", "send", "wob", text) for text in texts])
            assert messages(out) == texts, out
            assert cutter.cuts, "nothing was cut"
            cutter.lives = None
            stage.ok(profile, "logout")
        finally:
            cutter.end()


def moves_are_no_errors(stage):
    """The server is stopped in order and comes back."""
    process = stage.start("win", "--json", "listen", "--ways", "--count", "2", "--wait", "60")
    try:
        stage.ok("wim", "send", "win", "before")
        stage.wait_for(lambda: select_line(process), 30, "the first event")
        stage.server.terminate()
        stage.server.wait(30)
        stage.start_server()
        stage.ok("wim", "send", "win", "after")
        out, err = process.communicate(timeout=90)
    finally:
        if process.poll() is None:
            process.kill()
    assert process.returncode == 0 and messages(out) == ["after"], (out, err)
    assert "moved" in err, err


def a_session_that_is_ended_ends_every_way(stage):
    for way in NAMES:
        stage.ok("wim", "devices")
        profile = "gone-" + way
        stage.ok(profile, "--server", "https://localhost:%d" % stage.port, "--ca",
                 os.path.join(stage.dir, "tls", "ca.pem"), "login", "win", "--device", profile, "--password-file",
                 stage.password_file)
        process = stage.start(profile, "--transport", way, "listen", "--ways", "--wait", "60")
        try:
            for line in process.stderr:
                if line.startswith("-- way:"):
                    break
            device = [row.split("\t")[0] for row in stage.ok("win", "devices").splitlines() if profile in row][0]
            begin = time.monotonic()
            stage.ok("win", "devices", "revoke", device)
            assert process.wait(30) == 3, (way, process.returncode, process.stderr.read())
            assert time.monotonic() - begin < 15, way
        finally:
            if process.poll() is None:
                process.kill()


def select_line(process):
    return json.loads(process.stdout.readline())["text"] == "before"


SCENES = [people, each_way_brings_events, the_best_is_taken, choices_that_make_no_sense, doctor, through_a_tunnel,
          what_a_proxy_says, cleartext_people, upgrade_is_stripped, silence_about_http_2, answers_are_held_back,
          only_get_and_post, connections_are_cut, moves_are_no_errors,
          a_session_that_is_ended_ends_every_way]

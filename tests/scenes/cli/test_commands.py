"""tests/scenes/cli/test_commands.py - each command once for real: its output and its exit codes"""
import json
import os
import re
import stat

TEXTS = ["plain", "ünïcödé ß", "안녕하세요", "👩‍👩‍👧‍👦 🇰🇷", "שלום עולם", "e\u0301\u0323", "x" * 16384]


def equal(found, wanted):
    assert found == wanted, "%r instead of %r" % (found, wanted)


def codes(stage):
    """Exit codes that need no session."""
    url = "https://localhost:%d" % stage.port
    ca = os.path.join(stage.dir, "tls", "ca.pem")
    equal(stage.run("nobody", "whoami").returncode, 2)                                  # which server?
    equal(stage.run("nobody", "--server", url, "--ca", ca, "whoami").returncode, 3)
    equal(stage.run("nobody", "--server", "ftp://x", "whoami").returncode, 2)
    equal(stage.run("nobody", "--server", url, "doctor").returncode, 8)                 # the CA is not trusted
    equal(stage.run("nobody", "--server", "https://localhost:1", "doctor").returncode, 8)
    equal(stage.run("nobody", "--server", url, "--ca", "/no/such/file", "doctor").returncode, 1)
    equal(stage.run("../up", "whoami").returncode, 2)
    equal(stage.run("nobody", "send").returncode, 2)
    typo = stage.run("nobody", "sned", "x")
    equal(typo.returncode, 2)
    assert "did you mean: posthorn send" in typo.stderr
    for words in (["--help"], ["help"], ["help", "send"], ["send", "--help"], ["version"], ["--version"]):
        done = stage.run("nobody", *words)
        equal((done.returncode, done.stderr), (0, ""))
        assert done.stdout


def register_and_login(stage):
    stage.account("ann")
    equal(stage.ok("ann", "whoami"), "ann\n")
    me = json.loads(stage.ok("ann", "--json", "whoami"))
    equal(me["handle"], "ann")
    again = stage.run("second", "--server", "https://localhost:%d" % stage.port, "--ca", stage.dir + "/tls/ca.pem",
                      "register", "ann", "--password-file", stage.password_file)
    equal(again.returncode, 6)
    wrong = stage.run("second", "--server", "https://localhost:%d" % stage.port, "--ca", stage.dir + "/tls/ca.pem",
                      "login", "ann", "--password-file", "-", stdin="not the password\n")
    equal(wrong.returncode, 3)
    stage.ok("second", "--server", "https://localhost:%d" % stage.port, "--ca", stage.dir + "/tls/ca.pem",
             "login", "ann", "--device", "a second one", "--password-file", "-", stdin="correct horse battery\n")
    devices = stage.ok("second", "devices").splitlines()
    equal(len(devices), 2)
    other = [line.split("\t")[0] for line in devices if "this one" not in line]
    stage.ok("second", "devices", "revoke", other[0])
    equal(stage.run("ann", "whoami").returncode, 3)
    stage.ok("ann", "login", "ann", "--password-file", stage.password_file)     # the profile knows the server
    stage.ok("second", "logout")
    equal(stage.run("second", "whoami").returncode, 3)


def secrets_are_private(stage):
    state = os.path.join(stage.dir, "state", "posthorn", "ann")
    equal(stat.S_IMODE(os.stat(state).st_mode), 0o700)
    for name in os.listdir(state):
        equal(stat.S_IMODE(os.stat(os.path.join(state, name)).st_mode), 0o600)
    equal(stat.S_IMODE(os.stat(os.path.join(stage.dir, "config", "posthorn", "ann.conf")).st_mode), 0o600)
    os.chmod(state, 0o755)
    equal(stage.run("ann", "doctor").returncode, 1)
    os.chmod(state, 0o700)
    stage.ok("ann", "doctor")


def send_and_receive(stage):
    stage.account("ben")
    for text in TEXTS:
        stage.ok("ann", "send", "@ben", "-", stdin=text)
    got = [json.loads(line) for line in stage.ok("ben", "--json", "listen", "--count",
                                                 str(len(TEXTS) + 1), "--wait", "20").splitlines()]
    equal([e["text"] for e in got if e["t"] == "message"], TEXTS)
    equal([e["i"] for e in got], list(range(got[0]["i"], got[0]["i"] + len(got))))
    equal(stage.run("ben", "listen", "--count", "1", "--wait", "1").returncode, 9)      # nothing comes twice
    history = [json.loads(line) for line in stage.ok("ben", "--json", "history", "ann", "-n", "200").splitlines()]
    equal([e["text"] for e in history if e["t"] == "message"], TEXTS)
    first = history[-2]["id"]
    older = stage.ok("ben", "--json", "history", "ann", "--before", first, "-n", "1").splitlines()
    equal(json.loads(older[0])["id"], history[-3]["id"])
    newer = stage.ok("ben", "--json", "history", "ann", "--after", first).splitlines()
    equal([json.loads(line)["id"] for line in newer], [history[-1]["id"]])
    done = json.loads(stage.ok("ben", "--json", "send", "ann", "words", "are", "joined", "--reply-to", "2"))
    assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{26}", done["key"]) and done["seq"] == history[-1]["seq"] + 1
    equal(json.loads(stage.ok("ann", "--json", "history", "ben", "-n", "1"))["text"], "words are joined")


def refusals(stage):
    equal(stage.run("ann", "send", "nobody-here", "x").returncode, 4)
    equal(stage.run("ann", "send", "@nobody-here", "x").returncode, 4)
    equal(stage.run("ann", "send", "1", "x").returncode, 4)             # not a member: as if it did not exist
    equal(stage.run("ann", "send", "ben", "-", stdin="").returncode, 2)
    equal(stage.run("ann", "send", "ben", "-", stdin="x" * 16385).returncode, 2)
    equal(stage.run("ann", "history", "ben", "-n", "201").returncode, 2)
    equal(stage.run("ann", "history", "nobody-here").returncode, 4)
    equal(stage.run("ann", "send", "ben", "x", "--limit", "3").returncode, 2)


def reading(stage):
    stage.ok("ann", "send", "ben", "unread")
    row = [line for line in stage.ok("ben", "conversations").splitlines() if "@ann" in line][0]
    assert " unread" in row and "\t0 unread" not in row, row
    stage.ok("ben", "read", "ann")
    row = [line for line in stage.ok("ben", "conversations").splitlines() if "@ann" in line][0]
    assert "\t0 unread" in row, row
    answer = json.loads(stage.ok("ben", "--json", "conversations"))
    equal(answer["conversations"][0]["kind"], "direct")


def groups(stage):
    stage.account("cid")
    group = stage.ok("ann", "group", "create", "The Team", "ben", "@cid").strip()
    equal(sorted(line.split("\t")[1:] and line.split("\t")[1] for line in
                 stage.ok("ben", "group", "members", "The Team").splitlines()), ["ann", "ben", "cid"])
    stage.ok("ann", "send", "The Team", "to all")
    for who in ("ben", "cid"):
        assert "ann: to all" in stage.ok(who, "history", group)
    equal(stage.run("ben", "group", "remove", "The Team", "cid").returncode, 5)
    stage.ok("ann", "group", "add", "The Team", "ben", "--role", "admin")
    stage.ok("ben", "group", "remove", "The Team", "cid")
    equal(stage.run("cid", "send", group, "still here?").returncode, 4)
    stage.ok("ben", "group", "add", group, "cid")
    stage.ok("ann", "group", "rename", group, "A-Team")
    assert "A-Team" in stage.ok("cid", "conversations")
    stage.ok("cid", "group", "leave", "A-Team")
    equal(stage.run("cid", "group", "members", group).returncode, 4)
    equal(stage.run("cid", "group", "dance", group).returncode, 2)
    stage.ok("ann", "group", "create", "Twin")
    stage.ok("ann", "group", "create", "Twin")
    equal(stage.run("ann", "send", "Twin", "which?").returncode, 6)


def versions_of_http(stage):
    for url, http, wanted in (("https://localhost:%d" % stage.port, "auto", "HTTP/2"),
                              ("https://localhost:%d" % stage.port, "1.1", "HTTP/1.1"),
                              ("https://127.0.0.1:%d" % stage.port, "2", "HTTP/2"),
                              ("http://127.0.0.1:%d" % stage.cleartext, "auto", "HTTP/2"),
                              ("http://127.0.0.1:%d" % stage.cleartext, "1.1", "HTTP/1.1")):
        handle = "via" + re.sub("[^a-z0-9]", "", url[:5] + str(len(url)) + http)
        stage.account(handle, url, "--http", http)
        assert wanted + "\n" in stage.run(handle, "whoami").stderr
        stage.ok(handle, "send", "ann", "hello by " + wanted)
        stage.ok("ann", "send", handle, "back")
        got = stage.ok(handle, "--json", "listen", "--count", "3", "--wait", "20").splitlines()
        equal([json.loads(line).get("text") for line in got][1:], ["hello by " + wanted, "back"])


def terminals_are_safe(stage):
    stage.ok("ann", "send", "ben", "-", stdin="\033]0;owned\007\033[2Jx\u202e")
    assert "\033" not in stage.ok("ben", "history", "ann")


def quiet_and_pipes(stage):
    equal(stage.run("ann", "--quiet", "send", "ben", "x").stderr, "")
    done = stage.start("ben", "history", "ann", "-n", "200")
    done.stdout.close()                 # as `| head -0` does
    assert done.wait(30) in (0, -13), done.returncode


SCENES = [codes, register_and_login, secrets_are_private, send_and_receive, refusals, reading, groups,
          versions_of_http, terminals_are_safe, quiet_and_pipes]

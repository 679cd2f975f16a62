"""tests/scenes/cli/test_outbox.py - servers and clients die at bad moments; each message arrives exactly once"""
import json
import os
import signal
import subprocess
import threading
import time


def texts(stage, profile, with_whom):
    lines = stage.ok(profile, "--json", "history", with_whom, "-n", "200").splitlines()
    return [e["text"] for e in map(json.loads, lines) if e["t"] == "message"]


def conversation(stage, profile, with_whom):
    for c in json.loads(stage.ok(profile, "--json", "conversations"))["conversations"]:
        if c["kind"] == "direct":
            return c["id"]
    raise AssertionError("no conversation with " + with_whom)


def kept_while_the_server_is_away(stage):
    stage.account("kai")
    stage.account("lea")
    stage.ok("kai", "send", "lea", "before")
    stage.kill_server()
    assert stage.run("kai", "send", "stranger", "x").returncode == 8        # nobody knows whom that means
    for n in range(3):
        done = stage.run("kai", "send", "@lea", "away %d" % n, "--wait", "1")
        assert done.returncode == 8 and "it is kept" in done.stderr, done
    assert stage.run("kai", "outbox", "--wait", "0").stdout.count("away") == 3
    assert stage.run("kai", "logout").returncode == 1, "logout would lose messages"
    stage.start_server()
    stage.ok("kai", "outbox", "--wait", "30")
    assert texts(stage, "lea", "kai") == ["before", "away 0", "away 1", "away 2"], texts(stage, "lea", "kai")
    state = os.path.join(stage.dir, "state", "posthorn", "kai")
    assert not [f for f in os.listdir(state) if f.startswith("outbox")], os.listdir(state)


def listener_goes_on(stage):
    """The server dies and comes back under a listener: nothing is missed, nothing comes twice."""
    stage.ok("lea", "--quiet", "listen", "--wait", "5")
    listener = stage.start("lea", "--json", "listen", "--count", "6")
    time.sleep(1)
    for n in range(6):
        if n % 2:
            stage.kill_server()
            stage.start_server()
        stage.ok("kai", "send", "lea", "go on %d" % n, "--wait", "60")
    out, _ = listener.communicate(timeout=90)
    got = [e["text"] for e in map(json.loads, out.splitlines())]
    assert got == ["go on %d" % n for n in range(6)], got


def chat_through_kills(stage):
    """Lines typed while the server is killed again and again arrive once each and in order."""
    stage.account("mia")
    stage.account("noa")
    stage.ok("mia", "send", "noa", "first")
    chat = subprocess.Popen([stage.program, "--profile", "mia", "chat", "noa"], stdin=subprocess.PIPE, text=True,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=stage.environment())
    wanted = ["first"]
    is_over = threading.Event()

    def kill_often():
        while not is_over.is_set():
            time.sleep(0.7)
            stage.kill_server()
            stage.start_server()
    killer = threading.Thread(target=kill_often)
    killer.start()
    for n in range(60):
        wanted.append("typed %d" % n)
        chat.stdin.write(wanted[-1] + "\n")
        chat.stdin.flush()
        time.sleep(0.1)
    is_over.set()
    killer.join()
    stage.wait_for(lambda: len(texts(stage, "noa", "mia")) >= len(wanted), 60, "all lines are there")
    chat.stdin.close()
    assert chat.wait(60) == 0
    assert texts(stage, "noa", "mia") == wanted, texts(stage, "noa", "mia")


def client_killed_while_sending(stage):
    """kill -9 of the client at random moments: what it said it kept is sent by the next one, once."""
    c = conversation(stage, "mia", "noa")
    before = texts(stage, "noa", "mia")
    for n in range(12):
        sender = stage.start("mia", "send", c, "killed %02d" % n, "--wait", "5")
        time.sleep(0.005 * n)
        sender.send_signal(signal.SIGKILL)
        sender.communicate()
    stage.ok("mia", "outbox", "--wait", "30")
    after = texts(stage, "noa", "mia")[len(before):]
    assert len(after) == len(set(after)), after
    assert after == sorted(after), after
    assert set(after) <= {"killed %02d" % n for n in range(12)}, after


def postgres_killed(stage):
    """While Postgres is away sends are answered 503 and kept; afterwards each is there once."""
    before = len(texts(stage, "noa", "mia"))
    c = conversation(stage, "mia", "noa")
    stage.pg("kill9")
    done = stage.run("mia", "send", c, "without a database", "--wait", "15")
    assert done.returncode == 10 and "it is kept" in done.stderr, done
    stage.pg("start")
    stage.wait_for(stage.is_ready, 30, "ready again")
    stage.ok("mia", "outbox", "--wait", "30")
    assert texts(stage, "noa", "mia")[before:] == ["without a database"]


def a_listener_killed_goes_on(stage):
    """kill -9 of a listener: the next one begins after what was printed (once more at most, never less)."""
    stage.ok("noa", "--quiet", "listen", "--wait", "5")
    for n in range(20):
        stage.ok("mia", "send", "noa", "printed %d" % n)
    seen, numbers = [], []

    def take(lines):
        for event in map(json.loads, lines):
            numbers.append(event["i"])
            if event["text"] not in seen:
                seen.append(event["text"])
    take(stage.ok("noa", "--json", "listen", "--count", "3").splitlines())
    take(stage.ok("noa", "--json", "listen", "--count", "3").splitlines())
    assert len(numbers) == 6, "a listener that ended by itself repeats nothing and leaves nothing out"
    for n in range(6):
        listener = stage.start("noa", "--json", "listen")
        time.sleep(0.05 * n)
        listener.send_signal(signal.SIGKILL)
        out, _ = listener.communicate()
        take(line for line in out.splitlines(True) if line.endswith("\n"))
    for _ in range(10):
        if len(seen) < 20:
            take(stage.ok("noa", "--json", "listen", "--wait", "3").splitlines())
    assert seen == ["printed %d" % n for n in range(20)], seen


SCENES = [kept_while_the_server_is_away, listener_goes_on, chat_through_kills, client_killed_while_sending,
          postgres_killed, a_listener_killed_goes_on]

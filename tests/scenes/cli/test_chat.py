"""tests/scenes/cli/test_chat.py - two people chat in two terminals"""
import signal
import subprocess
import time


def two_terminals(stage):
    stage.account("uma")
    stage.account("vic")
    stage.posthorn_terminal("uma", "uma", "chat", "vic")
    stage.posthorn_terminal("vic", "vic")
    stage.sees("uma", "@vic>")
    stage.sees("vic", "you are vic")
    stage.type("uma", "hello vic")
    stage.sees("vic", "uma: hello vic")
    stage.sees("vic", "to answer: /open @uma")
    stage.type("vic", "/open uma")
    stage.sees("vic", "@uma>")
    stage.type("vic", "안녕하세요 uma 👋")
    stage.sees("uma", "vic: 안녕하세요 uma 👋")
    for n in range(20):
        stage.type("uma" if n % 2 else "vic", "line %d." % n)
    stage.sees("vic", "uma: line 19.")
    stage.sees("uma", "vic: line 18.")
    assert "uma: line" not in stage.screen("uma").replace("uma> ", ""), "what was typed is shown twice"


def a_line_half_typed_stays(stage):
    """What comes is printed above; the line, also one of several rows and of wide characters, is whole after it."""
    half = "half a line with 한글 that is long enough to need two rows of it"
    stage.type("vic", half, enter=False)
    stage.sees("vic", half[-20:])
    stage.type("uma", "I interrupt")
    stage.sees("vic", "uma: I interrupt")
    screen = stage.screen("vic")
    assert screen.count("half a line") == 1, screen
    assert screen.index("I interrupt") < screen.index("half a line"), screen
    stage.key("vic", "Enter")
    stage.sees("uma", "vic: " + half[:40])
    sent = stage.ok("uma", "--json", "history", "vic", "-n", "1")
    assert half in sent, sent


def a_group_and_another_person(stage):
    stage.account("wes")
    stage.ok("wes", "group", "create", "Trio", "uma", "vic")
    stage.ok("wes", "send", "Trio", "in the group")
    stage.sees("uma", "[Trio] wes: in the group")
    stage.ok("wes", "send", "uma", "just to you")
    stage.sees("uma", "wes: just to you")
    assert "just to you" not in stage.screen("vic")
    stage.type("vic", "/list")
    stage.sees("vic", "Trio")
    stage.type("vic", "/nonsense")
    stage.sees("vic", "there is no command /nonsense")
    stage.type("vic", "//slash")
    stage.sees("uma", "vic: /slash")


def read_marks_follow(stage):
    def is_read():
        return any("@uma" in line and "\t0 unread" in line for line in stage.ok("vic", "conversations").splitlines())
    stage.ok("uma", "send", "vic", "seen at once")
    stage.wait_for(is_read, 30, "the open conversation is marked as read")


def only_one_receives(stage):
    done = stage.run("uma", "listen", "--wait", "1")
    assert done.returncode == 1 and "another program" in done.stderr, done


def end_of_input_ends(stage):
    stage.type("vic", "last words")
    stage.key("vic", "C-d")
    stage.sees("uma", "vic: last words")
    stage.wait_for(lambda: "vic" not in stage.tmux("list-sessions", "-F", "#S").split(), 30, "^D ends the chat")
    stage.key("uma", "C-c")
    stage.wait_for(lambda: is_uma_gone(stage), 30, "^C ends the chat")


def is_uma_gone(stage):
    try:
        return "uma" not in stage.tmux("list-sessions", "-F", "#S").split()
    except subprocess.CalledProcessError:       # the last session takes the terminal server with it
        return True


def lines_from_a_pipe(stage):
    done = stage.run("vic", "chat", "uma", stdin="one from a pipe\n/help\ntwo from a pipe")
    assert done.returncode == 0, done
    history = stage.ok("uma", "history", "vic", "-n", "2")
    assert "one from a pipe" in history and "two from a pipe" in history, history


def a_password_is_asked_for_without_echo(stage):
    stage.terminal("ask", "sh", "-c", "%s --profile xan --server https://localhost:%d --ca %s/tls/ca.pem register xan;"
                   " sleep 30" % (stage.program, stage.port, stage.dir))
    stage.sees("ask", "New password:")
    stage.type("ask", "a secret of mine")
    stage.sees("ask", "Again:")
    stage.type("ask", "a secret of mine")
    stage.sees("ask", "logged in as xan")
    assert "secret" not in stage.screen("ask")
    stage.tmux("kill-session", "-t", "ask")


def an_interrupt_has_its_code(stage):
    listener = stage.start("vic", "listen")
    time.sleep(1)
    listener.send_signal(signal.SIGINT)
    assert listener.wait(10) == -signal.SIGINT, listener.returncode     # which a shell shows as 130
    listener.communicate()


SCENES = [two_terminals, a_line_half_typed_stays, a_group_and_another_person, read_marks_follow, only_one_receives,
          end_of_input_ends, lines_from_a_pipe, a_password_is_asked_for_without_echo, an_interrupt_has_its_code]

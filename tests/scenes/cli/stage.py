"""tests/scenes/cli/stage.py - a private Postgres, a posthornd and terminals for the scenes of the command line"""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "tests", "wire"))
from ports import free_port  # noqa: E402

PASSWORD = "correct horse battery"


class Stage:
    def __init__(self, build, settings=None):
        """settings: POSTHORN_* of the server, besides those that all stages have."""
        self.settings = settings or {}
        self.dir = tempfile.mkdtemp(prefix="posthorn-cli-")
        os.chmod(self.dir, 0o755)
        self.daemon = os.path.join(build, "posthornd")
        self.program = os.path.join(build, "client-c", "posthorn")
        self.port, self.cleartext, self.admin = free_port(), free_port(), free_port()
        self.server = None
        self.tmux_name = "posthorn-cli-%d" % os.getpid()
        self.password_file = os.path.join(self.dir, "password")
        with open(self.password_file, "w") as f:
            f.write(PASSWORD + "\n")
        self.pg_dir = os.path.join(self.dir, "pg")
        try:
            self.conninfo = self.pg("start").strip().splitlines()[-1]
            self.start_server()
        except BaseException:
            self.end()
            raise

    def pg(self, verb):
        environment = dict(os.environ, POSTHORN_PG_SHARED_BUFFERS="64MB")
        return subprocess.run([os.path.join(ROOT, "scripts", "pg"), verb, self.pg_dir], check=True, text=True,
                              stdout=subprocess.PIPE, env=environment).stdout

    def start_server(self):
        environment = {
            "PATH": os.environ["PATH"], "HOME": self.dir,
            "POSTHORN_SERVER_LISTEN": "127.0.0.1:%d" % self.port,
            "POSTHORN_SERVER_CLEARTEXT": "127.0.0.1:%d" % self.cleartext,
            "POSTHORN_SERVER_ADMIN": "127.0.0.1:%d" % self.admin,
            "POSTHORN_TLS_DIRECTORY": os.path.join(self.dir, "tls"),
            "POSTHORN_STORE_CONNINFO": self.conninfo,
            "POSTHORN_LIMITS_REGISTRATIONS_PER_HOUR": "1000",
            "POSTHORN_LIMITS_LOGINS_PER_MINUTE": "1000",
            **self.settings,
        }
        with open(os.path.join(self.dir, "posthornd.log"), "a") as log:
            self.server = subprocess.Popen([self.daemon], env=environment, stdout=log, stderr=log)
        self.wait_for(self.is_ready, 60, "posthornd is ready")

    def is_ready(self):
        if self.server.poll() is not None:
            raise RuntimeError("posthornd ended: see the log\n" + open(self.dir + "/posthornd.log").read()[-2000:])
        try:
            with socket.create_connection(("127.0.0.1", self.admin), 1) as s:
                s.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                return b" 200 " in s.recv(100)
        except OSError:
            return False

    def kill_server(self):
        self.server.kill()
        self.server.wait()

    def wait_for(self, condition, seconds, what):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.05)
        raise AssertionError("not within %g s: %s" % (seconds, what))

    def environment(self):
        return {
            "PATH": os.environ["PATH"], "HOME": self.dir, "LC_ALL": "C.UTF-8", "TERM": "xterm", "TZ": "UTC",
            "XDG_CONFIG_HOME": os.path.join(self.dir, "config"), "XDG_STATE_HOME": os.path.join(self.dir, "state"),
            "ASAN_OPTIONS": "exitcode=99", "UBSAN_OPTIONS": "halt_on_error=1:exitcode=99",
        }

    def run(self, profile, *arguments, stdin="", environment=None):
        """Runs posthorn to its end; answers the CompletedProcess."""
        return subprocess.run([self.program, "--profile", profile, *arguments], input=stdin, text=True, timeout=120,
                              capture_output=True, env=dict(self.environment(), **(environment or {})))

    def ok(self, profile, *arguments, stdin=""):
        """Runs posthorn, which must succeed; answers its output."""
        done = self.run(profile, *arguments, stdin=stdin)
        if done.returncode != 0:
            raise AssertionError("posthorn %s: exit code %d\n%s" % (" ".join(arguments), done.returncode, done.stderr))
        return done.stdout

    def account(self, handle, url=None, *more):
        url = url or "https://localhost:%d" % self.port
        self.ok(handle, "--server", url, "--ca", os.path.join(self.dir, "tls", "ca.pem"), *more, "register", handle,
                "--password-file", self.password_file)

    def start(self, profile, *arguments):
        """Starts posthorn in the background, its output in pipes."""
        return subprocess.Popen([self.program, "--profile", profile, *arguments], text=True, env=self.environment(),
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    # Terminals.

    def tmux(self, *arguments):
        return subprocess.run(["tmux", "-L", self.tmux_name, "-f", "/dev/null", *arguments], check=True, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment()).stdout

    def terminal(self, name, *command):
        """A terminal of 60 columns in which a command runs."""
        self.tmux("-u", "new-session", "-d", "-s", name, "-x", "60", "-y", "40", *command)

    def posthorn_terminal(self, name, profile, *arguments):
        self.terminal(name, self.program, "--no-color", "--profile", profile, *arguments)

    def type(self, name, text, enter=True):
        self.tmux("send-keys", "-t", name, "-l", text)
        if enter:
            self.tmux("send-keys", "-t", name, "Enter")

    def key(self, name, key):
        self.tmux("send-keys", "-t", name, key)

    def screen(self, name):
        return self.tmux("capture-pane", "-p", "-J", "-t", name)

    def sees(self, name, text, seconds=30):
        try:
            self.wait_for(lambda: text in self.screen(name), seconds, repr(text))
        except AssertionError as e:
            raise AssertionError("%s on the terminal of %s:\n%s" % (e, name, self.screen(name))) from None

    def end(self):
        subprocess.run(["tmux", "-L", self.tmux_name, "kill-server"], stderr=subprocess.DEVNULL, check=False)
        if self.server and self.server.poll() is None:
            self.server.send_signal(signal.SIGTERM)
            try:
                self.server.wait(15)
            except subprocess.TimeoutExpired:
                self.server.kill()
        self.pg("stop")
        shutil.rmtree(self.dir, ignore_errors=True)


def play(stage, scenes):
    """Plays functions of one argument; answers how many passed and failed."""
    passed = failed = 0
    for scene in scenes:
        begin = time.monotonic()
        try:
            scene(stage)
            passed += 1
            print("ok   %-60s %5.1f s" % (scene.__name__, time.monotonic() - begin), flush=True)
        except Exception as e:      # any failure is a failed scene; the others go on
            failed += 1
            print("FAIL %s\n%s: %s" % (scene.__name__, type(e).__name__, e), file=sys.stderr, flush=True)
    return passed, failed

# load/bench/jobs.py - the runs that figures are taken from: posthorn-load, the bare transaction, h2load beside nghttpd
#
# A job is a function of the bench: it runs what it measures, and its competitor directly after it, and returns their
# results by name. A result that can't be trusted has "failed" with the reason: a program that could not run, something
# lost or doubled, a message that was sent and not delivered, a port that somebody else answers, CPU seconds of nothing.
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from bench import House, Others, find_program, make_floor_database                               # noqa: E402
from ports import free_port                                                                      # noqa: E402
import machine                                                                                   # noqa: E402

STRANGERS_MAX = 0.25                    # cores of strangers and of the host; a run beside busier ones is made again
ATTEMPTS = 3
WRONG = ("lost", "doubled", "reordered", "gaps", "wrong", "errors")
# Postgres: more memory and room for WAL than a developer's; nothing that makes a commit less than one.
POSTGRES = {"POSTHORN_PG_SHARED_BUFFERS": "1GB", "POSTHORN_PG_OPTIONS": "max_wal_size=8GB;wal_compression=lz4;"
                                                                         "autovacuum=on;autovacuum_naptime=1min"}
CURVE = (500, 1000, 2000, 5000, 10000, 15000, 20000, 25000)


class Failed(Exception):
    """A run that says nothing; the words say why."""


def judge(result, must_balance=True):
    """The result, with "failed" when it can't be trusted."""
    wrong = [f"{result[name]} {name}" for name in WRONG if result.get(name)]
    why = ", ".join(wrong + ([f"\"{result['said']}\""] if wrong and result.get("said") else []))
    if not why and result.get("exit"):
        why = f"exit status {result['exit']}"
    if not why and must_balance and not 0 < result.get("sent", 0) == result.get("acked") == result.get("delivered"):
        why = f"sent {result.get('sent')}, acked {result.get('acked')}, delivered {result.get('delivered')}"
    if not why:
        zero = [name for name in ("server_cpu_s", "server_rss_kb", "postgres_cpu_s") if result.get(name) == 0]
        why = f"{' and '.join(zero)} of nothing" if zero else ""
    return {**result, "failed": why} if why else result


class Bench:
    """One private Postgres, one posthornd on it at a time, and the programs that load it."""

    def __init__(self, build, seconds, warm, is_quick):
        self.build, self.seconds, self.warm, self.is_quick = build, seconds, warm, is_quick
        server = os.path.join(build, "posthornd")
        self.load = find_program(server, "posthorn-load")
        self.usage = subprocess.run([self.load], stderr=subprocess.PIPE, text=True).stderr
        known = subprocess.run([server, "--print-config"], stdout=subprocess.PIPE, text=True, check=True,
                               env=House._clean()).stdout
        os.environ.update(POSTGRES)
        settings = {"server.connections_max": 30000, "server.connections_per_ip_max": 30000}
        if "typing_ms" in known:
            settings["limits.typing_ms"] = 0
        self.house = House(server, settings=settings)
        # A quick run has no time for many attempts.
        self.again_until = time.monotonic() + (60 if is_quick else 3600)
        self.old = None                 # an account whose inbox holds something

    def __enter__(self):
        self.house.__enter__()
        self.postmaster = self.house.postmaster()
        self.floor_conninfo = make_floor_database(self.house)
        self.check_ports()
        return self

    def __exit__(self, *why):
        self.house.__exit__()

    def check_ports(self):
        for port in (self.house.port, self.house.tls_port):
            if not machine.listens(port, self.house.process.pid):
                raise SystemExit(f"port {port} is not posthornd's alone")

    def fresh_server(self):
        """A posthornd that has done nothing yet, on the same database."""
        if self.house.process and self.house.process.poll() is None:
            self.house.stop_server()
        self.house.start_server()
        self.check_ports()

    def settle(self):
        """Every run begins with nothing left to write back from the one before it."""
        self.house.psql("checkpoint")

    def url(self, tls=False):
        return f"https://127.0.0.1:{self.house.tls_port}" if tls else f"http://127.0.0.1:{self.house.port}"

    def run(self, *command, timeout_s=240):
        """The object that a program prints, and its exit status under "exit"."""
        words = [str(word) for word in command]
        try:
            done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout_s,
                                  stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            raise Failed(f"not done after {timeout_s} s") from None
        lines = done.stdout.strip().splitlines()
        if not lines or not lines[-1].startswith("{"):
            said = (done.stderr.strip().splitlines() or ["nothing was said"])[0]
            raise Failed(f"exit status {done.returncode}: {said[:150]}")
        said = re.search(r"^posthorn-load: (.*)", done.stderr, re.M)
        return {**json.loads(lines[-1]), "exit": done.returncode, **({"said": said[1][:300]} if said else {})}

    def workload(self, name, *options, tls=False, seconds=None, timeout_s=240):
        if not re.search(rf"^  {name} ", self.usage, re.M):
            raise Failed(f"posthorn-load knows no {name}")
        accounts = os.path.join(self.house.dir, f"accounts-{name}")
        made = ["--conninfo", self.house.conninfo] if "--conninfo" in self.usage else []
        return self.run(self.load, name, "--url", self.url(tls), "--seconds", seconds or self.seconds,
                        "--accounts-file", accounts, *made, "--server-pid", self.house.process.pid, "--postgres-pid",
                        self.postmaster, *options, timeout_s=timeout_s)

    def attempt(self, job, function):
        """Results of a job, made again while strangers are at work; the quietest attempt counts."""
        best = None
        for tries in range(ATTEMPTS):
            if tries and time.monotonic() > self.again_until:
                break
            self.settle()
            with Others(self.house.process.pid, self.postmaster) as others:
                try:
                    results = function(self)
                except (Failed, subprocess.SubprocessError, OSError, KeyError, ValueError, SystemExit) as why:
                    if isinstance(why, SystemExit) and not isinstance(why.code, str):
                        raise           # somebody wants the bench itself to end
                    results = {job: {"failed": str(why) or repr(why)}}
            if self.house.process is None or self.house.process.poll() is not None:
                results = {job: {"failed": "posthornd ended"}}
                self.house.process = None
                self.fresh_server()
            # Memory is the same beside whomever.
            noise = 0 if job.startswith("idle-") else others.cores + others.stolen
            for result in results.values():
                result["strangers"], result["stolen"] = others.cores, others.stolen
                result["noisy"] = noise > STRANGERS_MAX
            if best is None or noise < best[0]:
                best = noise, results
            if noise <= STRANGERS_MAX:
                break
        return best[1]


# --- posthorn-load --------------------------------------------------------------------------------------------------

def measured(bench):
    return ["--warm", bench.warm]


def ws(bench):
    """Rows 1, 3 and 4: by frames of a WebSocket; directly after it the bare transaction on the same Postgres."""
    pairs = 500
    own = judge(bench.workload("pairs", *measured(bench), "--way", "ws", "--http", "1.1", "--send", "frame", "--pairs",
                               pairs, "--window", 4, "--processes", 2))
    # The same users and conversations, and as many bytes in a body (the text stands in 9 bytes of JSON).
    floor = judge(bench.run(bench.load, "floor", "--conninfo", bench.floor_conninfo, "--processes", 3, "--batch", 128, "--users",
                            2 * pairs, "--conversations", pairs, "--text", 109, "--warm", bench.warm, "--seconds",
                            bench.seconds, "--postgres-pid", bench.postmaster), must_balance=False)
    return {"ws": own, "floor": floor}


def longpoll(bench):
    return {"longpoll": judge(bench.workload("pairs", *measured(bench), "--way", "longpoll", "--http", "2", "--send",
                                             "frame", "--pairs", 500, "--window", 4, "--processes", 2))}


def with_workers(count):
    """Row 10: the work of row 1 on a posthornd of that many workers, which begins and ends with this."""
    def workers_job(bench):
        name, plain = f"workers-{count}", dict(bench.house.settings)
        bench.house.settings = {**plain, "server.workers": count, "server.run_directory": "run"}
        try:
            bench.fresh_server()
            bench.house.wait_for_workers(count)
            # Who is asked for CPU is the supervisor, and not the one who works.
            result = bench.workload("pairs", *measured(bench), "--way", "ws", "--http", "1.1", "--send", "frame", "--pairs",
                                    500, "--window", 4, "--processes", 2)
        finally:
            bench.house.settings = plain
            bench.fresh_server()
        own = {key: value for key, value in result.items() if not key.startswith(("server_", "postgres_"))}
        return {name: judge(own)}
    return workers_job


def rate_at(rate):
    def rate_job(bench):
        name = f"rate-{rate}"
        result = bench.workload("rate", *measured(bench), "--way", "ws", "--http", "1.1", "--send", "frame", "--pairs",
                                500, "--rate", rate, "--processes", 1 if rate <= 10000 else 2,
                                seconds=max(bench.seconds, 3) if rate == 1000 else None)
        return {name: {**judge(result), "offered_per_s": rate}}
    return rate_job


def group(bench):
    return {"group": judge(bench.workload("group", *measured(bench), "--way", "ws", "--http", "1.1", "--send", "frame",
                                          "--groups", 1, "--members", 100, "--window", 4), must_balance=False)}


def signals(name, way, http, send, groups, members, window):
    def signals_job(bench):
        result = bench.workload("signals", *measured(bench), "--way", way, "--http", http, "--send", send, "--groups",
                                groups, "--members", members, "--window", window, "--processes", 2)
        # Nothing of them is stored: Postgres may well be idle. Some may be dropped; a hundredth and more is too much.
        why = f"{result['dropped']} dropped, {result['delivered']} delivered" if result.get("dropped") else ""
        stored = {"postgres_cpu_s": result.pop("postgres_cpu_s", None)}
        result = judge(result, must_balance=False)
        if result.get("failed") and why:
            result["failed"] += f", {why}"
        return {name: {**result, **stored}}
    return signals_job


def idle(way, http, tls):
    name = f"idle-{way}-{http}{'-tls' if tls else ''}"

    def idle_job(bench):
        bench.fresh_server()            # what an earlier load has left in its pools would hide what is measured
        connections = 2000 if bench.is_quick and tls else 10000
        result = bench.workload("idle", "--way", way, "--http", http, "--connections", connections, "--admin",
                                bench.house.admin_port, tls=tls, seconds=0.5 if bench.is_quick else 3)
        result.setdefault("bytes_per_connection", result.get("rss_per_connection"))
        return {name: judge(result, must_balance=False)}
    return idle_job


def login(name, tls, *options):
    def login_job(bench):
        bench.fresh_server()            # an account that it knows already would cost less
        return {name: judge(bench.workload("login", "--http", 2, "--connections", 2000, *options, tls=tls), False)}
    return login_job


def storm(bench):
    connections = 10000
    result = judge(bench.workload("storm", "--way", "ws", "--http", 1.1, "--connections", connections, tls=True),
                   must_balance=False)
    if result["caught_up"] < connections and not result.get("failed"):
        result["failed"] = f"{result['caught_up']} of {connections} caught up"
    return {"storm": {"seconds": result["caught_up_s"], **result}}


def catchup(bench):
    return {"catchup": judge(bench.workload("catchup", "--way", "ws", "--http", "1.1"), must_balance=False)}


# --- h2load, beside nghttpd ---------------------------------------------------------------------------------------

def ask(bench, method, path, body=None, token=None):
    headers = {"content-type": "application/json"} if body is not None else {}
    if token:
        headers["authorization"] = f"Bearer {token}"
    request = urllib.request.Request(bench.url() + path, method=method, headers=headers,
                                     data=None if body is None else json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read()


def new_key():
    number = int(time.time() * 1000) << 80 | int.from_bytes(os.urandom(10), "big")
    return "".join("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[number >> shift & 31] for shift in range(125, -1, -5))


class Old:
    """An account, and a cursor that a message stands behind."""

    def __init__(self, bench):
        self.bench, word, ids = bench, "correct horse battery", []
        for handle in ("bench-old", "bench-other"):
            ids.append(json.loads(ask(bench, "POST", "/v1/accounts", {"handle": handle, "password": word}))["id"])
        session = json.loads(ask(bench, "POST", "/v1/sessions", {
            "handle": "bench-old", "password": word, "device": {"name": "bench", "platform": "test"}}))
        self.token, self.cursor = session["token"], session["cursor"]
        self.direct = json.loads(ask(bench, "POST", "/v1/conversations", {"kind": "direct", "with": ids[1]},
                                     self.token))["id"]

    def poll(self, cursor, wait_s=0):
        return json.loads(ask(self.bench, "GET", f"/v1/events?after={cursor}&wait={wait_s}", None, self.token))

    def hear(self):
        """A message comes while the account is waiting for it, so that posthornd has it at hand."""
        newest = self.cursor
        while True:
            page = self.poll(newest)
            if not page["events"]:
                break
            newest = page["cursor"]
        self.cursor = newest
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(self.poll, newest, 20)
            time.sleep(0.3)
            ask(self.bench, "POST", f"/v1/conversations/{self.direct}/messages", {"key": new_key(), "text": 100 * "x"},
                self.token)
            if len(waiting.result()["events"]) != 1:
                raise Failed("the message did not come")


class Nghttpd:
    """nghttpd, one thread, with one file; its process and port."""

    def __init__(self, bench, path, body, tls):
        self.port = free_port()
        root = os.path.join(bench.house.dir, "htdocs")
        place = os.path.join(root, path.lstrip("/"))
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "wb") as file:
            file.write(body)
        folder = os.path.dirname(bench.house.ca)
        keys = [os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")] if tls else []
        self.process = subprocess.Popen(["nghttpd", "-d", root, *([] if tls else ["--no-tls"]), str(self.port), *keys],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)

    def __enter__(self):
        for _ in range(50):
            if machine.listens(self.port, self.process.pid):
                return self
            time.sleep(0.1)
        self.__exit__()
        raise Failed("nghttpd does not start")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)


def h2load(url, pid, requests, clients, streams, headers=()):
    """A result: requests a second, us of the server's CPU a request; one request that failed spoils it all."""
    before, children = machine.cpu_s(pid), machine.children_cpu_s()
    words = [word for header in headers for word in ("-H", header)]
    done = subprocess.run(["h2load", "-n", str(requests), "-c", str(clients), "-m", str(streams), *words, url],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    spent, own = machine.cpu_s(pid) - before, machine.children_cpu_s() - children
    rate = re.search(r"finished in .*?, ([0-9.]+) req/s", done.stdout)
    good = re.search(r"status codes: (\d+) 2xx", done.stdout)
    if not rate or not good or int(good[1]) != requests or f"{requests} succeeded" not in done.stdout:
        last = [line for line in done.stdout.splitlines() if "requests:" in line or "status codes:" in line]
        raise Failed(f"h2load {url}: {'; '.join(last) or done.stdout[-150:]}")
    result = {"requests_per_s": float(rate[1]), "seconds": requests / float(rate[1]), "server_cpu_s": spent,
              "server_us_per_request": spent * 1e6 / requests, "server_rss_kb": machine.rss_kb(pid), "load_cpu_s": own,
              "exit": 0}
    return judge(result, must_balance=False)


def beside_nghttpd(name, path, tls, clients, streams, requests, headers_of=None):
    def job(bench):
        headers, query = headers_of(bench) if headers_of else ((), "")
        token = headers[0].split()[-1] if headers else None
        body = ask(bench, "GET", path + query, token=token)
        count = requests // 4 if bench.is_quick else requests
        with Nghttpd(bench, path, body, tls) as other:
            # Both are warm before they are measured.
            h2load(bench.url(tls) + path + query, bench.house.process.pid, 10000, clients, streams, headers)
            own = h2load(bench.url(tls) + path + query, bench.house.process.pid, count, clients, streams, headers)
            there = f"http{'s' if tls else ''}://127.0.0.1:{other.port}{path}"
            h2load(there, other.process.pid, 10000, clients, streams, headers)
            theirs = h2load(there, other.process.pid, count, clients, streams, headers)
        return {name: {**own, "body_bytes": len(body)}, f"{name}-nghttpd": theirs}
    return job


def poll_answered(wait_s):
    """One event behind the cursor: at hand for who waits, read from Postgres for who only asks."""
    def headers_of(bench):
        bench.old = bench.old or Old(bench)
        bench.old.hear()
        return (f"authorization: Bearer {bench.old.token}",), f"?after={bench.old.cursor}&wait={wait_s}"
    return headers_of


IDLE = (("poll", "2", False), ("poll", "2", True), ("poll", "1.1", False), ("poll", "1.1", True),
        ("ws", "1.1", False), ("ws", "1.1", True), ("ws", "2", True))

# In the order of a round: job name -> function. What follows a heavy writer is not a reader of disks.
JOBS = {
    "ws": ws,
    "longpoll": longpoll,
    "rate-1000": rate_at(1000),
    "group": group,
    "signals-ws": signals("signals-ws", "ws", "1.1", "frame", 500, 2, 4),
    "signals-longpoll": signals("signals-longpoll", "longpoll", "2", "post", 500, 2, 4),
    "signals-ws-100": signals("signals-ws-100", "ws", "1.1", "post", 10, 100, 4),
    "signals-longpoll-100": signals("signals-longpoll-100", "longpoll", "2", "post", 2, 100, 2),
    "polls": beside_nghttpd("polls", "/v1/events", False, 100, 1, 200000, poll_answered(30)),
    "polls-read": beside_nghttpd("polls-read", "/v1/events", False, 100, 1, 40000, poll_answered(0)),
    "trivial": beside_nghttpd("trivial", "/v1/discover", False, 50, 10, 400000),
    "trivial-tls": beside_nghttpd("trivial-tls", "/v1/discover", True, 50, 10, 400000),
    "login": login("login", False),
    "login-tls": login("login-tls", True),
    "login-resumed": login("login-resumed", True, "--resume"),
    "catchup": catchup,
    "storm": storm,
    "workers-1": with_workers(1),
    "workers-2": with_workers(2),
    **{f"idle-{way}-{http}{'-tls' if tls else ''}": idle(way, http, tls) for way, http, tls in IDLE},
    **{f"rate-{rate}": rate_at(rate) for rate in CURVE if rate != 1000},
}

# load/bench/rows.py - the table of what Posthorn must reach: each figure, its goals, and the runs it is taken from
from figures import Figure

# Measured earlier with another generator on the same kind of machine, never in this run: messages/s of ejabberd 23.01
# with its archive in Postgres, receivers by TCP and by BOSH's long polling.
EJABBERD, EJABBERD_BOSH = 2453, 2229
# Of which a run must have none at all.
NONE = ("lost", "doubled", "reordered", "gaps", "wrong")
KB = 1024

NAMES = {
    "1": "durable 1:1 messages by WebSocket, stored before acknowledged",
    "2": "the same, receivers on HTTP/2 long polling",
    "3": "against the bare send transaction on the same Postgres",
    "4": "CPU of posthornd a message, accepted and delivered, saturated",
    "5": "1,000 messages/s: from the scheduled time to delivery",
    "6": "a group of 100, an inbox row for each",
    "7": "signals, not stored",
    "8": "an idle connection, resident memory of posthornd",
    "9": "long-poll answers, 100 connections, one event, beside nghttpd",
    "10": "2 workers against 1",
    "11": "connect and the first answer to a token",
    "12": "lost, doubled, out of order, in all of these",
    "storm": "10,000 clients cut off, reconnecting over TLS with resumption",
    "catchup": "a cursor 10,000 events behind",
    "trivial": "a trivial route, h2load -c50 -m10, beside nghttpd",
}


def of(job, key, factor=1.0):
    return lambda results: results[job][key] * factor


def ratio(job, key, other, other_key):
    return lambda results: results[job][key] / results[other][other_key]


def broken(results):
    """What may never happen, over every run of the round."""
    return sum(result.get(name) or 0 for result in results.values() for name in NONE)


def throughput():
    yield Figure("1", "delivered", "/s", of("ws", "delivered_per_s"), 20000, 30000, jobs=("ws",))
    yield Figure("1", "times ejabberd's stored figure", "x", of("ws", "delivered_per_s", 1 / EJABBERD), 8, 12, digits=1,
                 jobs=("ws",), is_stored=True)
    yield Figure("2", "delivered", "/s", of("longpoll", "delivered_per_s"), jobs=("longpoll",))
    yield Figure("2", "times ejabberd BOSH's stored figure", "x", of("longpoll", "delivered_per_s", 1 / EJABBERD_BOSH), 8,
                 digits=1, jobs=("longpoll",), is_stored=True)
    yield Figure("2", "of row 1", "", ratio("longpoll", "delivered_per_s", "ws", "delivered_per_s"), aim=0.8, digits=2,
                 jobs=("longpoll", "ws"))
    yield Figure("3", "the bare transaction", "/s", of("floor", "messages_per_s"), jobs=("floor",))
    yield Figure("3", "delivered, of the bare transaction", "", ratio("ws", "delivered_per_s", "floor", "messages_per_s"),
                 0.5, 0.8, digits=2, jobs=("ws", "floor"))
    yield Figure("4", "posthornd", "us", of("ws", "server_us_per_message"), 24, 15, False, 1, ("ws",))
    yield Figure("4", "of what Postgres takes", "", ratio("ws", "server_us_per_message", "ws", "postgres_us_per_message"),
                 1, None, False, 2, ("ws",))


def latency():
    for quantile, must, aim in (("p50", 1.1, 0.75), ("p99", 10, 6), ("p999", 20, 12)):
        yield Figure("5", quantile.replace("999", "99.9"), "ms", of("rate-1000", f"delivered_{quantile}_ms"), must, aim,
                     False, 2, ("rate-1000",))


def many():
    yield Figure("6", "delivered", "/s", of("group", "delivered_per_s"), 50000, 100000, jobs=("group",))
    # The goals were set beside a server that passed on one message to one receiver; to many at once it is far cheaper.
    yield Figure("7", "1:1, by WebSocket", "/s", of("signals-ws", "delivered_per_s"), 70000, 100000, jobs=("signals-ws",))
    yield Figure("7", "1:1, by long polling", "/s", of("signals-longpoll", "delivered_per_s"), 30000, 43000,
                 jobs=("signals-longpoll",))
    yield Figure("7", "groups of 100, by WebSocket", "/s", of("signals-ws-100", "delivered_per_s"),
                 jobs=("signals-ws-100",))
    yield Figure("7", "groups of 100, by long polling", "/s", of("signals-longpoll-100", "delivered_per_s"),
                 jobs=("signals-longpoll-100",))


def memory():
    for name, job, most in (("HTTP/2", "idle-poll-2", 12 * KB), ("HTTP/2 over TLS", "idle-poll-2-tls", 26 * KB),
                            ("HTTP/1.1, polling", "idle-poll-1.1", KB),
                            ("HTTP/1.1, polling over TLS", "idle-poll-1.1-tls", 16 * KB),
                            ("WebSocket", "idle-ws-1.1", KB + KB // 2),
                            ("WebSocket over TLS", "idle-ws-1.1-tls", 16 * KB + KB // 2),
                            ("WebSocket over HTTP/2 and TLS", "idle-ws-2-tls", 26 * KB + KB // 2)):
        yield Figure("8", name, "bytes", of(job, "bytes_per_connection"), most, None, False, 0, (job,))


def beside():
    yield Figure("9", "answers at hand", "/s", of("polls", "requests_per_s"), jobs=("polls",))
    yield Figure("9", "of nghttpd's rate", "", ratio("polls", "requests_per_s", "polls-nghttpd", "requests_per_s"), 0.6,
                 0.8, digits=2, jobs=("polls", "polls-nghttpd"))
    yield Figure("9", "answers read from Postgres", "/s", of("polls-read", "requests_per_s"), jobs=("polls-read",))
    for name, job in (("cleartext", "trivial"), ("TLS", "trivial-tls")):
        yield Figure("trivial", f"requests, {name}", "/s", of(job, "requests_per_s"), jobs=(job,))
        yield Figure("trivial", f"of nghttpd's rate, {name}", "",
                     ratio(job, "requests_per_s", f"{job}-nghttpd", "requests_per_s"), 0.8, digits=2,
                     jobs=(job, f"{job}-nghttpd"))


def arrivals():
    yield Figure("11", "CPU of posthornd", "ms", of("login", "server_ms_per_login"), 0.37, 0.19, False, 3, ("login",))
    for name, job in (("the same over TLS", "login-tls"), ("over TLS, resumed", "login-resumed")):
        yield Figure("11", name, "ms", of(job, "server_ms_per_login"), None, None, False, 3, (job,))
    for count in (1, 2):
        yield Figure("10", f"delivered by {count}", "/s", of(f"workers-{count}", "delivered_per_s"), jobs=(f"workers-{count}",))
    yield Figure("10", "2 workers, of 1", "", ratio("workers-2", "delivered_per_s", "workers-1", "delivered_per_s"), 0.9, 1,
                 digits=2, jobs=("workers-2", "workers-1"))
    yield Figure("storm", "all caught up after", "s", of("storm", "caught_up_s"), 10, None, False, 2, ("storm",))
    yield Figure("storm", "live messages' p99 meanwhile", "ms", of("storm", "delivered_p99_ms"), 50, None, False, 1,
                 ("storm",))
    yield Figure("storm", "of them resumed", "", ratio("storm", "resumed", "storm", "connections"), digits=2,
                 jobs=("storm",))
    yield Figure("storm", "errors", "", of("storm", "errors"), 0, None, False, 0, ("storm",))
    yield Figure("catchup", "events", "/s", of("catchup", "events_per_s"), 100000, jobs=("catchup",))


def table():
    """Every figure, in the order of the page."""
    whole = [*throughput(), *latency(), *many(), *memory(), *beside(), *arrivals()]
    whole.append(Figure("12", "events", "", broken, 0, 0, False))
    order = list(NAMES)
    return sorted(whole, key=lambda figure: order.index(figure.row))


def jobs_of(figures, jobs):
    """The jobs that these figures need; a result that a job brings beside its own is named after it, or is the floor."""
    needed = {name for figure in figures for name in figure.jobs}
    needed |= {"ws"} if "floor" in needed else set()
    return [job for job in jobs if job in needed]

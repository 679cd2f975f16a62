#!/usr/bin/python3
"""scenes/test_ways_slow.py - silence: heartbeats of the server, and clients that do not read"""
import os
import re
import socket
import urllib.request

from scene import Gone, asyncio, play, time
from test_ways_open import keys, pair, until
from ways import STREAMS, Ended


# The address sanitizer keeps 256 MB of what was freed; here the memory of the server is looked at.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"


async def scene_heartbeats_in_silence(s):
    """All ways at once, 15 s each: a signal that tells the newest place; a WebSocket gets a ping, too."""
    a, b, c = await pair(s)
    people = [await s.device(b, "h2s" if n % 2 else "h2") for n in range(len(STREAMS))]

    async def one(way, http, who):
        r = await who.way(way, http, b.cursor)
        await r.next(10)
        began = time.monotonic()
        item = await r.next(35)
        took = time.monotonic() - began
        s.equal(item, {"signal": {"t": "head", "cursor": b.cursor}}, f"{way} {http}: a heartbeat")
        s.expect(14 < took < 25, f"{way} {http}: after 15 s", f"{took:.1f}")
        if way == "sse":
            s.equal(r.comments, [""], f"{way} {http}: a comment, too")
        if way == "socket":
            s.equal(r.ws.pings, 1, f"{way} {http}: with a ping")
        await asyncio.sleep(5)
        await gate.wait()
        events, items = await until(r, 1)
        s.equal((len(events), len(items)), (1, 1), f"{way} {http}: events go on")
        began = time.monotonic()
        item = await r.next(35)
        took = time.monotonic() - began
        s.expect(item["signal"]["cursor"] == r.cursor and 14 < took < 25,
                 f"{way} {http}: the silence begins with what was said last", f"{item} {took:.1f}")
        r.close()

    gate = asyncio.Event()
    tasks = [asyncio.create_task(one(way, http, who)) for (way, http), who in zip(STREAMS, people)]
    await asyncio.sleep(23)
    gate.set()
    await a.say(c, "hello")
    await asyncio.gather(*tasks)


def slow(r):
    """On HTTP/2 the window closes on whoever does not read; on HTTP/1.1 the socket fills, if it is small."""
    if r.http == "h1":
        r.line.reader._limit = 4096
        r.line.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)


def handed_on(s):
    return int(re.search(r"^posthorn_events_delivered_total (\d+)", metrics(s), re.M).group(1))


def rss_kb(process):
    with open(f"/proc/{process.pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


async def scene_who_stops_reading(s):
    """5,000 events flow past clients that don't read: little memory, and when they read on, all comes, in order."""
    a, b, c = await pair(s)
    start = b.cursor
    devices = [(way, http, await s.device(b)) for way, http in STREAMS]
    receivers = []
    for way, http, who in devices:
        r = await who.way(way, http, start, window=65535)
        await r.next(10)
        receivers.append(r)
        slow(r)
    before = rss_kb(s.house.process)
    text = "x" * 1700
    said = handed_on(s)
    for n in range(0, 5000, 640):
        done = await asyncio.gather(*(
            a.do("POST", "/v1/batch", {"requests": [
                {"do": "POST", "path": f"/v1/conversations/{c}/messages", "body": {"key": k, "text": text}}
                for k in keys(32)]}, wait_s=40) for _ in range(20)))
        s.equal({d.status for d in done}, {200}, "sent")
    await asyncio.sleep(1)
    said = handed_on(s) - said
    s.expect(said < 3 * 5120, "who does not read is not read for", f"{said} events went to {len(receivers)}")
    unsent = int(re.search(r"^posthorn_unsent_bytes (\d+)", metrics(s), re.M).group(1))
    s.expect(unsent < len(receivers) * 512 * 1024, "little waits to be sent", f"{unsent} bytes")
    grown = rss_kb(s.house.process) - before
    s.expect(grown < 64 * 1024, "the server keeps little of 6 MB for each of five", f"{grown} KiB more")
    head = (await b.events("now", move=False))["cursor"]
    wanted = list(range(int(start.split(".")[1]) + 1, int(head.split(".")[1]) + 1))
    for (way, http, _), r in zip(devices, receivers):
        found = []
        try:
            end = time.monotonic() + 30
            while len(found) < len(wanted) and time.monotonic() < end:
                found += [e["i"] for e in (await r.next(20)).get("events", [])]
            s.equal(found == wanted, True, f"{way} {http}: all of it, dense, when it reads on")
        except (Gone, Ended) as why:
            s.expect(False, f"{way} {http}: reads on", f"{why!r} after {len(found)}")
        r.close()


async def scene_who_never_reads_again(s):
    """30 s without progress end it."""
    a, b, c = await pair(s)
    receivers = []
    for way, http in STREAMS:
        who = await s.device(b)
        r = await who.way(way, http, b.cursor, window=65535)
        await r.next(10)
        slow(r)
        receivers.append((way, http, r))
    text = "y" * 16000
    for n in range(40):
        await asyncio.gather(*(a.say(c, text) for _ in range(12)))
    gauge = re.compile(r"^posthorn_receivers (\d+)", re.M)
    began = time.monotonic()
    while time.monotonic() - began < 55:
        left = int(gauge.search(await asyncio.to_thread(metrics, s)).group(1))
        if left == 0:
            break
        await asyncio.sleep(1)
    s.equal(left, 0, "who takes nothing for 30 s is let go")
    for way, http, r in receivers:
        r.close()


def metrics(s):
    with urllib.request.urlopen(f"http://127.0.0.1:{s.house.admin_port}/metrics", timeout=5) as answer:
        return answer.read().decode()


if __name__ == "__main__":
    play(globals())

# scenes/test_verbs_zz_operate.py - the node as its operator sees it: metrics, certificates, drain
import asyncio
from both import play_both
import signal
import socket
import urllib.request


def admin(s, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{s.house.admin_port}{path}", timeout=5) as answer:
        return answer.status, answer.read().decode()


async def scene_admin(s):
    s.equal("alive", admin(s, "/livez"), (200, "alive\n"))
    s.equal("ready", admin(s, "/readyz"), (200, "ready\n"))
    status, text = admin(s, "/metrics")
    names = {line.split(" ")[0] for line in text.splitlines() if not line.startswith("#")}
    s.check("metrics", {"posthorn_messages_sent_total", "posthorn_commits_total", "posthorn_connections"} <= names)
    s.check("no one waits", "posthorn_receivers 0" in text, text)
    await s.refused("not on the public listener", s.stranger(), "GET", "/metrics", 404, "not_found")


async def scene_reload(s):
    me = await s.person()
    s.house.process.send_signal(signal.SIGHUP)
    await asyncio.sleep(0.3)
    status, _ = await s.ask(me, "GET", "/v1/snapshot")
    s.equal("a connection outlives SIGHUP", status, 200)
    status, _ = await s.ask(s.stranger(), "GET", "/v1/discover")
    s.equal("new ones come", status, 200)


async def scene_drain(s):
    """SIGTERM: waiting polls are answered at once and told when to come again; then the node ends with 0."""
    me = await s.person()
    waiting = asyncio.ensure_future(s.ask(me, "GET", f"/v1/events?after={me.cursor}&wait=30", wait_s=10))
    await asyncio.sleep(0.3)
    house = s.house
    house.process.terminate()
    status, page = await waiting
    s.check("the poll is answered", status == 200 and page["events"] == [] and page["retry_ms"] > 0, f"{page}")
    me.http.close()
    ended = await asyncio.to_thread(house.process.wait, 20)
    s.equal("the node ends", ended, 0)
    with socket.socket() as probe:
        s.check("and is gone", probe.connect_ex(("127.0.0.1", house.port)) != 0)
    house.process = None
    await asyncio.to_thread(house.start_server)
    status, _ = await s.ask(me, "GET", f"/v1/events?after={me.cursor}")
    s.equal("and comes back, with the session and the cursor", status, 200)


if __name__ == "__main__":
    play_both(globals())

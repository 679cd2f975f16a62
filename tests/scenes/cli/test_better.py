"""tests/scenes/cli/test_better.py - a better way is taken when the network lets it: takes minutes, so only when named"""
import time

from network import Meddler
from test_ways import cleartext, cleartext_people, dense, login, messages, people, taken


def two_good_minutes_and_then_the_better_way(stage):
    with Meddler(stage.cleartext, strips=True) as network:
        login(stage, "strip", cleartext(network.port))
        texts = ["number %d" % n for n in range(150)]
        listener = stage.start("strip", "--json", "listen", "--ways", "--count", str(len(texts)), "--wait", "300")
        try:
            time.sleep(3)
            network.strips = False
            for text in texts:
                stage.ok("wim", "send", "wob", text)
                time.sleep(0.95)
            out, err = listener.communicate(timeout=300)
        finally:
            if listener.poll() is None:
                listener.kill()
        dense(out)
        assert messages(out) == texts, out
        assert taken(err) == ["server-sent events over HTTP/1.1, direct", "WebSocket over HTTP/1.1, direct"], err


SCENES = [people, cleartext_people, two_good_minutes_and_then_the_better_way]

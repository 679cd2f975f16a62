# wire/plain.py - one request on a connection of its own, without a loop
import http.client
import json


def ask(port, token, method, path, body=None, timeout_s=15):
    """Status and what was answered; 0: there was no answer."""
    wire = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        wire.request(method, path, body and json.dumps(body), {"Authorization": f"Bearer {token}", "Connection": "close",
                                                               "Content-Type": "application/json"})
        answer = wire.getresponse()
        return answer.status, json.loads(answer.read() or b"null")
    except (OSError, http.client.HTTPException):
        return 0, None
    finally:
        wire.close()

"""tests/scenes/cli/network.py - small networks that hinder: a tunnel proxy, and proxies that change what passes"""
import base64
import socket
import threading
import time


def read_head(s):
    head = b""
    while b"\r\n\r\n" not in head:
        part = s.recv(4096)
        if not part or len(head) > 65536:
            return b"", b""
        head += part
    head, _, rest = head.partition(b"\r\n\r\n")
    return head, rest


def pump(source, sink):
    try:
        while True:
            part = source.recv(16384)
            if not part:
                break
            sink.sendall(part)
    except OSError:
        pass
    for s in (source, sink):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Listener:
    """Accepts on 127.0.0.1:port and serves each connection in a thread."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                s, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.try_serve, args=(s,), daemon=True).start()

    def try_serve(self, s):
        try:
            self.serve(s)
        except OSError:
            pass
        finally:
            s.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


class TunnelProxy(Listener):
    """A proxy that knows CONNECT. user: "name:password" that it wants. answer: what it says instead of serving."""

    def __init__(self, user=None, answer=None):
        self.user, self.answer, self.tunnels, self.asked = user, answer, 0, []
        super().__init__()

    def serve(self, s):
        head, rest = read_head(s)
        lines = head.decode("latin-1").split("\r\n")
        self.asked.append(lines[0])
        wanted = "proxy-authorization: basic " + base64.b64encode((self.user or "").encode()).decode().lower()
        if self.answer:
            s.sendall(self.answer)
            return
        if not lines[0].startswith("CONNECT "):
            s.sendall(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            return
        if self.user and wanted not in [line.lower() for line in lines]:
            s.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x\r\n"
                      b"Content-Length: 0\r\n\r\n")
            return
        host, _, port = lines[0].split()[1].rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port))) as there:
            self.tunnels += 1
            s.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            if rest:
                there.sendall(rest)
            threading.Thread(target=pump, args=(there, s), daemon=True).start()
            pump(s, there)


class Meddler(Listener):
    """An HTTP/1.1 proxy in front of the cleartext port, one request a connection. strips: the Upgrade header.
    buffers: an answer is handed on when it is complete. methods: others are answered 405 by a page.
    ponders: what is not HTTP/1.1 gets no answer at all."""

    def __init__(self, target, strips=False, buffers=False, methods=None, ponders=False):
        self.target, self.strips, self.buffers, self.methods = target, strips, buffers, methods
        self.ponders = ponders
        self.seen = []
        super().__init__()

    def serve(self, s):
        head, rest = read_head(s)
        lines = head.decode("latin-1").split("\r\n")
        if not lines[0].endswith(" HTTP/1.1") and self.ponders:
            s.recv(65536)
            time.sleep(60)
            return
        if not lines[0].endswith(" HTTP/1.1"):
            s.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        self.seen.append(lines[0].split()[0])
        if self.methods and lines[0].split()[0] not in self.methods:
            s.sendall(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/html\r\nContent-Length: 9\r\n"
                      b"Connection: close\r\n\r\n<h1>no\r\n\r\n")
            return
        is_upgrade = any(line.lower().startswith("upgrade:") for line in lines)
        if self.strips:
            lines = [line for line in lines if not line.lower().startswith(("upgrade:", "connection:"))]
        if self.strips or not is_upgrade:
            lines = [line for line in lines if not line.lower().startswith("connection:")] + ["Connection: close"]
        with socket.create_connection(("127.0.0.1", self.target)) as there:
            there.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + rest)
            threading.Thread(target=pump, args=(s, there), daemon=True).start()
            if self.buffers:
                whole = b""
                while part := there.recv(16384):
                    whole += part
                s.sendall(whole)
            else:
                pump(there, s)

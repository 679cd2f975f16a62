#!/usr/bin/env python3
"""tests/wire/ports.py - free ports of 127.0.0.1 that stay free: below those that the system gives to connections

A server that is ended and started again must find its port again. Among the ports that connects draw from, one of
thousands of connections may sit on it by then. `tests/wire/ports.py N` prints N of them.
"""
import random
import socket
import sys

LOWEST = 10000


def lowest_given():
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as f:
            return int(f.read().split()[0])
    except OSError:
        return 32768


def free_port():
    above = max(lowest_given(), LOWEST + 1000)
    while True:
        port = random.SystemRandom().randrange(LOWEST, above)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


if __name__ == "__main__":
    print(*[free_port() for _ in range(int(sys.argv[1]))])

# check/recorder.py - the files of a run written from Python: histories as check/history.c writes them, and tables
import struct

DEVICE, SEND, ACKED, REFUSED, OPENED, EVENT, CLOSED, RESYNC, MEMBER, VISIBLE, GONE = range(1, 12)
NOW = 2**64 - 1

# As in history_fields: small and u32 have 7 bits a byte, the others 8 bytes, or what they need.
FIELDS = {
    DEVICE: "user:w id:w",
    SEND: "device:s key:k conversation:w hash:w counter:s",
    ACKED: "device:s key:k conversation:w seq:s id:w duplicate:f",
    REFUSED: "device:s key:k code:s",
    OPENED: "device:s connection:s timeline:s i:s text:t",
    EVENT: "device:s connection:s i:s event:s conversation:w seq:s id:w from:w key:k hash:w",
    CLOSED: "device:s connection:s text:t",
    RESYNC: "device:s timeline:s i:s",
    MEMBER: "conversation:w user:w seq:s to:s",
    VISIBLE: "device:s code:s text:t",
    GONE: "device:s text:t",
}


def hash64(text):
    value = 0xcbf29ce484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001b3 & (2**64 - 1)
    return value if text else 0


def small(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def encode(form, value):
    if form == "s":
        return small(value or 0)
    if form == "w":
        return struct.pack("<Q", value or 0)
    if form == "k":
        return struct.pack("<QQ", *(value or (0, 0)))
    if form == "f":
        return bytes([bool(value)])
    return (value or "").encode()[:100]


def history_bytes(records):
    """records: dicts with kind, ns and what the kind has."""
    out, before = bytearray(b"phist01\n"), 0
    for r in records:
        since, before = r["ns"] - before, r["ns"]
        body = bytes([r["kind"]]) + small(since * 2 if since >= 0 else -since * 2 - 1)
        for field in FIELDS[r["kind"]].split():
            name, form = field.split(":")
            body += encode(form, r.get(name))
        out += bytes([len(body)]) + body
    return bytes(out)


def signed(n):
    return n - 2**64 if n >= 2**63 else n


def table(rows):
    return "".join("\t".join(str(column) for column in row) + "\n" for row in rows)

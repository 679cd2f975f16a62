# check/story.py - a small run that went well, made up: a server, its database, its devices and what they wrote down
#
# Everything that a real run has: direct conversations and groups, one of them made without an event, members who come,
# go and come back, devices on all ways that lose their connection and come back at their cursor or before it, retries
# that are acknowledged twice, sends of unknown outcome, refusals, marks, a device that goes early.
import heapq
import random

import recorder as rec

MS = 1_000_000
MESSAGE, MEMBER, CONVERSATION, MARK = 1, 5, 6, 7
WAYS = ["WebSocket over HTTP/2", "SSE over HTTP/2", "long polling over HTTP/1.1", "polling", "pushed responses"]


def escape(text):
    return "".join({'"': '\\"', "\\": "\\\\", "\n": "\\n"}.get(c, c) for c in text)


class Device:
    def __init__(self, story, user, number):
        self.user, self.number, self.id = user, number, 900_000 + number
        self.cursor = self.connection = self.counter = 0
        self.is_open = self.is_gone = False
        self.busy = set()
        self.way = WAYS[number % len(WAYS)]


class Story:
    def __init__(self, seed, sends=400):
        self.dice = random.Random(seed)
        self.now = self.start = 5_000_000 * MS
        self.queue, self.order = [], 0
        self.left = sends
        self.ids = 1 << 40
        self.keys = 0
        self.conversations = {}         # id: {"seq", "id", "rows", "members": {user: joined}}
        self.inboxes = {}               # user: [(conversation, id, kind, row or None)]
        self.send_keys = []
        self.records = []               # of the one file; in the order of their time
        self.faults = []
        self.devices = []
        self.run()

    def later(self, ms, what, *args):
        self.order += 1
        heapq.heappush(self.queue, (self.now + int(ms * MS), self.order, what, args))

    def put(self, kind, device=None, **fields):
        self.records.append(dict(fields, kind=kind, ns=self.now, device=device.number if device else 0))

    def id(self):
        self.ids += self.dice.randrange(1, 9) << 12
        return self.ids

    # The server.
    def commit(self, conversation, sender, kind, body, text="", key=(0, 0), also=()):
        c = self.conversations[conversation]
        c["seq"] += 1
        c["id"] = self.id()
        row = {"conversation": conversation, "seq": c["seq"], "id": c["id"], "from": sender, "kind": kind, "key": key,
               "body": body, "hash": rec.hash64(text)}
        c["rows"].append(row)
        if key != (0, 0):
            self.send_keys.append([sender, key, conversation, row["id"], row["seq"]])
        for user in sorted(set(c["members"]) | set(also)):
            self.inboxes[user].append((conversation, row["id"], kind, row))
            self.wake(user)
        return row

    def wake(self, user):
        for device in self.devices:
            if device.user == user and device.is_open:
                self.later(self.dice.uniform(0.2, 5), self.deliver, device, device.connection)

    def mark(self, user, conversation):
        self.inboxes[user].append((conversation, self.id(), MARK, None))
        self.wake(user)

    # The devices.
    def deliver(self, device, connection):
        if not device.is_open or connection != device.connection:
            return
        inbox = self.inboxes[device.user]
        while device.cursor < len(inbox):
            conversation, id, kind, row = inbox[device.cursor]
            device.cursor += 1
            row = row or {"seq": 0, "from": device.user, "key": (0, 0), "hash": 0}
            self.put(rec.EVENT, device, connection=device.connection, i=device.cursor, event=kind,
                     conversation=conversation, seq=row["seq"], id=id, key=row["key"], hash=row["hash"],
                     **{"from": row["from"]})

    def open(self, device):
        if device.is_gone or device.is_open:
            return
        device.is_open = True
        device.connection += 1
        if self.dice.random() < 0.2:    # what it had not kept comes again
            device.cursor = max(0, device.cursor - self.dice.randrange(4))
        self.put(rec.OPENED, device, connection=device.connection, timeline=1, i=device.cursor, text=device.way)
        self.later(self.dice.uniform(0.1, 3), self.deliver, device, device.connection)

    def close(self, device, why):
        if device.is_open:
            device.is_open = False
            self.put(rec.CLOSED, device, connection=device.connection, text=why)

    def send(self):
        if self.left <= 0:
            return
        self.left -= 1
        self.later(self.dice.uniform(0.5, 4), self.send)
        device = self.dice.choice([d for d in self.devices if not d.is_gone])
        mine = [c for c, what in self.conversations.items() if device.user in what["members"]]
        conversation = self.dice.choice(mine)
        if conversation in device.busy:
            return
        device.busy.add(conversation)
        device.counter += 1
        self.keys += 1
        key = ((1_750_000_000_000 + self.keys) << 16 | self.dice.getrandbits(16), self.dice.getrandbits(64))
        text = self.dice.choice(["hi", "\u00fcber\nuns", 'said "no"', "a\\b", "\u732b" * 20]) + str(self.keys)
        send = dict(key=key, conversation=conversation, hash=rec.hash64(text), counter=device.counter)
        self.put(rec.SEND, device, **send)
        fate = self.dice.random()
        if fate < 0.02:                 # refused, and nothing of it stands
            self.later(3, self.refuse, device, send)
        elif fate < 0.04:               # lost on its way, never told: absent
            self.later(3, device.busy.discard, conversation)
        else:
            self.later(self.dice.uniform(0.5, 9), self.take, device, send, text, fate)

    def refuse(self, device, send):
        self.put(rec.REFUSED, device, key=send["key"], code=422)
        device.busy.discard(send["conversation"])

    def take(self, device, send, text, fate):
        members = self.conversations[send["conversation"]]["members"]
        if device.user not in members:  # gone meanwhile
            self.later(1, self.refuse, device, send)
            return
        row = self.commit(send["conversation"], device.user, MESSAGE, f'"text":"{escape(text)}","reply_to":3', text,
                          send["key"])
        if fate < 0.06:                 # it stands, and the answer got lost for ever
            self.later(3, device.busy.discard, send["conversation"])
        elif fate < 0.2:                # the answer came late, after a retry: both are the same
            self.later(5, self.send_again, device, send)
            self.later(6, self.acked, device, row, fate > 0.12)
            self.later(7, self.acked, device, row, True)
        else:
            self.later(self.dice.uniform(0.2, 4), self.acked, device, row, False)

    def send_again(self, device, send):
        self.put(rec.SEND, device, **send)

    def acked(self, device, row, is_duplicate):
        self.put(rec.ACKED, device, key=row["key"], conversation=row["conversation"], seq=row["seq"], id=row["id"],
                 duplicate=is_duplicate)
        device.busy.discard(row["conversation"])

    # Who comes and goes.
    def join(self, conversation, user):
        c = self.conversations[conversation]
        if user not in c["members"]:
            row = self.commit(conversation, min(c["members"]), MEMBER,
                              f'"user":"{user}","change":"joined","role":"member"', also=[user])
            c["members"][user] = row["seq"]
            self.put(rec.MEMBER, conversation=conversation, user=user, seq=row["seq"], to=0)

    def go(self, conversation, user, change):
        c = self.conversations[conversation]
        if user in c["members"] and len(c["members"]) > 2:
            row = self.commit(conversation, user, MEMBER, f'"user":"{user}","change":"{change}"')
            self.put(rec.MEMBER, conversation=conversation, user=user, seq=0, to=row["seq"])
            del c["members"][user]

    def make(self, conversation, users, with_event=True):
        self.conversations[conversation] = {"seq": 0, "id": 0, "rows": [], "members": {u: 1 for u in users}}
        if with_event:
            self.commit(conversation, users[0], CONVERSATION, '"kind":"group","title":"a \\"b\\""')

    def fault(self, number, kind, devices):
        self.faults.append(f"{self.now} begin {number} {kind} node {number % 3}")
        self.faults.append(f"{self.now} open after-faults")
        for device in devices:
            self.close(device, "reset")
            self.later(self.dice.uniform(20, 90), self.open, device)
        self.later(100, self.heal, number)

    def heal(self, number):
        self.faults.append(f"{self.now} end {number}")
        self.faults.append(f"{self.now} shut after-faults")

    def leave_early(self, device):
        self.close(device, "stopped")
        device.is_gone = True
        self.put(rec.GONE, device, text="stopped")

    def script(self):
        self.later(150, self.join, 70, 14)
        self.later(250, self.go, 70, 11, "left")
        self.later(300, self.fault, 1, "kill-worker", self.devices[:4])
        self.later(420, self.go, 70, 14, "removed")
        self.later(500, self.join, 70, 11)
        self.later(550, self.fault, 2, "stop", self.devices[3:])
        self.later(600, self.join, 71, 13)
        self.later(650, self.leave_early, self.devices[-1])
        self.later(700, self.go, 71, 13, "left")
        self.later(750, self.fault, 3, "kill-worker", self.devices[1:3])
        for ms in range(50, 800, 60):
            self.later(ms, self.mark, 10 + ms % 6, 50)
            self.later(ms + 20, self.reconnect)

    def reconnect(self):
        device = self.dice.choice(self.devices)
        self.close(device, "moved")
        self.later(10, self.open, device)

    def run(self):
        users = [10, 11, 12, 13, 14, 15]
        self.inboxes = {user: [] for user in users}
        for user in users + [10, 11, 12]:
            device = Device(self, user, len(self.devices))
            self.devices.append(device)
            self.put(rec.DEVICE, device, user=user, id=device.id)
        self.make(50, [10, 11])
        self.make(51, [12, 13])
        self.make(60, [14, 15], with_event=False)
        self.make(70, [10, 11, 12, 13])
        self.make(71, [10, 12, 14, 15])
        for device in self.devices:
            self.open(device)
        self.script()
        self.later(1, self.send)
        self.drain()
        for device in self.devices:
            self.open(device)
        self.drain()
        for device in self.devices:
            self.close(device, "end")

    def drain(self):
        while self.queue:
            self.now, _, what, args = heapq.heappop(self.queue)
            what(*args)

    # What is written.
    def tables(self):
        """Lists of rows that a corruption may change: name: [[column...]...]"""
        sign = rec.signed
        conversations, messages, members, mailboxes, inbox = [], [], [], [], []
        for id, c in sorted(self.conversations.items()):
            conversations.append([id, c["seq"], c["id"]])
            for r in c["rows"]:
                messages.append([id, r["seq"], r["id"], r["from"], r["kind"], sign(r["key"][0]), sign(r["key"][1]),
                                 r["body"].encode().hex()])
            members += [[id, user, joined] for user, joined in sorted(c["members"].items())]
        for user, rows in sorted(self.inboxes.items()):
            mailboxes.append([user, len(rows)])
            inbox += [[user, n + 1, conversation, id, kind] for n, (conversation, id, kind, _) in enumerate(rows)]
        keys = [[s, sign(key[0]), sign(key[1]), c, id, seq] for s, key, c, id, seq in self.send_keys]
        return {"conversation": conversations, "message": messages, "member": members, "mailbox": mailboxes,
                "inbox": inbox, "send_key": keys}

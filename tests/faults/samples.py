# faults/samples.py - what every process of the nodes holds during a run: memory, descriptors, and how late its loop answers
import os
import threading
import time

import injections

EVERY_S = 0.25
RSS_KIB_MAX, FDS_MAX, FDS_MORE_MAX, LAG_P99_S = 400 * 1024, 2000, 200, 0.05
CALM_AFTER_S = 3    # what starts anew has work to do before it answers as usual


def held(pid):
    """(resident KiB, descriptors) of a process; None when it is gone."""
    try:
        with open(f"/proc/{pid}/status") as file:
            kib = next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
        return kib, len(os.listdir(f"/proc/{pid}/fd"))
    except (OSError, StopIteration):
        return None


def quantile(ordered, share):
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def total(nodes):
    """(resident KiB, descriptors) of all processes of all nodes."""
    seen = [held(pid) or (0, 0) for node in nodes.nodes for pid in injections.processes(node)]
    return sum(kib for kib, _ in seen), sum(fds for _, fds in seen)


class Samples:
    """A thread that looks until it is told to end. Lag is the time a worker takes to say that it is ready, taken only while
    no fault is at work: what stands still on purpose says nothing about its loop."""

    def __init__(self, nodes):
        self.nodes, self.count, self.kib_max, self.fds_max = nodes, 0, 0, 0
        self.lags, self.lates, self.unanswered = [], [], 0
        self.calm_from = 0.0
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()

    def fault(self, begins):
        self.calm_from = float("inf") if begins else time.monotonic() + CALM_AFTER_S

    def look(self):
        while True:
            due = time.monotonic() + EVERY_S
            if self.is_over.wait(EVERY_S):
                return
            self.lates.append(time.monotonic() - due)
            for node in self.nodes.nodes:
                self.look_at(node)

    def look_at(self, node):
        for pid in injections.processes(node):
            both = held(pid)
            if both:
                self.count += 1
                self.kib_max, self.fds_max = max(self.kib_max, both[0]), max(self.fds_max, both[1])
        begun = time.monotonic()
        if begun < self.calm_from:
            return
        is_ready = node.ready()
        took = time.monotonic() - begun
        if time.monotonic() < self.calm_from:
            return      # a fault began meanwhile
        if is_ready:
            self.lags.append(took)
        else:
            self.unanswered += 1

    def end(self):
        self.is_over.set()
        self.thread.join(10)
        self.lags.sort()
        self.lates.sort()

    def lag_max(self):
        """Question and answer wait for a processor as this thread does: on a machine that others use, that is no lag."""
        return LAG_P99_S + 2 * quantile(self.lates, 0.99)

    def wrong(self, begun, after):
        """What exceeds its bound, in words, with the totals of before and after the run."""
        found = []
        if after[1] > begun[1] + FDS_MORE_MAX:
            found.append(f"{after[1] - begun[1]} descriptors more than at first")
        if self.kib_max > RSS_KIB_MAX:
            found.append(f"a process of {self.kib_max} KiB")
        if self.fds_max > FDS_MAX:
            found.append(f"a process with {self.fds_max} descriptors")
        if not self.count:
            found.append("no process was ever seen")
        if len(self.lags) >= 100 and quantile(self.lags, 0.99) > self.lag_max():
            found.append(f"loop lag p99 {quantile(self.lags, 0.99) * 1e3:.0f} ms, at most {self.lag_max() * 1e3:.0f}")
        if self.unanswered > 1 + len(self.lags) // 100:
            found.append(f"not ready {self.unanswered} times without a fault")
        return found

    def line(self):
        lag = " / ".join(f"{quantile(self.lags, share) * 1e3:.1f}" for share in (0.5, 0.99, 1))
        return (f"largest process {self.kib_max} KiB, {self.fds_max} descriptors, {self.count} samples; loop lag without a "
                f"fault p50 / p99 / max {lag} ms of {len(self.lags)} (the sampler itself was {quantile(self.lates, 0.99) * 1e3:.1f} "
                f"ms late), not ready {self.unanswered}")

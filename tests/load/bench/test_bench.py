#!/usr/bin/python3
"""tests/load/bench/test_bench.py - what the bench computes: medians, verdicts, which runs are trusted, its pictures

Prints "N passed, M failed".
"""
import math
import os
import socket
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

import jobs                             # first: it makes the other folders importable
import bench
import machine
import main
import page
import picture
import rows
from chat import Score
from figures import Figure, Outcome, gather, goal, is_bad, missed_by, spread, tally, verdict

SVG = "{http://www.w3.org/2000/svg}"


def outcome(values, must=None, aim=None, is_more_better=True, **more):
    return Outcome(Figure("1", "x", "/s", None, must, aim, is_more_better), values, **more)


def refuses(action, *arguments):
    """The exit status of what ends the program, the words of what fails; None when it does neither."""
    try:
        action(*arguments)
    except SystemExit as why:
        return why.code
    except jobs.Failed as why:
        return str(why)
    return None


def check_verdicts(score):
    for want, values, must, aim, more in (
            ("aim", [30000], 20000, 30000, True), ("must", [29999], 20000, 30000, True),
            ("must", [20000], 20000, 30000, True), ("missed", [19999], 20000, 30000, True),
            ("missed", [16000], 20000, None, True), ("far", [15999], 20000, None, True),
            ("aim", [15], 24, 15, False), ("must", [24], 24, 15, False), ("missed", [28.8], 24, 15, False),
            ("far", [28.9], 24, 15, False), ("aim", [0], 0, 0, False), ("far", [1], 0, 0, False),
            ("aim", [5], 4, None, True), ("-", [5], None, None, True), ("failed", [], 4, 5, True),
            ("aim", [1, 9, 9], 9, 9, True), ("far", [1, 1, 9], 9, 9, True), ("must", [0.7], None, 0.8, True)):
        got = verdict(outcome(values, must, aim, more))
        score.check(f"{values} beside {must}, {aim} ({'more' if more else 'less'} is better)", got == want, got)
    broken = outcome([30000], 20000, why="round 2 broke")
    score.check("a round that broke fails the figure", verdict(broken) == "failed" and is_bad(broken))
    score.check("only far and failed fail the run", [is_bad(outcome([v], 10)) for v in (10, 8.1, 7.9)] ==
                [False, False, True])
    score.check("missed by", math.isclose(missed_by(15, 20, True), 0.25) and math.isclose(missed_by(25, 20, False), 0.25) and
                missed_by(21, 20, True) == 0)
    counts = tally([outcome([1], 2), outcome([2], 2), outcome([], 2), outcome([1])])
    score.check("verdicts are counted", (counts["far"], counts["aim"], counts["failed"], counts["-"]) == (1, 1, 1, 1),
                str(counts))


def check_figures(score):
    figure = Figure("3", "of", "", rows.ratio("ws", "a", "floor", "b"), 0.5, digits=2, jobs=("ws", "floor"))
    good = [{"ws": {"a": n}, "floor": {"b": 4}} for n in (3, 1, 2)]
    score.check("the median of the rounds' ratios", gather(figure, good).middle == 0.5)
    score.check("least and most", spread(gather(figure, good)) == "0.50 (0.25 to 0.75)", spread(gather(figure, good)))
    score.check("one round has no spread", spread(gather(figure, good[:1])) == "0.75")
    for what, bad in (("a job that broke", {"ws": {"a": 3}, "floor": {"failed": "no"}}), ("a job not run", {"ws": {"a": 3}}),
                      ("a key not told", {"ws": {}, "floor": {"b": 4}}),
                      ("a ratio to nothing", {"ws": {"a": 3}, "floor": {"b": 0}})):
        score.check(f"{what} fails the figure", verdict(gather(figure, [*good, bad])) == "failed")
    noisy = gather(figure, [*good[:2], {"ws": {"a": 2, "noisy": True}, "floor": {"b": 4}}])
    score.check("a noisy round is marked", noisy.is_noisy and "not quiet" in page.said(noisy), page.said(noisy))
    score.check("goals", [goal(v, f) for v, f in ((20000, Figure("", "", "", None)), (1.1, Figure(
        "", "", "", None, is_more_better=False, digits=2)), (None, figure))] == ["20,000", "≤ 1.1", ""])


def check_trust(score):
    sound = {"sent": 5, "acked": 5, "delivered": 5, "exit": 0, "server_cpu_s": 0.5, "postgres_cpu_s": 0.2, "lost": 0}
    score.check("a sound run is trusted", "failed" not in jobs.judge(sound))
    for what, wrong in (("lost", {"lost": 1}), ("doubled", {"doubled": 2}), ("errors", {"errors": 1}), ("exit", {"exit": 1}),
                        ("not acked", {"acked": 4}), ("not delivered", {"delivered": 4}), ("nothing sent",
                        {"sent": 0, "acked": 0, "delivered": 0}), ("no CPU", {"server_cpu_s": 0}),
                        ("Postgres idle", {"postgres_cpu_s": 0.0}), ("no memory", {"server_rss_kb": 0})):
        score.check(f"{what}: not trusted", jobs.judge({**sound, **wrong}).get("failed"))
    score.check("what does not count messages need not balance", "failed" not in jobs.judge({"exit": 0}, False))
    with socket.socket() as s, socket.socket() as silent:
        s.bind(("127.0.0.1", 0))
        silent.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        score.check("a port of one's own", machine.listens(port, os.getpid()))
        score.check("a port that somebody else holds", not machine.listens(port, os.getppid()))
        score.check("a port that nobody answers", not machine.listens(silent.getsockname()[1], os.getpid()))


def check_strangers(score):
    """A program of a program's own program is not ours: it must be seen, and our own must not."""
    spin = "import time; end = time.process_time() + 0.4\nwhile time.process_time() < end: pass"
    with bench.Others() as others:
        subprocess.run([sys.executable, "-c", spin], check=True)
    own = others.cores
    stranger = subprocess.Popen(["sh", "-c", f"sh -c '{sys.executable} -c \"{spin}\"; true'; true"])
    with bench.Others() as others:
        time.sleep(0.3)
    stranger.wait()
    score.check("a stranger's cores are seen, and our own are not", others.cores > own + 0.1, f"{others.cores} {own}")


class Loud:
    """Strangers whose noise is known beforehand."""
    noise = []

    def __init__(self, *_):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cores, self.stolen = Loud.noise.pop(0)


class Quiet(jobs.Bench):
    """A bench without a server."""

    def __init__(self):
        self.house = type("house", (), {"process": type("process", (), {"pid": 1, "poll": lambda _: None})()})()
        self.postmaster, self.tries, self.again_until = 1, 0, time.monotonic() + 60

    def settle(self):
        pass

    def job(self, bench):
        self.tries += 1
        return {"ws": {"n": self.tries}}


def check_attempts(score):
    real, jobs.Others = jobs.Others, Loud
    try:
        for what, noise, kept, tries, noisy in (
                ("a quiet run is made once", [(0.1, 0.1)], 1, 1, False),
                ("a run beside strangers is made again", [(0.3, 0), (0.1, 0)], 2, 2, False),
                ("what the host keeps counts", [(0.2, 0.1), (0, 0)], 2, 2, False),
                ("the quietest of three is kept and marked", [(0.9, 0), (0.3, 0), (0.5, 0)], 2, 3, True)):
            Loud.noise, bench = list(noise), Quiet()
            result = bench.attempt("ws", bench.job)["ws"]
            score.check(what, (result["n"], bench.tries, result["noisy"]) == (kept, tries, noisy), f"{result} {bench.tries}")
        Loud.noise, bench = [(0.9, 0)], Quiet()
        score.check("memory is measured once, whoever is at work", not bench.attempt("idle-poll-2", bench.job)["ws"]["noisy"]
                    and bench.tries == 1)
        Loud.noise, bench = [(0.9, 0), (0, 0)], Quiet()
        bench.again_until = 0
        bench.attempt("ws", bench.job)
        score.check("without time there is one attempt", bench.tries == 1)
        Loud.noise = [(0, 0)]

        def breaks(_):
            raise jobs.Failed("no such workload")
        score.check("a run that breaks is told", Quiet().attempt("ws", breaks)["ws"]["failed"] == "no such workload")
        Loud.noise = [(0, 0)]
        score.check("the bench ends when it is told to", refuses(Quiet().attempt, "ws", lambda _: sys.exit(143)) == 143)
    finally:
        jobs.Others = real


def check_programs(score):
    bench = Quiet()
    said = bench.run("sh", "-c", "echo noise; echo '{\"a\":1}'; exit 1")
    score.check("the last line is the result, with the exit status", said == {"a": 1, "exit": 1}, str(said))
    score.check("no result is a failure", "usage" in (refuses(bench.run, "sh", "-c", "echo usage >&2; exit 2") or ""))
    score.check("too long is a failure", "not done" in (refuses(lambda: bench.run("sleep", 9, timeout_s=0.1)) or ""))


def check_steps(score):
    score.check("round steps", picture.round_steps(25000) == [0, 5000, 10000, 15000, 20000, 25000],
                str(picture.round_steps(25000)))
    for most in (1, 7, 999, 1001, 24999, 130000):
        steps = picture.round_steps(most)
        score.check(f"steps to {most}", steps[0] == 0 and steps[-1] >= most > steps[-2] and 3 <= len(steps) <= 9, str(steps))
    for least, most in ((0.3, 40), (1, 1), (0.52, 0.53), (5, 5000)):
        steps = picture.log_steps(least, most)
        score.check(f"steps from {least} to {most}", steps[0] <= least and steps[-1] >= most and len(steps) > 1, str(steps))


def check_picture(score):
    chart = picture.Chart("a < b & \"c\"", "x <", "y &", True, "about > this")
    chart.add(picture.Line("one & two", [(500, 0.5, 0.4, 0.9), (20000, 80, 60, 200)], 0))
    chart.add(picture.Line("close", [(500, 0.5), (20000, 81)], 1))
    chart.add(picture.Line("nothing", [], 2))
    tree = xml.fromstring(chart.svg())
    texts = ["".join(node.itertext()) for node in tree.iter(f"{SVG}text")]
    score.check("names, units and title are there", all(word in texts for word in (
        "a < b & \"c\"", "x <", "y &", "about > this", "one & two", "close")), str(texts))
    lines = [[tuple(map(float, point.split(","))) for point in node.get("points").split()]
             for node in tree.iter(f"{SVG}polyline")]
    score.check("a line for each that has points", len(lines) == 2)
    frame = next(node for node in tree.iter(f"{SVG}rect") if node.get("class") == "frame")
    left, top, wide, high = (float(frame.get(name)) for name in ("x", "y", "width", "height"))
    score.check("points are inside the frame", all(left <= x <= left + wide and top <= y <= top + high
                                                   for line in lines for x, y in line), str(lines))
    score.check("more is higher, later is further right", lines[0][0][1] > lines[0][1][1] and
                lines[0][0][0] < lines[0][1][0])
    names = [float(node.get("y")) for node in tree.iter(f"{SVG}text") if "".join(node.itertext()) in ("one & two", "close")]
    score.check("names are apart", abs(names[0] - names[1]) >= 15, str(names))
    bars = [node for node in tree.iter(f"{SVG}line") if (node.get("class") or "").startswith("band")]
    score.check("bars from least to most", len(bars) == 2)
    score.check("dark and light", "prefers-color-scheme: dark" in chart.svg())


def fake_rounds(count):
    """Rounds in which every job told every figure, so that the page can be seen."""
    told = ("delivered_per_s", "server_us_per_message", "postgres_us_per_message", "messages_per_s", "requests_per_s",
            "delivered_p50_ms", "delivered_p99_ms", "delivered_p999_ms", "bytes_per_connection", "server_ms_per_login",
            "caught_up_s", "connections", "resumed", "events_per_s", "seconds", "server_cpu_s", "strangers", "stolen")
    names = [*jobs.JOBS, "floor", *(f"{job}-nghttpd" for job in ("polls", "polls-read", "trivial", "trivial-tls"))]
    result = {**{key: 1.5 for key in told}, "errors": 0, "delivered": 7, "noisy": False}
    rounds = []
    for _ in range(count):
        rounds.append({name: dict(result) for name in names})
        for name in names:
            if name.startswith("rate-"):
                rounds[-1][name]["offered_per_s"] = int(name.split("-")[1])
    return rounds


def check_table(score):
    table, rounds = rows.table(), fake_rounds(2)
    score.check("every row of the design", {str(n) for n in range(1, 13)} <= set(rows.NAMES) and
                {figure.row for figure in table} == set(rows.NAMES))
    unknown = {job for figure in table for job in figure.jobs} - set(rounds[0])
    score.check("every figure's runs exist", not unknown, str(unknown))
    score.check("a row names the jobs that it needs", rows.jobs_of([f for f in table if f.row == "3"], jobs.JOBS) == ["ws"] and
                rows.jobs_of([f for f in table if f.row == "9"], jobs.JOBS) == ["polls", "polls-read"])
    outcomes = [gather(figure, rounds) for figure in table]
    broken = [o.figure.what for o in outcomes if verdict(o) == "failed"]
    score.check("every figure has a value when every run told one", not broken, str(broken))
    rounds[1]["idle-ws-1.1"]["lost"] = 3
    rounds[1]["idle-ws-1.1"]["failed"] = "3 lost"
    twelve = gather(next(f for f in table if f.row == "12"), rounds)
    for name in ("lost", "doubled", "reordered", "gaps", "wrong"):
        score.check(f"what is {name} counts", rows.broken({"ws": {}, "storm": {name: 2}}) == 2)
    score.check("what any run lost counts", twelve.values == [0, 3] and is_bad(twelve), str(twelve.values))


def check_page(score):
    rounds, run = fake_rounds(3), {"date": "today", "command": "scripts/bench", "cores": 2, "seconds": 100, "machine": {},
                                   "settings": {"fsync": "on"}}
    rounds[2]["storm"] = {"failed": "it could not run", "noisy": False}
    outcomes = [gather(figure, rounds) for figure in rows.table()]
    text = page.markdown(run, outcomes, rounds)
    score.check("every figure stands on the page", all(o.figure.what in text for o in outcomes))
    score.check("what failed is said", "failed: round 3, storm: it could not run" in text)
    score.check("no blanks at a line's end", all(line == line.rstrip() for line in text.splitlines()))
    score.check("stored figures are named as such", "stored figure" in text and "2,453" in text and "2,229" in text)
    pictures = page.pictures(rounds)
    score.check("two pictures, and the page shows them", len(pictures) == 2 and all(f"]({name})" in text for name in pictures))
    for name, svg in pictures.items():
        score.check(f"{name} is XML", xml.fromstring(svg).tag == f"{SVG}svg")
    last = page.last_line(outcomes)
    score.check("one last line", "\n" not in last and " failed: " in last, last)
    told = page.as_json(run, outcomes, rounds)
    score.check("JSON has every figure and run", len(told["figures"]) == len(outcomes) and
                told["runs"]["ws"]["delivered_per_s"] == 1.5)


def check_options(score):
    stderr, sys.stderr = sys.stderr, open(os.devnull, "w")
    try:
        score.check("an unknown row is refused", refuses(main.options_of, ["--rows", "1,99"]) == 2)
        score.check("no rounds are refused", refuses(main.options_of, ["--rounds", "-1"]) == 2)
    finally:
        sys.stderr.close()
        sys.stderr = stderr
    quick, whole, some = (main.options_of(words) for words in (["--quick"], [], ["--rows", "1"]))
    score.check("quick: one round, no curve, nothing written", (quick.rounds, quick.docs) == (1, None) and
                "curve" not in quick.rows)
    score.check("whole: three rounds, the curve, docs", (whole.rounds, os.path.basename(whole.docs)) == (3, "docs") and
                "curve" in whole.rows)
    score.check("some rows: docs are left alone", some.docs is None and some.rows == ["1"])


def run():
    score = Score()
    for check in (check_verdicts, check_figures, check_trust, check_attempts, check_programs, check_steps, check_picture,
                  check_strangers, check_table, check_page, check_options):
        check(score)
    return score.end()


if __name__ == "__main__":
    sys.exit(run())

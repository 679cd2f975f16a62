# load/bench/page.py - a run as a page: the table for a terminal, for docs/performance.md, and as JSON
import statistics
import textwrap

from figures import goal, is_bad, missed_by, number, spread, tally, verdict
from picture import Chart, Line
from rows import NAMES

WORDS = {"aim": "aim reached", "must": "reached", "-": ""}
FULL = 0.93                             # of a core: a thread that does more has no more to give


def said(outcome):
    """The verdict in words."""
    which = verdict(outcome)
    figure = outcome.figure
    text = WORDS.get(which)
    if which == "failed":
        text = f"failed: {outcome.why}"
    elif text is None:
        short = missed_by(outcome.middle, figure.must, figure.is_more_better)
        text = "missed" if short == float("inf") else f"missed by {100 * short:.0f} %"
    elif which == "aim" and figure.aim is None:
        text = "reached"
    elif which == "must" and figure.must is None:
        text = f"aim missed by {100 * missed_by(outcome.middle, figure.aim, figure.is_more_better):.0f} %"
    noisy = "not quiet" if outcome.is_noisy and which != "failed" else ""
    return ", ".join(filter(None, (text, noisy)))


def measured(outcome):
    unit = outcome.figure.unit if outcome.values else ""
    return spread(outcome) + (f" {unit}" if unit and unit[0] != "/" else unit)


def terminal(outcomes):
    """The table as lines of text."""
    lines, row = [], None
    for outcome in outcomes:
        figure = outcome.figure
        if figure.row != row:
            row = figure.row
            lines.append(f"{row:>7}  {NAMES[row]}")
        lines.append(f"         {figure.what[:36]:36} {measured(outcome):38} {goal(figure.must, figure):>9} "
                     f"{goal(figure.aim, figure):>9}  {said(outcome)}".rstrip())
    return lines


def last_line(outcomes):
    """Everything that has a goal in one line, the worst verdicts first."""
    counts = tally(outcomes)
    judged = [outcome for outcome in outcomes if outcome.figure.must is not None]
    figures = ", ".join(f"{outcome.figure.row} {outcome.figure.what.replace(',', '')} "
                        f"{number(outcome.middle, outcome.figure.digits)}{'!' if is_bad(outcome) else ''}"
                        for outcome in judged)
    return (f"{counts['aim'] + counts['must']} reached, {counts['missed']} missed, {counts['far']} by more than a fifth, "
            f"{counts['failed']} failed: {figures}")


# --- what was full ----------------------------------------------------------------------------------------------

def median_of(results, key):
    values = [result[key] for result in results if isinstance(result.get(key), (int, float))]
    return statistics.median(values) if values else None


def shares(results):
    """Cores of the server, Postgres and the generator while it was measured; of strangers and the host all the while."""
    seconds = median_of(results, "seconds")
    cores = {}
    for who in ("server", "postgres", "load"):
        spent = median_of(results, f"{who}_cpu_s")
        cores[who] = spent / seconds if spent is not None and seconds else None
    cores["strangers"], cores["stolen"] = median_of(results, "strangers"), median_of(results, "stolen")
    return cores


def what_was_full(cores, count):
    known = [cores[who] for who in ("server", "postgres", "load") if cores[who] is not None]
    if not known:
        return ""
    if sum(known) + (cores["strangers"] or 0) + (cores["stolen"] or 0) >= FULL * count:
        return "every core"
    if (cores["server"] or 0) >= FULL:
        return "the server's thread"
    return "nothing"


def by_job(rounds):
    names = list(dict.fromkeys(name for results in rounds for name in results))
    return {name: [results[name] for results in rounds if name in results and not results[name].get("failed")]
            for name in names}


def full_table(rounds, count):
    yield "| run | server | Postgres | generator | strangers | host | full | delivered | p50, p99 ms to delivery |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, results in by_job(rounds).items():
        if not results:
            continue
        cores = shares(results)
        if cores["server"] is None and cores["postgres"] is None:
            continue                    # it measures memory
        sent = sum(result.get("delivered", 0) for result in results)
        times = ", ".join(number(median_of(results, f"delivered_{q}_ms"), 1) for q in ("p50", "p99"))
        yield (f"| {name} | {' | '.join(number(share, 2) for share in cores.values())} "
               f"| {what_was_full(cores, count)} | {f'{sent:,}' if sent else ''} | {'' if times == '-, -' else times} |")


# --- pictures -----------------------------------------------------------------------------------------------------

def curve(rounds):
    """offered rate -> results, of the runs at an offered rate, in rising order."""
    points = {}
    for results in by_job(rounds).values():
        for result in results:
            if "offered_per_s" in result:
                points.setdefault(result["offered_per_s"], []).append(result)
    return dict(sorted(points.items()))


def points_of(points, key):
    line = []
    for rate, results in points.items():
        values = [result[key] for result in results if result.get(key)]
        if values:
            line.append((rate, statistics.median(values), min(values), max(values)))
    return line


def pictures(rounds):
    """File name -> SVG; nothing without at least two offered rates."""
    points = curve(rounds)
    if len(points) < 2:
        return {}
    about = "1:1 by WebSocket, stored before acknowledged; " + (
        "one round" if len(rounds) == 1 else f"medians of {some_rounds(rounds)}, bars from least to most")
    rate = Chart("Throughput against load", "messages offered a second", "messages a second", about=about)
    rate.add(Line("offered", [(offered, offered) for offered in points], 4, False))
    rate.add(Line("delivered", points_of(points, "delivered_per_s"), 0))
    time = Chart("Latency against load", "messages offered a second", "milliseconds from the scheduled time", True, about)
    # What is acknowledged is delivered at nearly the same time: its line lies below the others.
    time.add(Line("acknowledged p50", points_of(points, "ack_p50_ms"), 3, False))
    for colour, (name, key) in enumerate((("delivered p50", "delivered_p50_ms"), ("delivered p99", "delivered_p99_ms"),
                                          ("delivered p99.9", "delivered_p999_ms"))):
        time.add(Line(name, points_of(points, key), colour))
    return {"performance-throughput.svg": rate.svg(), "performance-latency.svg": time.svg()}


# --- the page -----------------------------------------------------------------------------------------------------

def some_rounds(rounds):
    return "one round" if len(rounds) == 1 else f"{len(rounds)} rounds"


HEAD = """# Performance

This page is written by `scripts/bench`; nobody edits it. The table is that of the design: what Posthorn must reach, and
what it aims at. Each figure is the median of {rounds} (least to most); a round runs every row once, and a row's
competitor directly after it. Server, Postgres and generator share the machine's cores: the ratios and the CPU seconds
carry over to another machine, the rates do not.
"""

DURABLE = """## What the words mean

- **durable**: acknowledged after Postgres's COMMIT with `fsync`, `synchronous_commit` and `full_page_writes` on; the
  run refuses to start without them. A message is one row, an inbox row for each member (the sender too), and its key.
- **delivered**: arrived at the receiver's connection, parsed, and checked: once, in order, no gap in the inbox. A run
  in which what was sent, acknowledged and delivered is not the same number has failed, and so has its row.
- **the work**: texts of 100 bytes, 500 pairs with 4 messages on the way each (rows 1 to 4, and 7 one to one), two
  generator processes, in the clear. Row 5 and the pictures send at scheduled times, whatever comes back, and count from
  those. Row 6 is one sender in one group of 100; row 8 holds 10,000 connections with an account each; row 11 connects
  2,000 accounts that the server does not know yet.
- **settings**: what stands above and Postgres's defaults else; a checkpoint is made before each run.
  Autovacuum is on, and its CPU counts as Postgres's.
- **strangers**: cores that went to programs which take no part; **host**: what the machine's own host kept from it. A
  run beside more than 0.25 of both is made again, up to twice; the quietest counts, and is marked when it was not quiet.
- **ejabberd's stored figure**: 2,453 messages/s by TCP and 2,229 by BOSH, ejabberd 23.01 with its archive in the same
  version of Postgres, measured earlier with another generator on the same kind of machine (2 cores). It is quoted, not
  measured in this run. nghttpd and the bare transaction are measured in this run.
"""

FULL_WORDS = """## What was full

Cores of each while it was measured (strangers and host: all the while), medians of the rounds. At an unlimited rate
p50 is the number of messages on the way divided by the rate, and no property of the server.
"""


def markdown(run, outcomes, rounds):
    """The page; run: date, command, machine, settings, cores, seconds."""
    lines = [HEAD.format(rounds=some_rounds(rounds))]
    about = {"Date": run["date"], "Command": f"`{run['command']}`", **run["machine"],
             "Postgres's settings": ", ".join(f"{name} = {value}" for name, value in run["settings"].items())}
    for name, words in about.items():
        lines += textwrap.wrap(f"- {name}: {words}", 118, subsequent_indent="  ", break_on_hyphens=False)
    lines += ["", "## The table", "", "| # | figure | measured | must | aim | |", "|---|---|---|---|---|---|"]
    row = None
    for outcome in outcomes:
        figure = outcome.figure
        if figure.row != row:
            row = figure.row
            lines.append(f"| **{row}** | **{NAMES[row]}** | | | | |")
        lines.append(f"| | {figure.what} | {measured(outcome)} | {goal(figure.must, figure)} | {goal(figure.aim, figure)} "
                     f"| {said(outcome)} |")
    names = [name for name in pictures(rounds)]
    if names:
        lines += ["", "## Against load", ""]
        lines += [f"![{name.split('-')[1].split('.')[0].capitalize()} against load]({name})" for name in names]
    lines += ["", DURABLE, FULL_WORDS]
    lines += full_table(rounds, run["cores"])
    lines += ["", f"The run took {run['seconds'] / 60:.0f} minutes. Its figures as JSON: performance.json."]
    return "\n".join(lines) + "\n"


def as_json(run, outcomes, rounds):
    """For other programs: every figure, and the medians of whatever each run told."""
    figures = [{"row": o.figure.row, "what": o.figure.what, "unit": o.figure.unit, "median": o.middle,
                "least": min(o.values, default=None), "most": max(o.values, default=None), "must": o.figure.must,
                "aim": o.figure.aim, "verdict": verdict(o)} for o in outcomes]
    runs = {}
    for name, results in by_job(rounds).items():
        keys = [key for key, value in (results[0] if results else {}).items()
                if isinstance(value, (int, float)) and not isinstance(value, bool)]
        runs[name] = {key: median_of(results, key) for key in keys}
    return {**run, "rounds": len(rounds), "figures": figures, "runs": runs}

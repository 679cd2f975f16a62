#!/usr/bin/python3
"""scripts/bench [--quick] [--rows 1,3,storm] [--rounds 3] [--seconds 4] [--docs DIR] - what must be reached

Builds a release, starts a private Postgres and posthornd, runs every row of the table three times interleaved (a row's
competitor directly after it), and prints medians with least and most beside the goals. The whole table is written to
docs/performance.md, with its pictures. --quick: one round, under 5 minutes, nothing written; the last line is one line
of figures. --rows: only these, and "curve" for the pictures. --docs: writes the page there, whatever was run.
Exit: 0, 1 when a "must" is missed by more than a fifth or a row can't run, 2 when nothing could be measured.
"""
import argparse
import json
import os
import sys
import time

import figures
import jobs
import machine
import page
import rows

TOP = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", ".."))
TOLD = ("delivered_per_s", "messages_per_s", "events_per_s", "requests_per_s", "bytes_per_connection", "caught_up_s",
        "server_ms_per_login", "server_us_per_message", "delivered_p99_ms")


def options_of(arguments):
    options = argparse.ArgumentParser(prog="scripts/bench", description=__doc__.split("\n")[0])
    options.add_argument("--quick", action="store_true", help="one round, under 5 minutes, nothing written")
    options.add_argument("--rows", help="only these rows, separated by commas")
    options.add_argument("--rounds", type=int)
    options.add_argument("--seconds", type=float, help="that each run is measured")
    options.add_argument("--docs", help="where the page is written")
    options.add_argument("--build", default=os.path.join(TOP, "build", "bench"), help="directory of a release build")
    args = options.parse_args(arguments)
    args.rounds = args.rounds or (1 if args.quick else 3)
    args.seconds = args.seconds or (2 if args.quick else 4)
    if not args.docs and not args.quick and not args.rows:
        args.docs = os.path.join(TOP, "docs")
    known = [*rows.NAMES, "curve"]
    args.rows = args.rows.split(",") if args.rows else [row for row in known if row != "curve" or not args.quick]
    unknown = [row for row in args.rows if row not in known]
    if unknown or args.rounds < 1:
        options.error(f"no such row: {', '.join(unknown)}; there are {', '.join(known)}")
    return args


def one_line(result):
    if result.get("failed"):
        return f"FAILED {result['failed']}"
    told = [f"{key} {result[key]:,.2f}" for key in TOLD if isinstance(result.get(key), (int, float))]
    noise = f"strangers {result['strangers']:.2f}, host {result['stolen']:.2f} cores"
    return f"{', '.join(told[:3])}; {noise}{' NOT QUIET' if result['noisy'] else ''}"


def run_round(bench, names, number, count):
    results = {}
    bench.fresh_server()
    for job in names:
        begin = time.monotonic()
        for name, result in bench.attempt(job, jobs.JOBS[job]).items():
            results[name] = result
            print(f"round {number} of {count} {name:20} {one_line(result)}; {time.monotonic() - begin:.0f} s",
                  file=sys.stderr, flush=True)
    return results


def write(folder, run, outcomes, rounds):
    os.makedirs(folder, exist_ok=True)
    files = {"performance.md": page.markdown(run, outcomes, rounds), **page.pictures(rounds),
             "performance.json": json.dumps(page.as_json(run, outcomes, rounds), indent=1) + "\n"}
    for name, text in files.items():
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)
    print(f"written: {', '.join(files)}", file=sys.stderr)


def main(arguments):
    args = options_of(arguments)
    table = [figure for figure in rows.table() if figure.row in args.rows]
    names = rows.jobs_of(table, jobs.JOBS)
    if "curve" in args.rows:
        names += [f"rate-{rate}" for rate in jobs.CURVE if f"rate-{rate}" not in names]
    begin = time.monotonic()
    words = [word for n, word in enumerate(arguments) if "--build" not in arguments[max(0, n - 1):n + 1]]
    run = {"date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), "command": " ".join(["scripts/bench", *words]),
           "cores": os.cpu_count()}
    with jobs.Bench(args.build, args.seconds, 1 if args.quick else 1.5, args.quick) as bench:
        run["machine"], run["settings"] = machine.describe(bench.house, args.build, TOP), machine.settings_of(bench.house)
        rounds = [run_round(bench, names, number + 1, args.rounds) for number in range(args.rounds)]
    run["seconds"] = round(time.monotonic() - begin)
    outcomes = [figures.gather(figure, rounds) for figure in table]
    for name, words in run["machine"].items():
        print(f"{name}: {words}")
    print("\n".join(page.terminal(outcomes)))
    if args.docs:
        write(args.docs, run, outcomes, rounds)
    failed = sorted({name for results in rounds for name, result in results.items() if result.get("failed")})
    if failed:
        print(f"runs that failed: {', '.join(failed)}")
    print(page.last_line(outcomes), flush=True)
    return any(figures.is_bad(outcome) for outcome in outcomes)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SystemExit as why:
        if isinstance(why.code, str):
            print(f"scripts/bench: {why.code}", file=sys.stderr)
            sys.exit(2)
        raise

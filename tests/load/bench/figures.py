# load/bench/figures.py - figures, their goals, and what is said of them: pure arithmetic, no run is made here
import statistics
from dataclasses import dataclass
from typing import Callable, Optional

# A must that is missed by more than this share of itself makes the whole run fail.
FAR = 0.2


@dataclass(frozen=True)
class Figure:
    """One number of a row of the table, how a round's results give it, and what it should be."""
    row: str                                # "1" to "12", or a name
    what: str
    unit: str
    value: Callable                         # results of a round by job -> number; KeyError when one is missing
    must: Optional[float] = None
    aim: Optional[float] = None
    is_more_better: bool = True
    digits: int = 0
    jobs: tuple = ()                        # whose results it needs
    is_stored: bool = False                 # compared with a stored figure, not with one of this run
    must_share: bool = False                # goals are shares or factors of something: written as such


@dataclass
class Outcome:
    """What came of a figure: one value a round, or why there is none."""
    figure: Figure
    values: list
    why: str = ""                           # not empty: it counts as failed
    is_noisy: bool = False                  # strangers took more than their share in every attempt

    @property
    def middle(self):
        return statistics.median(self.values) if self.values else None


def is_reached(value, goal, is_more_better):
    return goal is None or (value >= goal if is_more_better else value <= goal)


def missed_by(value, goal, is_more_better):
    """The share of the goal that is missing (or too much); 0 when it is reached."""
    if is_reached(value, goal, is_more_better):
        return 0.0
    return abs(value - goal) / goal if goal else float("inf")


def verdict(outcome):
    """aim, must, missed (by at most a fifth), far (by more) or failed; "-" for a figure without a goal."""
    figure, value = outcome.figure, outcome.middle
    if outcome.why or value is None:
        return "failed"
    if figure.must is None and figure.aim is None:
        return "-"
    if missed_by(value, figure.must, figure.is_more_better) > FAR + 1e-9:   # a fifth itself is not more
        return "far"
    if not is_reached(value, figure.must, figure.is_more_better):
        return "missed"
    return "aim" if is_reached(value, figure.aim, figure.is_more_better) else "must"


def is_bad(outcome):
    """Whether the whole run fails by it."""
    return verdict(outcome) in ("far", "failed")


def gather(figure, rounds):
    """The outcome of a figure; rounds: for each round, job -> result, which has "failed" when it could not run."""
    values, why, noisy = [], "", False
    for number, results in enumerate(rounds, 1):
        broken = [f"{job}: {results[job]['failed'] if job in results else 'was not run'}" for job in figure.jobs
                  if job not in results or results[job].get("failed")]
        if broken:
            why = why or f"round {number}, {broken[0]}"
        noisy = noisy or any(results.get(job, {}).get("noisy") for job in figure.jobs)
        try:
            values.append(float(figure.value(results)))
        except (KeyError, ZeroDivisionError, TypeError) as missing:
            why = why or f"round {number}: no figure ({type(missing).__name__} {missing})"
    return Outcome(figure, values, why, noisy)


def number(value, digits=0):
    return "-" if value is None else f"{value:,.{digits}f}"


def spread(outcome):
    """The median, with the least and the most when there was more than one round."""
    if not outcome.values:
        return "-"
    digits = outcome.figure.digits
    text = number(outcome.middle, digits)
    if len(outcome.values) > 1:
        text += f" ({number(min(outcome.values), digits)} to {number(max(outcome.values), digits)})"
    return text


def goal(value, figure):
    if value is None:
        return ""
    sign = "" if figure.is_more_better else "≤ "
    digits = figure.digits
    while digits and value == round(value, digits - 1):
        digits -= 1
    return f"{sign}{number(value, digits)}"


def tally(outcomes):
    """How many of each verdict."""
    counts = {name: 0 for name in ("aim", "must", "missed", "far", "failed", "-")}
    for outcome in outcomes:
        counts[verdict(outcome)] += 1
    return counts

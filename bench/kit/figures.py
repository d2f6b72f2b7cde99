"""Numbers, goals, and the table."""

import math
import statistics


def quantile(values, share):
    """Nearest rank: the smallest value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)] if ordered else math.nan


median = statistics.median


class Row:
    """One line of the table. `goal` is (text, holds)."""

    def __init__(self, experiment, what, ours, theirs="", ratio="", goal=None):
        self.cells = [experiment, what, ours, theirs, ratio]
        self.goal = goal


def at_most(value, limit, unit):
    said = "1/3" if limit == 1 / 3 else f"{limit:g}"
    return f"≤ {said} {unit}".strip(), value <= limit


def at_least(value, limit, unit):
    return f"≥ {limit:g} {unit}".strip(), value >= limit


HEAD = ["", "what", "Stillhere", "rival", "ratio", "goal", "holds"]


def table(rows):
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    for row in rows:
        goal, holds = row.goal if row.goal else ("", None)
        word = {True: "yes", False: "**no**", None: ""}[holds]
        lines.append("| " + " | ".join([*row.cells, goal, word]) + " |")
    return "\n".join(lines)


def ms(seconds, digits=1):
    return f"{seconds * 1000:.{digits}f} ms"

"""The lessons at a glance: `make lessons` runs each one and prints what it has and what it covers."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from course_utils import progress
from lesson import executed, facts, minutes
from notebooks import LESSONS, ROOT, cells_of

TOPICS = ROOT / "tests" / "lessons" / "topics.toml"
COLUMNS = ("lesson", "cells", "minutes", "seconds", "topics", "mistakes", "figures", "exercises", "quiz")


def topics() -> dict[str, list[str]]:
    """Topic of the course -> the cells that teach it, as "02_shapes/run-deep"."""
    return tomllib.loads(TOPICS.read_text(encoding="utf-8"))["topics"]


def row(path: Path) -> tuple[str | int, ...]:
    """The numbers of one lesson, in the order of COLUMNS."""
    cells, seconds = executed(path)
    sources = [cell.source for cell in cells_of(path)]
    code = "\n".join(cell.source for cell in cells_of(path) if cell.cell_type == "code")
    quiz = tomllib.loads((path.parent / "quizzes" / f"{path.stem}.toml").read_text(encoding="utf-8"))["question"]
    mistakes = {wrong["mistake"] for wrong in facts(path.stem)["wrong"]}
    mistakes |= {option["mistake"] for question in quiz for option in question["options"] if "mistake" in option}
    return (
        path.stem,
        len(sources),
        minutes(path),
        round(seconds),
        sum(any(place.startswith(f"{path.stem}/") for place in places) for places in topics().values()),
        len(mistakes),
        sum(str(cell.get("outputs", "")).count("<img") for cell in cells),
        len(progress.EXERCISE.findall(code)),
        len(quiz),
    )


def main() -> None:
    rows = [COLUMNS, *(row(path) for path in LESSONS)]
    totals = [sum(values) for values in zip(*(r[1:] for r in rows[1:]), strict=True)]
    for line in [*rows, ("all", *totals)]:
        print(f"{line[0]:26}" + "".join(f"{value:>10}" for value in line[1:]))
        sys.stdout.flush()


if __name__ == "__main__":
    main()

"""The class at a glance: a row for each student, a column for each task, and the mistakes that were recognised."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbgrader.api import MissingEntry
from nbgrader.utils import is_grade
from rich.box import SIMPLE_HEAD
from rich.table import Table

from ..mistakes import BY_ID
from .assignment import task_of
from .course import Course, read_notebook
from .errors import CourseError
from .recorder import DONE

WIDE = 150  # columns of a terminal that has room for the names of mistakes beside the points
LONGEST = 11  # characters on a line of a cell, so that nine tasks fit on a wide terminal


@dataclass
class TaskResult:
    """What one student reached in one task."""

    points: float = 0.0
    attempted: bool = True
    review: bool = False
    mistakes: list[str] = field(default_factory=list)


def report(course: Course, assignment: str) -> dict[str, dict[str, TaskResult]]:
    """Read points from the gradebook, and diagnoses from what grading recorded: student -> task -> TaskResult."""
    course.check_assignment(assignment)
    if not course.students("autograded", assignment):
        raise CourseError(f"{course.root / 'autograded'}: nothing graded yet; run `course grade {assignment}` first.")
    if not course.gradebook_file.exists():
        raise CourseError(
            f"{course.gradebook_file}: missing; run `course grade {assignment}` to record the grades again."
        )
    tasks = list(max_points(course, assignment))
    with course.gradebook() as gradebook:
        try:
            submissions = gradebook.assignment_submissions(assignment)
        except MissingEntry:
            raise CourseError(f"{course.gradebook_file}: it does not know {assignment}; release it first.") from None
        rows = {entry.student.id: _points(entry, tasks) for entry in submissions}
    if not rows:
        raise CourseError(f"{course.gradebook_file}: holds no grades; run `course grade {assignment}`.")
    for student, row in sorted(rows.items()):
        _add_diagnoses(course.notebook("autograded", assignment, student).with_name(DONE), row)
    return dict(sorted(rows.items()))


def max_points(course: Course, assignment: str) -> dict[str, float]:
    """Task -> points that it is worth, in the order of the notebook."""
    worth: dict[str, float] = {}
    for cell in read_notebook(course.notebook("source", assignment)).cells:
        if is_grade(cell):
            task = task_of(cell.metadata.nbgrader.grade_id)
            worth[task] = worth.get(task, 0) + cell.metadata.nbgrader.points
    return worth


def table(course: Course, assignment: str, width: int = WIDE) -> Table:
    """The report as a table for a terminal of `width` columns; a narrow one gets numbers for the tasks."""
    rows, worth = report(course, assignment), max_points(course, assignment)
    title = f"{assignment}: points and named mistakes"
    view = Table(title=title, title_justify="left", header_style="bold", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    view.add_column("student", overflow="fold")
    wide = width >= WIDE
    for number, (task, points) in enumerate(worth.items(), start=1):
        view.add_column(f"{_broken(task)}\n/ {points:g}" if wide else f"{number}\n/{points:g}", overflow="fold")
    view.add_column(f"total\n/ {sum(worth.values()):g}", justify="right")
    if not wide:
        view.add_column("mistakes", overflow="fold")
    for student, row in rows.items():
        total = f"{sum(result.points for result in row.values()):g}"
        results = [row[task] for task in worth]
        named = [f"{n} {name}" for n, result in enumerate(results, start=1) for name in result.mistakes]
        view.add_row(
            student, *(_shown(result, wide) for result in results), total, *([] if wide else ["\n".join(named)])
        )
    tasks = "" if wide else "\n" + ", ".join(f"{number} {task}" for number, task in enumerate(worth, start=1))
    view.caption = "\n".join(["○ not attempted   ? to be graded by hand" + tasks, *_legend(rows)])
    view.caption_justify = "left"
    return view


def _legend(rows: dict[str, dict[str, TaskResult]]) -> list[str]:
    """A line for each mistake that was named, the most frequent first: its title, and how many students made it."""
    made = Counter(name for row in rows.values() for name in {m for result in row.values() for m in result.mistakes})
    return [
        f"{name}: {BY_ID[name].title} ({count} student{'s' if count > 1 else ''})" for name, count in made.most_common()
    ]


def _points(submission: Any, tasks: list[str]) -> dict[str, TaskResult]:
    row = {task: TaskResult() for task in tasks}
    for notebook in submission.notebooks:
        for grade in notebook.grades:
            result = row.setdefault(task_of(grade.name), TaskResult())  # also a task that the source has dropped
            result.points += grade.score
            result.review |= bool(grade.needs_manual_grade)
    return row


def _add_diagnoses(recorded: Path, row: dict[str, TaskResult]) -> None:
    try:
        found = json.loads(recorded.read_text(encoding="utf-8"))
        for test, names in found["mistakes"].items():
            result = row.setdefault(task_of(test), TaskResult())
            result.mistakes += [name for name in names if name in BY_ID and name not in result.mistakes]
        for test in found["not_attempted"]:
            row.setdefault(task_of(test), TaskResult()).attempted = False
    except FileNotFoundError:
        return
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise CourseError(
            f"{recorded}: not what grading writes ({type(error).__name__}); delete it and run `course grade` again."
        ) from None


def _shown(result: TaskResult, wide: bool = True) -> str:
    if result.review:
        return f"{result.points:g} ?"
    if not result.attempted and not result.mistakes:
        return "○" if result.points == 0 else f"{result.points:g} ○"
    named = result.mistakes if wide else []
    return "\n".join([f"{result.points:g}", *(f"[orange3]{_broken(name)}[/]" for name in named)])


def _broken(name: str) -> str:
    """A name on short lines, broken after its hyphens."""
    lines = [""]
    for part in re.findall(r"[^-]+-?", name):
        if len(lines[-1] + part) > LONGEST:
            lines.append("")
        lines[-1] += part
    return "\n".join(line for line in lines if line)

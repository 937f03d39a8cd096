"""The verbs of the command `course`: what each takes, what it does, and how it is explained.

nbgrader and torch take seconds to import, so each verb imports what it needs: help and mistakes are answered at once.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .course import Course

WIDE = 170  # columns of a report that is written to a file or a pipe
MOST_JOBS = 256

Argument = tuple[tuple[str, ...], dict[str, Any]]  # of argparse's add_argument
Run = Callable[..., int]


@dataclass(frozen=True)
class Verb:
    """A verb: its docstring is its help; it gets the course and its arguments, and returns the exit status."""

    run: Run
    arguments: tuple[Argument, ...]
    grades: bool = False

    @property
    def help(self) -> str:
        return self.run.__doc__ or ""


VERBS: dict[str, Verb] = {}


def verb(*arguments: Argument, grades: bool = False) -> Callable[[Run], Run]:
    """Make the decorated function a verb; `grades` says that it needs fork servers, which then start at once."""

    def register(run: Run) -> Run:
        VERBS[run.__name__] = Verb(run, arguments, grades)
        return run

    return register


def argument(*flags: str, **settings: Any) -> Argument:
    return flags, settings


def name(text: str) -> str:
    """A name of an assignment, a student or a task; a slash at its end is the shell's."""
    if not text.strip().rstrip("/"):
        raise argparse.ArgumentTypeError("expected a name, got an empty one")
    return text.rstrip("/")


def jobs(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_JOBS:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 to {MOST_JOBS}, got {text!r}")
    return int(text)


ASSIGNMENT = argument("assignment", type=name, help="its name in source/")


@verb(ASSIGNMENT, grades=True)
def release(course: Course, assignment: str) -> int:
    """make release/ASSIGNMENT from source/ASSIGNMENT and try it: no answer left in it, full points for the solution"""
    from . import release as release_module

    path = release_module.release(course, assignment, tell=print)
    print(f"released {path}")
    return 0


@verb(
    ASSIGNMENT,
    argument("--force", action="store_true", help="grade again what is graded already"),
    argument("--student", type=name, metavar="NAME", help="only this student"),
    argument("--task", type=name, metavar="TASK", help="only the tests of this task; other scores stay"),
    argument("--jobs", type=jobs, default=os.cpu_count() or 1, metavar="N", help="submissions at a time"),
    argument("--verbose", action="store_true", help="write a log.txt beside each autograded notebook"),
    argument("--unsafe", action="store_true", help="run without isolation; for a class that you trust"),
    grades=True,
)
def grade(course: Course, assignment: str, student: str | None = None, **options: Any) -> int:
    """run the tests of every new submission in submitted/ and record the points"""
    from .grade import Options
    from .grade import grade as grade_class

    started = time.monotonic()
    students = [student] if student else course.students("submitted", assignment)
    wanted = Options(student=student, limits=course.limits(), **options)
    for line in course.unexpected_entries("submitted", assignment):
        print(f"course: {line}", file=sys.stderr)
    with _progress("grading", students) as step:
        summary = grade_class(course, assignment, wanted, step)
    print(f"{summary}; {time.monotonic() - started:.1f} s")
    return 1 if summary.failed else 0


@verb(ASSIGNMENT)
def feedback(course: Course, assignment: str) -> int:
    """write a page for each graded student into feedback/"""
    from . import feedback as feedback_module

    with _progress("feedback", course.students("autograded", assignment)) as step:
        done, failed = feedback_module.feedback(course, assignment, step)
    for student, reason in failed.items():
        print(f"course: no feedback for {student}: {reason}", file=sys.stderr)
    print(f"feedback for {len(done)} students in {course.root / 'feedback'}")
    return 1 if failed else 0


@verb(ASSIGNMENT)
def report(course: Course, assignment: str) -> int:
    """print a table of students and tasks with points and named mistakes"""
    from rich.console import Console

    from . import report as report_module

    console = Console(width=None if sys.stdout.isatty() else WIDE)
    console.print(report_module.table(course, assignment, console.width))
    return 0


@verb(argument("assignment", type=name, nargs="?", help="its name in source/"), grades=True)
def doctor(course: Course, assignment: str | None = None) -> int:
    """check this machine, and the assignment if one is named; say what to do about each problem"""
    from . import doctor as doctor_module

    findings = doctor_module.diagnose(course, assignment)
    for finding in findings:
        print(f"{'✓' if finding.fine else '✗'} {finding.what}: {finding.seen}")
        if not finding.fine:
            print(f"    remedy: {finding.remedy}")
    return 0 if all(finding.fine for finding in findings) else 1


@verb()
def bundle(course: Course) -> int:
    """pack what students get into dist/: lessons, released assignments and the checks, nothing that grades"""
    from . import bundle as bundle_module

    print(f"packed {bundle_module.bundle(course)}")
    return 0


@verb(argument("--fresh", action="store_true", help="delete the demo folder first"))
def demo(course: Course, fresh: bool = False) -> int:
    """release, submit, grade and report a sample class in a course folder of its own"""
    from . import sample

    if fresh:
        shutil.rmtree(course.root / "demo", ignore_errors=True)
    samples = sample.load(course.root / "samples" / sample.ASSIGNMENT)
    there, unchanged = sample.sample_course(course, course.root / "demo")
    unchanged &= there.notebook("release", sample.ASSIGNMENT).exists() and there.gradebook_file.exists()
    if unchanged:
        print(f"release of {sample.ASSIGNMENT}: unchanged, reused")
    else:
        release(there, sample.ASSIGNMENT)
    new = sample.hand_in(there, samples)
    print(f"submissions: {len(new)} new, {len(samples) - len(new)} reused, in {there.root / 'submitted'}")
    unsafe = shutil.which("bwrap") is None
    if unsafe:
        print("no bubblewrap here: the sample class, which is our own, is graded without isolation")
    status = grade(there, sample.ASSIGNMENT, jobs=os.cpu_count() or 1, unsafe=unsafe, force=not unchanged)
    status = max(status, feedback(there, sample.ASSIGNMENT), report(there, sample.ASSIGNMENT))
    shown = next(entry.student for entry in samples if entry.mistakes)
    page = there.root / "feedback" / shown / sample.ASSIGNMENT / f"{sample.ASSIGNMENT}.html"
    print(f"\nA student's feedback page, in a browser:  {page}")
    print("The class in nbgrader's Formgrader:         make demo-lab")
    print("The lessons in JupyterLab:                  make lab")
    return status


@verb()
def progress(course: Course) -> int:
    """show which exercises, quizzes and assignments you have done in JupyterLab"""
    from .. import progress as progress_module

    print(progress_module.table(course.root))
    return 0


@contextlib.contextmanager
def _progress(what: str, students: list[str]) -> Iterator[Callable[..., None]]:
    """A bar with the time left; yields the function that moves it on by one student."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
    left = [TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[student]}")]
    with Progress(*columns, *left, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=len(students), student="")

        def step(student: str, lines: list[str] = []) -> None:  # noqa: B006 - never changed
            for line in lines:
                bar.console.print(line, highlight=False, markup=False, soft_wrap=True)
            bar.update(task, advance=1, student=student)

        yield step

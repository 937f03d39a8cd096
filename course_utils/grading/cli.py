"""The command `course`: the instructor's face of everything that grades."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from .errors import CourseError

if TYPE_CHECKING:
    from .course import Course

# nbgrader and torch take seconds to import, so each verb imports what it needs: help and mistakes are answered at once.

WIDE = 170  # columns of a report that is written to a file or a pipe


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; returns the exit status: 0 done, 1 something failed, 2 wrong usage, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # a pipe may not know every sign
    options = _parser().parse_args(arguments)
    if getattr(options, "assignment", None):
        options.assignment = options.assignment.rstrip("/")
    try:
        return _run(options)
    except CourseError as error:
        print(f"course: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"course: {error.filename}: {error.strerror}; check permissions and disk, then run it again.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("course: interrupted; what was done is kept, the same command goes on from there.", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace) -> int:
    if options.verb is grade:  # they start while this process imports nbgrader
        from .runtime.backend import start_backend

        start_backend(options.unsafe)
    from .course import Course

    return options.verb(Course.find(options.course), options)


def release(course: Course, options: argparse.Namespace) -> int:
    """make release/ASSIGNMENT from source/ASSIGNMENT and check that no answer is left in it"""
    from . import release as release_module

    print(f"released {release_module.release(course, options.assignment)}")
    return 0


def grade(course: Course, options: argparse.Namespace) -> int:
    """run the tests of every new submission in submitted/ and record the points"""
    from .grade import Options
    from .grade import grade as grade_class

    started = time.monotonic()
    wanted = {name: getattr(options, name) for name in ("force", "student", "task", "jobs", "unsafe", "verbose")}
    students = [options.student] if options.student else course.students("submitted", options.assignment)
    for line in course.unexpected_entries("submitted", options.assignment):
        print(f"course: {line}", file=sys.stderr)
    with _progress("grading", students) as step:
        summary = grade_class(course, options.assignment, Options(**wanted, limits=course.limits()), step)
    counts = {name.replace("_", " "): len(who) for name, who in vars(summary).items()}
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count or name == "graded")
    print(f"{told}; {time.monotonic() - started:.1f} s")
    return 1 if summary.failed else 0


def feedback(course: Course, options: argparse.Namespace) -> int:
    """write a page for each graded student into feedback/"""
    from . import feedback as feedback_module

    with _progress("feedback", course.students("autograded", options.assignment)) as step:
        done, failed = feedback_module.feedback(course, options.assignment, step)
    for student, reason in failed.items():
        print(f"course: no feedback for {student}: {reason}", file=sys.stderr)
    print(f"feedback for {len(done)} students in {course.root / 'feedback'}")
    return 1 if failed else 0


def report(course: Course, options: argparse.Namespace) -> int:
    """print a table of students and tasks with points and named mistakes"""
    from . import report as report_module

    console = Console(width=None if sys.stdout.isatty() else WIDE)
    console.print(report_module.table(course, options.assignment, console.width))
    return 0


def doctor(course: Course, options: argparse.Namespace) -> int:
    """check this machine, and the assignment if one is named; say what to do about each problem"""
    from . import doctor as doctor_module

    findings = doctor_module.diagnose(course, options.assignment)
    for finding in findings:
        print(f"{'✓' if finding.fine else '✗'} {finding.what}: {finding.seen}")
        if not finding.fine:
            print(f"    remedy: {finding.remedy}")
    return 0 if all(finding.fine for finding in findings) else 1


def demo(course: Course, options: argparse.Namespace) -> int:
    """release, submit, grade and report a sample class in a course folder of its own"""
    from . import release as release_module
    from . import sample

    home, name = course, sample.ASSIGNMENT
    if options.fresh:
        shutil.rmtree(home.root / "demo", ignore_errors=True)
    course, unchanged = sample.sample_course(home, home.root / "demo")
    released = course.notebook("release", name)
    if unchanged and released.exists() and course.gradebook_file.exists():
        print(f"release of {name}: unchanged, reused")
    else:
        print(f"released {release_module.release(course, name)}")
        options.force = True
    samples = sample.load(home.root / "samples" / name)
    new = sample.hand_in(course, samples)
    print(f"submissions: {len(new)} new, {len(samples) - len(new)} reused, in {course.root / 'submitted'}")
    options.assignment = name
    if shutil.which("bwrap") is None:
        print("no bubblewrap here: the sample class, which is our own, is graded without isolation")
        options.unsafe = True
    status = max(verb(course, options) for verb in (grade, feedback, report))
    shown = next(entry.student for entry in samples if entry.mistakes)
    page = course.root / "feedback" / shown / name / f"{name}.html"
    print(f"\nA student's feedback page, in a browser:  {page}")
    print("The class in nbgrader's Formgrader:         make demo-lab")
    print("The lessons in JupyterLab:                  make lab")
    return status


def bundle(course: Course, options: argparse.Namespace) -> int:
    """pack what students get into dist/: lessons, released assignments and the checks, nothing that grades"""
    from . import bundle as bundle_module

    print(f"packed {bundle_module.bundle(course)}")
    return 0


def progress(course: Course, options: argparse.Namespace) -> int:
    """show which exercises, quizzes and assignments you have done in JupyterLab"""
    from .. import progress as progress_module

    print(progress_module.table(course.root))
    return 0


@contextlib.contextmanager
def _progress(what: str, students: list[str]) -> Iterator[Callable[..., None]]:
    """A bar with the time left; yields the function that moves it on by one student."""
    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
    left = [TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[student]}")]
    with Progress(*columns, *left, console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=len(students), student="")

        def step(student: str, lines: list[str] = []) -> None:  # noqa: B006 - never changed
            for line in lines:
                progress.console.print(line, highlight=False, markup=False, soft_wrap=True)
            progress.update(task, advance=1, student=student)

        yield step


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="course", description="Release, grade and report the assignments of a course."
    )
    parser.add_argument(
        "--course", type=Path, default=Path.cwd(), metavar="DIR", help="the course folder (default: this one, or above)"
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for verb in (release, grade, feedback, report, doctor, bundle, demo, progress):
        sub = verbs.add_parser(verb.__name__, help=verb.__doc__, description=verb.__doc__)
        sub.set_defaults(
            verb=verb, force=False, student=None, task=None, jobs=os.cpu_count() or 1, unsafe=False, verbose=False
        )
        if verb not in (bundle, demo, progress):
            sub.add_argument("assignment", nargs="?" if verb is doctor else None, help="its name in source/")
        if verb is grade:
            sub.add_argument("--force", action="store_true", help="grade again what is graded already")
            sub.add_argument("--student", metavar="NAME", help="only this student")
            sub.add_argument("--task", metavar="TASK", help="only the tests of this task; other scores stay")
            sub.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="submissions at a time")
            sub.add_argument("--verbose", action="store_true", help="write a log.txt beside each autograded notebook")
            sub.add_argument("--unsafe", action="store_true", help="run without isolation; for a class that you trust")
        if verb is demo:
            sub.add_argument("--fresh", action="store_true", help="delete the demo folder first")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""source -> release: the students' version of an assignment, and the proof that no answer is left in it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from .course import CONFIG, Course, error_line, run_step
from .errors import CourseError
from .leaks import leaks
from .source import check_source
from .trial import try_assignment


def release(course: Course, assignment: str, tell: Callable[[str], object] = lambda line: None) -> Path:
    """Generate release/ASSIGNMENT from source/, audit it, and try it with the real engine.

    Parameters
    ----------
    tell : callable
        Called with the line that says what the trial has shown.

    Raises
    ------
    CourseError
        nbgrader refuses the source, a line of a solution or hidden test survived, the source's own solution does
        not get full points, or the released notebook gets some. The earlier release stays.
    """
    return build(course, assignment, lambda: tell(f"{assignment}: {try_assignment(course, assignment, reuse=True)}"))


def build(course: Course, assignment: str, check: Callable[[], object] = lambda: None) -> Path:
    """Generate release/ASSIGNMENT from source/ and audit it; `check` may raise, and the earlier release stays."""
    check_source(course, assignment)
    source, released = course.notebook("source", assignment), course.notebook("release", assignment)
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder, assignment)
        if released.parent.exists():
            shutil.copytree(released.parent, kept)
        try:
            _generate(course, assignment, source, released)
            check()
        except BaseException:  # whatever it was, the release that was good stays
            shutil.rmtree(released.parent, ignore_errors=True)
            if kept.exists():
                shutil.copytree(kept, released.parent)
            raise
    return released


def _generate(course: Course, assignment: str, source: Path, released: Path) -> None:
    result = run_step(course.api().generate_assignment, assignment, None, force=True, create=True)
    if not result["success"]:
        why = error_line(result)
        if "submissions associated" in why:
            why = "cells were added or removed after submissions were graded; release it under a new name"
        raise CourseError(f"{source}: nbgrader refuses it: {why}.")
    shown = leaks(source, released)
    if shown:
        raise CourseError(f"{source}: the release would show {shown[0]!r}; fix its BEGIN and END marks, or reword it.")


def is_current(course: Course, assignment: str) -> bool:
    """Whether release/ASSIGNMENT is, byte for byte, what a fresh build of source/ gives."""
    course.check_assignment(assignment)
    with tempfile.TemporaryDirectory() as folder:
        fresh = Course(Path(folder))
        shutil.copy(course.root / CONFIG, fresh.root)
        shutil.copytree(course.root / "source" / assignment, fresh.root / "source" / assignment)
        built = build(fresh, assignment).parent
        return _contents(built) == _contents(course.notebook("release", assignment).parent)


def _contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and ".ipynb_checkpoints" not in path.parts]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}

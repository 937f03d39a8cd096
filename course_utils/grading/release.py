"""source -> release: the students' version of an assignment, and the proof that no answer is left in it."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from .course import CONFIG, Course, CourseError, error_line, read_notebook, run_step
from .trial import try_assignment

MARK = re.compile(r"#+ *(BEGIN|END) +[A-Z]+", re.IGNORECASE)


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
    course.check_assignment(assignment)
    source, released = course.notebook("source", assignment), course.notebook("release", assignment)
    _check_ids(source)
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
        raise CourseError(f"{source}: the release would show {shown[0]!r}; mend its BEGIN and END marks, or reword it.")


def _check_ids(source: Path) -> None:
    ids = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in read_notebook(source).cells]
    twice = sorted({name for name in ids if name and ids.count(name) > 1})
    if twice:
        raise CourseError(f"{source}: two cells have the grade_id {twice[0]!r}; give one of them another.")


def is_current(course: Course, assignment: str) -> bool:
    """Whether release/ASSIGNMENT is, byte for byte, what a fresh build of source/ gives."""
    course.check_assignment(assignment)
    with tempfile.TemporaryDirectory() as folder:
        fresh = Course(Path(folder))
        shutil.copy(course.root / CONFIG, fresh.root)
        shutil.copytree(course.root / "source" / assignment, fresh.root / "source" / assignment)
        built = build(fresh, assignment).parent
        return _contents(built) == _contents(course.notebook("release", assignment).parent)


def leaks(source: Path, released: Path) -> list[str]:
    """Marks of a closed region, mistyped ones too, and lines of a solution that the release still shows."""
    public = [line.strip() for cell in read_notebook(released).cells for line in cell.source.splitlines()]
    secret = {line for cell in read_notebook(source).cells for line in solution_lines(cell.source)}
    return [line for line in public if MARK.match(line) or line in secret]


def solution_lines(text: str) -> list[str]:
    """The lines between the marks of a solution; those under 12 characters say too little to be told apart."""
    lines, inside = [], False
    for line in map(str.strip, text.splitlines()):
        if MARK.match(line):
            inside = "BEGIN SOLUTION" in line
        elif inside and len(line) >= 12:
            lines.append(line)
    return lines


def _contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file() and ".ipynb_checkpoints" not in path.parts]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}

"""source -> release: the students' version of an assignment, and the proof that no answer is left in it."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

import nbformat

from .course import CONFIG, Course, CourseError, reason, run_step

MARK = re.compile(r"#+ *(BEGIN|END) +[A-Z]+")


def release(course: Course, assignment: str) -> Path:
    """Generate release/ASSIGNMENT from source/ and audit it.

    Raises
    ------
    CourseError : nbgrader refuses the source, or a line of a solution or hidden test survived.
    """
    course.check_assignment(assignment)
    result = run_step(course.api().generate_assignment, assignment, None, force=True, create=True)
    source, released = course.notebook("source", assignment), course.notebook("release", assignment)
    if not result["success"]:
        raise CourseError(f"{source}: nbgrader refuses it: {reason(result)}")
    shown = leaks(source, released)
    if shown:
        shutil.rmtree(released.parent)
        raise CourseError(f"{source}: the release would show {shown[0]!r}; mend its BEGIN and END marks, or reword it.")
    return released


def is_current(course: Course, assignment: str) -> bool:
    """Whether release/ASSIGNMENT is, byte for byte, what a fresh build of source/ gives."""
    course.check_assignment(assignment)
    with tempfile.TemporaryDirectory() as folder:
        fresh = Course(Path(folder))
        shutil.copy(course.root / CONFIG, fresh.root)
        shutil.copytree(course.root / "source" / assignment, fresh.root / "source" / assignment)
        built = release(fresh, assignment).parent
        return _contents(built) == _contents(course.notebook("release", assignment).parent)


def leaks(source: Path, released: Path) -> list[str]:
    """Marks of a closed region, mistyped ones too, and lines of a solution that the release still shows."""
    public = [line.strip() for cell in nbformat.read(released, 4).cells for line in cell.source.splitlines()]
    secret = {line for cell in nbformat.read(source, 4).cells for line in solution_lines(cell.source)}
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

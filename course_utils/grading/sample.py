"""A sample class: files of answers, each laid over the released notebook as a student would fill it in."""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat

from .course import CONFIG, Course
from .errors import CourseError

ASSIGNMENT = "ps1_shapes"


@dataclass(frozen=True)
class Sample:
    """One answer file.

    `points` and `mistakes` declare what grading must find, where it differs from full marks and no
    mistake; `review` the tasks that stay open for a human; `deleted` the cells that are taken out.
    """

    student: str
    about: str
    answers: dict[str, str]
    points: dict[str, float] = field(default_factory=dict)
    mistakes: dict[str, str] = field(default_factory=dict)
    review: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)


def load(folder: Path) -> list[Sample]:
    """Read NAME.toml files; a file with `base` starts from the answers of that other file."""
    files = {path.stem: _read(path) for path in sorted(folder.glob("*.toml"))}
    if not files:
        raise CourseError(f"{folder}: no answer files (*.toml) in it.")
    return [_sample(name, files, folder) for name in files]


def fill_in(sample: Sample, released: Path) -> str:
    """The released notebook with the sample's answers in it, as JSON text."""
    notebook = nbformat.read(released, 4)
    cells = {cell.id: cell for cell in notebook.cells}
    unknown = (sample.answers.keys() | set(sample.deleted)) - cells.keys()
    if unknown:
        raise CourseError(f"{sample.student}: {released} has no cell {sorted(unknown)[0]!r}.")
    for cell_id, answer in sample.answers.items():
        cells[cell_id].source = answer.strip("\n")
    notebook.cells = [cell for cell in notebook.cells if cell.id not in sample.deleted]
    return str(nbformat.writes(notebook))


def hand_in(course: Course, samples: list[Sample], assignment: str = ASSIGNMENT) -> list[str]:
    """Fill submitted/; an unchanged submission keeps its time stamp. Returns who handed in something new."""
    new = []
    for sample in samples:
        path = course.notebook("submitted", assignment, sample.student)
        text = fill_in(sample, course.notebook("release", assignment))
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            stamp = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f} UTC"
            (path.parent / "timestamp.txt").write_text(stamp, encoding="utf-8")
            new.append(sample.student)
    return new


def sample_course(home: Course, folder: Path, assignment: str = ASSIGNMENT) -> tuple[Course, bool]:
    """A course folder of its own with the home course's configuration and source.

    Returns it, and whether its copy of the source was already up to date.
    """
    course = Course(folder)
    here, there = home.notebook("source", assignment), course.notebook("source", assignment)
    unchanged = there.exists() and here.read_bytes() == there.read_bytes()
    if not unchanged:
        shutil.rmtree(folder, ignore_errors=True)  # grades of another version of the assignment
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(home.root / CONFIG, folder / CONFIG)
    if unchanged:
        return course, True
    shutil.copytree(here.parent, there.parent, dirs_exist_ok=True)
    return course, False


def _sample(name: str, files: dict[str, dict[str, Any]], folder: Path) -> Sample:
    entry = dict(files[name])
    base = entry.pop("base", name)
    if base not in files:
        raise CourseError(f"{folder / name}.toml: its base {base!r} is not one of the files there.")
    answers = files[base].get("answers", {}) | entry.pop("answers", {})
    try:
        return Sample(student=f"sample-{name.replace('_', '-')}", answers=answers, **entry)
    except TypeError as error:
        raise CourseError(f"{folder / name}.toml: {error}; see Sample in sample.py for the keys.") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CourseError(f"{path}: not a readable answer file: {error}") from None

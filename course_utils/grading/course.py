"""A course folder: where its assignments, submissions and gradebook are."""

from __future__ import annotations

import glob
import os
import re
import stat
import sysconfig
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps import NbGraderAPI
from sqlalchemy.exc import DatabaseError, SAWarning
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from .errors import CourseError
from .runtime.limits import Limits
from .times import parse_time

CONFIG = "nbgrader_config.py"
UNFIT = '* ? [ ] < > " \\'  # nbgrader takes them for a file pattern, or puts them on its pages as HTML


@dataclass(frozen=True)
class Course:
    """A folder with an nbgrader_config.py; the steps of nbgrader are its subfolders."""

    root: Path

    @classmethod
    def find(cls, start: Path) -> Course:
        """The course whose folder is `start` or one above it."""
        for folder in (start.resolve(), *start.resolve().parents):
            if (folder / CONFIG).is_file():
                return cls(folder)
        raise CourseError(f"{start}: no {CONFIG} here or above; go to the course folder or name it with --course.")

    def config(self) -> Config:
        try:
            config = PyFileConfigLoader(CONFIG, path=str(self.root)).load_config()
        except Exception as error:
            raise CourseError(f"{self.root / CONFIG}: {type(error).__name__}: {error}; fix it.") from None
        config.CourseDirectory.root = str(self.root)
        return config

    def limits(self) -> Limits:
        """The limits for submissions: the defaults, or what nbgrader_config.py says under c.Limits."""
        wanted = self.config().get("Limits", {})
        if not isinstance(wanted, dict):
            raise CourseError(
                f"{self.root / CONFIG}: c.Limits must be set one by one, as in c.Limits.cell_seconds = 20.0."
            )
        try:
            return Limits.from_config(wanted)
        except ValueError as error:
            raise CourseError(f"{self.root / CONFIG}: c.Limits.{error}.") from None

    def api(self) -> NbGraderAPI:
        tools = sysconfig.get_path("scripts")
        if tools not in os.environ["PATH"].split(os.pathsep):  # nbgrader starts `alembic`, by name, for a new gradebook
            os.environ["PATH"] = tools + os.pathsep + os.environ["PATH"]
        api = NbGraderAPI(config=self.config())
        api.log.handlers.clear()  # each call returns its log; nothing of it belongs on the instructor's screen
        api.log.propagate = False
        return api

    def gradebook(self) -> Gradebook:
        """Open it; where another program writes, half a minute is waited for.

        Raises
        ------
        CourseError
            It is no database of nbgrader's, or stays locked.
        """
        try:
            return Gradebook(f"sqlite:///{self.gradebook_file}?timeout=30")
        except DatabaseError as error:
            raise CourseError(f"{self.gradebook_file}: {error.orig}; close what uses it, or restore a copy.") from None

    @property
    def gradebook_file(self) -> Path:
        return self.root / "gradebook.db"

    def notebook(self, step: str, assignment: str, student: str = ".") -> Path:
        """The path of an assignment's notebook at a step: source, release, submitted, autograded."""
        return self.root / step / student / assignment / f"{assignment}.ipynb"

    def unexpected_entries(self, step: str, assignment: str) -> list[str]:
        """A line for everything in a step's folder that is no student's folder with this assignment, or not readable.

        For `submitted` also a line for each time of submission that is missing or makes no sense.
        """
        root, lines, names = self.root / step, [], self.students(step, assignment)
        for entry in sorted(os.listdir(root)) if root.is_dir() else []:
            path = root / "".join(letter if letter.isprintable() else "_" for letter in entry)
            if entry not in names:
                lines.append(f"{path}: no {assignment}/ in it, passed over.")
            elif not is_plain_name(entry):
                lines.append(f"{path}: rename it, without {UNFIT}, line breaks and letters that are not UTF-8.")
            elif step == "submitted":
                problem = self._time_problem(assignment, entry)
                lines += [f"{root / entry / assignment / 'timestamp.txt'}: {problem}"] if problem else []
        return lines

    def _time_problem(self, assignment: str, student: str) -> str:
        """What is wrong with the time of a submission; "" where nothing is, or where none is needed."""
        text, when = self._timestamp_content(assignment, student), self.timestamp(assignment, student)
        due = self.due_date(assignment)
        if when is not None or (text is None and due is None):
            return ""
        what = "missing" if text is None else f"{text.strip()[:40]!r} is not a time"
        changed = datetime.fromtimestamp(self.notebook("submitted", assignment, student).parent.stat().st_mtime, UTC)
        hint = f" (due {due:%Y-%m-%d %H:%M}; the folder was last changed {changed:%Y-%m-%d %H:%M} UTC)" if due else ""
        late = "whether it is late is unknown, an earlier penalty stays" if due else "not recorded"
        return f"{what}; {late}{hint}; write a time such as 2026-11-02 10:15:00 UTC, then grade it with --force."

    def due_date(self, assignment: str) -> datetime | None:
        """When the assignment is due, in UTC without a zone; None where it says nothing."""
        if not self.gradebook_file.exists():
            return None
        with self.gradebook() as gradebook:
            try:
                return gradebook.find_assignment(assignment).duedate
            except MissingEntry:
                return None

    def check_assignment(self, assignment: str) -> None:
        """Raise CourseError unless source/ has the assignment."""
        if not self.notebook("source", assignment).is_file():
            known = sorted(folder.name for folder in (self.root / "source").glob("*") if folder.is_dir())
            choice = f"choose one of: {', '.join(known)}" if known else "source/ has none yet"
            raise CourseError(f"{self.notebook('source', assignment)}: no such assignment; {choice}.")

    def timestamp(self, assignment: str, student: str) -> datetime | None:
        """When the submission was made, in UTC without a zone as the gradebook keeps it; None where it does not say."""
        return parse_time(self._timestamp_content(assignment, student) or "")

    def timestamp_text(self, assignment: str, student: str) -> str:
        """The same as nbgrader writes it into timestamp.txt; "" where there is none."""
        when = self.timestamp(assignment, student)
        return f"{when:%Y-%m-%d %H:%M:%S.%f} UTC" if when else ""

    def _timestamp_content(self, assignment: str, student: str) -> str | None:
        """What timestamp.txt holds; None where it is missing, and its beginning where it is too long for a time."""
        path = self.notebook("submitted", assignment, student).parent / "timestamp.txt"
        try:
            opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            return f"({error.strerror})"
        with os.fdopen(opened, "rb") as file:
            if not stat.S_ISREG(os.fstat(opened).st_mode):
                return "(not a regular file)"
            return file.read(200).decode("utf-8", "replace")

    def students(self, step: str, assignment: str) -> list[str]:
        """Who has a folder for the assignment at a step, sorted."""
        return sorted(path.parent.name for path in (self.root / step).glob(f"*/{glob.escape(assignment)}"))


def is_plain_name(student: str) -> bool:
    """Whether a student's name is one that nbgrader can use: as a file, in its database, and on its pages."""
    return student.isprintable() and not set(student) & set(UNFIT.split())


def read_notebook(path: Path) -> nbformat.NotebookNode:
    """A notebook of the instructor's; CourseError where it does not read."""
    try:
        return nbformat.read(path, 4)
    except (OSError, ValueError, AttributeError, nbformat.ValidationError) as error:
        raise CourseError(f"{path}: not a readable notebook ({type(error).__name__}); fix it in JupyterLab.") from None


def run_step(step: Any, assignment: str, student: str | None, **options: Any) -> dict[str, Any]:
    """Run one step of nbgrader's API quietly; returns its dictionary of `success`, `log` and `error`.

    nbgrader takes a student's name for a file pattern and turns Ctrl-C into a failure; both are undone here.
    """
    names = (assignment,) if student is None else (assignment, glob.escape(student))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # nbgrader's own queries warn about autoflush
        result = step(*names, **options)
    if "KeyboardInterrupt" in result.get("error", ""):
        raise KeyboardInterrupt
    return result


def error_line(result: dict[str, Any]) -> str:
    """The line of a failed step that says what happened."""
    lines = [line.strip() for line in (result.get("log", "") + result.get("error", "")).splitlines()]
    errors = [line for line in lines if re.match(r"[\w.]+(Error|Exception): ", line) and "Please see" not in line]
    return (errors or lines or ["no reason given"])[-1][:300]

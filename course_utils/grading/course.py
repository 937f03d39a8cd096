"""A course folder: where its assignments, submissions and gradebook are."""

from __future__ import annotations

import glob
import os
import re
import stat
import sysconfig
import warnings
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.utils import parse_utc
from sqlalchemy.exc import DatabaseError, SAWarning
from traitlets.config import Config, PyFileConfigLoader

from .errors import CourseError
from .runtime.limits import Limits

CONFIG = "nbgrader_config.py"


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
            raise CourseError(f"{self.root / CONFIG}: {type(error).__name__}: {error}; mend it.") from None
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
        """A line for everything in a step's folder that is no student's folder with this assignment."""
        entries = sorted((self.root / step).glob("*"))
        lines = [
            f"{path}: no {assignment}/ in it, passed over." for path in entries if not (path / assignment).exists()
        ]
        odd = [name for name in self.students(step, assignment) if not is_plain_name(name)]
        return lines + [f"{self.root / step / name}: rename it, without * ? [ ] and line breaks." for name in odd]

    def check_assignment(self, assignment: str) -> None:
        """Raise CourseError unless source/ has the assignment."""
        if not self.notebook("source", assignment).is_file():
            known = sorted(folder.name for folder in (self.root / "source").glob("*") if folder.is_dir())
            choice = f"choose one of: {', '.join(known)}" if known else "source/ has none yet"
            raise CourseError(f"{self.notebook('source', assignment)}: no such assignment; {choice}.")

    def timestamp(self, assignment: str, student: str) -> datetime | None:
        """When the submission was made, in UTC without a zone as the gradebook keeps it; None where it does not say."""
        try:
            return parse_utc(self.timestamp_text(assignment, student).strip())
        except ValueError:
            return None

    def timestamp_text(self, assignment: str, student: str) -> str:
        """What timestamp.txt holds; "" where it is missing, no regular file or too long for a time."""
        path = self.notebook("submitted", assignment, student).parent / "timestamp.txt"
        try:
            info = path.lstat()
            small = stat.S_ISREG(info.st_mode) and info.st_size < 200
            return path.read_text(encoding="utf-8", errors="replace") if small else ""
        except OSError:
            return ""

    def students(self, step: str, assignment: str) -> list[str]:
        """Who has a folder for the assignment at a step, sorted."""
        return sorted(path.parent.name for path in (self.root / step).glob(f"*/{glob.escape(assignment)}"))


def is_plain_name(student: str) -> bool:
    """Whether a student's name is one that nbgrader cannot take for a file pattern."""
    return not set(student) & set("*?[]\n\r")


def read_notebook(path: Path) -> nbformat.NotebookNode:
    """A notebook of the instructor's; CourseError where it does not read."""
    try:
        return nbformat.read(path, 4)
    except (OSError, ValueError, AttributeError, nbformat.ValidationError) as error:
        raise CourseError(f"{path}: not a readable notebook ({type(error).__name__}); mend it in JupyterLab.") from None


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

"""A course folder: where its assignments, submissions and gradebook are."""

from __future__ import annotations

import glob
import os
import re
import sysconfig
import warnings
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.utils import parse_utc
from sqlalchemy.exc import SAWarning
from traitlets.config import Config, PyFileConfigLoader

from .sandbox import Limits

CONFIG = "nbgrader_config.py"


class CourseError(Exception):
    """Something an instructor can put right; the message is one line and names file and remedy."""


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
        config = PyFileConfigLoader(CONFIG, path=str(self.root)).load_config()
        config.CourseDirectory.root = str(self.root)
        return config

    def limits(self) -> Limits:
        """The limits for submissions: those of sandbox.py, or what nbgrader_config.py says under c.Limits."""
        wanted = dict(self.config().get("Limits", {}))
        unknown = wanted.keys() - Limits.__dataclass_fields__.keys()
        if unknown:
            raise CourseError(f"{self.root / CONFIG}: c.Limits.{sorted(unknown)[0]} is unknown; sandbox.py names them.")
        return Limits(**wanted)

    def api(self) -> NbGraderAPI:
        tools = sysconfig.get_path("scripts")
        if tools not in os.environ["PATH"].split(os.pathsep):  # nbgrader starts `alembic`, by name, for a new gradebook
            os.environ["PATH"] = tools + os.pathsep + os.environ["PATH"]
        api = NbGraderAPI(config=self.config())
        api.log.handlers.clear()  # each call returns its log; nothing of it belongs on the instructor's screen
        api.log.propagate = False
        return api

    def gradebook(self) -> Gradebook:
        return Gradebook(f"sqlite:///{self.gradebook_file}")

    @property
    def gradebook_file(self) -> Path:
        return self.root / "gradebook.db"

    def notebook(self, step: str, assignment: str, student: str = ".") -> Path:
        """The path of an assignment's notebook at a step: source, release, submitted, autograded."""
        return self.root / step / student / assignment / f"{assignment}.ipynb"

    def check_assignment(self, assignment: str) -> None:
        """Raise CourseError unless source/ has the assignment."""
        if not self.notebook("source", assignment).is_file():
            known = sorted(folder.name for folder in (self.root / "source").glob("*") if folder.is_dir())
            choice = f"choose one of: {', '.join(known)}" if known else "source/ has none yet"
            raise CourseError(f"{self.notebook('source', assignment)}: no such assignment; {choice}.")

    def timestamp(self, assignment: str, student: str) -> datetime | None:
        """When the submission was made, in UTC without a zone as the gradebook keeps it; None where it does not say."""
        path = self.notebook("submitted", assignment, student).parent / "timestamp.txt"
        try:
            return parse_utc(path.read_text(encoding="utf-8").strip())
        except (OSError, ValueError):
            return None

    def students(self, step: str, assignment: str) -> list[str]:
        """Who has a folder for the assignment at a step, sorted."""
        return sorted(path.parent.name for path in (self.root / step).glob(f"*/{glob.escape(assignment)}"))


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


def reason(result: dict[str, Any]) -> str:
    """The line of a failed step that says what happened."""
    lines = [line.strip() for line in (result.get("log", "") + result.get("error", "")).splitlines()]
    errors = [line for line in lines if re.match(r"[\w.]+(Error|Exception): ", line) and "Please see" not in line]
    return (errors or lines or ["no reason given"])[-1][:300]

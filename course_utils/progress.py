"""Which exercises, quizzes and assignments are done: `python -m course_utils.progress`, and a cell of lesson 00.

Exercises note how they went, wherever they run. The notes stay in one small file in the home of
the person who learns, and nothing reads them but this page. A file that cannot be read or written costs nothing more
than the notes.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from contextvars import ContextVar
from pathlib import Path
from typing import Any

PASSED, FAILED, OPEN, OPENED = "passed", "failed", "open", "opened"
QUIZ = "quiz"
EXERCISE = re.compile(r"^exercises\.(\w+)\.check\(", re.M)
ROOT = Path(__file__).resolve().parents[1]

EXERCISE_RUNS: ContextVar[bool] = ContextVar("exercise_runs", default=False)
_runs: dict[tuple[str, str], Any] = {}  # the last run of each cell in which something was noted


def file() -> Path:
    """Where the notes are; the environment variable UNROLLED_PROGRESS names another place."""
    return Path(os.environ.get("UNROLLED_PROGRESS") or Path.home() / ".unrolled-progress.json")


def note(name: str, status: str) -> None:
    """Note for the test of an assignment that runs in JupyterLab now how the check `name` has ended.

    Checks of an exercise are noted with it.
    """
    where = _place()
    if where is None or EXERCISE_RUNS.get():
        return
    notebook, cell, run = where
    notes = _read()
    cells = notes.setdefault(notebook, {})
    if _runs.get((notebook, cell)) != run:  # the cell runs anew, and what it was told before is past
        _runs[notebook, cell] = run
        cells[cell] = {}
    cells.setdefault(cell, {})[name] = status
    _write(notes)


def note_exercise(lesson: str, name: str, status: str) -> None:
    """Note how an exercise of a lesson went, in any kind of front end. What was solved once stays solved."""
    if "NBGRADER_EXECUTION" in os.environ or is_solved(lesson, name):
        return
    notes = _read()
    notes.setdefault(lesson, {})[name] = status
    _write(notes)


def note_quiz(lesson: str, right: int, questions: int) -> None:
    """Note that so many questions of the lesson's quiz were answered correctly, unless it once went better."""
    before = str(_read().get(lesson, {}).get(QUIZ, ""))
    if right >= int(before.split()[0] if re.match(r"\d+ of", before) else 0):
        status = PASSED if right == questions else f"{right} of {questions}" if right else OPENED
        note_exercise(lesson, QUIZ, status)


def is_solved(lesson: str, name: str) -> bool:
    """Whether the exercise was ever answered rightly."""
    return _read().get(lesson, {}).get(name) == PASSED


def rows(root: Path = ROOT) -> list[tuple[str, int, int, str]]:
    """For each lesson and each released assignment: name, exercises done, exercises in all, and its quiz.

    The quiz is "" where there is none, OPEN, OPENED, "3 of 5" (answered correctly) or PASSED.
    """
    notes = _read()
    paths = [*sorted(root.glob("notebooks/[0-9]*.ipynb")), *sorted(root.glob("release/*/*.ipynb"))]
    return [_row(path, notes.get(path.stem, {})) for path in paths]


def table(root: Path = ROOT) -> str:
    """Lay the rows out as text."""
    lines = [f"{'':32} {'exercises':>10}    quiz"]
    for name, done, count, quiz in rows(root):
        mark = "✓" if count and done == count else " "
        seen = {PASSED: "✓", OPENED: "seen", OPEN: "not yet"}.get(quiz, quiz)
        lines.append(f"{mark} {name:30} {done:>4} of {count:<3}   {seen}".rstrip())
    return "\n".join(lines)


def show() -> None:
    """Print the table."""
    print(table())


def _row(path: Path, notes: dict[str, Any]) -> tuple[str, int, int, str]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = {cell["id"]: "".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"}
    tests = {cell["id"] for cell in cells if cell["metadata"].get("nbgrader", {}).get("grade")} & sources.keys()
    code = "\n".join(sources.values())
    exercises = set(EXERCISE.findall(code))
    done = sum(notes.get(name) == PASSED for name in exercises)
    done += sum(set(notes.get(name, {}).values()) == {PASSED} for name in tests)
    quiz = str(notes.get(QUIZ, OPEN)) if "quiz.show(" in code else ""
    return path.stem, done, len(exercises | tests), quiz


def _place() -> tuple[str, str, Any] | None:
    """Notebook, cell and run of the cell, as JupyterLab tells them to the kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    session = os.environ.get("JPY_SESSION_NAME")
    if session is None or shell is None or not hasattr(shell, "kernel") or "NBGRADER_EXECUTION" in os.environ:
        return None
    request = shell.kernel.get_parent()
    cell = request.get("metadata", {}).get("cellId")
    return (Path(session).stem, cell, request.get("header", {}).get("msg_id")) if cell else None


def _read() -> dict[str, Any]:
    try:
        notes = json.loads(file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: found for name, found in notes.items() if isinstance(found, dict)} if isinstance(notes, dict) else {}


def _write(notes: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        part = file().with_suffix(".part")
        part.write_text(json.dumps(notes, indent=1), encoding="utf-8")
        os.replace(part, file())


if __name__ == "__main__":
    show()

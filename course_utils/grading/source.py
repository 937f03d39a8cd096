"""A source notebook before it is released: what nbgrader or the engine could not use is told with cell and line."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.utils import is_grade, is_solution, is_task

from .course import Course, read_notebook
from .errors import CourseError
from .runtime.code import parse
from .runtime.job import Role

SCHEMA = 3  # of nbgrader's metadata
ID = re.compile(r"[a-zA-Z0-9_-]+")
AUTOTEST = re.compile(r"^\s*###\s*(HASHED )?AUTOTEST", re.MULTILINE)
MAGIC_CALLS = ("run_line_magic", "run_cell_magic", "system", "getoutput")
# Magics that mean something, or nothing at all, where tests run; code._Magics runs them.
RUN_ANYWHERE = ("matplotlib", "config", "load_ext", "reload_ext", "autoreload", "precision", "pylab") + (
    "time",
    "timeit",
    "capture",
    "prun",
)


def check_source(course: Course, assignment: str) -> None:
    """Look at an assignment's name, its folder and each cell of its notebook.

    Raises
    ------
    CourseError
        Something cannot be released or graded; the line names the cell and what to do about it.
    """
    course.check_assignment(assignment)
    path = course.notebook("source", assignment)
    _check_name(path.parent)
    _check_folder(path)
    seen: set[str] = set()
    for number, cell in enumerate(read_notebook(path).cells, start=1):
        name = str(marks_of(cell).get("grade_id") or number)
        problem = _problem_of_marks(cell, seen) or problem_of_code(cell, name)
        if problem:
            raise CourseError(f"{path}: cell {name}{problem}.")
        seen.add(name)


def marks_of(cell: NotebookNode) -> dict[str, Any]:
    """nbgrader's metadata of a cell; empty where it has none, or none that says anything."""
    marks = cell.metadata.get("nbgrader")
    used = isinstance(marks, dict) and any(marks.get(flag) for flag in ("grade", "solution", "locked", "task"))
    return dict(marks) if used else {}


def role_of(cell: NotebookNode) -> Role:
    """What a cell is for: answer, test, or instructor."""
    return "answer" if is_solution(cell) else "test" if is_grade(cell) else "instructor"


def syntax_problem(text: str) -> str:
    """The line that is no Python, as the end of a sentence; "" where the cell can be read."""
    try:
        parse(text)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        return f", line {line}: {type(error).__name__}: {getattr(error, 'msg', error)}; fix it"
    return ""


def _check_name(folder: Path) -> None:
    odd = sorted(set("+*?[]%") & set(folder.name))
    if odd or folder.name != folder.name.strip():
        what = f"a {odd[0]}" if odd else "a space at its end"
        raise CourseError(f"{folder}: nbgrader takes no name with {what}; rename the folder and its notebook.")


def _check_folder(path: Path) -> None:
    for other in sorted(path.parent.rglob("*.ipynb")):
        if other != path and ".ipynb_checkpoints" not in other.parts:
            moved = path.parent.with_name(other.stem) / other.name
            raise CourseError(
                f"{other}: an assignment has one notebook, {path.name}; make this one another assignment ({moved})."
            )


def _problem_of_marks(cell: NotebookNode, seen: set[str]) -> str:
    marks = marks_of(cell)
    if not marks:
        return ""
    version, name = marks.get("schema_version", 0), marks.get("grade_id")
    if version != SCHEMA:
        update = "run `nbgrader update` on it" if isinstance(version, int) and version < SCHEMA else "update nbgrader"
        return f": its nbgrader metadata have schema version {version}, not {SCHEMA}; {update}"
    if not isinstance(name, str) or not ID.fullmatch(name):
        return f": {name!r} is no grade_id for nbgrader; use letters a-z, digits, - and _"
    if name in seen:
        return f": two cells have the grade_id {name!r}; give one of them another"
    return _problem_of_kind(cell, marks)


def _problem_of_kind(cell: NotebookNode, marks: dict[str, Any]) -> str:
    kind, points = cell.cell_type, marks.get("points")
    if is_task(cell) and kind != "markdown":
        return ": a manually graded task has to be a Markdown cell; change its type"
    if kind != "code" and not is_task(cell) and bool(is_grade(cell)) != bool(is_solution(cell)):
        return ": a graded Markdown cell has to be a manually graded answer; choose that in the Create Assignment panel"
    if (is_grade(cell) or is_task(cell)) and not _is_number(points):
        return f": its points are {points!r}; give a number that is 0 or more"
    return ""


def _is_number(points: Any) -> bool:
    return type(points) in (int, float) and 0 <= points < float("inf")


def problem_of_code(cell: NotebookNode, name: str) -> str:
    """What the engine cannot run in a code cell, as the end of a sentence; "" where there is nothing."""
    if cell.cell_type != "code":
        return ""
    problem = syntax_problem(cell.source)
    role = role_of(cell)
    if problem or role == "answer":
        return problem
    tree = parse(cell.source)
    if role == "test":
        return _problem_of_test(cell.source, tree)
    foreign = _foreign_magic(tree)
    if foreign and len(tree.body) > 1:
        return f", line {foreign[0]}: {foreign[1]} cannot run where tests run; put it into a cell of its own"
    return ""


def _problem_of_test(text: str, tree: ast.Module) -> str:
    autotest = AUTOTEST.search(text)
    if autotest:
        line = text[: autotest.start()].count("\n") + 1
        return f", line {line}: AUTOTEST makes no test here; write the assertion"
    foreign = _foreign_magic(tree)
    if foreign:
        return f", line {foreign[0]}: {foreign[1]} cannot run where tests run; write it in Python"
    last = tree.body[-1] if tree.body else None
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Name | ast.BinOp | ast.IfExp):
        return f", line {last.lineno}: the last value of a test gives no part of the points; write several tests"
    return ""


def _foreign_magic(tree: ast.Module) -> tuple[int, str] | None:
    """The line and the text of the first magic or shell command that means nothing without a kernel."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MAGIC_CALLS:
            first = str(getattr(node.args[0], "value", "")) if node.args else ""
            if node.func.attr in ("system", "getoutput"):
                return node.lineno, f"!{first}"
            if first not in RUN_ANYWHERE:
                return node.lineno, f"{'%' if node.func.attr == 'run_line_magic' else '%%'}{first}"
    return None

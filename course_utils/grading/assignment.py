"""What a worker has to know of an assignment, as plain data: its cells, points, and the names that tests ask for."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from nbgrader.utils import is_grade, is_solution

from .course import Course, CourseError, read_notebook
from .fingerprint import engine_fingerprint
from .runtime.code import imports, names_bound
from .runtime.job import Cell
from .runtime.limits import Limits


@dataclass(frozen=True)
class AssignmentSpec:
    """Made from source and release; travels to workers, never to a student's process."""

    assignment: str
    cells: list[Cell]
    points: dict[str, float]  # of autograded tests
    written: list[str]  # graded by hand
    interface: list[str]
    metadata: dict[str, Any]
    marks: dict[str, dict[str, Any]]  # nbgrader's metadata of each cell
    imports: str = ""  # the import statements of the solutions

    @classmethod
    def of(cls, course: Course, assignment: str) -> AssignmentSpec:
        course.check_assignment(assignment)
        released_path = course.notebook("release", assignment)
        if not released_path.is_file():
            raise CourseError(f"{released_path}: missing; run `course release {assignment}` first.")
        source = read_notebook(course.notebook("source", assignment))
        released = {
            c.metadata.nbgrader.grade_id: c for c in read_notebook(released_path).cells if "nbgrader" in c.metadata
        }
        cells, points, written, marks, names, imported = [], {}, [], {}, [], []
        for number, cell in enumerate(source.cells):
            name = cell.metadata.get("nbgrader", {}).get("grade_id", f"cell-{number}")
            if name not in released:
                raise CourseError(f"{released_path}: has no cell {name!r}; run `course release {assignment}` again.")
            role = "answer" if is_solution(cell) else "test" if is_grade(cell) else "instructor"
            cells.append(Cell(name, role, cell.cell_type, cell.source, released[name].source))
            marks[name] = json.loads(json.dumps(released[name].metadata))
            if role == "test":
                points[name] = float(cell.metadata.nbgrader.points)
            elif is_grade(cell):
                written.append(name)
            if role == "answer" and cell.cell_type == "code":
                names += [bound for bound in names_bound(cell.source) if bound not in names]
                imported.append(imports(cell.source))
        metadata = json.loads(json.dumps(source.metadata))
        return cls(assignment, cells, points, written, names, metadata, marks, "\n".join(imported))

    def only(self, task: str) -> AssignmentSpec:
        """The same, but only the points of one task count; all tests run, for the notebook shows them all."""
        tests = [name for name in self.points if task_of(name) == task]
        if not tests:
            known = ", ".join(dict.fromkeys(map(task_of, self.points)))
            raise CourseError(f"{self.assignment}: no task {task!r}; choose one of: {known}.")
        return replace(self, points={name: self.points[name] for name in tests}, written=[])

    def released(self) -> list[Cell]:
        """The cells as students got them."""
        return [replace(cell, text=cell.shown) for cell in self.cells]

    def version(self, limits: Limits) -> str:
        """Names all that decides a grade but the submission: the assignment, the limits, and the code that grades."""
        told = json.dumps([asdict(self), asdict(limits), engine_fingerprint()], sort_keys=True, default=bytes.hex)
        return hashlib.sha256(told.encode()).hexdigest()

    def notebook(self, cells: list[Cell], outputs: dict[str, list], seed: int) -> str:
        """The autograded notebook: the assignment's metadata, the student's text, the outputs of the examination."""
        # Plain dictionaries: nbformat's own makers validate every cell, which takes longer than all the rest here.
        made, count = [], 0
        for cell in cells:
            shown = {"id": _cell_id(cell.id), "cell_type": cell.kind, "metadata": self.marks.get(cell.id, {})}
            if cell.kind == "code":
                count += 1
                results = [_output(output, count) for output in outputs.get(cell.id, [])]
                shown |= {"source": cell.text, "outputs": results, "execution_count": count}
            else:
                shown["source"] = _harmless(cell)
            made.append(shown)
        metadata = self.metadata | {"unrolled": {"seed": seed}}
        return json.dumps({"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, indent=1)


def digest_of(submission: bytes | str) -> str:
    """Names the bytes of a submission, or the reason why there are none."""
    return hashlib.sha256(submission if isinstance(submission, bytes) else submission.encode()).hexdigest()


def task_of(grade_id: str) -> str:
    """The task of a graded cell: "swap-axes-check" and "swap-axes-check-sizes" both test "swap-axes"."""
    return grade_id.split("-check")[0]


def _output(output: dict[str, Any], count: int) -> dict[str, Any]:
    """An output in the form of the notebook format, which wants some fields for some kinds."""
    extra: dict[str, Any] = {"metadata": {}} if "data" in output else {}
    if output["output_type"] == "execute_result":
        extra["execution_count"] = count
    return output | extra


def _cell_id(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)[:64]


def _harmless(cell: Cell) -> str:
    """A student's Markdown without HTML, which a feedback page would carry out."""
    return cell.text.replace("<", "&lt;") if cell.role == "answer" else cell.text

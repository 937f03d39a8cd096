"""What a worker has to know of an assignment, as plain data: its cells, points, and the names that tests ask for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from nbformat import NotebookNode
from nbgrader.utils import is_grade, is_task

from . import page
from .attached import attached_files
from .course import Course, read_notebook
from .errors import CourseError
from .fingerprint import engine_fingerprint
from .runtime.code import imports, names_bound
from .runtime.job import Cell
from .runtime.limits import Limits
from .source import marks_of, role_of, syntax_problem

NOTICE = "how-it-was-read"  # the id of the cell at the top of an autograded notebook


@dataclass(frozen=True)
class AssignmentSpec:
    """Made from source and release; travels to workers, never to a student's process."""

    assignment: str
    cells: list[Cell]
    points: dict[str, float]  # of autograded tests
    written: list[str]  # graded by hand: written answers, tasks, and code that has no test
    interface: list[str]
    metadata: dict[str, Any]
    marks: dict[str, dict[str, Any]]  # nbgrader's metadata of each cell
    imports: str = ""  # the import statements of the solutions
    files: dict[str, bytes] = field(default_factory=dict)  # beside the released notebook
    test_files: dict[str, bytes] = field(default_factory=dict)  # beside the source only
    ids: dict[str, str] = field(default_factory=dict)  # the grade_id for each cell id of the release
    attachments: dict[str, Any] = field(default_factory=dict)  # the release's own pictures, by grade_id
    unlocked: list[str] = field(default_factory=list)  # neither answers nor locked: students may change them

    @classmethod
    def of(cls, course: Course, assignment: str) -> AssignmentSpec:
        course.check_assignment(assignment)
        released_path = course.notebook("release", assignment)
        if not released_path.is_file():
            raise CourseError(f"{released_path}: missing; run `course release {assignment}` first.")
        path = course.notebook("source", assignment)
        source = read_notebook(path)
        released = {marks["grade_id"]: c for c in read_notebook(released_path).cells if (marks := marks_of(c))}
        cells, points, written, marks, names, imported = [], {}, [], {}, [], []
        ids: dict[str, str] = {}
        attachments: dict[str, Any] = {}
        for number, cell in enumerate(source.cells, start=1):
            name, shown = _shown(cell, number, released)
            if shown is None:
                raise CourseError(f"{released_path}: has no cell {name!r}; run `course release {assignment}` again.")
            role = role_of(cell)
            cells.append(Cell(name, role, cell.cell_type, cell.source, shown.source))
            marks[name] = json.loads(json.dumps(shown.metadata))
            ids |= {shown.id: name} if "id" in shown else {}
            attachments |= {name: dict(shown.attachments)} if "attachments" in shown else {}
            if role == "test":
                points[name] = float(cell.metadata.nbgrader.points)
            elif is_grade(cell) or is_task(cell):
                written.append(name)
            if role == "answer" and cell.cell_type == "code":
                problem = syntax_problem(cell.source)
                if problem:
                    raise CourseError(f"{path}: cell {name}{problem}.")
                names += [bound for bound in names_bound(cell.source) if bound not in names]
                imported.append(imports(cell.source))
        files = attached_files(released_path)
        return cls(
            assignment=assignment,
            cells=cells,
            points=points,
            written=written,
            interface=names,
            metadata=json.loads(json.dumps(source.metadata)),
            marks=marks,
            imports="\n".join(imported),
            files=files,
            test_files={name: content for name, content in attached_files(path).items() if name not in files},
            ids=ids,
            attachments=attachments,
            unlocked=[cell.id for cell in cells if cell.role == "instructor" and not _is_locked(marks[cell.id])],
        )

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

    def notebook(
        self,
        cells: list[Cell],
        outputs: Mapping[str, list[dict[str, Any]]],
        seed: int,
        notes: Sequence[str] = (),
        pictures: Mapping[str, Mapping[str, str]] | None = None,
    ) -> str:
        """The autograded notebook: the notes, the assignment's cells, the student's text and what running it showed."""
        # Plain dictionaries: nbformat's own makers validate every cell, which takes longer than all the rest here.
        made: list[dict[str, Any]] = []
        if notes:
            made.append({"id": NOTICE, "cell_type": "markdown", "metadata": {}, "source": page.notice(notes)})
        count = 0
        for cell in cells:
            shown: dict[str, Any] = {"id": _cell_id(cell.id), "cell_type": cell.kind}
            shown["metadata"] = self.marks.get(cell.id, {})
            is_students, marks = cell.role in ("answer", "added"), self.marks.get(cell.id, {})
            if cell.kind == "code":
                count += 1
                shown |= page.code_cell(cell.text, outputs.get(cell.id, []), count, is_students)
                shown["metadata"] = marks | shown["metadata"]
            elif is_students and cell.text != cell.shown:
                shown["source"] = page.written(cell.text, (pictures or {}).get(cell.id, {}))
            else:
                shown["source"] = cell.text
                if cell.id in self.attachments:
                    shown["attachments"] = self.attachments[cell.id]
            made.append(shown)
        language = {"name": "python"} | self.metadata.get("language_info", {}) | {"pygments_lexer": "ipython3"}
        metadata = self.metadata | {"language_info": language, "unrolled": {"seed": seed}}
        return json.dumps({"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, indent=1)


def _shown(cell: NotebookNode, number: int, released: dict[str, NotebookNode]) -> tuple[str, NotebookNode | None]:
    """The name of a cell and its released form; nbgrader releases a cell without its metadata as it is."""
    marks = marks_of(cell)
    if marks:
        return marks["grade_id"], released.get(marks["grade_id"])
    name = f"cell-{number}"
    return (name if name not in released else f"cell-{number}-of-the-source"), cell


def _is_locked(metadata: dict[str, Any]) -> bool:
    marks = metadata.get("nbgrader", {})
    return any(marks.get(mark) for mark in ("locked", "grade", "task"))


def digest_of(submission: bytes | str) -> str:
    """Names the bytes of a submission, or the reason why there are none."""
    return hashlib.sha256(submission if isinstance(submission, bytes) else submission.encode()).hexdigest()


def task_of(grade_id: str) -> str:
    """The task of a graded cell: "swap-axes-check" and "swap-axes-check-sizes" both test "swap-axes"."""
    return grade_id.split("-check")[0]


def _cell_id(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)[:64]

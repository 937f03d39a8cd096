"""The one writer: records a result in nbgrader's gradebook in one transaction, and its files beside it.

The order makes an interruption harmless at any moment: the notebook, then the gradebook, and last the small
file that says that this submission is done. Without that file the submission is simply graded again.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from nbgrader import api
from nbgrader.api import Gradebook
from nbgrader.preprocessors import AssignLatePenalties

from .assignment import AssignmentSpec
from .course import Course
from .worker import Result

DONE = "unrolled.json"  # beside the autograded notebook: scores, mistakes, notes, seed, and the digest
LOG = "log.txt"


class Recorder:
    """Open for the time of one run; the only one that writes to gradebook and autograded/."""

    def __init__(self, course: Course, spec: AssignmentSpec):
        self.course, self.spec = course, spec
        self.gradebook: Gradebook = course.gradebook()
        self.late = AssignLatePenalties(config=course.config())
        self.late.init_plugin()
        self.known = {entry.student.id for entry in self.gradebook.assignment_submissions(spec.assignment)}

    def close(self) -> None:
        self.gradebook.close()

    def is_done(self, student: str, digest: str) -> bool:
        """Whether this very submission is recorded, under this version of the assignment."""
        return self._recorded(student) == digest and student in self.known

    def is_same_text(self, student: str, submission_digest: str) -> bool:
        """Whether the bytes are those that were recorded last, under whatever version of the assignment."""
        return self._recorded(student).endswith(f":{submission_digest}")

    def _recorded(self, student: str) -> str:
        try:
            return str(json.loads(self._file(student, DONE).read_text(encoding="utf-8")).get("digest"))
        except (OSError, ValueError, AttributeError):
            return ""

    def record(self, student: str, digest: str, result: Result, same_text: bool = False, verbose: bool = False) -> None:
        """Replace whatever was recorded for the student by this result.

        With `same_text` (the same submission graded again) points and comments given by hand stay; after a new
        submission they would be about another text, so they go, and written answers wait for a human again.
        """
        folder = self._file(student, DONE).parent
        folder.mkdir(parents=True, exist_ok=True)
        _write(self._file(student, f"{self.spec.assignment}.ipynb"), result.notebook)
        stamp = self.course.timestamp_text(self.spec.assignment, student)
        if stamp:
            _write(folder / "timestamp.txt", stamp)
        with self.gradebook.db.no_autoflush:
            notebook = self._submission(student)
            self._scores(notebook, result, same_text)
            self.gradebook.db.flush()
            self.gradebook.db.expire_all()
            self._penalty(student, notebook)
            self.gradebook.db.commit()
        self.known.add(student)
        log = json.loads(result.to_json()) | {"digest": digest}
        if verbose:
            _write(folder / LOG, result.to_json())
        _write(self._file(student, DONE), json.dumps(log, indent=1))

    def record_failure(self, student: str, result: Result) -> None:
        """Keep the traceback of a submission that could not be graded; scores and done-mark stay as they were."""
        folder = self._file(student, LOG).parent
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / LOG, f"{result.failed}\n\n{result.details}\n{result.to_json()}")

    def _file(self, student: str, name: str) -> Path:
        return self.course.root / "autograded" / student / self.spec.assignment / name

    def _submission(self, student: str) -> api.SubmittedNotebook:
        """The student's notebook in the gradebook, made with all its grades and comments if it is new."""
        db, name = self.gradebook.db, self.spec.assignment
        assignment = self.gradebook.find_assignment(name)
        person = db.get(api.Student, student) or api.Student(id=student)
        db.add(person)
        found = [entry for entry in person.submissions if entry.assignment_id == assignment.id]
        stamp = self.course.timestamp(name, student)
        if found:
            found[0].timestamp = stamp
        else:
            submission = api.SubmittedAssignment(assignment=assignment, student=person, timestamp=stamp)
            copies = [api.SubmittedNotebook(notebook=master, assignment=submission) for master in assignment.notebooks]
            db.add_all([submission, *copies])
            for copy in copies:
                db.add_all(api.Grade(cell=cell, notebook=copy) for cell in _graded(copy.notebook))
                db.add_all(api.Comment(cell=cell, notebook=copy) for cell in _commented(copy.notebook))
            db.flush()
            found = [submission]
        (notebook,) = (entry for entry in found[0].notebooks if entry.notebook.name == name)
        return notebook

    def _scores(self, notebook: api.SubmittedNotebook, result: Result, same_text: bool) -> None:
        for grade in notebook.grades:
            name = grade.cell.name
            if not same_text:
                grade.manual_score = grade.extra_credit = None
            if name in result.scores:
                grade.auto_score = result.scores[name]
                grade.needs_manual_grade = grade.manual_score is not None
            elif name in self.spec.written:
                blank = name in result.blank
                grade.auto_score = 0.0 if blank else None
                grade.needs_manual_grade = not blank
        for comment in notebook.comments:
            comment.auto_comment = result.comment(comment.cell.name)
            if not same_text:
                comment.manual_comment = None

    def _penalty(self, student: str, notebook: api.SubmittedNotebook) -> None:
        notebook.late_submission_penalty = None
        seconds = notebook.assignment.total_seconds_late
        if seconds > 0:
            penalty = self.late.plugin_inst.late_submission_penalty(student, notebook.score, seconds)
            if penalty is not None:
                notebook.late_submission_penalty = self.late._check_late_penalty(notebook, penalty)


def _graded(notebook: api.Notebook) -> list[Any]:
    """The cells that get points; a manually graded task is none of nbgrader's grade cells."""
    return [*notebook.grade_cells, *notebook.task_cells]


def _commented(notebook: api.Notebook) -> list[Any]:
    return [*notebook.solution_cells, *notebook.task_cells]


def _write(path: Path, text: str) -> None:
    """All of it or nothing: through a file beside it."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)

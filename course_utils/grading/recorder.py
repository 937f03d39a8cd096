"""The one writer: records a result in nbgrader's gradebook in one transaction, and its files beside it.

The order makes an interruption harmless at any moment: the gradebook, then the notebook, and last the small
file that says that this submission is done. Without that file the submission is simply graded again.
"""

from __future__ import annotations

import errno
import json
import tempfile
from pathlib import Path
from typing import Any

from nbgrader import api
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy.exc import DatabaseError, InternalError, OperationalError

from .assignment import AssignmentSpec
from .course import Course
from .errors import CourseError
from .worker import Result

DONE = "unrolled.json"  # beside the autograded notebook: scores, mistakes, notes, seed, and the digest
LOG = "log.txt"


class Recorder:
    """Open for the time of one run; the only one that writes to gradebook and autograded/.

    Raises
    ------
    CourseError
        The gradebook does not know the assignment, or cannot be opened.
    OSError
        autograded/ cannot be written to.
    """

    def __init__(self, course: Course, spec: AssignmentSpec):
        self.course, self.spec = course, spec
        folder = course.root / "autograded"
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        self.gradebook: Gradebook = course.gradebook()
        self.late = AssignLatePenalties(config=course.config())
        self.late.init_plugin()
        try:
            self.known = {entry.student.id for entry in self.gradebook.assignment_submissions(spec.assignment)}
        except MissingEntry:
            name = spec.assignment
            raise CourseError(f"{course.gradebook_file}: has no {name}; run `course release {name}` again.") from None

    def close(self) -> None:
        self.gradebook.close()

    def is_done(self, student: str, digest: str) -> bool:
        """Whether this very submission is recorded, under this version of the assignment."""
        return student in self.known and self._recorded(student).get("digest") == digest

    def _recorded(self, student: str) -> dict[str, Any]:
        try:
            recorded = json.loads(self._file(student, DONE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return recorded if isinstance(recorded, dict) else {}

    def _is_same_text(self, student: str, digest: str, result: Result) -> bool:
        """Whether the student's text is what was recorded last, under whatever version of the assignment."""
        recorded = self._recorded(student)
        same_bytes = str(recorded.get("digest")).split(":")[-1] == digest.split(":")[-1]
        return same_bytes or bool(result.text and recorded.get("text") == result.text)

    def record(self, student: str, digest: str, result: Result, verbose: bool = False) -> None:
        """Replace whatever was recorded for the student by this result.

        Points and comments given by hand stay while the student's text is the same. After a new one they would be
        about another text, so they go, and written answers wait for a human again.
        """
        folder = self._file(student, DONE).parent
        folder.mkdir(parents=True, exist_ok=True)
        notebook = _written(self._file(student, f"{self.spec.assignment}.ipynb"), result.notebook)
        try:
            self._commit(student, result, self._is_same_text(student, digest, result))
        except BaseException:
            self.gradebook.db.rollback()
            raise
        notebook.replace(self._file(student, f"{self.spec.assignment}.ipynb"))
        stamp = self.course.timestamp_text(self.spec.assignment, student)
        if stamp:
            _write(folder / "timestamp.txt", stamp)
        else:
            (folder / "timestamp.txt").unlink(missing_ok=True)
        if verbose:
            _write(folder / LOG, result.to_json())
        else:
            (folder / LOG).unlink(missing_ok=True)
        _write(self._file(student, DONE), json.dumps(json.loads(result.to_json()) | {"digest": digest}, indent=1))

    def _commit(self, student: str, result: Result, same_text: bool) -> None:
        with self.gradebook.db.no_autoflush:
            notebook = self._submission(student)
            self._scores(notebook, result, same_text)
            self.gradebook.db.flush()
            self.gradebook.db.expire_all()
            self._penalty(student, notebook)
            self.gradebook.db.commit()
        self.known.add(student)

    def record_failure(self, student: str, result: Result) -> None:
        """Keep the traceback of a submission that could not be graded; scores and done-mark stay as they were."""
        folder = self._file(student, LOG).parent
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / LOG, f"{result.failed}\n\n{result.details}\n{result.to_json()}")

    def _file(self, student: str, name: str) -> Path:
        return self.course.root / "autograded" / student / self.spec.assignment / name

    def _submission(self, student: str) -> api.SubmittedNotebook:
        """The student's notebook in the gradebook; what is missing there is made."""
        db, name = self.gradebook.db, self.spec.assignment
        assignment = self.gradebook.find_assignment(name)
        person = db.get(api.Student, student) or api.Student(id=student)
        db.add(person)
        found = [entry for entry in person.submissions if entry.assignment_id == assignment.id]
        submission = found[0] if found else api.SubmittedAssignment(assignment=assignment, student=person)
        # A time that was lost does not lift a penalty.
        submission.timestamp = self.course.timestamp(name, student) or submission.timestamp
        db.add(submission)
        copies = {copy.notebook.name: copy for copy in submission.notebooks}
        for master in assignment.notebooks:
            copy = copies.get(master.name) or api.SubmittedNotebook(notebook=master, assignment=submission)
            copies[master.name] = copy
            db.add(copy)
            graded, commented = ({row.cell_id for row in rows} for rows in (copy.grades, copy.comments))
            db.add_all(api.Grade(cell=c, notebook=copy) for c in _graded(master) if c.id not in graded)
            db.add_all(api.Comment(cell=c, notebook=copy) for c in _commented(master) if c.id not in commented)
        db.flush()
        return copies[name]

    def _scores(self, notebook: api.SubmittedNotebook, result: Result, same_text: bool) -> None:
        unknown = result.scores.keys() - {grade.cell.name for grade in notebook.grades}
        if unknown:
            name = self.spec.assignment
            raise LookupError(f"the gradebook has no cell {min(unknown)!r}; run `course release {name}` again")
        for grade in notebook.grades:
            name = grade.cell.name
            if not same_text:
                grade.manual_score = grade.extra_credit = None
            before, is_judged = grade.auto_score, grade.manual_score is not None
            if name in result.scores:
                grade.auto_score = result.scores[name]
                if not is_judged or grade.auto_score != before:  # who has judged the same already is not asked again
                    grade.needs_manual_grade = is_judged
            elif name in self.spec.written:
                blank = name in result.blank
                grade.auto_score = 0.0 if blank else None
                if not is_judged:
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


def breaks_everything(error: Exception) -> bool:
    """Whether an error of recording would meet every other student too: the gradebook or the disk is unusable."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
    return isinstance(error, OperationalError | InternalError) or type(error) is DatabaseError


def _written(path: Path, text: str) -> Path:
    """A file beside `path` with its new content."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    return part


def _write(path: Path, text: str) -> None:
    """All of it or nothing."""
    _written(path, text).replace(path)

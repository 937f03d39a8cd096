"""submitted -> autograded: stock nbgrader, one student at a time, so that one bad notebook stops nobody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from nbformat.v4 import new_output
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution

from .course import Course, CourseError, reason, run_step


@dataclass
class Tally:
    """Who was graded, whose grade is still good, and who could not be graded and why."""

    graded: list[str] = field(default_factory=list)
    reused: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def grade(
    course: Course, assignment: str, force: bool = False, step: Callable[[str], object] = lambda student: None
) -> Tally:
    """Autograde every submission that is new since it was last graded; all of them with `force`.

    `step` is called with each student's name when the work on that student is done.
    """
    course.check_assignment(assignment)
    if not course.gradebook_file.exists() or not course.notebook("release", assignment).exists():
        raise CourseError(f"{assignment} is not released in {course.root}: run `course release {assignment}` first.")
    students = course.students("submitted", assignment)
    if not students:
        raise CourseError(f"{course.root / 'submitted'}: no STUDENT/{assignment} in it; collect the submissions first.")
    api, tally = course.api(), Tally()
    for student in students:
        result = run_step(api.autograde, assignment, student, force=force, create=True)
        if not result["success"]:
            tally.failed[student] = reason(result)
        elif "Skipping existing assignment" in result.get("log", ""):
            tally.reused.append(student)
        else:
            tally.graded.append(student)
        step(student)
    return tally


class RequireEvidence(NbGraderPreprocessor):
    """Between nbgrader's Execute and SaveAutoGrades: a test cell that was never run has not passed.

    Stock nbgrader gives full points to a test cell without output.
    """

    def preprocess_cell(self, cell, resources, cell_index):
        if cell.cell_type == "code" and is_grade(cell) and not is_solution(cell) and cell.execution_count is None:
            text = "This test did not run."
            cell.outputs = [new_output("error", ename="NotRun", evalue=text, traceback=[text])]
        return cell, resources

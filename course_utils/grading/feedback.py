"""autograded -> feedback: a page for each student, without the hidden tests."""

from __future__ import annotations

from collections.abc import Callable

from .course import Course, error_line, run_step
from .errors import CourseError


def feedback(
    course: Course, assignment: str, on_progress: Callable[[str], object] = lambda student: None
) -> tuple[list[str], dict[str, str]]:
    """Write feedback/STUDENT/ASSIGNMENT/*.html for everybody graded; returns who has it, and who not and why."""
    course.check_assignment(assignment)
    students = course.students("autograded", assignment)
    if not students:
        raise CourseError(f"{course.root / 'autograded'}: nothing graded yet; run `course grade {assignment}` first.")
    api, done, failed = course.api(), list[str](), dict[str, str]()
    for student in students:
        on_progress(student)
        notebook = course.notebook("autograded", assignment, student)
        if not notebook.exists():
            log = notebook.with_name("log.txt")
            failed[student] = f"not graded; see {log}, then run `course grade {assignment}` again"
            continue
        result = run_step(api.generate_feedback, assignment, student, force=True)
        if result["success"]:
            done.append(student)
        else:
            failed[student] = error_line(result)
    return done, failed

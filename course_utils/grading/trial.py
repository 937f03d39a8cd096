"""An assignment is tried by the real engine before it judges anybody.

The source's own solution must get full points, and the notebook as it is released none: a test that cannot be passed,
and one that needs no answer, are the instructor's to fix and not a student's score.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
from concurrent.futures import Executor
from pathlib import Path

from .assignment import AssignmentSpec
from .course import Course
from .errors import CourseError, NoIsolationError
from .runtime.backend import shared_backend
from .runtime.limits import Limits
from .worker import Result, grade_bytes

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "unrolled" / "passed"
SEEDS = (1, 2, 3)  # a test that passes with one of them only is told as flaky


def try_assignment(course: Course, assignment: str, reuse: bool = False, unsafe: bool = False) -> str:
    """Grade the source's own solution and the released notebook; returns what was seen, in a line.

    Without bubblewrap this goes on without isolation, because all that runs is the instructor's own. With `reuse`
    nothing runs that has passed on this machine already.

    Raises
    ------
    CourseError
        The solution does not get full points, or the released notebook gets some.
    """
    try:
        return _tried(course, assignment, reuse, unsafe)
    except NoIsolationError as missing:
        reason = str(missing).split(":")[0]
        if unsafe:
            return f"not tried: {reason}"
        return f"{try_assignment(course, assignment, reuse, unsafe=True)} (without isolation: {reason})"


def check_solution(
    course: Course, spec: AssignmentSpec, limits: Limits, unsafe: bool, executor: Executor | None = None
) -> None:
    """Raise CourseError unless the source's own solution gets full points on this machine, with these limits.

    What has passed here is not run again until the assignment, the limits, the code or the machine is another;
    workers of an `executor` of the caller's may be anywhere, so they always run it.
    """
    path = course.notebook("source", spec.assignment)
    content = path.read_bytes()
    passed = _Passed("solution", spec, limits, unsafe, content)
    if executor is None and passed.is_known():
        return
    if executor is None:
        result = grade_bytes(content, spec, limits, unsafe)
    else:
        result = executor.submit(grade_bytes, content, spec, limits, unsafe).result()
    problem = _problem_of_solution(result, spec)
    if problem:
        raise CourseError(f"{path}: nobody was graded, because {problem}.")
    if executor is None:
        passed.note()


def _tried(course: Course, assignment: str, reuse: bool, unsafe: bool) -> str:
    spec, limits = AssignmentSpec.of(course, assignment), course.limits()
    source, released = course.notebook("source", assignment), course.notebook("release", assignment)
    solution, blank = source.read_bytes(), released.read_bytes()
    passed = _Passed("trial", spec, limits, unsafe, solution + blank)
    if not (reuse and passed.is_known()):
        shared_backend(unsafe)  # without one this is the end, before anything is said of the source
        results = [grade_bytes(solution, spec, limits, unsafe, seed) for seed in SEEDS]
        as_released = grade_bytes(blank, spec, limits, unsafe, SEEDS[0])
        problem = _problem_of_solutions(results, spec) or _problem_of_blank(as_released, spec)
        if problem:
            raise CourseError(f"{source}: {problem}.")
        passed.note()
        _Passed("solution", spec, limits, unsafe, solution).note()
    total = sum(spec.points.values())
    return f"its solution gets {total:g} of {total:g} points, the released notebook 0"


def _problem_of_solutions(results: list[Result], spec: AssignmentSpec) -> str:
    found = [problem for result in results if (problem := _problem_of_solution(result, spec))]
    if not found:
        return ""
    flaky = f" (in {len(found)} of {len(results)} runs: the test is flaky)" if len(found) < len(results) else ""
    return found[0] + flaky


def _problem_of_solution(result: Result, spec: AssignmentSpec) -> str:
    """Why the source's own solution does not get full points; "" where it does."""
    broken = _failed_setup(result, spec)
    if broken:
        return f"its setup fails: {broken}"
    if result.failed or result.refused:
        return f"its own solution could not be graded: {result.failed or result.refused}"
    lost = [name for name, points in spec.points.items() if result.scores[name] < points]
    if not lost:
        return ""
    slow = [event for event in result.events if event.fate.is_timeout]
    why = f"{slow[0]}; raise c.Limits or make it faster" if slow else _raised(result, lost[0])
    total = sum(spec.points.values())
    return f"its own solution gets {sum(result.scores.values()):g} of {total:g} points here: {why}"


def _raised(result: Result, test: str) -> str:
    events = [str(event) for event in result.events]
    return f"{test}, {result.errors.get(test, 'no reason given')}" + (f" ({events[0]})" if events else "")


def _failed_setup(result: Result, spec: AssignmentSpec) -> str:
    """The first instructor cell above all answers that ends with an error, and the error."""
    for cell in spec.cells:
        if cell.role == "answer":
            break
        if cell.id in result.broken:
            return f"{cell.id}: {result.broken[cell.id]}"
    return ""


def _problem_of_blank(result: Result, spec: AssignmentSpec) -> str:
    """Why the notebook as it is released does not get exactly 0 points; "" where it does."""
    if result.failed or result.refused:
        return f"the released notebook could not be graded: {result.failed or result.refused}"
    earned = [name for name in spec.points if result.scores[name]]
    if not earned:
        return ""
    return f"{earned[0]} gives {result.scores[earned[0]]:g} points for the released notebook, without an answer; \
make it test what the student writes"


class _Passed:
    """A note on this machine that something has passed: an empty file, named by all that decides."""

    def __init__(self, what: str, spec: AssignmentSpec, limits: Limits, unsafe: bool, content: bytes):
        told = [what, spec.version(limits), unsafe, platform.node(), hashlib.sha256(content).hexdigest()]
        self.path = CACHE / hashlib.sha256(json.dumps(told).encode()).hexdigest()

    def is_known(self) -> bool:
        return self.path.exists()

    def note(self) -> None:
        """Write the note; where there is no place for it, the solution is simply run again."""
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch()

"""submitted -> autograded: what is new is handed to workers, and the one writer records what comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from .assignment import AssignmentSpec
from .course import Course, CourseError, is_plain_name
from .recorder import Recorder
from .runtime.backend import close_backends
from .runtime.findings import Fate
from .runtime.limits import Limits
from .runtime.sanitize import RefusedError, read_file
from .worker import Result, grade_bytes


@dataclass
class RunSummary:
    """How the class fared. A student can be in several lists: graded, and timed out in one cell, say.

    `failed` has those who could not be graded, through no fault of theirs; their earlier scores stay.
    """

    graded: list[str] = field(default_factory=list)
    reused: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    timed_out: list[str] = field(default_factory=list)
    died: list[str] = field(default_factory=list)
    tampered: list[str] = field(default_factory=list)

    def add(self, student: str, result: Result) -> list[str]:
        """Count a result; returns a line for everything that an instructor should know of."""
        if result.failed:
            self.failed.append(student)
            return [f"{student}: could not be graded, nothing recorded: {result.failed}"]
        (self.refused if result.refused else self.graded).append(student)
        fates = [event.fate for event in result.events]
        if any(fate.is_timeout for fate in fates):
            self.timed_out.append(student)
        if Fate.PROCESS_DIED in fates:
            self.died.append(student)
        if result.notes:
            self.tampered.append(student)
        lines = [f"{student}: refused, {result.refused}"] if result.refused else []
        return lines + [f"{student}: {text}" for text in [*result.events, *result.notes]]


@dataclass(frozen=True)
class Options:
    """What an instructor can ask of a run."""

    force: bool = False
    student: str | None = None
    task: str | None = None
    jobs: int = 2
    unsafe: bool = False
    verbose: bool = False
    limits: Limits = Limits()


def grade(
    course: Course,
    assignment: str,
    options: Options = Options(),
    on_progress: Callable[[str, list[str]], object] = lambda student, lines: None,
    executor: Executor | None = None,
) -> RunSummary:
    """Grade every submission that is new since it was last graded.

    Parameters
    ----------
    on_progress : called with each student and the lines about them when they are recorded.
    executor : where the workers run; by default threads of this process, each waiting for warm processes.

    Raises
    ------
    CourseError : nothing to grade, an unknown student or task, or no isolation on this machine.
    """
    spec = AssignmentSpec.of(course, assignment)
    if not course.gradebook_file.exists():
        raise CourseError(f"{course.gradebook_file}: missing; run `course release {assignment}` first.")
    if options.task:
        spec = spec.only(options.task)
    students = _students(course, assignment, options)
    recorder, summary = Recorder(course, spec), RunSummary()
    pool = executor or ThreadPoolExecutor(options.jobs)
    try:
        for student, digest, same, result in _results(
            pool, _jobs(course, spec, recorder, students, options, summary, on_progress), options, spec
        ):
            if result.failed:
                recorder.record_failure(student, result)
            else:
                recorder.record(student, digest, result, same, options.verbose)
            on_progress(student, summary.add(student, result))
    finally:
        if executor is None:
            close_backends()
            pool.shutdown(wait=True, cancel_futures=True)
        recorder.close()
    return summary


def _students(course: Course, assignment: str, options: Options) -> list[str]:
    students = [name for name in course.students("submitted", assignment) if is_plain_name(name)]
    if options.student is not None:
        if options.student not in students:
            raise CourseError(f"{course.root / 'submitted' / options.student / assignment}: no such submission.")
        return [options.student]
    if not students:
        raise CourseError(f"{course.root / 'submitted'}: no STUDENT/{assignment} in it; collect the submissions first.")
    return students


def _jobs(
    course, spec, recorder, students, options, summary, on_progress
) -> Iterator[tuple[str, str, bool, bytes | str]]:
    """What has to be run: student, digest, whether it is the text that is recorded already, and the bytes."""
    for student in students:
        try:
            submission: bytes | str = read_file(course.notebook("submitted", spec.assignment, student))
        except RefusedError as refused:
            submission = str(refused)
        digest = spec.digest(submission)
        done = recorder.is_done(student, digest)
        if done and not options.force and not options.task:
            summary.reused.append(student)
            on_progress(student, [])
        else:
            yield student, digest, recorder.is_same_text(student, spec.submission_digest(submission)), submission


def _results(pool: Executor, jobs, options: Options, spec: AssignmentSpec) -> Iterator[tuple[str, str, bool, Result]]:
    """Results as they come, with only a few submissions on the way at a time."""
    waiting: dict[Future, tuple[str, str, bool]] = {}
    for student, digest, same, submission in jobs:
        future = pool.submit(grade_bytes, submission, spec, options.limits, options.unsafe)
        waiting[future] = (student, digest, same)
        while len(waiting) >= 2 * options.jobs:
            yield from _finished(waiting)
    while waiting:
        yield from _finished(waiting)


def _finished(waiting: dict[Future, tuple[str, str, bool]]) -> Iterator[tuple[str, str, bool, Result]]:
    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
    for future in done:
        yield (*waiting.pop(future), future.result())

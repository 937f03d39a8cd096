"""submitted -> autograded: what is new is handed to workers, and the one writer records what comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from .course import Course, CourseError, plain_name
from .intake import Refused, read_file
from .kit import Kit
from .ledger import Ledger
from .pool import close_warm
from .sandbox import Limits
from .worker import Result, grade_bytes


@dataclass
class Tally:
    """How the class fared; `lines` has a line for everything that an instructor should know of."""

    graded: list[str] = field(default_factory=list)
    reused: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    timed_out: list[str] = field(default_factory=list)
    died: list[str] = field(default_factory=list)
    tampered: list[str] = field(default_factory=list)

    def add(self, student: str, result: Result) -> list[str]:
        """Count a result; returns its lines."""
        lines = [f"{student}: refused, {result.refused}"] if result.refused else []
        lines += [f"{student}: {text}" for text in result.events + result.notes]
        (self.refused if result.refused else self.graded).append(student)
        for fate, words in ((self.timed_out, ("took over", "no answer")), (self.died, ("ended", "broke off"))):
            if any(word in event for event in result.events for word in words):
                fate.append(student)
        if result.notes:
            self.tampered.append(student)
        return lines


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
    step: Callable[[str, list[str]], object] = lambda student, lines: None,
    executor: Executor | None = None,
) -> Tally:
    """Grade every submission that is new since it was last graded.

    Parameters
    ----------
    step : called with each student and the lines about them when they are recorded.
    executor : where the workers run; by default threads of this process, each waiting for warm processes.

    Raises
    ------
    CourseError : nothing to grade, an unknown student or task, or no isolation on this machine.
    """
    kit = Kit.of(course, assignment)
    if not course.gradebook_file.exists():
        raise CourseError(f"{course.gradebook_file}: missing; run `course release {assignment}` first.")
    if options.task:
        kit = kit.only(options.task)
    students = _students(course, assignment, options)
    ledger, tally = Ledger(course, kit), Tally()
    pool = executor or ThreadPoolExecutor(options.jobs)
    try:
        for student, digest, same, result in _results(
            pool, _jobs(course, kit, ledger, students, options, tally, step), options, kit
        ):
            ledger.record(student, digest, result, same, options.verbose)
            step(student, tally.add(student, result))
    finally:
        if executor is None:
            close_warm()
            pool.shutdown(wait=True, cancel_futures=True)
        ledger.close()
    return tally


def _students(course: Course, assignment: str, options: Options) -> list[str]:
    students = [name for name in course.students("submitted", assignment) if plain_name(name)]
    if options.student is not None:
        if options.student not in students:
            raise CourseError(f"{course.root / 'submitted' / options.student / assignment}: no such submission.")
        return [options.student]
    if not students:
        raise CourseError(f"{course.root / 'submitted'}: no STUDENT/{assignment} in it; collect the submissions first.")
    return students


def _jobs(course, kit, ledger, students, options, tally, step) -> Iterator[tuple[str, str, bool, bytes | str]]:
    """What has to be run: student, digest, whether it is the text that is recorded already, and the bytes."""
    for student in students:
        try:
            submission: bytes | str = read_file(course.notebook("submitted", kit.assignment, student))
        except Refused as refused:
            submission = str(refused)
        digest = kit.digest(submission)
        done = ledger.is_done(student, digest)
        if done and not options.force and not options.task:
            tally.reused.append(student)
            step(student, [])
        else:
            yield student, digest, ledger.is_same_text(student, kit.submission_digest(submission)), submission


def _results(pool: Executor, jobs, options: Options, kit: Kit) -> Iterator[tuple[str, str, bool, Result]]:
    """Results as they come, with only a few submissions on the way at a time."""
    waiting: dict[Future, tuple[str, str, bool]] = {}
    for student, digest, same, submission in jobs:
        future = pool.submit(grade_bytes, submission, kit, options.limits, options.unsafe)
        waiting[future] = (student, digest, same)
        while len(waiting) >= 2 * options.jobs:
            yield from _finished(waiting)
    while waiting:
        yield from _finished(waiting)


def _finished(waiting: dict[Future, tuple[str, str, bool]]) -> Iterator[tuple[str, str, bool, Result]]:
    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
    for future in done:
        yield (*waiting.pop(future), future.result())

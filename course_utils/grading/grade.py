"""submitted -> autograded: what is new is handed to workers, and the one writer records what comes back."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from .assignment import AssignmentSpec, digest_of
from .course import Course, is_plain_name
from .errors import RESUME, CourseError
from .recorder import Recorder, breaks_everything
from .runtime.backend import close_backends
from .runtime.files import read_file
from .runtime.findings import Fate
from .runtime.limits import Limits
from .runtime.reading import RefusedError
from .trial import check_solution
from .worker import Result, grade_bytes

OnProgress = Callable[[str, list[str]], object]


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
    noted: list[str] = field(default_factory=list)

    def add(self, student: str, result: Result) -> list[str]:
        """Count a result; returns a line for everything that an instructor should know of."""
        if result.failed:
            self.failed.append(student)
            return [f"{student}: could not be graded: {result.failed} (nothing recorded; traceback in log.txt)"]
        (self.refused if result.refused else self.graded).append(student)
        fates = [event.fate for event in result.events]
        if any(fate.is_timeout for fate in fates):
            self.timed_out.append(student)
        if Fate.PROCESS_DIED in fates:
            self.died.append(student)
        if result.notes:
            self.noted.append(student)
        lines = [f"{student}: refused, {result.refused}"] if result.refused else []
        return lines + [f"{student}: {text}" for text in [*result.events, *result.notes]]

    def __str__(self) -> str:
        words = {"failed": "could not be graded", "timed_out": "timed out", "noted": "with notes"}
        counts = {name: len(students) for name, students in vars(self).items()}
        told = [f"{n} {words.get(name, name)}" for name, n in counts.items() if n or name == "graded"]
        return ", ".join(told)


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


@dataclass(frozen=True)
class Submission:
    """What a student handed in: the bytes, or the reason why there are none. `notes` are about the file."""

    student: str
    content: bytes | str
    digest: str
    notes: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)


def grade(
    course: Course,
    assignment: str,
    options: Options = Options(),
    on_progress: OnProgress = lambda student, lines: None,
    executor: Executor | None = None,
) -> RunSummary:
    """Grade every submission that is new since it was last graded.

    Parameters
    ----------
    on_progress : callable
        Called with each student and the lines about them when they are recorded.
    executor : Executor, optional
        Where the workers run; by default threads of this process, each waiting for fork servers.

    Raises
    ------
    CourseError
        Nothing to grade, an unknown student or task, no isolation on this machine, a gradebook that cannot be
        written, or a solution of the source's own that does not get full points here.
    """
    spec = AssignmentSpec.of(course, assignment)
    if not course.gradebook_file.exists():
        raise CourseError(f"{course.gradebook_file}: missing; run `course release {assignment}` first.")
    if options.task:
        spec = spec.only(options.task)
    students = _students(course, assignment, options)
    with contextlib.closing(Recorder(course, spec)) as recorder, _pool(executor, options.jobs) as pool:
        run = _Run(course, spec, recorder, options, on_progress)
        new = run.new_submissions(students)
        first = next(new, None)
        if first is not None:
            check_solution(course, spec, options.limits, options.unsafe, executor)
            for submission, result in run.results(pool, itertools.chain([first], new)):
                run.record(submission, result)
        return run.summary


@contextlib.contextmanager
def _pool(executor: Executor | None, jobs: int) -> Iterator[Executor]:
    """The executor of the caller, or threads; when the run ends early these end at once, with what they run."""
    if executor is not None:
        yield executor
        return
    pool = ThreadPoolExecutor(jobs)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # first, or a thread would begin with the next submission
        close_backends()
        pool.shutdown(wait=True)
        close_backends()


def _students(course: Course, assignment: str, options: Options) -> list[str]:
    students = [name for name in course.students("submitted", assignment) if is_plain_name(name)]
    if options.student is not None:
        if options.student not in students:
            raise CourseError(f"{course.root / 'submitted' / options.student / assignment}: no such submission.")
        return [options.student]
    if not students:
        raise CourseError(f"{course.root / 'submitted'}: no STUDENT/{assignment} in it; collect the submissions first.")
    return students


class _Run:
    """One run over a class. Whatever goes wrong with one submission is told as a failure of that one alone."""

    def __init__(
        self, course: Course, spec: AssignmentSpec, recorder: Recorder, options: Options, on_progress: OnProgress
    ):
        self.course, self.spec, self.recorder = course, spec, recorder
        self.options, self.on_progress = options, on_progress
        self.summary = RunSummary()
        self.version = spec.version(options.limits)

    def new_submissions(self, students: list[str]) -> Iterator[Submission]:
        """What has to be graded; the others are counted as reused, or as failed where they cannot be read."""
        for student in students:
            try:
                submission = self._read(student)
                done = self.recorder.is_done(student, submission.digest)
            except Exception as error:
                self._tell_failure(student, error)
                continue
            if not done or self.options.force or self.options.task:
                yield submission
            else:
                self.summary.reused.append(student)
                self.on_progress(student, [])

    def _read(self, student: str) -> Submission:
        content: bytes | str
        files: dict[str, bytes]
        try:
            file = read_file(self.course.notebook("submitted", self.spec.assignment, student))
            content, notes, files = file.data, file.notes, file.beside
        except RefusedError as refused:
            content, notes, files = str(refused), [], {}
        every = content
        if isinstance(every, bytes):
            every += b"".join(b"\0" + name.encode() + b"\0" + data for name, data in files.items())
        return Submission(student, content, f"{self.version}:{digest_of(every)}", notes, files)

    def results(self, pool: Executor, submissions: Iterable[Submission]) -> Iterator[tuple[Submission, Result]]:
        """Results as they come, with only a few submissions on the way at a time.

        Raises
        ------
        CourseError
            The workers have ended; what they finished before has been yielded.
        """
        waiting: dict[Future[Result], Submission] = {}
        options, ended = self.options, ""
        for submission in submissions:
            try:
                job = (
                    submission.content,
                    self.spec,
                    options.limits,
                    options.unsafe,
                    None,
                    submission.notes,
                    submission.files,
                )
                future = pool.submit(grade_bytes, *job)
            except Exception as error:
                ended = f"the workers have ended ({type(error).__name__}: {error}); {RESUME}."
                break
            waiting[future] = submission
            while len(waiting) >= 2 * options.jobs:
                yield from _finished(waiting)
        while waiting:
            yield from _finished(waiting)
        if ended:
            raise CourseError(ended)

    def record(self, submission: Submission, result: Result) -> None:
        """Write down a result, or that there is none.

        Raises
        ------
        CourseError
            Nobody's result can be written any more.
        """
        student = submission.student
        if not result.failed:
            try:
                self.recorder.record(student, submission.digest, result, self.options.verbose)
                self.on_progress(student, self.summary.add(student, result))
                return
            except Exception as error:
                self._stop_if_unusable(error)
                result = Result.of_failure(error, result.seed)
        self._record_failure(student, result)

    def _tell_failure(self, student: str, error: Exception) -> None:
        self._stop_if_unusable(error)
        self._record_failure(student, Result.of_failure(error))

    def _record_failure(self, student: str, result: Result) -> None:
        try:
            self.recorder.record_failure(student, result)
        except Exception as error:
            self._stop_if_unusable(error)
        self.on_progress(student, self.summary.add(student, result))

    def _stop_if_unusable(self, error: Exception) -> None:
        if breaks_everything(error):
            place = getattr(error, "filename", None) or self.course.gradebook_file
            reason = getattr(error, "strerror", None) or getattr(error, "orig", error)
            raise CourseError(f"{place}: {reason}; free it or the disk; {RESUME}.") from error


def _finished(waiting: dict[Future[Result], Submission]) -> Iterator[tuple[Submission, Result]]:
    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
    for future in done:
        yield waiting.pop(future), _result(future)


def _result(future: Future[Result]) -> Result:
    """What a worker returned. That it could not (it was killed, say) is no result of the submission."""
    try:
        return future.result()
    except CourseError:
        raise
    except Exception as error:
        return Result.of_failure(error)

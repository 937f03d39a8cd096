"""A failure of the grader's is never the student's 0: nothing is recorded, it is told, and the class goes on."""

import errno
import json
import os
import sqlite3
import threading
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from test_engine import RIGHT, SAMPLES, UNSAFE, submit

from course_utils.grading import cli, recorder, worker
from course_utils.grading import grade as grade_module
from course_utils.grading.assignment import AssignmentSpec
from course_utils.grading.course import CourseError
from course_utils.grading.grade import Options, grade
from course_utils.grading.recorder import DONE, LOG
from course_utils.grading.report import report
from course_utils.grading.runtime.backend import Backend, shared_backend
from course_utils.grading.runtime.errors import ExaminationError, ForkServerDied
from course_utils.grading.runtime.findings import Findings
from course_utils.grading.runtime.limits import Limits
from course_utils.grading.sample import Sample, fill_in
from course_utils.grading.worker import ATTEMPTS, grade_bytes
from notebooks import NAME

CLASS = ("ann", "bob", "zoe")


@pytest.fixture
def handed_in(released):
    for student in CLASS:
        submit(released, student)
    return released


def run(course, **options):
    lines: list[str] = []
    summary = grade(course, NAME, Options(unsafe=UNSAFE, **options), lambda student, told: lines.extend(told))
    return summary, lines


def total(course, student) -> float:
    return sum(result.points for result in report(course, NAME)[student].values())


def place(course, student, name) -> Path:
    return course.root / "autograded" / student / NAME / name


def break_for(monkeypatch, module, name: str, student: str, error: Exception) -> None:
    """Have a function raise where one of its arguments is or names the student."""
    honest = getattr(module, name)

    def broken(*arguments, **options):
        if any(student in str(argument) for argument in arguments):
            raise error
        return honest(*arguments, **options)

    monkeypatch.setattr(module, name, broken)


@pytest.mark.parametrize(
    ("module", "name", "error"),
    [
        (grade_module, "read_file", PermissionError(errno.EACCES, "Permission denied")),
        (recorder.Recorder, "is_done", ValueError("a bug")),
        (recorder.Recorder, "record", RuntimeError("a bug")),
        (recorder.Recorder, "_commit", OSError(errno.ENAMETOOLONG, "File name too long")),
    ],
)
def test_what_goes_wrong_with_one_submission_is_that_ones_alone(module, name, error, handed_in, monkeypatch):
    with monkeypatch.context() as patched:
        break_for(patched, module, name, "bob", error)
        summary, lines = run(handed_in)
    assert (sorted(summary.graded), summary.failed) == (["ann", "zoe"], ["bob"])
    (line,) = [line for line in lines if line.startswith("bob: could not be graded: ")]
    assert error.args[-1] in line
    assert "Traceback" in place(handed_in, "bob", LOG).read_text()
    assert not place(handed_in, "bob", DONE).exists()
    assert set(report(handed_in, NAME)) == {"ann", "zoe"}
    again, _ = run(handed_in)
    assert (again.graded, again.reused) == (["bob"], ["ann", "zoe"])
    assert total(handed_in, "bob") == 20
    assert not place(handed_in, "bob", LOG).exists()


def test_an_examination_that_fails_records_nothing_and_the_earlier_score_stays(handed_in, monkeypatch, capsys):
    run(handed_in)
    seed = json.loads(place(handed_in, "bob", DONE).read_text())["seed"]
    submit(handed_in, "bob", swap_axes="# of bob\ndef time_first(batch): return batch")
    honest = Backend.examine

    def failing(self, job):
        if "# of bob" in str(job.cells):
            raise ExaminationError("the examination failed: KeyError: 'x'", "Traceback of the examiner")
        return honest(self, job)

    with monkeypatch.context() as patched:
        patched.setattr(Backend, "examine", failing)
        unsafe = ["--unsafe"] if UNSAFE else []
        handed_in_config = ["--course", str(handed_in.root)]
        assert cli.main([*handed_in_config, "grade", NAME, *unsafe]) == 1
    printed = capsys.readouterr()
    assert "bob: could not be graded: the examination failed: KeyError: 'x' (nothing recorded" in printed.err
    assert "1 could not be graded" in printed.out.splitlines()[-1]
    assert "Traceback of the examiner" in place(handed_in, "bob", LOG).read_text()
    assert json.loads(place(handed_in, "bob", DONE).read_text())["seed"] == seed
    assert total(handed_in, "bob") == 20
    assert run(handed_in)[0].graded == ["bob"]
    assert total(handed_in, "bob") == 18


def test_an_examination_that_broke_off_is_no_sequence_of_failed_tests(handed_in, monkeypatch):
    honest = Backend.examine

    def broken_off(self, job):
        findings = honest(self, job)
        half = dict(list(findings.verdicts.items())[:3])
        return Findings(findings.outputs, half, findings.events)

    spec = AssignmentSpec.of(handed_in, NAME)
    monkeypatch.setattr(Backend, "examine", broken_off)
    result = grade_bytes(handed_in.notebook("submitted", NAME, "zoe").read_bytes(), spec, Limits(), UNSAFE)
    assert result.failed.startswith("the examination ended before the test ")
    assert result.scores == {}


def test_a_database_error_for_one_student_is_rolled_back_and_the_class_goes_on(handed_in):
    with sqlite3.connect(handed_in.gradebook_file) as database:
        database.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON submitted_assignment WHEN NEW.student_id = 'bob' "
            "BEGIN SELECT RAISE(ABORT, 'not bob'); END"
        )
    summary, lines = run(handed_in)
    assert (sorted(summary.graded), summary.failed) == (["ann", "zoe"], ["bob"])
    assert "not bob" in "".join(lines)
    assert "IntegrityError" in place(handed_in, "bob", LOG).read_text()
    assert total(handed_in, "zoe") == 20


def test_a_gradebook_that_is_unusable_stops_the_run_with_one_line(handed_in, capsys, monkeypatch):
    honest = recorder.Recorder.record

    def then_break(self, student, *arguments):
        honest(self, student, *arguments)
        self.gradebook.db.connection().exec_driver_sql("DROP TABLE comment")
        self.gradebook.db.commit()

    with monkeypatch.context() as patched:
        patched.setattr(recorder.Recorder, "record", then_break)
        assert cli.main(["--course", str(handed_in.root), "grade", NAME, "--jobs", "1"] + ["--unsafe"] * UNSAFE) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("course: ")]
    assert f"{handed_in.gradebook_file}: no such table: comment" in line
    assert line.endswith("progress is saved; run it again to resume.")
    assert len(list(handed_in.root.glob(f"autograded/*/*/{DONE}"))) == 1


def test_a_full_disk_stops_the_run_with_one_line(handed_in, monkeypatch):
    def full(path, text):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(recorder, "_written", full)
    with pytest.raises(CourseError, match="No space left on device; .*run it again to resume") as stopped:
        run(handed_in)
    assert len(str(stopped.value).splitlines()) == 1


def test_a_gradebook_that_is_no_database_is_one_line(handed_in, capsys):
    handed_in.gradebook_file.write_bytes(b"this is no database, and long enough to be read as one" * 100)
    for verb in ("grade", "report"):
        (handed_in.root / "autograded" / "x" / NAME).mkdir(parents=True, exist_ok=True)
        assert cli.main(["--course", str(handed_in.root), verb, NAME]) == 1
        (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
        assert line.startswith(f"course: {handed_in.gradebook_file}: file is not a database")


class Fails(Executor):
    """Workers of which one is lost with what it did, and after which all are."""

    def __init__(self):
        self.pool, self.count = ThreadPoolExecutor(1), 0

    def submit(self, function, /, *arguments, **keywords):
        self.count += 1
        if self.count == 3:  # the first is the solution
            lost: Future = Future()
            lost.set_exception(RuntimeError("a worker was killed"))
            return lost
        if self.count == 4:
            raise BrokenExecutor("no workers left")
        return self.pool.submit(function, *arguments, **keywords)


def test_a_lost_worker_costs_nobody_a_point_and_lost_workers_stop_the_run(handed_in):
    lines = []
    options = Options(unsafe=UNSAFE, jobs=1)
    with pytest.raises(CourseError, match="the workers have ended .*; progress is saved; run it again to resume"):
        grade(handed_in, NAME, options, lambda student, told: lines.extend(told), executor=Fails())
    assert [line for line in lines if "a worker was killed" in line]
    assert list(report(handed_in, NAME)) == ["ann"]


def processes_named(name: str) -> list[int]:
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if Path("/proc", pid, "comm").read_text().strip() == name:
                found.append(int(pid))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("which", ["students", "examiners"])
def test_a_fork_server_killed_while_a_submission_runs_costs_nobody_a_point(which, released):
    """The student's code runs until the server is dead: it waits for a file that only this test takes away."""
    spec = AssignmentSpec.of(released, NAME)
    gate = Path(worker.__file__).parents[1] / f".gate-{os.getpid()}"  # the package can be seen from inside
    name = f"gate-{os.getpid() % 10**6}"
    waiting = (
        f"import ctypes, os, time\nctypes.CDLL(None).prctl(15, {name.encode()!r})\n"  # PR_SET_NAME
        f"while os.path.exists({str(gate)!r}): time.sleep(.02)\n"
    )
    answers = RIGHT | {"make-layer": waiting + RIGHT["make-layer"]}
    text = fill_in(Sample("zoe", "", answers), released.notebook("release", NAME)).encode()
    limits = Limits(cell_seconds=1e6, total_seconds=1e6)
    before = shared_backend(UNSAFE)
    with ThreadPoolExecutor(1) as pool:
        gate.touch()
        try:
            future = pool.submit(grade_bytes, text, spec, limits, UNSAFE)
            while not processes_named(name):
                assert not future.done(), future.result()
            getattr(before, which).kill()
            getattr(before, which).wait()
        finally:
            gate.unlink()
        result = future.result()
    assert (sum(result.scores.values()), result.events, result.failed) == (20.0, [], "")
    assert shared_backend(UNSAFE) is not before


def test_fork_servers_that_keep_dying_are_no_result(released, monkeypatch):
    asked = []

    def dying(self, job):
        asked.append(self)
        raise ForkServerDied("a fork server has ended")

    monkeypatch.setattr(Backend, "examine", dying)
    spec = AssignmentSpec.of(released, NAME)
    text = fill_in(SAMPLES["sample-right-loops"], released.notebook("release", NAME)).encode()
    result = grade_bytes(text, spec, Limits(), UNSAFE)
    assert (result.failed, result.scores) == ("a fork server has ended", {})
    assert len(set(map(id, asked))) == ATTEMPTS


def test_ctrl_c_ends_at_once_and_begins_nothing_new(handed_in, monkeypatch):
    """The first result interrupts; whatever else was queued is not graded."""
    for number in range(6):
        submit(handed_in, f"more-{number}")
    begun = []
    honest = grade_module.grade_bytes

    def noting(*arguments):
        begun.append(threading.get_ident())
        return honest(*arguments)

    def interrupt(student, lines):
        raise KeyboardInterrupt

    monkeypatch.setattr(grade_module, "grade_bytes", noting)
    with pytest.raises(KeyboardInterrupt):
        grade(handed_in, NAME, Options(unsafe=UNSAFE, jobs=1), interrupt)
    assert len(begun) <= 2
    assert len(list(handed_in.root.glob(f"autograded/*/*/{DONE}"))) == 1
    monkeypatch.undo()
    again, _ = run(handed_in)
    assert (len(again.reused), len(again.graded)) == (1, 8)

"""What takes minutes: stock nbgrader beside ours, kills at random moments, a cluster, hundreds from one warm process."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

from course_utils.grading.assignment import AssignmentSpec
from course_utils.grading.course import Course, run_step
from course_utils.grading.grade import Options, grade
from course_utils.grading.recorder import DONE
from course_utils.grading.release import release
from course_utils.grading.report import report
from course_utils.grading.runtime.backend import close_backends
from course_utils.grading.runtime.limits import Limits
from course_utils.grading.sample import Sample, fill_in, hand_in, load
from course_utils.grading.worker import grade_bytes
from notebooks import NAME, ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs Debian's package bubblewrap"),
]
SAMPLES = load(ROOT / "samples" / NAME)
# A deleted test cell is left ungraded by stock nbgrader; an endless loop would end there by the clock alone.
NOT_FOR_STOCK = {"sample-deleted-test", "sample-endless-loop"}


def scores(course: Course) -> dict[str, dict[str, float]]:
    return {
        student: {task: result.points for task, result in row.items()} for student, row in report(course, NAME).items()
    }


def test_honest_scores_equal_those_of_stock_nbgrader(course, tmp_path_factory):
    config = course.root / "nbgrader_config.py"
    config.write_text(config.read_text() + "\nc.Execute.timeout = 24 * 3600\n")
    honest = [sample for sample in SAMPLES if sample.student not in NOT_FOR_STOCK]
    stock = Course(tmp_path_factory.mktemp("stock"))
    shutil.copytree(course.root, stock.root, dirs_exist_ok=True)
    for each in (course, stock):
        release(each, NAME)
        hand_in(each, honest)
    for sample in honest:
        assert run_step(stock.api().autograde, NAME, sample.student, force=True)["success"]
    grade(course, NAME, Options(limits=course.limits()))
    assert scores(course) == scores(stock)


RUN = """
import os, signal, sys
from course_utils.grading import cli, grade, recorder

def kill_after(owner, name, count, number):
    honest, calls = getattr(owner, name), []
    def counting(*arguments, **options):
        result = honest(*arguments, **options)
        calls.append(name)
        if len(calls) == count:
            os.kill(os.getpid(), number)
        return result
    setattr(owner, name, counting)

signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background begins with it ignored
folder, assignment, *wanted = sys.argv[1:]
if wanted:
    place, count, number = wanted
    owner, _, name = place.rpartition(".")
    owners = {"grade": grade, "recorder": recorder, "recorder.Recorder": recorder.Recorder}
    kill_after(owners[owner], name, int(count), int(number))
sys.exit(cli.main(["--course", folder, "grade", assignment]))
"""
PLACES = ("grade.digest_of", "recorder._written", "recorder.Recorder._commit", "recorder._write", "grade._result")


def ended(course: Course, *wanted: object) -> int:
    """The exit status of a run that is killed right after the so-manieth call of a function."""
    command = [sys.executable, "-c", RUN, str(course.root), NAME, *map(str, wanted)]
    environment = os.environ | {"XDG_CACHE_HOME": str(course.root / "cache")}
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment).returncode


def seeds(course: Course) -> dict[str, int]:
    return {
        path.parent.parent.name: json.loads(path.read_text())["seed"]
        for path in course.root.glob(f"autograded/*/{NAME}/{DONE}")
    }


def test_twenty_kills_lose_nothing_and_run_nobody_twice(course):
    """Every run is killed at a place of its own: reading, before and after each write, and between two results."""
    release(course, NAME)
    answers = {sample.student: sample for sample in SAMPLES if sample.student != "sample-endless-loop"}
    copies = [
        Sample(student=f"{name}-{number}", about="", answers=sample.answers, points=sample.points)
        for number in range(6)
        for name, sample in answers.items()
    ]
    hand_in(course, copies)
    recorded: dict[str, int] = {}
    statuses = []
    for place, count, number in itertools.product(PLACES, (1, 3), (signal.SIGKILL, signal.SIGINT)):
        statuses.append(ended(course, place, count, int(number)))
        now = seeds(course)
        assert recorded.items() <= now.items()
        recorded = now
    assert statuses == [-signal.SIGKILL, 130] * 10
    assert len(recorded) < len(copies)
    assert ended(course) == 0
    assert recorded.items() <= seeds(course).items()
    full = {"make-layer": 2, "predict-shapes": 4, "initial-state": 2, "one-sequence": 2, "state-by-layer": 2,
            "both-directions": 4, "swap-axes": 2, "run-batch": 2, "explain-equal-sizes": 0}  # fmt: skip
    assert scores(course) == {sample.student: full | sample.points for sample in copies}


def test_two_workers_of_a_cluster_give_the_same_scores(course):
    distributed = pytest.importorskip("distributed", reason="needs the extra `cluster`")
    release(course, NAME)
    honest = [sample for sample in SAMPLES if sample.student != "sample-endless-loop"]
    hand_in(course, honest)
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None)
    with cluster, cluster.get_client() as client:
        summary = grade(course, NAME, Options(jobs=2), executor=client.get_executor(pure=False))
        client.run(close_backends)
    assert len(summary.graded) == len(honest)
    full = scores(course)["sample-right-loops"]
    assert scores(course) == {sample.student: full | sample.points for sample in honest}


def test_hundreds_of_submissions_come_from_one_pair_of_warm_processes(course, capfd):
    release(course, NAME)
    spec = AssignmentSpec.of(course, NAME)
    texts = [
        fill_in(sample, course.notebook("release", NAME)).encode() for sample in SAMPLES if "right" in sample.student
    ]
    results = [grade_bytes(texts[i % len(texts)], spec, Limits()) for i in range(220)]
    close_backends()
    assert {sum(result.scores.values()) for result in results} == {20.0}
    assert len({result.seed for result in results}) == len(results)
    assert capfd.readouterr().err == ""

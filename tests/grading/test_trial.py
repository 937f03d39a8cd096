"""The source's own solution must get full points before students are judged, and the released notebook none."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from test_engine import UNSAFE, points, submit

from course_utils.grading import cli, trial
from course_utils.grading.course import CourseError
from course_utils.grading.grade import Options, grade
from course_utils.grading.release import build, release
from course_utils.grading.runtime.backend import close_backends
from course_utils.grading.runtime.limits import Limits
from course_utils.grading.trial import try_assignment
from notebooks import NAME, change


def insert(course, before: str, text: str) -> None:
    """A locked cell of the instructor's in front of another."""
    path = course.notebook("source", NAME)
    notebook = nbformat.read(path, 4)
    place = [cell.id for cell in notebook.cells].index(before)
    marks = {"grade": False, "solution": False, "locked": True, "task": False, "schema_version": 3, "grade_id": "own"}
    notebook.cells.insert(place, new_code_cell(text, id="own", metadata={"nbgrader": marks}))
    nbformat.write(notebook, path)


def refusal(course) -> str:
    before = course.notebook("release", NAME).read_bytes()
    with pytest.raises(CourseError) as refused:
        release(course, NAME)
    assert course.notebook("release", NAME).read_bytes() == before
    line = str(refused.value)
    assert line.startswith(f"{course.notebook('source', NAME)}: ")
    assert len(line.splitlines()) == 1
    return line


def test_release_tells_that_the_solution_passes_and_the_blank_does_not(course, capsys):
    assert cli.main(["--course", str(course.root), "release", NAME]) == 0
    assert "its solution gets 20 of 20 points, the released notebook 0" in capsys.readouterr().out


def test_a_wrong_solution_is_refused_with_test_line_and_reason(released):
    change(released, "swap-axes", "batch.transpose(0, 1)", "batch.clone()")
    line = refusal(released)
    assert "its own solution gets 18 of 20 points here: swap-axes-check, line " in line
    assert "CheckFailed" in line


def test_a_test_that_gives_points_for_nothing_is_refused(released):
    change(released, "swap-axes-check", "check.", "None and check.")
    assert "swap-axes-check gives 2 points for the released notebook, without an answer" in refusal(released)


def test_a_flaky_test_is_told(released, monkeypatch):
    monkeypatch.setattr(trial, "SEEDS", range(12))
    change(released, "swap-axes-check", "batch = toy", "assert torch.rand(1) < 0.5, 'flaked'\nbatch = toy")
    line = refusal(released)
    assert "swap-axes-check, line " in line
    assert "flaked" in line
    assert "of 12 runs: the test is flaky" in line


def test_a_setup_cell_that_raises_is_refused(released):
    insert(released, "make-layer-task", "data = open('numbers.csv')")
    assert "its setup fails: own: FileNotFoundError" in refusal(released)


def test_what_cannot_cross_the_wall_is_told_with_cell_and_line(released):
    change(released, "swap-axes-check", "batch = toy", "import threading\ntime_first(threading.Lock())\nbatch = toy")
    assert "swap-axes-check, line " in (line := refusal(released))
    assert "cannot hand a value of type _thread.lock to the student" in line


@pytest.mark.parametrize(
    ("before", "text"),
    [
        ("make-layer-check", "print(make_layer(5, 3))"),
        ("make-layer-task", "%matplotlib inline"),
        ("make-layer-task", "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]);"),
    ],
)
def test_a_locked_cell_with_a_students_name_or_a_magic_costs_nobody_a_point(before, text, course):
    insert(course, before, text)
    release(course, NAME)
    submit(course)
    assert grade(course, NAME, Options(unsafe=UNSAFE)).graded == ["zoe"]
    assert sum(points(course, "zoe").values()) == 20


def test_nobody_is_graded_where_the_solution_does_not_get_full_points(released, capsys):
    submit(released)
    change(released, "swap-axes", "batch.transpose(0, 1)", "batch.clone()")
    unsafe = ["--unsafe"] * UNSAFE
    assert cli.main(["--course", str(released.root), "grade", NAME, *unsafe]) == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("course: ")]
    assert "nobody was graded, because its own solution gets 18 of 20 points here: swap-axes-check, line " in line
    assert not released.notebook("autograded", NAME, "zoe").exists()
    assert grade(released, NAME, Options(unsafe=UNSAFE, task="run-batch")).graded == ["zoe"]


def test_limits_that_are_too_tight_for_the_solution_are_told(released):
    submit(released)
    change(released, "swap-axes", "def ", "while True: pass\ndef ")
    with pytest.raises(CourseError, match=r"[a-z-]+: took over 1 s; raise c.Limits or make it faster"):
        grade(released, NAME, Options(unsafe=UNSAFE, limits=Limits(cell_seconds=1.0)))


def test_the_solution_is_graded_once_and_only_where_something_is_to_be_graded(released, monkeypatch, tmp_path):
    monkeypatch.setattr(trial, "CACHE", tmp_path / "cache")
    graded = []
    honest = trial.grade_bytes

    def noting(*arguments):
        graded.append(arguments)
        return honest(*arguments)

    monkeypatch.setattr(trial, "grade_bytes", noting)
    submit(released)
    counts = []
    for options in ({}, {}, {"force": True}, {"limits": Limits(cell_seconds=21.0)}, {"task": "swap-axes"}):
        grade(released, NAME, Options(unsafe=UNSAFE, **options))
        counts.append(len(graded))
    assert counts == [1, 1, 1, 2, 3]


def test_without_bubblewrap_the_solution_is_tried_without_isolation(released, monkeypatch):
    close_backends()
    monkeypatch.setattr("course_utils.grading.runtime.sandbox.shutil.which", lambda name: None)
    told = try_assignment(released, NAME)
    assert told.startswith("its solution gets 20 of 20 points")
    assert "without isolation: no bubblewrap on this machine" in told
    close_backends()


def test_doctor_tells_of_the_trial(released, capsys):
    cli.main(["--course", str(released.root), "doctor", NAME])
    assert f"✓ trial of {NAME}: its solution gets 20 of 20 points" in capsys.readouterr().out
    change(released, "swap-axes", "batch.transpose(0, 1)", "batch.clone()")
    build(released, NAME)
    assert cli.main(["--course", str(released.root), "doctor", NAME]) == 1
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if line.startswith(f"✗ trial of {NAME}: ")]
    assert "its own solution gets 18 of 20 points here: swap-axes-check, line " in line
    assert lines[lines.index(line) + 1] == f"    remedy: fix it, then course release {NAME}"

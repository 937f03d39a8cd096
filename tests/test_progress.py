"""What is done is noted while a notebook runs in a front end, and counted from the notebooks."""

import contextlib
import io
import json
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from course_utils import progress
from course_utils.exercises import shapes as exercises
from notebooks import LESSONS, ROOT, execute


@pytest.fixture(autouse=True)
def notes(tmp_path, monkeypatch):
    path = tmp_path / "notes.json"
    monkeypatch.setenv("UNROLLED_PROGRESS", str(path))
    return path


def test_nothing_is_noted_outside_a_front_end(notes):
    progress.note("value", progress.PASSED)
    assert not notes.exists()


def test_a_check_in_a_front_end_is_noted_under_its_cell(notes, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/ada/notebooks/02_shapes.ipynb")
    source = """
from types import SimpleNamespace
from course_utils import check
kernel = get_ipython().kernel
kernel.get_parent = lambda: {"metadata": {"cellId": "run-entry"}}
check.equal(3, 3, name="count")
try:
    check.equal(4, 3, name="other")
except check.CheckFailed:
    pass
del kernel.get_parent  # so that the kernel reports the end of this cell under its own request
"""
    execute(new_notebook(cells=[new_code_cell(source)]))
    assert json.loads(notes.read_text()) == {"02_shapes": {"run-entry": {"count": "passed", "other": "failed"}}}


def test_a_cell_that_runs_anew_is_noted_anew(notes, monkeypatch):
    """An open place has another name than the value that passes later."""
    runs = iter(["run-1", "run-2", "run-2"])
    monkeypatch.setattr(progress, "_place", lambda: ("02_shapes", "repair", next(runs)))
    progress.note("repaired_summary", progress.OPEN)
    progress.note("layer that adds", progress.PASSED)
    progress.note("ordinary layer", progress.PASSED)
    found = {"layer that adds": "passed", "ordinary layer": "passed"}
    assert json.loads(notes.read_text()) == {"02_shapes": {"repair": found}}


def course(tmp_path):
    cells = [
        new_code_cell("import torch", id="setup"),
        new_code_cell("answer = ...\nexercises.one.check(answer)", id="first"),
        new_code_cell("exercises.two.check(a, b)\nexercises.two.hint()", id="second"),
        new_code_cell("quiz.show('x')", id="quiz"),
    ]
    test = new_code_cell("check.equal(1, 1)", id="test", metadata={"nbgrader": {"grade": True}})
    for folder, name, content in (("notebooks", "02_shapes", cells), ("release/ps9", "ps9", [test])):
        (tmp_path / folder).mkdir(parents=True)
        nbformat.write(new_notebook(cells=content), tmp_path / folder / f"{name}.ipynb")
    return tmp_path


@pytest.mark.parametrize(
    ("found", "done", "quiz"),
    [
        ({}, 0, "open"),
        ({"one": "passed"}, 1, "open"),
        ({"one": "failed", "two": "open"}, 0, "open"),
        ({"one": "passed", "two": "passed", "gone": "passed"}, 2, "open"),
        ({"quiz": "opened"}, 0, "opened"),
        ({"quiz": "3 of 5"}, 0, "3 of 5"),
        ({"quiz": "passed"}, 0, "passed"),
    ],
)
def test_an_exercise_is_done_when_it_was_ever_solved(tmp_path, notes, found, done, quiz):
    notes.write_text(json.dumps({"02_shapes": found}))
    assert progress.rows(course(tmp_path)) == [("02_shapes", done, 2, quiz), ("ps9", 0, 1, "")]


@pytest.mark.parametrize(
    ("found", "line"),
    [("opened", "seen"), ("3 of 5", "3 of 5"), ("passed", "✓")],
)
def test_the_page_says_how_the_quiz_went(tmp_path, notes, found, line):
    notes.write_text(json.dumps({"02_shapes": {"quiz": found}}))
    assert progress.table(course(tmp_path)).splitlines()[1] == f"  02_shapes                         0 of 2     {line}"


def test_a_worse_try_at_a_quiz_takes_nothing_back(notes):
    said = []
    for right in (0, 3, 1, 4, 0, 5, 2):
        progress.note_quiz("02_shapes", right, 5)
        said.append(json.loads(notes.read_text())["02_shapes"]["quiz"])
    assert said == ["opened", "3 of 5", "3 of 5", "4 of 5", "4 of 5", "passed", "passed"]


@pytest.mark.parametrize(("found", "done"), [({}, 0), ({"a": "passed"}, 1), ({"a": "passed", "b": "open"}, 0)])
def test_a_visible_test_is_done_when_all_its_checks_have_passed(tmp_path, notes, found, done):
    notes.write_text(json.dumps({"ps9": {"test": found}}))
    assert progress.rows(course(tmp_path))[1] == ("ps9", done, 1, "")


def test_notes_of_an_assignment_hold_no_checks_of_exercises(notes, monkeypatch):
    monkeypatch.setattr(progress, "_place", lambda: ("02_shapes", "cell", "run"))
    with contextlib.redirect_stdout(io.StringIO()):
        exercises.index_of_142.check((1, 4, 2))
    assert json.loads(notes.read_text()) == {"02_shapes": {"index_of_142": "passed"}}


@pytest.mark.parametrize("damaged", ["", "[1]", "{", "\x00", '{"02_shapes": 3}'])
def test_damaged_notes_are_as_good_as_none(tmp_path, notes, damaged):
    notes.write_text(damaged)
    assert progress.rows(course(tmp_path))[0] == ("02_shapes", 0, 2, "open")


def test_the_page_lists_every_lesson_and_assignment():
    run = subprocess.run([sys.executable, "-m", "course_utils.progress"], capture_output=True, text=True, cwd=ROOT)
    assert all(path.stem in run.stdout for path in LESSONS)
    assert "ps1_shapes" in run.stdout
    by_verb = [sys.executable, "-m", "course_utils.grading.cli", "progress"]
    assert subprocess.run(by_verb, capture_output=True, text=True, cwd=ROOT).stdout == run.stdout

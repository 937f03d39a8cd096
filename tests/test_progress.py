"""What is done is noted while a notebook runs in a front end, and counted from the notebooks."""

import json
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from course_utils import progress
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
with check.exercise():
    check.equal(3, 3, name="count")
with check.exercise():
    check.equal(..., 3, name="other")
del kernel.get_parent  # so that the kernel reports the end of this cell under its own request
"""
    execute(new_notebook(cells=[new_code_cell(source)]))
    assert json.loads(notes.read_text()) == {"02_shapes": {"run-entry": {"count": "passed", "other": "open"}}}


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
        new_code_cell(2 * "with check.exercise():\n    check.equal(1, 1)\n", id="two"),
        new_code_cell("with check.exercise(), torch.no_grad():\n    check.equal(1, 1)\nwith open(x): pass", id="one"),
        new_code_cell("quiz.show('x')", id="quiz"),
    ]
    (tmp_path / "notebooks").mkdir()
    nbformat.write(new_notebook(cells=cells), tmp_path / "notebooks" / "02_shapes.ipynb")
    return tmp_path


@pytest.mark.parametrize(
    ("found", "row"),
    [
        ({}, ("02_shapes", 0, 2, "open")),
        ({"one": {"value": "passed"}}, ("02_shapes", 1, 2, "open")),
        ({"two": {"a": "passed"}}, ("02_shapes", 0, 2, "open")),
        ({"two": {"a": "passed", "b": "open"}}, ("02_shapes", 0, 2, "open")),
        ({"two": {"a": "passed", "b": "passed"}, "one": {"c": "failed"}}, ("02_shapes", 1, 2, "open")),
        ({"gone": {"a": "passed"}, "quiz": {"quiz": "opened"}}, ("02_shapes", 0, 2, "opened")),
    ],
)
def test_an_exercise_is_done_when_all_that_it_asks_has_passed(tmp_path, notes, found, row):
    notes.write_text(json.dumps({"02_shapes": found}))
    assert progress.rows(course(tmp_path)) == [row]


@pytest.mark.parametrize("damaged", ["", "[1]", "{", "\x00"])
def test_damaged_notes_are_as_good_as_none(tmp_path, notes, damaged):
    notes.write_text(damaged)
    assert progress.rows(course(tmp_path)) == [("02_shapes", 0, 2, "open")]


def test_the_page_lists_every_lesson_and_assignment():
    run = subprocess.run([sys.executable, "-m", "course_utils.progress"], capture_output=True, text=True, cwd=ROOT)
    assert all(path.stem in run.stdout for path in LESSONS)
    assert "ps1_shapes" in run.stdout
    by_verb = [sys.executable, "-m", "course_utils.grading.cli", "progress"]
    assert subprocess.run(by_verb, capture_output=True, text=True, cwd=ROOT).stdout == run.stdout

"""Ordinary nbgrader habits: each is graded as stock does it, or refused with the cell, the line and what to do."""

import json
import shutil

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_raw_cell

from course_utils.grading.assignment import AssignmentSpec
from course_utils.grading.attached import attached_files
from course_utils.grading.course import CONFIG, Course, CourseError
from course_utils.grading.feedback import feedback
from course_utils.grading.grade import Options, grade
from course_utils.grading.leaks import leaks
from course_utils.grading.release import release
from course_utils.grading.source import check_source
from notebooks import ROOT

SOLUTION = "def f(x):\n    ### BEGIN SOLUTION\n    return x.transpose(0, 1)\n    ### END SOLUTION"
ASSERTION = "assert torch.equal(f(torch.ones(2, 3)), torch.ones(3, 2))"
SCHEME = "Plan it.\n### BEGIN MARK SCHEME\nfor the grader\n### END MARK SCHEME"


def marked(cell, grade_id, **marks):
    flags = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
    cell.metadata["nbgrader"] = flags | {"grade_id": grade_id} | marks
    return cell


def setup(text="import torch"):
    return marked(new_code_cell(text), "setup", locked=True)


def answer(text=SOLUTION, name="f"):
    return marked(new_code_cell(text), name, solution=True)


def check(text=ASSERTION, name="f-check", **marks):
    return marked(new_code_cell(text), name, **{"grade": True, "locked": True, "points": 2} | marks)


def task(text=SCHEME):
    return marked(new_markdown_cell(text), "plan", task=True, locked=True, points=4)


def make(folder, cells, name="ps", files=None) -> Course:
    home = folder / "source" / name
    home.mkdir(parents=True)
    shutil.copy(ROOT / CONFIG, folder)
    kernel = {"name": "python3", "language": "python", "display_name": "Python 3"}
    notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel})
    (home / f"{name}.ipynb").write_text(json.dumps(notebook))
    for path, content in (files or {}).items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_bytes(content)
    return Course(folder)


REFUSED = {
    "a schema of an earlier nbgrader": ([setup(), answer(), check(schema_version=2)], "cell f-check: .*nbgrader update"),
    "a schema of a later nbgrader": ([setup(), answer(), check(schema_version=4)], "cell f-check: .*update nbgrader"),
    "negative points": ([answer(), check(points=-1)], "cell f-check: its points are -1; give"),
    "points as text": ([answer(), check(points="2")], "cell f-check: its points are '2'; give"),
    "points that are no number": ([answer(), check(points=float("nan"))], "cell f-check: its points are nan; give"),
    "no points": ([answer(), check(points=None)], "cell f-check: its points are None; give"),
    "a grade_id with a space": ([answer(), check(name="f check")], "cell f check: 'f check' is no grade_id"),
    "an empty grade_id": ([answer(name=""), check()], "cell 1: '' is no grade_id"),
    "a grade_id twice": ([answer(), check(), check()], "two cells have the grade_id 'f-check'"),
    "a Markdown test": (
        [answer(), marked(new_markdown_cell("x"), "why", grade=True, locked=True, points=1)],
        "cell why: a graded Markdown cell has to be a manually graded answer",
    ),
    "a Markdown answer without points": (
        [answer(), check(), marked(new_markdown_cell("x"), "why", solution=True)],
        "cell why: a graded Markdown cell",
    ),
    "a task in a code cell": ([marked(new_code_cell("x"), "plan", task=True, points=1)], "cell plan: a manually graded task"),
    "a solution that is no Python": ([answer(SOLUTION.replace("1)", "1"))], "cell f, line 3: SyntaxError"),
    "a test that is no Python": ([answer(), check("x = 1\nassert f(2")], "cell f-check, line 2: SyntaxError"),
    "a shell command in a test": ([answer(), check("x = 1\n!ls\nassert f")], "cell f-check, line 2: !ls cannot run"),
    "a magic in a test": ([answer(), check("%run x.py\nassert f")], "cell f-check, line 1: %run cannot run"),
    "a cell magic in a test": ([answer(), check("%%bash\nls")], "cell f-check, line 1: %%bash cannot run"),
    "a magic beside code in an unmarked cell": ([new_code_cell("x = 1\n%run x.py"), check()], "cell 1, line 2: %run"),
    "a shell command in a setup": ([setup("import torch\n!ls"), check()], "cell setup, line 2: !ls .* cell of its own"),
    "partial credit": ([answer(), check("score = 1\nscore")], "cell f-check, line 2: .* part of the points; write several"),
    "AUTOTEST": ([answer(), check("x = 1\n### AUTOTEST f(2)")], "cell f-check, line 2: AUTOTEST"),
}  # fmt: skip


@pytest.mark.parametrize("habit", REFUSED)
def test_it_is_refused_in_one_line_with_what_to_do(tmp_path, habit):
    cells, words = REFUSED[habit]
    course = make(tmp_path, cells)
    with pytest.raises(CourseError, match=rf"ps\.ipynb: .*{words}") as refused:
        check_source(course, "ps")
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["a+b", "a[1]", "a*", "a ", "a%20b"])
def test_a_name_that_nbgrader_cannot_take_is_refused(tmp_path, name):
    with pytest.raises(CourseError, match="nbgrader takes no name with"):
        check_source(make(tmp_path, [answer(), check()], name), name)


def test_a_second_notebook_is_refused_with_where_to_put_it(tmp_path):
    course = make(tmp_path, [answer(), check()], files={"more/extra.ipynb": b"{}"})
    with pytest.raises(
        CourseError, match=r"extra\.ipynb: an assignment has one notebook, ps\.ipynb; .*source/extra/extra"
    ):
        check_source(course, "ps")


@pytest.mark.parametrize(
    "cells",
    [
        [setup("%matplotlib inline\nimport torch"), answer("%matplotlib inline\n" + SOLUTION), check("%%time\n" + ASSERTION)],
        [setup("!pip list"), answer(), check("await g()\nprint(1)")],
        [new_raw_cell("raw"), new_markdown_cell("# Title"), new_code_cell("%run x.py"), answer(), check(points=0.5)],
        [answer("%%writefile helper.py\nx = 1"), check(points=0), task()],
    ],
)  # fmt: skip
def test_what_the_engine_can_run_is_not_refused(tmp_path, cells):
    check_source(make(tmp_path, cells), "ps")


@pytest.mark.parametrize(
    ("public", "solution", "told"),
    [
        ("import torch.nn.functional", "import torch.nn.functional\n    return x.transpose(0, 1)", []),
        ("optimizer.zero_grad()", "optimizer.zero_grad()\n    return x.transpose(0, 1)", []),
        ("return x.transpose(0, 1)", "return x.transpose(0, 1)", ["return x.transpose(0, 1)"]),
        ("return x.transpose(0, 1)", "import torch.nn.functional\n    return x.transpose(0, 1)", ["return x.transpose(0, 1)"]),
    ],
)  # fmt: skip
def test_a_shared_line_is_no_leak_and_an_answer_is(tmp_path, public, solution, told):
    cells = [setup(public), answer(SOLUTION.replace("return x.transpose(0, 1)", solution)), check()]
    course = make(tmp_path, cells)
    cells[1].source = "def f(x):\n    # YOUR CODE HERE"
    path = make(tmp_path / "released", cells).notebook("source", "ps")
    assert leaks(course.notebook("source", "ps"), path) == told


def test_an_answer_in_a_file_beside_the_release_is_a_leak_and_so_is_a_solution_without_marks(tmp_path):
    course = make(tmp_path, [answer("def f(x):\n    return x.transpose(0, 1)"), check()])
    hidden = [answer("# YOUR CODE HERE"), check()]
    clean = make(tmp_path / "clean", hidden).notebook("source", "ps")
    leaking = make(tmp_path / "leaking", hidden, files={"f.py": b"def f(x):\n    return x.transpose(0, 1)\n"})
    assert leaks(course.notebook("source", "ps"), clean) == []
    assert leaks(course.notebook("source", "ps"), leaking.notebook("source", "ps")) == ["return x.transpose(0, 1)"]


def test_files_are_bounded_and_hidden_ones_left_out(tmp_path):
    files = {"data/rows.csv": b"a b", "helper.py": b"n = 2", ".secret": b"x", "__pycache__/helper.pyc": b"x"}
    path = make(tmp_path, [], files=files).notebook("source", "ps")
    assert attached_files(path) == {"data/rows.csv": b"a b", "helper.py": b"n = 2"}
    with (path.parent / "large.bin").open("wb") as large:
        large.truncate(33 << 20)
    with pytest.raises(CourseError, match=r"large\.bin: an assignment can have 200 files of 32 MiB"):
        attached_files(path)


ALL = [
    new_markdown_cell("# Problem set"),
    new_code_cell("import torch\nimport helper"),
    setup("%matplotlib inline\nrows = open('data/rows.csv').read().split()"),
    answer("import math\n%matplotlib inline\n" + SOLUTION),
    check(ASSERTION + "\nassert helper.n == len(rows) and open('key.txt').read() == '42'", points=0.5),
    task(),
]


def test_an_ordinary_assignment_is_graded_and_its_task_waits_for_a_human(tmp_path):
    files = {"data/rows.csv": b"a b", "helper.py": b"n = 2", "key.txt": b"42"}
    course = make(tmp_path, ALL, files=files)
    config = tmp_path / CONFIG
    config.write_text(config.read_text() + "\nc.CourseDirectory.ignore = ['.ipynb_checkpoints', '*.pyc', 'key.txt']\n")
    released = release(course, "ps")
    spec = AssignmentSpec.of(course, "ps")
    assert spec.written == ["plan"]
    assert (sorted(spec.files), list(spec.test_files)) == (["data/rows.csv", "helper.py"], ["key.txt"])
    assert "for the grader" not in released.read_text()
    notebook = nbformat.read(released, 4)
    notebook.cells[
        1
    ].source += "\nimport string as letters"  # the cell is not locked: a student may add an import to it
    notebook.cells[3].source = "def f(x):\n    assert letters.digits\n    return x.T"
    for student, content in (("right", nbformat.writes(notebook)), ("blank", released.read_text()), ("refused", "")):
        handed_in = course.notebook("submitted", "ps", student)
        handed_in.parent.mkdir(parents=True)
        handed_in.write_text(content)
    grade(course, "ps", Options(unsafe=shutil.which("bwrap") is None))
    feedback(course, "ps")
    page = (tmp_path / "feedback" / "right" / "ps" / "ps.html").read_text()
    assert "Plan it." in page
    assert "for the grader" not in page
    with course.gradebook() as gradebook:
        found = {}
        for student in ("right", "blank", "refused"):
            grades = gradebook.find_submission_notebook("ps", "ps", student).grades
            found[student] = {g.name: (g.auto_score, g.needs_manual_grade) for g in grades}
    assert found["right"] == {"f-check": (0.5, False), "plan": (None, True)}
    assert found["blank"] == {"f-check": (0.0, False), "plan": (None, True)}
    assert found["refused"] == {"f-check": (0.0, False), "plan": (0.0, False)}

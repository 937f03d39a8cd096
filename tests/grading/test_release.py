"""source -> release: reproducible, and nothing secret in it."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import nbformat
import pytest

from course_utils.datasets import FOLDER
from course_utils.grading.bundle import bundle
from course_utils.grading.course import Course, CourseError
from course_utils.grading.leaks import solutions
from course_utils.grading.release import is_current, release
from notebooks import NAME, ROOT, change


@pytest.mark.parametrize("assignment", sorted(path.name for path in (ROOT / "source").iterdir()))
def test_the_tracked_release_is_byte_for_byte_a_fresh_build(assignment):
    assert is_current(Course(ROOT), assignment)


def test_a_release_that_was_edited_by_hand_is_not_current(course):
    path = release(course, NAME)
    path.write_text(path.read_text().replace("Problem set 1", "Problem set one"))
    assert not is_current(course, NAME)


@pytest.mark.parametrize(
    ("cell_id", "old", "new", "words"),
    [
        ("run-batch-check", "BEGIN HIDDEN TESTS", "BEGIN HIDEN TESTS", "BEGIN HIDEN TESTS"),
        (
            "swap-axes-task",
            "The test uses",
            "return batch.transpose(0, 1)\nThe test uses",
            "return batch.transpose(0, 1)",
        ),
        ("run-batch-check", "BEGIN HIDDEN TESTS", "begin hidden tests", "begin hidden tests"),
        ("run-batch-check", "### END HIDDEN TESTS", "", "nbgrader refuses it: RuntimeError: No end hidden tests"),
    ],
)
def test_a_release_that_would_give_an_answer_away_is_refused(course, cell_id, old, new, words):
    good = release(course, NAME).read_bytes()
    change(course, cell_id, old, new)
    with pytest.raises(CourseError, match=r"ps1_shapes\.ipynb") as refused:
        release(course, NAME)
    assert words in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1
    assert course.notebook("release", NAME).read_bytes() == good


def test_a_grade_id_that_stands_twice_and_a_broken_source_are_named(course):
    path = course.notebook("source", NAME)
    text = path.read_text()
    path.write_text(text.replace('"grade_id": "swap-axes"', '"grade_id": "run-batch"'))
    with pytest.raises(CourseError, match="two cells have the grade_id 'run-batch'"):
        release(course, NAME)
    path.write_text(text[:500])
    with pytest.raises(CourseError, match="not a readable notebook"):
        release(course, NAME)


def test_the_release_has_stubs_for_solutions_and_no_hidden_test():
    released = nbformat.read(Course(ROOT).notebook("release", NAME), 4)
    stubs = [cell.source for cell in released.cells if cell.metadata.nbgrader.solution and cell.cell_type == "code"]
    assert len(stubs) == 8
    assert all(stub.endswith("# YOUR CODE HERE\n    raise NotImplementedError") for stub in stubs)
    text = "\n".join(cell.source for cell in released.cells)
    assert "HIDDEN" not in text
    assert "toy.sizes" not in text


def test_the_lines_of_a_solution_are_those_between_the_marks():
    lines = ["def f():", "### BEGIN SOLUTION", "return torch.cat(both)", "x = 1", "### END SOLUTION", "an_open_line()"]
    text = "\n    ".join(lines)
    assert solutions(text) == [["return torch.cat(both)"]]


def copy_course(folder: Path) -> None:
    for name in ("notebooks", "release", "source", "course_utils", "docs"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("constraints.txt", "environment.yml", "pyproject.toml", "LICENSE", "nbgrader_config.py"):
        shutil.copy(ROOT / name, folder)


def test_the_students_archive_has_nothing_that_grades(tmp_path):
    copy_course(tmp_path)
    with zipfile.ZipFile(bundle(Course(tmp_path))) as packed:
        names = packed.namelist()
        text = b"".join(packed.read(name) for name in names)
        project = packed.read("unrolled-students/pyproject.toml").decode()
    assert "scripts" not in project
    assert tomllib.loads(project)["project"]["name"] == "unrolled"
    inside = {name.removeprefix("unrolled-students/") for name in names}
    assert {
        "README.md",
        "notebooks/02_shapes.ipynb",
        "release/ps1_shapes/ps1_shapes.ipynb",
        "course_utils/check.py",
    } <= inside
    data = {f"course_utils/datasets/{path.name}" for path in FOLDER.iterdir() if path.is_file()}
    assert data <= inside
    assert len(data) == 8
    assert not [name for name in inside if "grading" in name or name.startswith("source")]
    assert b"BEGIN HIDDEN" not in text
    assert b"BEGIN SOLUTION" not in text


def test_the_archive_works_by_itself(tmp_path):
    """Its copy of the package is complete: what lessons import can be imported, and a check answers."""
    copy_course(tmp_path)
    with zipfile.ZipFile(bundle(Course(tmp_path))) as packed:
        packed.extractall(tmp_path / "student")
    home = tmp_path / "student" / "unrolled-students"
    source = "import course_utils; from course_utils import *; check.equal(1, 1); print(check.__file__)"
    run = subprocess.run([sys.executable, "-c", source], cwd=home, capture_output=True, text=True)
    assert run.stderr == ""
    assert str(home) in run.stdout


def test_an_incomplete_checkout_makes_no_archive(course):
    with pytest.raises(CourseError, match="glossary.md: missing"):
        bundle(course)

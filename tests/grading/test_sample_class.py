"""The sample class: every submission gets what its file declares."""

import io
import json

import nbformat
import pytest
from rich.console import Console

from course_utils.grading.assignment import task_of
from course_utils.grading.course import Course
from course_utils.grading.grade import grade
from course_utils.grading.report import max_points, report, table
from course_utils.grading.sample import hand_in, load
from course_utils.mistakes import BY_ID
from course_utils.verdict import HINT_LEVELS
from notebooks import NAME, ROOT

STUDENTS = [sample.student for sample in load(ROOT / "samples" / NAME)]


@pytest.fixture(scope="module")
def rows(sample_class):
    return report(sample_class.course, NAME)


def test_the_class_is_large_and_mixed_enough(sample_class):
    samples = sample_class.samples
    assert len(samples) >= 14
    assert sum(sample.student.startswith("sample-right") for sample in samples) == 3
    named = {mistake for sample in samples for mistake in sample.mistakes.values()}
    assert len(named) >= 11
    assert named <= BY_ID.keys()


def test_everybody_is_graded_and_the_progress_names_them(sample_class):
    assert sorted(sample_class.summary.graded) == sorted(sample_class.seen) == sorted(STUDENTS)
    assert sample_class.summary.timed_out == ["sample-endless-loop"]
    assert sample_class.summary.noted == ["sample-deleted-test"]
    assert sample_class.summary.refused == sample_class.summary.died == []


@pytest.mark.parametrize("student", STUDENTS)
def test_a_submission_gets_the_points_that_its_file_declares(student, sample_class, rows):
    (sample,) = (sample for sample in sample_class.samples if sample.student == student)
    full = max_points(sample_class.course, NAME) | {"explain-equal-sizes": 0.0}
    assert {task: result.points for task, result in rows[student].items()} == full | sample.points


@pytest.mark.parametrize("student", STUDENTS)
def test_a_submission_gets_the_diagnosis_that_its_file_declares(student, sample_class, rows):
    (sample,) = (sample for sample in sample_class.samples if sample.student == student)
    named = {task: result.mistakes for task, result in rows[student].items() if result.mistakes}
    assert named == {task: [mistake] for task, mistake in sample.mistakes.items()}
    assert [task for task, result in rows[student].items() if result.review] == sample.review


@pytest.mark.parametrize("student", STUDENTS)
def test_the_diagnosis_stands_beside_the_score_with_the_tier_that_was_shown(student, sample_class):
    (sample,) = (sample for sample in sample_class.samples if sample.student == student)
    folder = sample_class.course.root / "autograded" / student / NAME
    log = json.loads((folder / "unrolled.json").read_text(encoding="utf-8"))
    assert {task_of(test): found for test, found in log["mistakes"].items()} == {
        task: [mistake] for task, mistake in sample.mistakes.items()
    }
    assert log["mistakes"].keys() <= log["hint_levels"].keys()
    assert set(log["hint_levels"].values()) <= {len(HINT_LEVELS)}


def test_only_the_blank_one_is_not_attempted(rows):
    untouched = {student for student, row in rows.items() if not row["make-layer"].attempted}
    assert untouched == {"sample-blank"}


def test_the_table_has_a_row_a_student_and_a_column_a_task(sample_class):
    console = Console(width=170, file=io.StringIO(), record=True)
    console.print(table(sample_class.course, NAME))
    text = console.export_text()
    assert all(student in text for student in STUDENTS)
    assert "/ 23" in text
    assert "batch-first" in text
    assert "directions-exchanged: The two directions swapped (1 student)" in text


def test_a_narrow_table_numbers_the_tasks_and_keeps_every_word_whole(sample_class):
    console = Console(width=120, file=io.StringIO(), record=True)
    console.print(table(sample_class.course, NAME, 120))
    text = console.export_text()
    assert all(student in text for student in STUDENTS)
    assert "7 reshape-to-swap" in text
    assert "8 run-batch" in text


def test_a_second_run_grades_nobody_twice(sample_class):
    again = grade(sample_class.course, NAME, sample_class.options)
    assert (again.graded, again.reused) == ([], sorted(STUDENTS))
    assert hand_in(sample_class.course, sample_class.samples) == []


def test_each_student_has_a_page_without_hidden_tests(sample_class):
    assert sample_class.pages == sorted(STUDENTS)
    for student in STUDENTS:
        page = sample_class.course.root / "feedback" / student / NAME / f"{NAME}.html"
        text = page.read_text(encoding="utf-8")
        assert "HIDDEN TESTS" not in text
        assert "toy.sizes()" not in text
        assert "run-batch" in text or "Batch-first data" in text


def test_a_page_shows_the_panel_with_symptom_question_and_pointer(sample_class):
    page = sample_class.course.root / "feedback" / "sample-reshape-to-swap" / NAME / f"{NAME}.html"
    text = page.read_text(encoding="utf-8")
    assert "reshape-to-swap" in text
    assert "the numbers of different samples have been mixed" in text
    assert "lesson 04_batch_first" in text


def test_the_home_course_is_not_touched(sample_class):
    home = Course(ROOT)
    assert not [student for student in home.students("submitted", NAME) if student.startswith("sample-")]
    assert sample_class.course.root not in (ROOT, *ROOT.parents)


def test_a_submission_is_the_released_notebook_with_answers_in_it(sample_class):
    released = nbformat.read(sample_class.course.notebook("release", NAME), 4)
    handed_in = nbformat.read(sample_class.course.notebook("submitted", NAME, "sample-right-loops"), 4)
    changed = [a.id for a, b in zip(released.cells, handed_in.cells, strict=True) if a.source != b.source]
    assert changed == [cell.id for cell in released.cells if cell.metadata.nbgrader.solution]

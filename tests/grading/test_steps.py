"""The small parts: names in reports, answer files."""

import pytest

from course_utils.grading.assignment import task_of
from course_utils.grading.course import CourseError, error_line
from course_utils.grading.report import TaskResult, _broken, _shown
from course_utils.grading.sample import Sample, fill_in, load
from notebooks import NAME, ROOT


@pytest.mark.parametrize(
    ("grade_id", "task"), [("swap-axes-check", "swap-axes"), ("swap-axes-check-sizes", "swap-axes"), ("essay", "essay")]
)
def test_the_task_of_a_cell(grade_id, task):
    assert task_of(grade_id) == task


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (TaskResult(2.0), "2"),
        (TaskResult(1.5), "1.5"),
        (TaskResult(0, attempted=False), "○"),
        (TaskResult(2, attempted=False), "2 ○"),
        (TaskResult(0, review=True), "0 ?"),
        (TaskResult(0, mistakes=["swapped-sizes"]), "0\n[orange3]swapped-\nsizes[/]"),
    ],
)
def test_a_result_in_the_table(result, text):
    assert _shown(result) == text


def test_long_names_break_after_hyphens():
    assert _broken("last-output-both-directions") == "last-\noutput-\nboth-\ndirections"
    assert _broken("run-batch") == "run-batch"


def test_the_reason_of_a_failure_is_the_line_that_says_it():
    log = "[ERROR] processing\n  File 'x.py'\nnbformat.reader.NotJSONError: no JSON\n[ERROR] see above"
    assert error_line({"log": log}) == "nbformat.reader.NotJSONError: no JSON"
    assert error_line({"error": "Traceback\nKeyError: 'a'"}) == "KeyError: 'a'"
    assert error_line({}) == "no reason given"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("about = ", "not a readable answer file"),
        ('about = "a"\nbase = "other"', "its base 'other' is not one of the files there"),
        ('about = "a"\ncolour = "red"', "unexpected keyword argument 'colour'"),
    ],
)
def test_a_bad_answer_file_is_named(tmp_path, text, words):
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(CourseError, match="bad.toml") as refused:
        load(tmp_path)
    assert words in str(refused.value)


def test_an_answer_to_no_cell_is_refused():
    sample = Sample(student="sample-a", about="", answers={"no-such-cell": "x"})
    with pytest.raises(CourseError, match="has no cell 'no-such-cell'"):
        fill_in(sample, ROOT / "release" / NAME / f"{NAME}.ipynb")

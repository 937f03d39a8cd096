"""How a verdict looks: plain in a terminal, a panel in a kernel, all of it in the report of Validate."""

import subprocess
import sys

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from course_utils import check
from course_utils.verdict import CheckFailed, NotAttempted
from notebooks import ROOT, execute

FAIL = "from course_utils import check\ncheck.shape((7, 4), 'batch time', name='<out>', batch=4, time=7)"
PANELLED = CheckFailed("output", "A symptom.", "", ("02_shapes", "`Output` and h_n"), ["time-first"])
PASS = "from course_utils import check\ncheck.equal(3, 3, name='count')"


def output_of(source: str, **environment: str) -> list:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        return execute(new_notebook(cells=[new_code_cell(source)]), allow_errors=True)[0].outputs


def test_the_text_has_symptom_question_and_pointer_below_the_title():
    error = CheckFailed("output", "A symptom.", "A question?", ("02_shapes", "The layer"), ["some-mistake"])
    assert str(error).splitlines() == [
        "✗ output [some-mistake]",
        "  A symptom.",
        "  A question?",
        "  Read: lesson 02_shapes, “The layer”.",
    ]
    assert isinstance(error, AssertionError)
    assert str(NotAttempted("output", "not attempted yet.")) == "○ output\n  not attempted yet."


@pytest.mark.parametrize(
    ("hint_level", "shown"),
    [
        (1, ["A symptom.", "(Another try shows a question.)"]),
        (2, ["A symptom.", "A question?", "(Another try shows where to read.)"]),
        (3, ["A symptom.", "A question?", "Read: lesson 02_shapes, “The layer”."]),
    ],
)
def test_each_hint_level_shows_one_hint_more(hint_level, shown):
    error = CheckFailed("output", "A symptom.", "A question?", ("02_shapes", "The layer"), hint_level=hint_level)
    assert error.lines() == shown
    assert len(error.hints()) == 3


def test_each_failed_attempt_in_a_kernel_earns_a_hint_and_a_right_answer_starts_anew():
    def hint_level(value, name="count"):
        with pytest.raises(CheckFailed) as caught:
            check.equal(value, 3, name=name)
        return caught.value.hint_level

    assert [hint_level(1), hint_level(1), hint_level(2), hint_level(2)] == [1, 2, 3, 3]
    assert hint_level(1, name="another") == 1
    check.equal(3, 3, name="count")
    assert hint_level(1) == 1


def test_where_there_is_no_second_attempt_every_hint_is_shown(monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    with pytest.raises(CheckFailed) as caught:
        check.equal(1, 3)
    assert caught.value.lines() == caught.value.hints()


def test_a_kernel_shows_a_panel_and_one_line_instead_of_a_traceback():
    panel, error = output_of(FAIL)
    assert panel.output_type == "display_data"
    html = panel.data["text/html"]
    assert "by its sizes would be (time, batch)" in html
    assert "&lt;out&gt;" in html
    assert "<out>" not in html
    assert error.traceback == ["CheckFailed: <out> (see the panel above)"]
    assert error.ename == "CheckFailed"


def test_validate_gets_the_whole_text_because_it_drops_every_display():
    (error,) = output_of(FAIL, NBGRADER_EXECUTION="validate")
    assert "by its sizes would be (time, batch)" in "\n".join(error.traceback)
    assert "Read: lesson 02_shapes" in "\n".join(error.traceback)


def test_a_kernel_shows_a_right_answer_as_one_line_with_a_green_mark():
    (line,) = output_of(PASS)
    assert (line.name, line.text) == ("stdout", "\x1b[38;5;231;48;5;28m✓\x1b[0m count: 3\n")


def test_plain_python_prints_plain_text():
    failed = subprocess.run([sys.executable, "-c", FAIL], capture_output=True, text=True)
    assert failed.returncode == 1
    assert (
        "✗ <out>\n  You have (7, 4), which by its sizes would be (time, batch): the right axes in a different order."
        in failed.stderr
    )
    passed = subprocess.run([sys.executable, "-c", PASS], capture_output=True, text=True)
    assert (passed.stdout, passed.stderr) == ("✓ count: 3\n", "")


@pytest.mark.parametrize(
    ("notebook", "lesson", "mistake"),
    [
        ("notebooks/02_shapes.ipynb", "02_shapes.ipynb", "../docs/mistakes.md"),
        ("release/ps1_shapes/ps1_shapes.ipynb", "../../notebooks/02_shapes.ipynb", "../../docs/mistakes.md"),
    ],
)
def test_the_panel_links_to_the_section_and_to_the_mistake(monkeypatch, notebook, lesson, mistake):
    monkeypatch.setenv("JPY_SESSION_NAME", str(ROOT / notebook))
    html = PANELLED.html()
    (read, described) = (f'href="{lesson}#Output-and-h_n"', f'href="{mistake}#time-first"')
    assert read in html
    assert described in html
    monkeypatch.delenv("JPY_SESSION_NAME")
    monkeypatch.chdir((ROOT / notebook).parent)
    assert PANELLED.html() == html


@pytest.mark.parametrize("session", [None, "other.ipynb", "gone/other.ipynb"])
def test_elsewhere_the_same_words_are_no_links(tmp_path, monkeypatch, session):
    (tmp_path / "other.ipynb").touch()
    monkeypatch.chdir(tmp_path)
    if session:
        monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / session))
    assert "<a " not in PANELLED.html()
    assert "Read: lesson 02_shapes, “`Output` and h_n”." in PANELLED.html()


def test_a_lesson_that_is_not_there_is_no_link(monkeypatch):
    monkeypatch.chdir(ROOT / "notebooks")
    assert "<a " not in CheckFailed("output", "A symptom.", see=("99_none", "Nothing")).html()


RAISING = """
import course_utils, torch
def run(x):
    return torch.nn.RNN(3, 2)(x)

run(torch.zeros(1, 1, 5))
"""


def test_an_error_begins_with_what_went_wrong_and_folds_the_libraries_away():
    error, folded = output_of(RAISING)
    assert error.traceback[0] == f"RuntimeError: {error.evalue}"
    assert [step.splitlines() for step in error.traceback[1:]] == [
        ["Cell In[1], line 5", "    run(torch.zeros(1, 1, 5))"],
        ["Cell In[1], line 3", "    return torch.nn.RNN(3, 2)(x)"],
    ]
    assert folded.data["text/html"].startswith("<details>")
    assert "check_input" in folded.data["text/html"]


@pytest.mark.parametrize(
    ("source", "first"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise ExceptionGroup('two', [ValueError(1)])", None),
        ("class Own(Exception):\n    def _render_traceback_(self): return ['own']\nraise Own", "own"),
        ("exec('1 +')", None),
    ],
)
def test_an_error_without_libraries_has_nothing_folded(source, first):
    outputs = output_of(f"import course_utils\n{source}")
    assert not [output for output in outputs if output.output_type == "display_data"]
    if first:
        assert outputs[-1].traceback[0] == first


def test_nbgrader_gets_the_traceback_as_it_is():
    (error,) = output_of(RAISING, NBGRADER_EXECUTION="validate")
    assert len("\n".join(error.traceback).splitlines()) > 20


def test_the_whole_traceback_is_there_on_request():
    cells = execute(new_notebook(cells=[new_code_cell(RAISING), new_code_cell("%tb")]), allow_errors=True)
    assert "check_input" in "\n".join(cells[1].outputs[0].traceback)

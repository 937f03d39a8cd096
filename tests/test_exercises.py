"""Exercises are declared once, and what they say of themselves is so."""

import ast
import contextlib
import io

import pytest
from torch.nn.functional import cross_entropy

from course_utils import check, progress
from course_utils.exercises import losses
from course_utils.exercises.exercise import TRIES, exercise
from course_utils.verdict import CheckFailed
from lesson import exercises_of
from notebooks import LESSONS, cells_of

lessons = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


@pytest.fixture(autouse=True)
def notes(tmp_path, monkeypatch):
    path = tmp_path / "notes.json"
    monkeypatch.setenv("UNROLLED_PROGRESS", str(path))
    return path


def doubled():
    @exercise("02_shapes", "The layer", solution="answer = 4", hints=("Twice is a sum.", "Of two equal numbers."))
    def doubled(answer):
        check.equal(answer, 4, name="twice two")

    return doubled


def printed(function, *arguments):
    with contextlib.redirect_stdout(io.StringIO()) as text:
        function(*arguments)
    return text.getvalue().strip()


def fail(an_exercise, times=1):
    for _ in range(times):
        with pytest.raises(CheckFailed):
            an_exercise.check(5)


# -- the object -------------------------------------------------------------------------------------------------


def test_an_open_exercise_lets_the_notebook_run_on():
    assert printed(doubled().check, ...) == "○ twice two: not attempted yet."


def test_a_wrong_answer_says_where_to_read():
    with pytest.raises(CheckFailed) as caught:
        doubled().check(5)
    assert caught.value.see == ("02_shapes", "The layer")


def test_a_right_answer_stays_solved():
    tried = doubled()
    fail(tried)
    assert not progress.is_solved("02_shapes", "doubled")
    printed(tried.check, 4)
    fail(tried)
    printed(tried.check, ...)
    assert progress.is_solved("02_shapes", "doubled")


def test_hints_come_one_at_a_time_and_begin_again():
    tried = doubled()
    assert [printed(tried.hint) for _ in range(3)] == [
        "Hint 1 of 2: Twice is a sum.",
        "Hint 2 of 2: Of two equal numbers.",
        "Hint 1 of 2: Twice is a sum.",
    ]


def test_the_solution_comes_after_three_tries():
    tried = doubled()
    fail(tried, TRIES - 1)
    assert "answer = 4" not in printed(tried.solution)
    fail(tried)
    assert printed(tried.solution) == "answer = 4"


def test_the_solution_comes_after_a_right_answer_in_an_earlier_kernel():
    printed(doubled().check, 4)
    assert printed(doubled().solution) == "answer = 4"


def test_a_student_whom_nbgrader_runs_gets_no_notes(notes, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    printed(doubled().check, 4)
    assert not notes.exists()


# -- the declarations -------------------------------------------------------------------------------------------


@lessons
def test_a_lesson_asks_each_of_its_exercises_once_and_in_order(path):
    code = "\n".join(cell.source for cell in cells_of(path) if cell.cell_type == "code")
    assert progress.EXERCISE.findall(code) == list(exercises_of(path))


@lessons
def test_an_exercise_belongs_to_a_section_of_its_lesson(path):
    headings = [line.lstrip("# ") for cell in cells_of(path) for line in cell.source.splitlines() if line[:1] == "#"]
    for an_exercise in exercises_of(path).values():
        assert an_exercise.lesson == path.stem
        assert an_exercise.section in headings, an_exercise.name


@lessons
def test_an_exercise_has_hints_that_give_nothing_away(path):
    for an_exercise in exercises_of(path).values():
        assert an_exercise.hints
        for solution in an_exercise.solutions:
            values = [ast.unparse(node.value) for node in ast.walk(ast.parse(solution)) if isinstance(node, ast.Return)]
            if not values:
                values = [ast.unparse(node.value) for node in ast.parse(solution).body if isinstance(node, ast.Assign)]
            for hint in an_exercise.hints:
                assert hint[-1] in ".?"
                assert not [value for value in values if len(value) > 3 and value in hint], an_exercise.name


# -- a check that looks behind the number -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spoil", [lambda loss: loss.item(), lambda loss: loss.detach(), lambda loss: (loss / 0).nan_to_num()]
)
def test_a_loss_that_nothing_can_learn_from_is_refused(spoil):
    def masked_loss(logits, targets, mask):
        each = cross_entropy(logits.transpose(1, 2), targets, reduction="none")
        loss = (each * mask).sum() / mask.sum().clamp(min=1)
        return loss if mask.any() else spoil(loss)

    with pytest.raises(CheckFailed, match="gradient where no step is valid"):
        printed(losses.masked_loss.check, masked_loss)

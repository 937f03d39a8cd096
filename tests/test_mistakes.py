"""The catalogue is complete and true, and the checks of the tasks name each mistake rightly on any inputs."""

import ast
import contextlib
import io
import re
from collections import Counter

import nbformat
import pytest
import torch
from torch import nn

from catalogue import PAGE, page, run_example
from course_utils import check
from course_utils.mistakes import BY_ID, CATALOGUE, diagnose, diagnose_error
from course_utils.verdict import CheckFailed
from lesson import exercises_of
from matrix import PASSED, UNNAMED, matrix, unmatched, verdict
from notebooks import LESSONS, ROOT, cells_of
from tasks import TASKS

SEEDS = 20
RIGHT_ANSWERS = 1000

each = pytest.mark.parametrize("mistake", CATALOGUE, ids=lambda mistake: mistake.id)
tasks = pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)


# -- the catalogue ----------------------------------------------------------------------------------------------


def test_ids_are_unique_and_in_kebab_case():
    assert len(BY_ID) == len(CATALOGUE) >= 45
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in BY_ID)


@each
def test_a_mistake_has_a_symptom_a_question_and_a_simulation_or_an_error(mistake):
    assert mistake.symptom.endswith(".")
    assert mistake.question.endswith("?")
    assert not mistake.title.endswith(".")
    assert mistake.simulations or mistake.raises
    assert mistake.silent or mistake.raises


@each
def test_the_pointer_leads_to_a_section_of_a_lesson(mistake):
    lesson, section = mistake.see
    (notebook,) = [path for path in LESSONS if path.stem == lesson]
    lines = [line for cell in cells_of(notebook) for line in cell.source.splitlines()]
    assert section in [line.lstrip("# ") for line in lines if "# " in line[:5]]


@each
def test_the_example_shows_the_mistake(mistake):
    printed, error = run_example(mistake)
    if mistake.id == "lengths-on-gpu" and not torch.cuda.is_available():
        pytest.skip("needs CUDA")
    assert printed or error
    assert bool(error) == (bool(mistake.raises) and not mistake.silent) or mistake.fits_error(error)
    if error:
        assert mistake.fits_error(error)


def test_the_page_of_mistakes_is_what_the_catalogue_says():
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make mistakes`"


# -- diagnosis --------------------------------------------------------------------------------------------------


def test_every_mistake_has_a_mutant_and_every_task_three_right_answers():
    assert {name for task in TASKS for name in task.wrong} == BY_ID.keys()
    assert [task.name for task in TASKS if len(task.right) < 3] == []


def test_each_mutant_is_named_rightly_on_every_draw():
    """The diagonal of the matrix that `make mistakes` prints is 100%, and nothing is off it."""
    for mistake, named in matrix(SEEDS).items():
        assert set(named) == {mistake}
        assert named[mistake] >= SEEDS


def test_each_simulation_has_a_mutant_that_matches_it_alone():
    assert unmatched(seeds=5) == []


@tasks
def test_each_right_answer_passes_on_every_draw(task):
    for style, answer in task.right.items():
        assert Counter(verdict(task, answer, seed) for seed in range(SEEDS)) == {(PASSED,): SEEDS}, style


def is_float(value) -> bool:
    return isinstance(value, torch.Tensor | float) and torch.as_tensor(value).is_floating_point()


WITH_FLOATS = [task for task in TASKS if is_float(next(iter(task.right.values()))(**task.draw(0)))]


def test_most_tasks_ask_for_floats():
    assert len(WITH_FLOATS) > len(TASKS) / 2


@pytest.mark.parametrize("task", WITH_FLOATS, ids=lambda task: task.name)
def test_an_answer_that_is_wrong_by_chance_is_not_named(task):
    """A value near the right one that no mistake makes gets the plain facts."""
    right = next(iter(task.right.values()))
    for seed in range(SEEDS):
        value = right(**task.draw(seed))
        assert is_float(value)
        noise = torch.rand(torch.as_tensor(value).shape, generator=torch.Generator().manual_seed(seed))
        off = value + 0.003 + 0.1 * noise
        named = verdict(task, lambda **inputs: off, seed)  # noqa: B023 - used at once
        assert named == (PASSED if task.name == "a loss over the unpacked outputs" else UNNAMED,)


@pytest.mark.slow
@tasks
def test_no_false_alarm_in_a_thousand_right_answers(task, monkeypatch):
    """And inputs on which some mistake would pass unseen are drawn at most once in a hundred times."""
    answers = list(task.right.values())
    draws = [(answers[seed % len(answers)], SEEDS + seed) for seed in range(RIGHT_ANSWERS)]
    blind = 0
    for answer, seed in draws:
        try:
            verdict(task, answer, seed)
        except ValueError as error:
            if "gives the right answer too" not in str(error):
                raise
            blind += 1
    assert blind <= RIGHT_ANSWERS / 100
    monkeypatch.delenv("UNROLLED_AUTHOR")
    assert [seed for answer, seed in draws if verdict(task, answer, seed) != (PASSED,)] == []


def named_and_asked(failed: CheckFailed, *ids: str) -> bool:
    questions = " ".join(BY_ID[name].question for name in failed.mistakes)
    named = f"This is what {' or '.join(failed.mistakes)} gives."
    return set(failed.mistakes) == set(ids) and named in failed.symptom and failed.question == questions


def test_two_mistakes_with_one_value_are_both_named_with_both_questions():
    inputs = {"targets": torch.tensor([1, 1, 0, 0, 0, 0]), "predictions": torch.tensor([1, 0, 1, 1, 0, 0])}
    with pytest.raises(CheckFailed) as caught:  # the recall and the accuracy are both 1/2 here
        check.metric(1 / 2, 1 / 3, name="precision", inputs={"metric": "precision", **inputs})
    assert named_and_asked(caught.value, "precision-recall-swapped", "accuracy-instead")


def test_two_mistakes_with_one_error_are_both_named_unless_the_inputs_decide():
    def raises(features: int) -> CheckFailed:
        def answer():
            raise RuntimeError(f"input.size(-1) must be equal to input_size. Expected 5, got {features}")

        with pytest.raises(CheckFailed) as caught:
            check.call(answer, inputs=inputs)
        return caught.value

    inputs = None
    assert named_and_asked(raises(7), "wrong-feature-size", "missing-feature-axis")
    inputs = {"layer": nn.RNN(5, 3, batch_first=True), "batch": torch.randn(4, 7, 5)}
    assert raises(7).mistakes == ("missing-feature-axis",)  # 7 steps are taken for features
    assert raises(10).mistakes == ("wrong-feature-size",)


@pytest.mark.parametrize(
    "mistake", [mistake for mistake in CATALOGUE if mistake.raises], ids=lambda mistake: mistake.id
)
def test_an_error_is_recognised_by_its_text_alone(mistake):
    """As it is where the tests run apart and only the text of an error comes across."""
    _, error = run_example(mistake)
    if error and not (mistake.id == "lengths-on-gpu" and not torch.cuda.is_available()):
        assert mistake.id in [found.id for found in diagnose_error(CATALOGUE, error, {})]


def test_a_mask_is_not_taken_for_row_numbers():
    mask = torch.tensor([True, True, False, False])
    for inputs in ({"windows": 4, "value": mask}, {"groups": ["a", "a", "b", "b"], "value": (mask, ~mask)}):
        assert diagnose(CATALOGUE, inputs, lambda simulated: simulated is not None) == []


def test_a_simulation_that_cannot_be_computed_is_passed_over():
    assert diagnose(CATALOGUE, {"layer": "no layer", "batch": torch.ones(2)}, lambda simulated: True) == []


# -- hints give nothing away ------------------------------------------------------------------------------------


def expressions(source: str) -> set[str]:
    """The calls, operations and subscripts of some code that are long enough to say something."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call | ast.BinOp | ast.Subscript | ast.Compare):
            text = ast.unparse(node).replace(" ", "")
            if len(text) >= 8:
                found.add(text)
    return found


def solutions(lessons: bool = True) -> set[str]:
    """Every expression of the assignments' solutions, and of the functions that lessons ask for."""
    found = set()
    for path in ROOT.glob("source/*/*.ipynb"):
        for cell in nbformat.read(path, 4).cells:
            for part in re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", cell.source, re.S):
                with contextlib.suppress(SyntaxError):
                    found |= expressions("def answer():\n" + part if part.startswith(" ") else part)
    for path in LESSONS if lessons else ():
        for exercise in exercises_of(path).values():
            if exercise.asks_for_code:
                found |= {piece for solution in exercise.solutions for piece in expressions(solution)}
    return found


def test_no_hint_holds_a_piece_of_a_solution():
    pieces = solutions()
    assert any("transpose(0,1)" in piece for piece in pieces)
    assert any("torch.cat" in piece for piece in pieces)
    for mistake in CATALOGUE:
        hints = "".join([mistake.title, mistake.symptom, mistake.question, *mistake.see]).replace(" ", "")
        assert [piece for piece in pieces if piece in hints] == [], mistake.id


def test_no_example_holds_a_solution_of_an_assignment():
    whole = {piece for piece in solutions(lessons=False) if re.search(r"transpose|cat\(|view\(|zeros\(", piece)}
    assert whole
    for mistake in CATALOGUE:
        assert not whole & expressions(mistake.example), mistake.id


@tasks
def test_no_message_holds_the_expected_number(task):
    """What a wrong answer is told, at the last hint level, never has the right number in it."""
    answers = list(task.right.values())
    for name, answer in task.mutants():
        with contextlib.redirect_stdout(io.StringIO()), pytest.raises(CheckFailed) as caught:
            task.check(answer, task.draw(1))
        right = answers[0](**task.draw(1))
        if (isinstance(right, float | int) or (torch.is_tensor(right) and right.numel() == 1)) and right not in (0, 1):
            assert f"{float(right):.4g}" not in " ".join(caught.value.hints()), name

"""Problem sets, run in this process: right answers pass and each wrong one is named, on fresh sizes every time."""

import pytest

from course_utils.grading.assignment import task_of
from course_utils.grading.sample import load
from course_utils.verdict import CheckFailed, NotAttempted
from notebooks import ASSIGNMENTS, ROOT, cells_of, run_cells

SOURCE = ROOT / "source" / "ps1_shapes" / "ps1_shapes.ipynb"
SAMPLES = {sample.student: sample for sample in load(ROOT / "samples" / "ps1_shapes")}
HANGS = {"sample-endless-loop"}
ROUNDS = 20


def graded() -> dict[str, float]:
    cells = [cell for cell in cells_of(SOURCE) if cell.metadata.get("nbgrader", {}).get("grade")]
    return {cell.id: cell.metadata.nbgrader.points for cell in cells}


def points(outcome) -> dict[str, float]:
    worth, reached = graded(), {}
    for grade_id, raised in outcome.items():
        task = task_of(grade_id)
        reached[task] = reached.get(task, 0) + (worth[grade_id] if raised is None else 0)
    return reached


def released_answers() -> dict[str, str]:
    """What the cells hold in the release: a stub."""
    released = ROOT / "release" / "ps1_shapes" / "ps1_shapes.ipynb"
    return {cell.id: cell.source for cell in cells_of(released) if cell.metadata.nbgrader.solution}


def test_twenty_points_from_eight_tasks_and_three_by_hand():
    tasks = {}
    for grade_id, worth in graded().items():
        tasks[task_of(grade_id)] = tasks.get(task_of(grade_id), 0) + worth
    written = tasks.pop("explain-equal-sizes")
    assert (len(tasks), sum(tasks.values()), written) == (8, 20, 3)


def test_every_heading_tells_the_points_of_its_task():
    worth = {}
    for grade_id, value in graded().items():
        worth[task_of(grade_id)] = worth.get(task_of(grade_id), 0) + value
    headings = {cell.id.removesuffix("-task"): cell.source for cell in cells_of(SOURCE) if cell.id.endswith("-task")}
    assert headings.keys() == worth.keys()
    for task, text in headings.items():
        assert f"({worth[task]:g} points" in text.splitlines()[0]


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_graded_cells_are_named_after_their_task(assignment):
    for cell in cells_of(ROOT / "source" / assignment / f"{assignment}.ipynb"):
        assert cell.metadata.nbgrader.grade_id == cell.id
        assert cell.cell_type == "markdown" or cell.source.count("\n") < 20


def test_students_functions_are_only_reached_through_check_call():
    stubs = [task for task in released_answers() if task != "explain-equal-sizes"]
    names = [source.split("def ")[1].split("(")[0] for task, source in released_answers().items() if task in stubs]
    tests = {
        cell.id: cell.source for cell in cells_of(SOURCE) if cell.id.split("-check")[0] in stubs and "-check" in cell.id
    }
    assert {cell.split("-check")[0] for cell in tests} == set(stubs)
    for name in names:
        assert any(f"check.call({name}," in source for source in tests.values()), name
        assert [cell for cell, source in tests.items() if f"{name}(" in source] == [], name


@pytest.mark.parametrize("attempt", range(ROUNDS))
def test_the_solution_passes_on_every_draw_of_sizes(attempt):
    assert set(run_cells(SOURCE, {}).values()) == {None}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("student", sorted(SAMPLES.keys() - HANGS))
def test_a_sample_gets_its_points_and_its_diagnosis_on_every_draw(student):
    sample = SAMPLES[student]
    worth = {task_of(grade_id): 0.0 for grade_id in graded() if grade_id != "explain-equal-sizes"}
    full = points({grade_id: None for grade_id in graded() if grade_id != "explain-equal-sizes"})
    for _ in range(ROUNDS):
        outcome = run_cells(SOURCE, released_answers() | sample.answers)
        expected = worth | full | sample.points
        if not sample.deleted:
            assert points(outcome) == expected
        named = {task_of(name): error.mistakes for name, error in outcome.items() if getattr(error, "mistakes", ())}
        assert named == {task: (mistake,) for task, mistake in sample.mistakes.items()}


@pytest.mark.parametrize("student", [name for name, sample in SAMPLES.items() if sample.mistakes])
def test_every_failure_of_a_mistake_says_so_and_nothing_of_the_answer(student):
    for error in run_cells(SOURCE, released_answers() | SAMPLES[student].answers).values():
        if error is not None:
            assert isinstance(error, CheckFailed)
            assert not [
                secret
                for secret in ("transpose", "permute", "cat(", "batch_first=True", "view(")
                if secret in str(error)
            ]


def test_a_blank_submission_is_not_attempted_everywhere():
    assert {type(error) for error in run_cells(SOURCE, released_answers()).values()} == {NotAttempted}

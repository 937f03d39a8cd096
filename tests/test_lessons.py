"""Lessons: they run to the end, what they say is so, right answers pass, wrong ones are named, the form is kept."""

import ast
import re
import statistics
import tomllib

import nbformat
import pytest

from course_utils import progress, quiz
from course_utils.mistakes import BY_ID
from lesson import (
    ROUNDING,
    answered,
    executed,
    exercises_of,
    facts,
    minutes,
    only_repeats,
    outputs,
    run,
    stated,
    with_answers,
    with_claims,
)
from notebooks import LESSONS, cells_of

DECIMAL = re.compile(r"(?<![\w.])\d*\.\d+(?![\w.])|\d+(?:\.\d+)?\s?%")
LEVELS = ["easy", "medium", "hard"]

TRAINS = re.compile(r"(?:training\.fit|museum\.train|optimizer\.step)\(")
TRAINING = [path for path in LESSONS if any(TRAINS.search(cell.source) for cell in cells_of(path))]

lessons = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


def not_passed(cells):
    """The exercises, but for the wrong answers, in which nothing has passed."""
    return [cell.id for cell in cells[1:] if "-wrong-" not in cell.id and "✓" not in str(cell.get("outputs"))]


@lessons
def test_a_lesson_left_open_runs_to_its_end_and_all_its_claims_hold(path):
    cells = executed(path)[0]
    assert all(cell.execution_count for cell in cells if cell.cell_type == "code")
    assert sum(cell.id.endswith("-claims") for cell in cells) >= 6
    open_places = sum(str(cell.get("outputs", "")).count("○") for cell in cells)
    assert open_places == len(exercises_of(path))


@pytest.mark.slow
@lessons
def test_what_training_shows_holds_on_a_machine_that_rounds_differently(path):
    cells = run(with_claims(path), path.parent, ROUNDING)
    assert sum(cell.id.endswith("-claims") for cell in cells) >= 6
    assert not_passed(run(with_answers(path), path.parent, ROUNDING)) == []


@lessons
def test_a_lesson_writes_nothing_to_stderr(path):
    assert [output.text for output in outputs(executed(path)[0], "stream") if output.name == "stderr"] == []


@lessons
def test_every_error_on_purpose_is_quoted_in_the_next_text(path):
    cells = executed(path)[0]
    raising = [i for i, cell in enumerate(cells) if "raises-exception" in cell.metadata.get("tags", [])]
    assert len(raising) == len(outputs(cells, "error"))
    for i in raising:
        (error,) = outputs([cells[i]], "error")
        text = next(cell.source for cell in cells[i + 1 :] if cell.cell_type == "markdown")
        assert f"`{error.evalue.splitlines()[0]}`" in text


@lessons
def test_every_figure_has_a_description(path):
    cells = executed(path)[0]
    shown = [output.data for kind in ("display_data", "execute_result") for output in outputs(cells, kind)]
    images = [data["text/html"] for data in shown if "<img" in data.get("text/html", "")]
    assert images
    assert all(re.search(r'alt="[^"]{30,}"', image) for image in images)
    assert not [data for data in shown if "image/png" in data]
    assert not [cell.id for cell in cells if "matplotlib" in cell.source]  # pictures come from course_utils.plots


@lessons
def test_right_answers_pass_in_a_fresh_kernel(path):
    assert len(answered(path)) > 1
    assert not_passed(answered(path)) == []


@lessons
def test_wrong_answers_are_named(path):
    cells = {cell.id: cell for cell in answered(path)}
    for number, wrong in enumerate(facts(path.stem)["wrong"]):
        (error,) = outputs([cells[f"{wrong['cell']}-wrong-{number}"]], "error")
        named = re.findall(r"\[([a-z0-9-]+)\]", error.evalue.splitlines()[0])
        assert named == [wrong["mistake"]], error.evalue
    assert len({wrong["mistake"] for wrong in facts(path.stem)["wrong"]} & BY_ID.keys()) >= MISTAKES_SHOWN.get(
        path.stem, 3
    )


MISTAKES_SHOWN = {"00_start_here": 1}


@lessons
def test_every_claim_is_quoted_from_its_cell_and_every_number_of_the_text_is_claimed(path):
    texts = {cell.id: cell.source for cell in cells_of(path)}
    quotes: dict[str, str] = {}
    for claim in stated(path):
        assert claim["quote"] in texts[claim["cell"]]
        quotes[claim["cell"]] = quotes.get(claim["cell"], "") + " " + claim["quote"]
    for cell in cells_of(path):
        if cell.cell_type == "markdown":
            prose = re.sub(r"`[^`]*`|\]\([^)]*\)|(?m:^#.*$)", "", cell.source)
            loose = [number for number in DECIMAL.findall(prose) if number not in quotes.get(cell.id, "")]
            assert loose == [], (cell.id, loose)


@lessons
def test_a_claim_rests_on_something_that_runs_and_a_given_says_so(path):
    assert [claim["quote"] for claim in facts(path.stem)["claim"] if only_repeats(claim["holds"])] == []
    assert [given["quote"] for given in facts(path.stem)["given"] if not only_repeats(given["holds"])] == []


@lessons
def test_every_exercise_says_how_hard_it_is(path):
    text = ""
    for cell in cells_of(path):
        if cell.cell_type == "markdown":
            text += cell.source
        elif progress.EXERCISE.search(cell.source):
            assert re.search(r"\*\*(Easy|Medium|Hard)\.\*\*", text), cell.id
            text = ""


@lessons
def test_the_quiz_has_three_levels_and_its_wrong_options_are_mistakes(path):
    file = path.parent / "quizzes" / f"{path.stem}.toml"
    questions = tomllib.loads(file.read_text(encoding="utf-8"))["question"]
    assert len(questions) >= 4
    assert {question["level"] for question in questions} == set(LEVELS)
    named = [option["mistake"] for question in questions for option in question["options"] if "mistake" in option]
    assert set(named) <= BY_ID.keys()
    assert len(named) >= MISTAKES_SHOWN.get(path.stem, 3)
    for question, solved in zip(questions, quiz.load(file), strict=True):
        for option, answer in zip(question["options"], solved["answers"], strict=True):
            assert not (answer["correct"] and "mistake" in option)
            assert answer["feedback"]


@lessons
def test_a_lesson_ends_with_cards_and_the_way_on(path):
    source = "\n".join(cell.source for cell in cells_of(path))
    assert f'quiz.show("quizzes/{path.stem}.toml")' in source
    assert f'cards.show("{path.stem}")' in source
    assert "Go on with" in source


@pytest.mark.parametrize("path", TRAINING, ids=lambda path: path.stem)
def test_a_lesson_that_trains_does_so_on_one_thread(path):
    """Two threads on two busy cores make models as small as these several times slower."""
    code = "\n".join(cell.source for cell in cells_of(path) if cell.cell_type == "code")
    assert 0 <= code.find("torch.set_num_threads(1)") < TRAINS.search(code).start()


@lessons
def test_a_lesson_keeps_to_the_form(path):
    notebook = nbformat.read(path, 4)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    text = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert len(notebook.cells) <= 60
    assert statistics.median(source.count("\n") + 1 for source in code) <= 4
    assert max(source.count("\n") + 1 for source in code) <= 20
    assert sum(line.startswith("# ") for source in text for line in source.splitlines()) == 1
    assert "minutes" in text[0]
    assert "After this lesson you can" in text[0]
    summary = next(source for source in text if source.startswith("## Summary"))
    assert 1 <= summary.split("## Further reading")[0].count("\n- ") <= 5
    assert any("## Find the bug" in source for source in text)
    for source in code:
        ast.parse(source)


@lessons
def test_the_code_of_a_lesson_can_be_read_line_by_line(path):
    """One statement a line, and no two unrelated things assigned at once; a swap is one thing."""
    for cell in cells_of(path):
        if cell.cell_type == "code":
            nodes = list(ast.walk(ast.parse(cell.source)))
            starts = [node.lineno for node in nodes if isinstance(node, ast.stmt)]
            assert len(starts) == len(set(starts)), cell.id
            pairs = [node for node in nodes if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple)]
            several = [pair for pair in pairs if isinstance(pair.targets[0], ast.Tuple)]
            assert [ast.unparse(pair) for pair in several if not _is_swap(pair)] == [], cell.id


def _is_swap(pair):
    return {ast.unparse(part) for part in pair.targets[0].elts} == {ast.unparse(part) for part in pair.value.elts}


@lessons
def test_a_lesson_says_how_long_it_takes(path):
    """By its words, cells and exercises; readers took about twice what the first lessons said."""
    said = int(re.search(r"\*\*(?:About )?(\d+) minutes", cells_of(path)[0].source)[1])
    assert abs(said - minutes(path)) <= 5, minutes(path)


@lessons
def test_markdown_has_one_sentence_a_line(path):
    for cell in cells_of(path):
        if cell.cell_type == "markdown":
            prose = re.sub(r"`[^`]*`", "`code`", cell.source)
            assert not [line for line in prose.splitlines() if re.search(r"[a-z)`][.?!] [A-Z`]", line)], cell.id


@pytest.mark.parametrize(
    "path", [*LESSONS, *sorted(LESSONS[0].parents[1].glob("source/*/*.ipynb"))], ids=lambda path: path.stem
)
def test_a_notebook_in_git_has_names_and_no_outputs(path):
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert set(notebook.metadata.language_info) == {"name"}
    for cell in notebook.cells:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", cell.id)
        assert not re.fullmatch(r"[0-9a-f]{8,}", cell.id)
        assert set(cell.metadata) <= {"nbgrader", "tags"}
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None

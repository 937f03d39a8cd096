"""Lessons: they run to the end, what they say is so, and they keep to the form.

Three kinds of claims are turned into assertions and run inside the lesson:
a shape comment behind an assignment, a Markdown text "`name` is (axis=4, ...)", and the table CLAIMS.
"""

import ast
import functools
import re
import statistics

import nbformat
import pytest
from nbclient import NotebookClient

from notebooks import LESSONS, cells_of

AXES = r"\((?:[\w*\\]+=\d+(?:, )?)+\)"
COMMENT = re.compile(rf"^(\w+(?:, \w+)*) = .*  # ({AXES}(?:, {AXES})*)$")
SENTENCE = re.compile(rf"`(\w+)` is ({AXES})")

# (lesson, cell): what the text says -> the expression that makes it true, run right after that cell.
CLAIMS = {
    (
        "02_shapes",
        "axes-takeaway",
        "The number 213 stands in sample 2, at step 1, in feature 3.",
    ): "batch[2, 1, 3] == 213",
    ("02_shapes", "adding-takeaway", "10, 30, 60"): "sums[1, :, 0].tolist() == [10, 30, 60]",
    ("02_shapes", "where-it-ends-text", "1, 3, 6"): "adder(numbers)[0][0, :, 0].tolist() == [1, 3, 6]",
    ("02_shapes", "adding-takeaway", "1, 3, 6"): "sums[0, :, 0].tolist() == [1, 3, 6]",
    ("02_shapes", "where-it-ends-takeaway", "600, 500, 300"): "both_output[0, :, 1].tolist() == [600, 500, 300]",
    (
        "02_shapes",
        "where-it-ends-text",
        "for 3 it adds 300",
    ): "data.adding_layer(batch_first=True, bidirectional=True)(numbers)[0][0, 2, 1] == 300",
    ("02_shapes", "unbatched-takeaway", "reads a 2-D tensor in just the same way"): (
        "nn.RNN(5, 3)(batch[0])[0].shape == (7, 3) and nn.RNN(5, 3)(batch[0])[1].shape == (1, 3)"
    ),
    ("02_shapes", "rows-of-h-n", "`states[i, d]` is layer `i`, direction `d`"): (
        "all(deep_h_n.view(3, 2, 4, 8)[i, d].equal(deep_h_n[2 * i + d]) for i in range(3) for d in range(2))"
    ),
    ("02_shapes", "both-ways-takeaway", "twice as wide"): "nn.RNN(5, 3, bidirectional=True)(batch)[0].shape[-1] == 6",
    ("02_shapes", "find-the-bug", "6 and 600"): "both(numbers)[1][:, 0, 0].tolist() == [6, 600]",
    ("03_batch_first", "two-layouts", "110 is sample 1, step 1, feature 0"): "data.labelled(2, 3, 2)[1, 1, 0] == 110",
    ("03_batch_first", "silent-takeaway", "holds 7 vectors, one for each step, where there are 4 samples"): (
        "h_n_wrong.shape[1] == 7 == batch.shape[1] and len(batch) == 4 and wrong.shape == twin_output.shape"
    ),
    ("03_batch_first", "mixed-takeaway", "11, 22, 33"): "mixed[1, :, 0].tolist() == [11, 22, 33]",
    ("03_batch_first", "mixed-takeaway", "10, 30, 60"): (
        "data.adding_layer(batch_first=True)(numbers)[0][1, :, 0].tolist() == [10, 30, 60]"
    ),
    ("03_batch_first", "moved-takeaway", "Samples 0 and 1 stand still, and sample 2 and every later one move"): (
        "moved == [2, 3, 4, 5]"
    ),
    ("03_batch_first", "influence-takeaway", "fills the diagonal and nothing else"): (
        "(probe.influence(batch_first_layer, square) > 0).equal(torch.eye(6, dtype=torch.bool))"
    ),
    ("03_batch_first", "influence-takeaway", "triangle above it"): (
        "(probe.influence(time_first_layer, square) > 0).equal(torch.ones(6, 6).triu().bool())"
    ),
    ("03_batch_first", "caught-takeaway", '"step 0" now holds two steps of sample 0'): (
        "reshaped[0].equal(small[0, :2])"
    ),
    ("03_batch_first", "caught-takeaway", "`reshape` mixes samples, `transpose` does not."): (
        "mixing == {'transposed': False, 'reshaped': True}"
    ),
}

# Right answers to every open place, by lesson and cell.
ANSWERS = {
    "02_shapes": {
        "run-entry": {"predicted_index": "(1, 4, 2)"},
        "run-shapes": {"predicted_output": "(4, 7, 3)", "predicted_h_n": "(1, 4, 3)"},
        "run-sums": {"predicted_sums": "[1, 3, 6]", "predicted_last": "6"},
        "start-state": {"predicted_started": "[101, 103, 106]"},
        "run-unbatched": {"predicted_output": "(7, 3)", "predicted_h_n": "(1, 3)"},
        "run-deep": {"predicted_output": "(4, 7, 16)", "predicted_h_n": "(6, 4, 8)"},
        "view-by-layer": {"predicted_row": "3"},
        "run-backward": {"predicted_backward": "[600, 500, 300]"},
        "buggy-summary": {"wrong_column": "1"},
        "repair": {"    return": "torch.cat([h_n[0], h_n[1]], 1)"},
    },
    "03_batch_first": {
        "run-output": {"predicted_output": "(7, 4, 3)"},
        "run-state": {"predicted_h_n": "(2, 9, 3)"},
        "run-silent": {"predicted_h_n": "(1, 7, 3)"},
        "run-mixed": {"predicted_second": "[11, 22, 33]"},
        "run-moved": {"predicted_moved": "[2, 3, 4, 5]"},
        "run-caught": {"predicted_sound": '"transposed"'},
        "run-swapped": {"    return": "layer(batch.transpose(0, 1))[0].transpose(0, 1)"},
        "colleague": {"sequences_seen": "5"},
        "repair": {"repaired": "nn.RNN(10, 4, batch_first=True)"},
    },
}

# A wrong answer and the mistake that its check must name.
WRONG = [
    ("02_shapes", "run-shapes", {"predicted_output": "(7, 4, 3)"}, "time-first"),
    ("02_shapes", "run-shapes", {"predicted_output": "(4, 7, 3)", "predicted_h_n": "(4, 1, 3)"}, "state-batch-first"),
    (
        "02_shapes",
        "run-deep",
        {"predicted_output": "(4, 7, 16)", "predicted_h_n": "(3, 4, 8)"},
        "states-without-directions",
    ),
    ("02_shapes", "run-deep", {"predicted_output": "(4, 7, 8)"}, "output-without-directions"),
    ("02_shapes", "run-sums", {"predicted_sums": "[1, 2, 3]"}, "no-memory"),
    ("02_shapes", "start-state", {"predicted_started": "[100, 101, 103]"}, "start-state-as-step"),
    ("02_shapes", "start-state", {"predicted_started": "[1, 3, 6]"}, "start-state-unread"),
    ("02_shapes", "run-backward", {"predicted_backward": "[300, 500, 600]"}, "order-of-walking"),
    ("02_shapes", "repair", {"    return": "output[:, -1]"}, "last-output-both-directions"),
    ("02_shapes", "repair", {"    return": "torch.cat([h_n[1], h_n[0]], 1)"}, "directions-exchanged"),
    ("02_shapes", "repair", {"    return": "h_n[-1]"}, "last-state-one-direction"),
    ("03_batch_first", "run-mixed", {"predicted_second": "[10, 30, 60]"}, "samples-believed-apart"),
    ("03_batch_first", "run-swapped", {"    return": "layer(batch)[0]"}, "forgot-batch-first"),
    ("03_batch_first", "run-swapped", {"    return": "layer(batch.transpose(0, 1))[0]"}, "time-first"),
    (
        "03_batch_first",
        "run-swapped",
        {"    return": "layer(batch.reshape(7, 4, 5))[0].reshape(4, 7, 3)"},
        "reshape-to-swap",
    ),
    ("03_batch_first", "run-state", {"predicted_h_n": "(9, 2, 3)"}, "state-batch-first"),
    ("03_batch_first", "repair", {"repaired": "nn.RNN(10, 4)"}, "forgot-batch-first"),
]

lessons = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


def numbers(axes: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"=(\d+)", axes))


def shape_claims(line: str, pattern: re.Pattern) -> list[str]:
    found = []
    for names, shapes in pattern.findall(line):
        pairs = zip(names.split(", "), re.findall(AXES, shapes), strict=True)
        found += [f"assert tuple({name}.shape) == {numbers(shape)}, {line!r}" for name, shape in pairs]
    return found


def with_claims(path) -> nbformat.NotebookNode:
    """The lesson with a code cell of assertions behind every cell that claims something."""
    notebook = nbformat.read(path, 4)
    cells = []
    for cell in notebook.cells:
        pattern = COMMENT if cell.cell_type == "code" else SENTENCE
        claims = [claim for line in cell.source.splitlines() for claim in shape_claims(line, pattern)]
        claims += [
            f"assert {code}, {quote!r}"
            for (stem, name, quote), code in CLAIMS.items()
            if (stem, name) == (path.stem, cell.id)
        ]
        cells.append(cell)
        if claims:
            cells.append(nbformat.v4.new_code_cell("\n".join(claims), id=f"{cell.id}-claims"))
    notebook.cells = cells
    return notebook


def fill(notebook: nbformat.NotebookNode, answers: dict[str, dict[str, str]]) -> nbformat.NotebookNode:
    for cell in notebook.cells:
        for name, value in answers.get(cell.id, {}).items():
            old = f"{name} ..." if name.startswith(" ") else f"{name} = ..."
            assert old in cell.source, (cell.id, old)
            cell.source = cell.source.replace(old, old.replace("...", value), 1)
    return notebook


def run(notebook: nbformat.NotebookNode, folder, allow_errors: bool = False) -> list[nbformat.NotebookNode]:
    arguments = ["--log-level=ERROR"]
    client = NotebookClient(
        notebook,
        timeout=60,
        allow_errors=allow_errors,
        resources={"metadata": {"path": str(folder)}},
        extra_arguments=arguments,
    )
    return client.execute().cells


def outputs(cells, kind: str) -> list[nbformat.NotebookNode]:
    return [output for cell in cells for output in cell.get("outputs", []) if output.output_type == kind]


@functools.cache
def executed(path) -> list[nbformat.NotebookNode]:
    """The cells of a lesson run as it is, with its claims asserted."""
    return run(with_claims(path), path.parent)


@lessons
def test_a_lesson_left_open_runs_to_its_end_and_all_its_claims_hold(path):
    cells = executed(path)
    assert all(cell.execution_count for cell in cells if cell.cell_type == "code")
    assert sum(cell.id.endswith("-claims") for cell in cells) >= 8
    open_places = sum(line.count("○") for cell in cells for line in [str(cell.get("outputs", ""))])
    assert open_places == sum(len(answers) for answers in ANSWERS[path.stem].values())


@lessons
def test_a_lesson_writes_nothing_to_stderr(path):
    assert [output for output in outputs(executed(path), "stream") if output.name == "stderr"] == []


@lessons
def test_every_error_on_purpose_is_quoted_in_the_next_text(path):
    cells = executed(path)
    raising = [i for i, cell in enumerate(cells) if "raises-exception" in cell.metadata.get("tags", [])]
    assert raising
    assert len(raising) == len(outputs(cells, "error"))
    for i in raising:
        (error,) = outputs([cells[i]], "error")
        text = next(cell.source for cell in cells[i + 1 :] if cell.cell_type == "markdown")
        assert f"`{error.evalue.splitlines()[0]}`" in text


@lessons
def test_every_figure_has_a_description(path):
    pictures = [output.data for kind in ("display_data", "execute_result") for output in outputs(executed(path), kind)]
    images = [data["text/html"] for data in pictures if "<img" in data.get("text/html", "")]
    assert images
    assert all(re.search(r'alt="[^"]{30,}"', image) for image in images)
    assert not [data for data in pictures if "image/png" in data]


@lessons
def test_right_answers_pass_everywhere(path):
    cells = run(fill(nbformat.read(path, 4), ANSWERS[path.stem]), path.parent)
    assert "○" not in str([cell.get("outputs") for cell in cells])


@pytest.mark.parametrize(("stem", "cell_id", "answer", "mistake"), WRONG, ids=lambda value: str(value)[:20])
def test_wrong_answers_are_named(stem, cell_id, answer, mistake):
    path = next(path for path in LESSONS if path.stem == stem)
    cells = run(fill(nbformat.read(path, 4), {cell_id: answer}), path.parent, allow_errors=True)
    (error,) = outputs([cell for cell in cells if cell.id == cell_id], "error")
    assert f"[{mistake}]" in error.evalue.splitlines()[0]


def test_every_quoted_claim_stands_in_its_cell():
    texts = {(path.stem, cell.id): cell.source for path in LESSONS for cell in cells_of(path)}
    for stem, cell_id, quote in CLAIMS:
        assert quote in texts[stem, cell_id]


@lessons
def test_a_lesson_keeps_to_the_form(path):
    notebook = nbformat.read(path, 4)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    text = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert len(notebook.cells) <= 45
    assert statistics.median(source.count("\n") + 1 for source in code) <= 6
    assert max(source.count("\n") + 1 for source in code) <= 20
    assert sum(line.startswith("# ") for source in text for line in source.splitlines()) == 1
    assert "minutes" in text[0]
    assert "After this lesson you can" in text[0]
    summary = next(source for source in text if source.startswith("## Summary"))
    assert 1 <= summary.count("\n- ") <= 5
    assert any("## Find the bug" in source for source in text)
    assert any("quiz.show" in source for source in code)
    for source in code:
        ast.parse(source)


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

"""Vetting: only the text of answers and added cells survives, whatever else a submission holds."""

import gc
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.grading.runtime.job import Cell
from course_utils.grading.runtime.names import bound_names
from course_utils.grading.runtime.reading import MAX_TEXT, RefusedError, without_outputs
from course_utils.grading.runtime.sanitize import sanitize

TEMPLATE = [
    Cell("setup", "instructor", "code", "import torch", "import torch"),
    Cell("one", "answer", "code", "", "stub one"),
    Cell("one-check", "test", "code", "visible\nhidden", "visible"),
    Cell("essay", "answer", "markdown", "", "stub essay"),
]


def cell(grade_id: str | None, source, kind: str = "code", **more) -> dict:
    metadata = {"nbgrader": {"grade_id": grade_id}} if grade_id else {}
    return {"cell_type": kind, "metadata": metadata, "source": source} | more


RELEASED = [
    cell("setup", "import torch"),
    cell("one", "stub one"),
    cell("one-check", "visible"),
    cell("essay", "stub essay", "markdown"),
]


def notebook(*cells: dict) -> bytes:
    return json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def texts(intake) -> list[tuple[str, str]]:
    return [(cell.id, cell.text) for cell in intake.cells]


def notes(intake) -> list[str]:
    return [str(note) for note in intake.notes]


def test_the_release_comes_back_with_its_hidden_part_and_no_note():
    intake = sanitize(notebook(*RELEASED), TEMPLATE)
    assert texts(intake) == [
        ("setup", "import torch"),
        ("one", "stub one"),
        ("one-check", "visible\nhidden"),
        ("essay", "stub essay"),
    ]
    assert intake.notes == []


def test_only_answers_and_added_code_are_taken():
    evil = {
        "metadata": {"nbgrader": {"grade_id": "one"}, "tags": ["skip-execution"]},
        "outputs": [{"evil": 1}],
        "attachments": {"a": 1},
    }
    intake = sanitize(
        notebook(
            cell("setup", "torch = None"),
            cell(None, "scratch"),
            cell("one", ["def f():\n", "    pass"]) | evil,
            cell("one-check", "pass"),
            cell(None, "my notes", "markdown"),
            cell(None, "raw", "raw"),
            cell("essay", "words", "markdown"),
        ),
        TEMPLATE,
    )
    assert texts(intake) == [
        ("setup", "import torch"),
        ("added-1", "scratch"),
        ("one", "def f():\n    pass"),
        ("one-check", "visible\nhidden"),
        ("added-2", "my notes"),
        ("added-3", "raw"),
        ("essay", "words"),
    ]
    assert [cell.kind for cell in intake.cells if cell.role == "added"] == ["code", "markdown", "markdown"]
    assert notes(intake) == ["setup: changed; restored", "one-check: changed; restored"]


def test_deleted_doubled_moved_and_retyped_cells_are_fixed_and_noted():
    intake = sanitize(
        notebook(
            cell("essay", "words"), cell("one", "stub one"), cell("one", "real"), cell("setup", "import torch", "raw")
        ),
        TEMPLATE,
    )
    assert dict(texts(intake)) == {
        "setup": "import torch",
        "one": "real",
        "one-check": "visible\nhidden",
        "essay": "words",
    }
    assert notes(intake) == [
        "one: there are 2 copies; the changed one was taken",
        "setup: was made a raw cell; run as code",
        "one-check: deleted; restored",
        "essay: was made a code cell; shown as text",
        "cells reordered; order restored",
    ]


def test_added_cells_keep_their_place_and_get_ids_of_their_own():
    intake = sanitize(notebook(cell(None, "first"), *RELEASED, cell("one-check-2", "not one of ours")), TEMPLATE)
    assert [cell.id for cell in intake.cells] == ["added-1", "setup", "one", "one-check", "essay", "added-2"]
    assert [cell.role for cell in intake.cells if cell.id.startswith("added")] == ["added", "added"]


def test_line_ends_lone_surrogates_and_length_are_put_right():
    intake = sanitize(notebook(*RELEASED[:1], cell("one", "a\r\nb\rc\ud800" + "x" * MAX_TEXT)), TEMPLATE)
    text = dict(texts(intake))["one"]
    assert text.startswith("a\nb\nc?x")
    assert len(text) == MAX_TEXT
    assert "one: too long; its end was left out" in notes(intake)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"\xff\xfe", "empty"),
        (b"\xfc\xe4\xf6", "not JSON"),
        (b"hello", "not JSON"),
        (b"[" * 200_000, "nested too deeply"),
        (b"[]", "not a notebook"),
        (b'{"worksheets": []}', "has no cells"),
        (b'{"worksheets": [{"cells": [3, {"cell_type": {}}]}]}', "none of this assignment's cells"),
        (b'{"cells": []}', "has no cells"),
        (notebook(cell(None, "x")), "none of this assignment's cells"),
        (notebook(*[cell(None, "x")] * 5001), "over 5000 cells"),
        (b"[" + b"[]," * 1_000_000 + b"0]", "without its outputs"),
        (b"[" + b"[]," * 5_000_000 + b"0]", "millions of brackets"),
        (b'{"cells": "' + b"x" * (21 << 20) + b'"}', "without its outputs"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(content, words):
    with pytest.raises(RefusedError, match=words) as refused:
        sanitize(content, TEMPLATE)
    assert len(str(refused.value).splitlines()) == 1


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["one", "one-check", "nbgrader", "code"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["cells", "metadata", "nbgrader", "grade_id", "source", "cell_type"]), inner, max_size=6
        )
    ),
    max_leaves=30,
)


@settings(max_examples=500, deadline=None)
@given(st.lists(anything, max_size=6))
def test_any_cells_are_read_or_refused(cells):
    try:
        intake = sanitize(json.dumps({"cells": cells}).encode(), TEMPLATE)
    except RefusedError:
        return
    fixed = [(cell.id, cell.text) for cell in intake.cells if cell.role in ("instructor", "test")]
    assert fixed == [("setup", "import torch"), ("one-check", "visible\nhidden")]
    assert all(isinstance(cell.text, str) for cell in intake.cells)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=100))
def test_any_bytes_are_refused_with_a_reason(content):
    with pytest.raises(RefusedError):
        sanitize(content, TEMPLATE)


STUB = "def one():\n    raise NotImplementedError"
CODE = [
    Cell("setup", "instructor", "code", "import torch", "import torch"),
    Cell("ask", "instructor", "markdown", "Write one.", "Write one."),
    Cell("one", "answer", "code", "def one():\n    helper = 1\n    return helper", STUB),
    Cell("one-check", "test", "code", "assert one() == 1", "assert one() == 1"),
    Cell("essay", "answer", "markdown", "", "stub essay"),
]
SETUP, ASK, UNTOUCHED = cell("setup", "import torch"), cell("ask", "Write one.", "markdown"), cell("one", STUB)
CHECK, ESSAY = cell("one-check", "assert one() == 1"), cell("essay", "stub essay", "markdown")
RIGHT = "def one():\n    return 1"


def read(*cells: dict, ids=None):
    """What runs between setup and the end, without the cells that never change; the notes; the blank answers."""
    intake = sanitize(notebook(SETUP, ASK, *cells), CODE, ids)
    shown = [(cell.id, cell.text) for cell in intake.cells if cell.id not in ("setup", "ask", "one-check", "essay")]
    return shown, notes(intake), intake


@pytest.mark.parametrize("second", [cell("one", "    return x"), cell(None, "    return x")])
def test_a_split_answer_is_joined(second):
    shown, noted, _ = read(cell("one", "def one():\n    x = 1"), second, CHECK, ESSAY)
    assert shown == [("one", "def one():\n    x = 1\n    return x")]
    assert noted == ["one: split into 2 cells; joined"]


def test_an_answer_split_within_a_line_or_twice_is_joined():
    shown, _, _ = read(cell("one", "def one():\n    "), cell("one", "return 1"), CHECK, ESSAY)
    assert shown == [("one", RIGHT)]
    shown, _, _ = read(cell("one", "def one(a=("), cell(None, "1,"), cell(None, "2)):\n  return 1"), CHECK, ESSAY)
    assert shown == [("one", "def one(a=(\n1,\n2)):\n  return 1")]


def test_whole_programs_are_not_joined_and_keep_their_order():
    shown, noted, _ = read(
        cell("one", "x = 1"), cell("one", RIGHT), cell(None, "x"), CHECK, cell("one", "x = 2"), ESSAY
    )
    assert shown == [("one", "x = 1"), ("added-1", RIGHT), ("added-2", "x"), ("added-3", "x = 2")]
    assert noted == ["one: there are 3 copies; all that were changed run, in their order"]


def test_magics_do_not_make_a_program_look_broken():
    shown, _, _ = read(cell("one", "%%time\n%matplotlib inline\n!ls\nx?\n" + RIGHT), cell(None, "x = 1"), CHECK, ESSAY)
    assert [name for name, _ in shown] == ["one", "added-1"]


def test_a_stub_does_not_run_after_the_better_try():
    shown, _, _ = read(cell("one", RIGHT), UNTOUCHED, CHECK, ESSAY)
    assert shown == [("one", RIGHT)]
    shown, _, _ = read(UNTOUCHED, cell("one", RIGHT), CHECK, ESSAY)
    assert shown == [("one", RIGHT)]


@pytest.mark.parametrize(
    "cells",
    [
        (cell(None, RIGHT), UNTOUCHED, CHECK),
        (UNTOUCHED, cell(None, RIGHT), CHECK),
        (cell(None, RIGHT), CHECK),  # the answer cell deleted
        (UNTOUCHED, CHECK, cell(None, RIGHT)),
        (cell("one", ""), cell(None, RIGHT), CHECK),
    ],
)
def test_an_answer_in_a_new_cell_is_taken(cells):
    shown, noted, intake = read(*cells, ESSAY)
    assert shown == [("one", RIGHT)]
    assert noted == ["one: answered in a new cell; taken from there"]
    assert intake.blank == ["essay"]


def test_what_an_answer_in_a_new_cell_needs_runs_before_it():
    cells = cell(None, "k = 1"), cell(None, "def one():\n    return k"), cell(None, "one()")
    for order in ((UNTOUCHED, *cells), (*cells, UNTOUCHED), cells):
        shown, _, _ = read(*order, CHECK, ESSAY)
        assert [text for _, text in shown] == ["k = 1", "def one():\n    return k", "one()"]
        assert shown[1][0] == "one"


def test_code_that_binds_something_else_is_not_taken_for_the_answer():
    shown, _, _ = read(cell(None, "def two(): pass"), UNTOUCHED, CHECK, ESSAY)
    assert shown == [("added-1", "def two(): pass"), ("one", STUB)]
    _, noted, intake = read(CHECK, ESSAY)
    assert noted == ["one: deleted; restored"]
    assert intake.blank == ["one", "essay"]


def test_a_cell_id_stands_in_for_lost_metadata():
    answer = {"cell_type": "code", "id": "a1b2", "metadata": {}, "source": RIGHT}
    shown, noted, _ = read(answer, CHECK, ESSAY, ids={"a1b2": "one"})
    assert shown == [("one", RIGHT)]
    assert noted == ["one: has lost its metadata; recognised by its cell id"]
    shown, _, _ = read(answer | {"id": "one"}, CHECK, ESSAY)
    assert shown == [("one", RIGHT)]
    shown, _, _ = read(answer, UNTOUCHED, CHECK, ESSAY, ids={"a1b2": "one"})  # the copy has the id, not the mark
    assert shown == [("one", RIGHT)]


def test_a_notebook_without_any_metadata_is_read_by_its_texts():
    bare = [{"cell_type": c["cell_type"], "source": c["source"]} for c in (SETUP, ASK, cell(None, RIGHT), CHECK, ESSAY)]
    intake = sanitize(notebook(*bare), CODE)
    assert [(cell.id, cell.text) for cell in intake.cells][2] == ("one", RIGHT)


@pytest.mark.parametrize("kind", ["markdown", "raw"])
def test_an_answer_whose_kind_was_changed_runs_as_code(kind):
    shown, noted, _ = read(cell("one", RIGHT, kind), CHECK, ESSAY)
    assert shown == [("one", RIGHT)]
    assert noted == [f"one: was made a {kind} cell; run as code"]


@pytest.mark.parametrize("kind", ["markdown", "raw"])
@pytest.mark.parametrize("rest", [(ESSAY,), ()])
def test_a_written_answer_in_a_new_cell_is_taken(kind, rest):
    for cells in ((cell(None, "words", kind), *rest), (*rest, cell(None, "words", kind))):
        _, noted, intake = read(cell("one", RIGHT), CHECK, *cells)
        assert dict(texts(intake))["essay"] == "words"
        assert noted == ["essay: answered in a new cell; taken from there"]
        assert intake.blank == []


def test_words_elsewhere_leave_an_untouched_answer_to_a_human():
    _, noted, intake = read(cell(None, "words", "markdown"), cell("one", RIGHT), CHECK, ESSAY)
    assert intake.blank == []
    assert noted == ["essay: untouched, but there is text in new cells; it waits for a human"]
    assert ("added-1", "words") in texts(intake)


def test_parts_of_a_written_answer_are_joined():
    parts = (
        cell("essay", "first", "markdown"),
        cell("essay", "stub essay", "markdown"),
        cell("essay", "second", "markdown"),
    )
    _, noted, intake = read(cell("one", RIGHT), CHECK, *parts)
    assert dict(texts(intake))["essay"] == "first\n\nsecond"
    assert noted == ["essay: there are 3 copies; they were joined"]


def test_a_changed_copy_of_a_locked_cell_is_a_cell_of_the_students_own():
    shown, _, intake = read(cell("one", RIGHT), CHECK, cell("one-check", "one()"), cell("setup", "import math"), ESSAY)
    assert shown == [("one", RIGHT), ("added-1", "one()"), ("added-2", "import math")]
    assert dict(texts(intake))["one-check"] == "assert one() == 1"


def test_pictures_in_a_written_answer_do_not_cut_its_words():
    picture = "A" * 2_000_000
    text = f"before ![one](data:image/png;base64,{picture}) <img src='data:image/svg+xml;base64,AA=='> ![two](attachment:t.png) after"
    essay = cell("essay", text, "markdown", attachments={"t.png": {"image/png": ["QU", "JD"]}, "x": 3})
    _, noted, intake = read(cell("one", RIGHT), CHECK, essay)
    assert noted == []
    assert dict(texts(intake))["essay"] == (
        "before ![one](attachment:picture-2) <img src='attachment:picture-3'> ![two](attachment:t.png) after"
    )
    assert intake.pictures == {"essay": {"t.png": "QUJD", "picture-2": picture, "picture-3": "AA=="}}


def test_outputs_of_any_size_are_dropped_while_reading():
    big = [{"output_type": "display_data", "data": {"image/png": 'A\\"]}' * 400_000, "x": [[[{}]], {"outputs": []}]}}]
    tricky = 'x = {"outputs": [1]}\ny = "\\\\"'
    answer = cell("one", tricky, outputs=big, metadata={"nbgrader": {"grade_id": "one"}})
    content = notebook(SETUP, answer, CHECK | {"outputs": big}, ESSAY)
    assert b'"outputs": []' in without_outputs(content)
    assert len(without_outputs(content)) < 2000
    assert json.loads(without_outputs(content))["cells"][1]["source"] == tricky
    assert dict(texts(sanitize(content, CODE)))["one"] == tricky


@pytest.mark.parametrize("bad", [b'"', b'"\\"' * 500_000, b'"\\', b"[" * 900_000, b'{"outputs": [' * 90_000])
def test_reading_takes_no_longer_for_a_broken_file(bad):
    assert isinstance(without_outputs(bad), bytes)  # in linear time: minutes otherwise
    with pytest.raises(RefusedError):
        sanitize(bad + b" " * (1 << 20), CODE)


def test_format_3_is_converted():
    def old(**parts):
        return {"cell_type": "code", "metadata": {}, "language": "python", "outputs": [{"bad": 1}]} | parts

    cells = [
        old(input="import torch", metadata={"nbgrader": {"grade_id": "setup"}}),
        {"cell_type": "heading", "level": 2, "source": ["my ", "title"], "metadata": {}},
        old(input=["def one():\n", "    return 1"], metadata={"nbgrader": {"grade_id": "one"}}, prompt_number=3),
        old(source="x = 2"),
        old(cell_type=[]),
    ]
    content = json.dumps({"worksheets": [{"cells": cells}, 3], "nbformat": 3, "nbformat_minor": 0}).encode()
    shown = texts(sanitize(content, CODE))
    assert ("one", RIGHT) in shown
    assert ("added-1", "## my title") in shown
    assert ("added-2", "x = 2") in shown


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1"])
def test_whatever_an_editor_saved_is_read(encoding):
    text = json.dumps({"cells": [cell("one", "# für\r\nx = 1")], "nbformat": 4}, ensure_ascii=False)
    assert dict(texts(sanitize(text.encode(encoding), CODE)))["one"] == "# für\nx = 1"


@pytest.mark.parametrize("source", [None, 3, {"a": 1}, [1, "a", None, "b"]])
def test_odd_sources_are_read_as_what_text_they_have(source):
    odd = {"metadata": {"nbgrader": {"grade_id": "one"}}, "source": source, "cell_type": "code", "id": 7}
    content = json.dumps({"cells": [odd, 3, None, {}], "nbformat": 5}).encode()
    assert dict(texts(sanitize(content, CODE)))["one"] == ("ab" if isinstance(source, list) else "")


@pytest.mark.parametrize("mark", [{"cell_type": "code", "id": "f00d", "source": "size = 2"}, cell("free", "size = 2")])
def test_what_a_student_makes_of_an_unlocked_cell_runs_after_it(mark):
    template = [*CODE[:2], Cell("free", "instructor", "code", "size = 1", "size = 1"), *CODE[2:]]
    intake = sanitize(
        notebook(SETUP, ASK, mark, cell("one", RIGHT), CHECK, ESSAY), template, {"f00d": "free"}, ["free"]
    )
    assert texts(intake)[2:5] == [("free", "size = 1"), ("added-1", "size = 2"), ("one", RIGHT)]
    assert notes(intake) == []
    untouched = {"cell_type": "code", "id": "f00d", "source": "size = 1"}
    intake = sanitize(notebook(SETUP, ASK, untouched, cell("one", RIGHT), CHECK, ESSAY), template, {}, ["free"])
    assert [name for name, _ in texts(intake)] == ["setup", "ask", "free", "one", "one-check", "essay"]


def test_two_submissions_are_parsed_at_once():
    """CPython before 3.11.5 keeps one count of depth for all threads, and gives up where another one runs in between.

    That happens where collecting garbage runs some Python.
    """

    def turn(phase, info):
        time.sleep(0)

    def names_at_depth(depth):
        return names_at_depth(depth - 1) if depth else bound_names(text)

    text = "def f(x):\n    return " + "+".join(["[(x, [x])]"] * 200)
    before = gc.get_threshold()
    gc.callbacks.append(turn)
    gc.set_threshold(10)
    try:
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(names_at_depth, [0, 1, 2, 3, 4, 5, 6] * 20))
    finally:
        gc.callbacks.remove(turn)
        gc.set_threshold(*before)
    assert found == [{"f"}] * 140

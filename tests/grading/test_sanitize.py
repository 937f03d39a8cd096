"""Vetting: only the text of answers and added cells survives, whatever else a submission holds."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.grading.runtime.job import Cell
from course_utils.grading.runtime.sanitize import MAX_TEXT, RefusedError, read_file, sanitize

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
        ("essay", "words"),
    ]
    assert intake.notes == ["setup: changed, put back", "one-check: changed, put back"]


def test_deleted_doubled_moved_and_retyped_cells_are_mended_and_noted():
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
    assert intake.notes == [
        "one-check: deleted, put back",
        "one: there 2 times",
        "essay: was made a code cell, put back",
        "setup: was made a raw cell, put back",
        "cells stand in another order, put back",
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


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"\xff\xfe", "not UTF-8"),
        (b"hello", "not JSON"),
        (b"[" * 200_000, "nested too deeply"),
        (b"[]", "no notebook of format 4"),
        (b'{"worksheets": []}', "no notebook of format 4"),
        (b'{"cells": []}', "none of this assignment's cells"),
        (notebook(*[cell(None, "x")] * 501), "over 500 cells"),
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
def test_any_cells_are_mended_or_refused(cells):
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


def test_only_a_regular_file_of_a_sensible_size_is_read(tmp_path):
    path = tmp_path / "student" / "ps" / "ps.ipynb"
    with pytest.raises(RefusedError, match=r"there is no ps\.ipynb"):
        read_file(path)
    path.parent.mkdir(parents=True)
    target = tmp_path / "secret"
    target.write_text("{}")
    path.symlink_to(target)
    with pytest.raises(RefusedError, match="link"):
        read_file(path)
    path.unlink()
    path.write_bytes(b"x" * (21 << 20))
    with pytest.raises(RefusedError, match="clear its outputs"):
        read_file(path)
    path.write_bytes(b"{}")
    assert read_file(path) == b"{}"
    (tmp_path / "linked").symlink_to(path.parent.parent)
    with pytest.raises(RefusedError, match="link"):
        read_file(tmp_path / "linked" / "ps" / "ps.ipynb")

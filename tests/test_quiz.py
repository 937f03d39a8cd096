"""Quizzes: keys come from running the options, and each wrong option has something to say."""

import json
import re

import pytest

from course_utils import check, progress, quiz, widgets
from notebooks import ROOT

FILES = sorted((ROOT / "notebooks" / "quizzes").glob("*.toml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_key_of_every_quiz_is_computed(file):
    questions = quiz.load(file)
    assert len(questions) >= 5
    for question in questions:
        answers = question["answers"]
        right = [answer for answer in answers if answer["correct"]]
        assert 1 <= len(right) < len(answers)
        assert question["several"] == (len(right) > 1)
        assert len({answer["feedback"] for answer in answers}) == len(answers)
        assert all(answer["feedback"].startswith("Yes") == answer["correct"] for answer in answers)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_key_is_written_down(file):
    assert "correct" not in file.read_text(encoding="utf-8")
    assert not [line for line in file.read_text().splitlines() if 'holds = "True"' in line or 'holds = "False"' in line]


@pytest.fixture
def shown(tmp_path, monkeypatch):
    """A quiz of two questions; its learner's notes go to a file of the test."""
    monkeypatch.setenv("UNROLLED_PROGRESS", str(tmp_path / "notes.json"))
    options = [
        '{answer = "`a` < b", holds = "1 < 2", feedback = "Yes: it is."}',
        '{answer = "c", holds = "2 < 1", feedback = "Is it?"}',
    ]
    several = '{answer = "d", holds = "2 < 3", feedback = "Yes: too."}'
    questions = [("Which?", options), ("Which ones?", [*options, several])]
    text = "\n".join(
        f"[[question]]\nlevel = 'easy'\nask = '{ask}'\ncode = 'x<y'\noptions = [{', '.join(those)}]"
        for ask, those in questions
    )
    return quiz.Quiz("02_shapes", quiz.load(write(tmp_path, text)))


def noted():
    return json.loads(progress.file().read_text())["02_shapes"]["quiz"]


def test_the_kernel_notes_what_was_solved_and_forgets_nothing(shown):
    shown.note(0)
    assert noted() == progress.OPENED
    widget, _ = shown.widget()
    widget.solved = [1]
    assert noted() == "1 of 2"
    shown.note(0)  # a second showing
    assert noted() == "1 of 2"
    widget.solved = [1, 0]
    assert noted() == progress.PASSED
    shown.note(0)
    assert noted() == progress.PASSED


def test_the_options_have_a_fixed_order_that_is_not_the_files():
    moved = set()
    for file in FILES:
        questions = quiz.load(file)
        shuffled, again = quiz.Quiz("x", questions).questions, quiz.Quiz("x", questions).questions
        assert shuffled == again
        moved |= {before["answers"] != after["answers"] for before, after in zip(questions, shuffled, strict=True)}
    assert True in moved


def test_a_question_is_a_group_of_radio_buttons_or_of_checkboxes_with_a_place_for_feedback(shown):
    widget, _ = shown.widget()
    one, several = widget.markup.split("<fieldset")[1:]
    assert 'role="radiogroup"' in one
    assert (one.count('type="radio"'), several.count('type="checkbox"')) == (2, 3)
    assert 'aria-posinset="2" aria-setsize="2"' in one
    assert 'aria-live="polite"' in one
    assert "<code>a</code> &lt; b" in one
    assert "x&lt;y" in one
    assert sorted(widget.questions[1]["right"]) == [False, True, True]


def test_without_a_kernel_a_quiz_is_a_list_with_folded_answers(shown):
    bundle = shown._repr_mimebundle_()
    assert widgets.MIME in bundle
    html = bundle["text/html"]
    assert html.count("<details>") == 2
    assert "<code>a</code> &lt; b: Yes: it is." in html
    assert not re.search(r"<script|<input|https?:", html)


def test_showing_a_quiz_displays_it_and_notes_that_it_was_seen(tmp_path, monkeypatch):
    monkeypatch.setenv("UNROLLED_PROGRESS", str(tmp_path / "notes.json"))
    seen = []
    monkeypatch.setattr("IPython.display.display", seen.append)
    quiz.show(ROOT / "notebooks" / "quizzes" / "02_shapes.toml")
    assert seen[0].lesson == "02_shapes"
    assert noted() == progress.OPENED


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_quiz_that_is_shown_again_has_the_same_key_and_leaves_the_hints_alone(file):
    def answer_wrongly() -> int:
        with pytest.raises(check.CheckFailed) as caught:
            check.equal(7, 11, name="second quiz")
        return caught.value.hint_level

    assert answer_wrongly() == 1
    assert quiz.load(file) == quiz.load(file)
    assert answer_wrongly() == 2


def write(folder, text):
    path = folder / "quiz.toml"
    path.write_text(text)
    return path


def test_a_question_without_a_right_option_is_refused_by_name(tmp_path):
    text = '[[question]]\nask = "Why?"\noptions = [{answer = "a", holds = "1 == 2", feedback = "no"}]'
    with pytest.raises(ValueError, match=r"quiz\.toml: question 'Why\?' has no right option"):
        quiz.load(write(tmp_path, text))


def test_an_option_that_fails_to_run_is_refused_by_name(tmp_path):
    text = '[[question]]\nask = "Why?"\noptions = [{answer = "a", holds = "nothing", feedback = "no"}]'
    with pytest.raises(ValueError, match=r"quiz\.toml: question 'Why\?': NameError"):
        quiz.load(write(tmp_path, text))


def test_a_missing_file_says_where_it_was_looked_for(tmp_path):
    with pytest.raises(FileNotFoundError, match="run the lesson from its own folder"):
        quiz.load(tmp_path / "none.toml")

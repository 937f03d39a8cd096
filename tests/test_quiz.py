"""Quizzes: keys come from running the options, and each wrong option has something to say."""

import pytest

from course_utils import check, quiz
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
        assert question["type"] == ("many_choice" if len(right) > 1 else "multiple_choice")
        assert len({answer["feedback"] for answer in answers}) == len(answers)
        assert all(answer["feedback"].startswith("Yes") == answer["correct"] for answer in answers)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_key_is_written_down(file):
    assert "correct" not in file.read_text(encoding="utf-8")
    assert not [line for line in file.read_text().splitlines() if 'holds = "True"' in line or 'holds = "False"' in line]


def test_showing_a_quiz_needs_no_network(monkeypatch):
    shown = []
    monkeypatch.setattr("jupyterquiz.display_quiz", lambda questions, **options: shown.append(questions))
    quiz.show(FILES[0])
    assert shown == [quiz.load(FILES[0])]


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

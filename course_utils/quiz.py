"""Quizzes whose answer keys are computed, not written down.

A quiz is a TOML file beside the lessons. Each question has `ask`, a `level` (easy, medium or hard), optional `setup`
code, and options; each option has an `answer`, a Python expression `holds` that is true for right ones only, and a
`feedback`. A wrong option that is a mistake of the catalogue names it (`mistake = "forgot-batch-first"`); its feedback
is then the mistake's question, unless it has one of its own.
"""

from __future__ import annotations

import random
import tomllib
from html import escape
from pathlib import Path
from typing import Any

from . import progress
from .mistakes import BY_ID
from .verdict import fresh_attempts
from .widgets import inline, view

Question = dict[str, Any]

FIELD = """\
<fieldset{role}><legend>{number}. {ask}</legend>{code}
<div>
{options}
</div>
<div class="unrolled-feedback" role="status" aria-live="polite"></div>
</fieldset>"""
OPTION = '<label><input type="{kind}"{place}><span>{answer}</span></label>'
PLACE = ' aria-posinset="{place}" aria-setsize="{size}"'
SCORE = '<p class="unrolled-score" role="status" aria-live="polite"></p>'

STILL = """\
<li><p>{ask}</p>{code}
<ul>{options}</ul>
<details><summary>Answer</summary><ul>{feedback}</ul></details></li>"""


class Quiz:
    """What `show` shows: questions that tell the kernel how they are answered, or a list where no kernel runs."""

    def __init__(self, lesson: str, questions: list[Question]):
        self.lesson = lesson
        self.questions = [_shuffled(question) for question in questions]

    def __repr__(self) -> str:
        return f"[quiz of lesson {self.lesson}: {len(self.questions)} questions; open the notebook to answer them]"

    def _repr_html_(self) -> str:
        return f"<ol>{''.join(_still(question) for question in self.questions)}</ol>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        _, shown = self.widget()
        return {"text/plain": repr(self), "text/html": self._repr_html_()} | shown

    def widget(self) -> tuple[Any, dict[str, Any]]:
        """Make the widget, which notes the learner's progress, and what a front end needs to show it."""
        fields = [_field(number, question) for number, question in enumerate(self.questions, 1)]
        widget, shown = view(
            "quiz",
            markup="\n".join([*fields, SCORE]),
            questions=[_key(question) for question in self.questions],
            chosen=[[] for _ in self.questions],
            solved=[],
        )
        widget.observe(lambda change: self.note(len(change.new)), "solved")
        return widget, shown

    def note(self, solved: int) -> None:
        """Note how many questions have been answered correctly."""
        progress.note_quiz(self.lesson, solved, len(self.questions))


def load(path: str | Path) -> list[Question]:
    """Read a quiz and work out which options are right.

    Returns
    -------
    For each question its `question`, `code` if it has any, `several` (whether more than one option is right) and
    `answers`; for each of these its `answer`, whether it is `correct`, and its `feedback`.

    Raises
    ------
    FileNotFoundError : there is no such file; a lesson looks for it from its own folder.
    ValueError : a question has no right option, or an expression fails; names file and question.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no such quiz in {Path.cwd()}; run the lesson from its own folder.")
    questions = tomllib.loads(file.read_text(encoding="utf-8"))["question"]
    return [_solved(question, file) for question in questions]


def show(path: str | Path) -> None:
    """Show the quiz in the notebook; the feedback comes with each answer, and the progress is noted."""
    from IPython.display import display

    quiz = Quiz(Path(path).stem, load(path))
    quiz.note(0)
    display(quiz)


def _solved(question: Question, file: Path) -> Question:
    scope: dict[str, Any] = {}
    try:
        with fresh_attempts():  # a setup may give wrong answers to checks; its key must not depend on earlier ones
            exec(question.get("setup", ""), scope)
            right = [bool(eval(option["holds"], scope)) for option in question["options"]]
    except Exception as error:
        raise ValueError(f"{file}: question {question['ask']!r}: {type(error).__name__}: {error}") from error
    if not any(right):
        raise ValueError(f"{file}: question {question['ask']!r} has no right option.")
    answers = [
        {"answer": option["answer"], "correct": correct, "feedback": _feedback(option)}
        for option, correct in zip(question["options"], right, strict=True)
    ]
    code = {"code": question["code"]} if "code" in question else {}
    ask = f"({question['level']}) {question['ask']}" + (" (More than one is right.)" if sum(right) > 1 else "")
    return {"question": ask, **code, "several": sum(right) > 1, "answers": answers}


def _feedback(option: dict[str, Any]) -> str:
    return option.get("feedback") or BY_ID[option["mistake"]].question


def _shuffled(question: Question) -> Question:
    answers = question["answers"].copy()
    random.Random(question["question"]).shuffle(answers)  # the same order at every showing
    return question | {"answers": answers}


def _key(question: Question) -> dict[str, Any]:
    answers = question["answers"]
    return {
        "several": question["several"],
        "right": [answer["correct"] for answer in answers],
        "feedback": [inline(answer["feedback"]) for answer in answers],
    }


def _field(number: int, question: Question) -> str:
    kind, size = "checkbox" if question["several"] else "radio", len(question["answers"])
    options = [
        # The script lets the arrows pass without an answer, so the radio buttons are no group of the browser's.
        OPTION.format(
            kind=kind,
            place="" if question["several"] else PLACE.format(place=place, size=size),
            answer=inline(answer["answer"]),
        )
        for place, answer in enumerate(question["answers"], 1)
    ]
    return FIELD.format(
        role="" if question["several"] else ' role="radiogroup"',
        number=number,
        ask=inline(question["question"]),
        code=_code(question),
        options="\n".join(options),
    )


def _still(question: Question) -> str:
    answers = question["answers"]
    return STILL.format(
        ask=inline(question["question"]),
        code=_code(question),
        options="".join(f"<li>{inline(answer['answer'])}</li>" for answer in answers),
        feedback="".join(f"<li>{inline(answer['answer'])}: {inline(answer['feedback'])}</li>" for answer in answers),
    )


def _code(question: Question) -> str:
    return f"<pre>{escape(question['code'])}</pre>" if "code" in question else ""

"""Quizzes whose answer keys are computed, not written down.

A quiz is a TOML file beside the lessons. Each question has `ask`, a `level` (easy, medium or hard), optional `setup`
code, and options; each option has an `answer`, a Python expression `holds` that is true for right ones only, and a
`feedback`. A wrong option that is a mistake of the catalogue names it (`mistake = "forgot-batch-first"`); its feedback
is then the mistake's question, unless it has one of its own.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from . import progress
from .mistakes import BY_ID
from .verdict import fresh_attempts


def load(path: str | Path) -> list[dict[str, Any]]:
    """Read a quiz and work out which options are right, in the format that JupyterQuiz takes.

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
    """Show the quiz in the notebook; the feedback comes at a click."""
    from jupyterquiz import display_quiz

    progress.note_exercise(Path(path).stem, progress.QUIZ, progress.OPENED)
    display_quiz(load(path), colors="fdsp", shuffle_answers=True)


def _solved(question: dict[str, Any], file: Path) -> dict[str, Any]:
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
    kind = "many_choice" if sum(right) > 1 else "multiple_choice"
    code = {"code": question["code"]} if "code" in question else {}
    ask = f"({question['level']}) {question['ask']}" + (" (More than one is right.)" if sum(right) > 1 else "")
    return {"question": ask, **code, "type": kind, "answers": answers}


def _feedback(option: dict[str, Any]) -> str:
    return option.get("feedback") or BY_ID[option["mistake"]].question

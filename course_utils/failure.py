"""From a wrong answer to its panel: which named mistake gives it, and which place to read is shown."""

from __future__ import annotations

import linecache
import os
import re
import traceback
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NoReturn

from .mistakes import CATALOGUE, Mistake, diagnose, diagnose_error
from .verdict import CheckFailed, hint_level_after_failing

Inputs = dict[str, Any] | None
Section = tuple[str, str] | None  # (lesson, section) to read where no named mistake fits
SIZES_IN_ERRORS = ("02_shapes", "When the sizes don't fit")

task_section: ContextVar[Section] = ContextVar("task_pointer", default=None)  # of the exercise that runs


def fail(
    name: str,
    symptom: str,
    question: str,
    see: Section,
    matches: Callable[[Any], bool] = lambda simulated: False,
    inputs: Inputs = None,
    value: Any = None,
    default_section: Section = None,
) -> NoReturn:
    """Raise with the mistakes that make of the inputs what the student has, or with the plain facts."""
    found = diagnose(CATALOGUE, {**(inputs or {}), "value": value}, matches) if inputs else []
    _raise(name, symptom, question, see, found, default_section=default_section)


def fail_with(name: str, error: Exception, inputs: dict[str, Any]) -> NoReturn:
    """Raise with the error's own message first, then with what it usually means."""
    message = (str(error).strip() or "no message").splitlines()[0]
    found = diagnose_error(CATALOGUE, message, inputs)
    symptom = f"Your code raised {type(error).__name__}: {message.rstrip('.')}{_where(error)}."
    question, default_section = "What does this line expect to find, and what does it find?", None
    if isinstance(error, RuntimeError | ValueError) and re.search(r"size|shape|dimension|batched|hx", message):
        question, default_section = "What were the shapes of the tensors on that line?", SIZES_IN_ERRORS
    _raise(name, symptom, question, None, found, error, default_section)


def _raise(
    name: str,
    facts: str,
    question: str,
    see: Section,
    found: list[Mistake],
    cause: Exception | None = None,
    default_section: Section = None,
) -> NoReturn:
    """`see` is the task's own section; where it has none, and no mistake has a name, `default_section` is shown."""
    ids, see = [mistake.id for mistake in found], see or task_section.get()
    if len(found) == 1:
        facts, question = f"{facts}\n{found[0].symptom}", found[0].question
    elif found:
        facts = f"{facts}\nThis is what {' or '.join(ids)} gives."
        question = " ".join(mistake.question for mistake in found)
    if found and (see is None or found[0].see[0] <= see[0]):  # names of lessons begin with their numbers
        see = found[0].see
    raise CheckFailed(name, facts, question, see or default_section, ids, hint_level_after_failing(name)) from cause


def require_distinguishing_inputs(name: str, inputs: Inputs, matches: Callable[[Any], bool]) -> None:
    """Refuse inputs on which a mistake gives the right answer; `matches` compares with the right one."""
    if inputs and "UNROLLED_AUTHOR" in os.environ:
        found = diagnose(CATALOGUE, inputs, matches)
        if found:
            raise ValueError(f"check of {name!r}: on these inputs {found[0].id} gives the right answer too.")


def _where(error: Exception) -> str:
    """Return the line of the student's own cell that raised, such as ` (line 3: return …)`."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "ipykernel" in f.filename or "<" in f.filename]
    if not frames:
        return ""
    last = frames[-1]
    source = (last.line or linecache.getline(last.filename, last.lineno or 0)).strip()
    return f" (line {last.lineno}: {source})" if source else f" (line {last.lineno})"

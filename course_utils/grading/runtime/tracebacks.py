"""Errors of a student's cell as lines of text, whatever the error does while it is shown."""

from __future__ import annotations

import importlib.util
import re
import traceback
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_FILE = re.compile(r"<ipython-input-(\d+)-\w+>")
_CELL = re.compile(r'File "<ipython-input-(\d+)-\w+>", line (\d+)(?:, in <module>)?')


class CellTimeout(BaseException):
    """Raised in the student's code by the timer; no `except Exception` catches it."""

    __module__ = "builtins"  # a traceback then shows its bare name


def describe(error: BaseException, with_lines: bool = True) -> tuple[str, str, list[str]]:
    """Name, message and traceback of an error. Errors of its own `__str__` and the like are no reason to fail.

    Python's own format rather than IPython's, which takes seconds for a deep recursion.
    """
    name = _quietly(lambda: str(type(error).__name__), "Exception")
    message = _quietly(lambda: str(error), "(its text cannot be shown)")
    message = _FILE.sub(r"Cell In[\1]", message)
    if isinstance(error, ModuleNotFoundError) and (note := _missing(error)):
        message += note
    return name, message, _quietly(lambda: _lines(error, message, with_lines), [f"{name}: {message}"])


def _lines(error: BaseException, message: str, with_lines: bool) -> list[str]:
    trace = error.__traceback__
    while trace is not None and "ipython-input" not in trace.tb_frame.f_code.co_filename:
        trace = trace.tb_next
    told = traceback.TracebackException(type(error), error, trace if with_lines else None)
    lines = "".join(told.format()).rstrip("\n").split("\n")
    if isinstance(error, ModuleNotFoundError):
        lines[-1] = f"{told.exc_type.__name__}: {message}"
    return [_CELL.sub(r"Cell In[\1], line \2", line) for line in lines]


def _missing(error: ModuleNotFoundError) -> str:
    """What to tell about a module that the student has and this machine has not."""
    package = str(error.name or "").partition(".")[0]
    try:
        found = not package or importlib.util.find_spec(package) is not None
    except Exception:
        found = True
    return "" if found else f": {package!r} is not installed where submissions are graded"


def _quietly(make: Callable[[], T], otherwise: T) -> T:
    try:
        return make()
    except CellTimeout:
        raise
    except BaseException:
        return otherwise

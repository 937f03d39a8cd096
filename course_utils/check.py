"""Checks that say what went wrong.

Each check looks at the cheap facts first (attempted, type, shape, dtype, finite) and at the
values last. A right answer prints one green line. A wrong one raises `CheckFailed`, an answer
that still holds its placeholder (`...`, None, NotImplementedError) raises `NotAttempted`.

    >>> check.shape(output, "batch time hidden", batch=4, time=7, hidden=3)
    ✓ value: (batch, time, hidden) = (4, 7, 3)
"""

from __future__ import annotations

import contextlib
import linecache
import math
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from . import axes as axis_names
from .mistakes import diagnose
from .verdict import CheckFailed, NotAttempted, passed, skipped

__all__ = ["CheckFailed", "NotAttempted", "call", "close", "equal", "exercise", "layer", "metric", "shape"]

RTOL, ATOL = 1e-4, 1e-5  # float32, and a loop adds in another order than a library call

Given = dict[str, Any] | None
Pointer = tuple[str, str] | None  # (lesson, section) to read where no named mistake fits
NAME_THE_AXES = ("02_shapes", "Name the axes")
THE_LAYER = ("02_shapes", "The layer")


def shape(value: Any, axes: str | Tensor, *, name: str = "value", read: Pointer = NAME_THE_AXES, **sizes: int) -> None:
    """Check that a tensor, or a shape given as a tuple of integers, has the named axes.

    Parameters
    ----------
    value : a tensor, or a tuple such as (4, 7, 3).
    axes : the axes in order; an axis may be a product, "layers*directions batch hidden". Or a tensor of
        the right shape, to check a prediction without naming the answer beside it.
    sizes : the size of each name, and of others that could turn up in a wrong answer. Let them all
        differ, or two axes cannot be told apart.

    Raises
    ------
    CheckFailed : names the axes that the student has, where the sizes tell them.
    """
    _attempted(value, name)
    actual = _shape_of(value, name)
    if isinstance(axes, Tensor):
        wanted, axes = tuple(axes.shape), axis_names.of(tuple(axes.shape), sizes)
    else:
        wanted = axis_names.sizes_of(axes, sizes)
    if actual == wanted:
        return passed(f"{name}: {axis_names.as_tuple(axes)} = {actual}")
    reading = axis_names.read(actual, axes, sizes)
    _fail(
        name,
        axis_names.describe(actual, wanted, reading, axes),
        "What does each of your axes count, in order?",
        read,
        lambda way: reading is not None and way == reading,
        {"axes": axes},
    )


def close(
    value: Any,
    expected: Tensor,
    *,
    name: str = "value",
    given: Given = None,
    read: Pointer = None,
    rtol: float = RTOL,
    atol: float = ATOL,
) -> None:
    """Check the numbers of a floating-point tensor.

    Parameters
    ----------
    value, expected : tensors of the same shape; float32 and float64 are both fine.
    given : the inputs of the task by name, from which the values of the named mistakes are computed.
    rtol, atol : a number passes where |value - expected| <= atol + rtol * |expected|.

    Raises
    ------
    CheckFailed : says how many elements differ, where most, and by how much; never the expected values.
    """
    _attempted(value, name)
    problem = _unlike(value, expected, rtol, atol)
    if problem is None:
        return passed(f"{name}: all {expected.numel()} numbers of shape {tuple(expected.shape)} agree")
    question = "Which step of your computation could have changed that?"
    if isinstance(value, tuple):
        question = "A layer returns two things at once: which one of them is asked for?"
    _fail(name, problem, question, read, lambda way: _same(value, way, rtol, atol), given)


def equal(value: Any, expected: Any, *, name: str = "value", given: Given = None, read: Pointer = None) -> None:
    """Check a count, a word, a truth value or a tuple of them: exactly equal and of the same kind."""
    _attempted(value, name)
    if _plain(value) == _plain(expected) and isinstance(value, bool) == isinstance(expected, bool):
        return passed(f"{name}: {_short(value)}")
    _fail(
        name,
        f"{_short(value)} is not the answer.",
        "Go through it once more, step by step: where does your answer begin to differ?",
        read,
        lambda way: _plain(way) == _plain(value),
        given,
    )


def metric(
    value: Any,
    expected: float | None = None,
    *,
    low: float = 0.0,
    high: float = 1.0,
    tolerance: float = 1e-4,
    name: str = "metric",
    given: Given = None,
    read: Pointer = None,
) -> None:
    """Check one number: finite, within [low, high] and, where `expected` is given, within `tolerance` of it."""
    _attempted(value, name)
    question = "What is counted above the line, and what below it?"
    try:
        number = float(value)
    except (TypeError, ValueError, RuntimeError):
        _fail(name, f"You have {_kind(value)}; asked for a single number.", question, read)
    if not math.isfinite(number):
        _fail(name, f"Your number is {number}: something was divided by zero, or overflowed.", question, read)
    if not low <= number <= high:
        _fail(name, f"Your number is {number:.4g}; it must lie between {low:g} and {high:g}.", question, read)
    if expected is not None and abs(number - expected) > tolerance:
        off = f"Your number is {number:.4g}, which is off by more than the tolerance of {tolerance:g}."
        _fail(name, off, question, read, lambda way: abs(float(way) - number) <= tolerance, given)
    passed(f"{name}: {number:.4g}")


def layer(value: Any, *, name: str = "layer", **settings: Any) -> None:
    """Check that `value` is an nn.RNN with the given constructor settings.

    >>> check.layer(mine, input_size=5, hidden_size=3, batch_first=True)
    """
    _attempted(value, name)
    question, read = "Which argument of the constructor decides about that?", THE_LAYER
    if not isinstance(value, nn.RNN):
        _fail(name, f"You have {_kind(value)}; asked for an nn.RNN.", question, read)
    actual = {setting: getattr(value, setting) for setting in settings}
    if actual == settings:
        return passed(f"{name}: {value}")
    wrong = ", ".join(f"{setting}={actual[setting]!r}" for setting in settings if actual[setting] != settings[setting])
    _fail(name, f"Your layer has {wrong}.", question, read, lambda way: way == actual, {"settings": settings})


def call(function: Any, *args: Any, name: str | None = None, **kwargs: Any) -> Any:
    """Call a student's function and return its result; an error in it becomes a panel.

    Raises
    ------
    NotAttempted : the function raises NotImplementedError or still returns its placeholder.
    CheckFailed : it raises anything else, and the panel quotes the error and the line; or it returns nothing.
    """
    name = name or getattr(function, "__name__", "function")
    _attempted(function, name)
    try:
        with contextlib.redirect_stderr(sys.stdout):  # nbgrader takes any text on stderr for a failed test
            result = function(*args, **kwargs)
    except NotImplementedError:
        raise NotAttempted(name, "not attempted yet.") from None
    except Exception as error:
        message = (str(error).strip() or "no message").splitlines()[0]
        symptom = f"Your code raised {type(error).__name__}: {message}{_where(error)}"
        question, read = "What does this line expect to find, and what does it find?", None
        if re.search(r"size|shape|dimension|batched|hx", message):
            question, read = (
                "What were the shapes of the tensors on that line?",
                ("02_shapes", "When the sizes do not fit"),
            )
        raise CheckFailed(name, symptom, question, read) from error
    if result is None:
        raise CheckFailed(name, "Your function returned None.", "Does it end with a `return`?")
    _attempted(result, name)
    return result


@contextlib.contextmanager
def exercise() -> Iterator[None]:
    """Let a notebook run on past an exercise that is still open; a wrong answer still stops it."""
    try:
        yield
    except NotAttempted as problem:
        skipped(problem)


def _fail(
    name: str,
    symptom: str,
    question: str,
    read: Pointer,
    same: Callable[[Any], bool] = lambda way: False,
    given: Given = None,
) -> NoReturn:
    """Raise with the one mistake that fits, with all that fit, or with the plain facts."""
    found = diagnose(given or {}, same)
    ids = [mistake.id for mistake in found]
    if len(found) == 1:
        symptom, question, read = f"{symptom} {found[0].symptom}", found[0].question, found[0].read
    elif found:
        symptom = f"{symptom} This is what {' or '.join(ids)} gives."
        question, read = " ".join(mistake.question for mistake in found), found[0].read
    raise CheckFailed(name, symptom, question, read, ids)


def _attempted(value: Any, name: str) -> None:
    parts = value if isinstance(value, tuple | list) else (value,)
    if any(part is None or part is ... for part in parts):
        raise NotAttempted(name, "not attempted yet.")


def _shape_of(value: Any, name: str) -> tuple[int, ...]:
    size = getattr(value, "shape", value)
    if isinstance(size, tuple | list) and all(isinstance(n, int) and not isinstance(n, bool) for n in size):
        return tuple(size)
    question = "How many axes are there? Write their sizes as a tuple of integers, or give the tensor itself."
    _fail(name, f"You have {_kind(value)}; asked for a tensor or a shape.", question, NAME_THE_AXES)


def _unlike(value: Any, expected: Tensor, rtol: float, atol: float) -> str | None:
    """The first fact in which `value` differs from `expected`, or None."""
    if not isinstance(value, Tensor):
        return f"You have {_kind(value)}; asked for a tensor."
    if value.shape != expected.shape:
        return f"Your tensor has the shape {tuple(value.shape)}, which is not the one asked for."
    if value.is_floating_point() != expected.is_floating_point() or value.is_complex():
        return f"Your tensor holds {value.dtype} numbers, which is another kind than the one asked for."
    mine, right = _comparable(value), _comparable(expected)
    if not torch.isfinite(mine).all():
        return f"{int((~torch.isfinite(mine)).sum())} of {mine.numel()} elements are NaN or infinite."
    distance = (mine - right).abs()
    wrong = distance > atol + rtol * right.abs()
    if not wrong.any():
        return None
    worst = tuple(int(i) for i in torch.unravel_index(distance.argmax(), distance.shape))
    return (
        f"{int(wrong.sum())} of {wrong.numel()} elements differ, most at {list(worst)}: "
        f"by {float(distance.max()):.3g}; the tolerance is {atol:g} absolute plus {rtol:g} relative."
    )


def _same(value: Any, other: Any, rtol: float, atol: float) -> bool:
    return (
        isinstance(value, Tensor)
        and isinstance(other, Tensor)
        and value.shape == other.shape
        and torch.allclose(_comparable(value), _comparable(other), rtol, atol)
    )


def _comparable(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", torch.float64)


def _plain(value: Any) -> Any:
    if isinstance(value, Tensor):
        return _plain(value.tolist())
    return tuple(_plain(part) for part in value) if isinstance(value, tuple | list | range) else value


def _kind(value: Any) -> str:
    return f"a value of type {type(value).__name__}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _where(error: Exception) -> str:
    """The line of the student's own cell that raised, such as `, at line 3: return …`."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "ipykernel" in f.filename or "<" in f.filename]
    if not frames:
        return ""
    last = frames[-1]
    source = (last.line or linecache.getline(last.filename, last.lineno or 0)).strip()
    return f" (line {last.lineno}: {source})" if source else f" (line {last.lineno})"

"""The facts in which two values differ, and whether they are the same."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor


def difference(value: Any, expected: Tensor, rtol: float, atol: float) -> str | None:
    """Return the first fact in which `value` differs from `expected`, cheap facts first; None where they agree."""
    if not isinstance(value, Tensor):
        return f"You have {kind_of(value)}; expected a tensor."
    if value.shape != expected.shape:
        return f"Your tensor has the shape {tuple(value.shape)}, which is not the expected one."
    if value.is_floating_point() != expected.is_floating_point() or value.is_complex():
        return f"Your tensor has dtype {value.dtype}; expected {_numbers_of(expected)}."
    if not has_numbers(value):
        return f"Your tensor is {value.layout} on {value.device}; expected a dense tensor."
    return _difference_in_numbers(_numbers(value), _numbers(expected), rtol, atol)


def unequal(value: Any, actual: Any, expected: Any) -> str:
    """Return the first fact in which two plain values differ; the right one stays unsaid."""
    start = f"{short(value)} is not the answer."
    if isinstance(actual, tuple) != isinstance(expected, tuple):
        return f"{start} Expected {'several values in order' if isinstance(expected, tuple) else 'a single value'}."
    if type(actual) is not type(expected) and (isinstance(actual, str | bool) or isinstance(expected, str | bool)):
        return f"{start} Expected {_kind(expected)}, got {_kind(actual)}."
    if isinstance(actual, tuple) and len(actual) != len(expected):
        return (
            f"{start} It has {len(actual)} value{'' if len(actual) == 1 else 's'}, but a different number is expected."
        )
    if str(actual) != str(expected) and str(actual).casefold() == str(expected).casefold():
        return f"{start} Check upper and lower case."
    if isinstance(actual, tuple) and _are_choices(expected):
        right = sum(mine == theirs for mine, theirs in zip(actual, expected, strict=True))
        return f"{right} of your {len(actual)} answers {'is' if right == 1 else 'are'} right."
    if isinstance(actual, tuple):
        return f"{start} {_first_difference(actual, expected)}"
    return start


def not_a_value(number: float, low: float, high: float) -> str | None:
    """Why this cannot be the number, or None."""
    if not math.isfinite(number):
        return f"Your number is {number}: something was divided by zero, or overflowed."
    if not low <= number <= high:
        return f"Your number is {number:.4g}; it must lie between {low:g} and {high:g}."
    return None


def same_tensor(value: Any, other: Any, rtol: float, atol: float) -> bool:
    """Whether both are tensors of one shape whose numbers agree; where both are NaN they agree."""
    if not (isinstance(value, Tensor) and isinstance(other, Tensor) and value.shape == other.shape):
        return False
    if not (has_numbers(value) and has_numbers(other)) or value.is_complex() or other.is_complex():
        return False
    few = slice(None, None, max(1, value.numel() // 64))  # most candidates differ at once
    return all(
        torch.allclose(_numbers(actual), _numbers(theirs), rtol, atol, equal_nan=True)
        for actual, theirs in ((value.reshape(-1)[few], other.reshape(-1)[few]), (value, other))
    )


def same_number(value: float, other: Any, tolerance: float) -> bool:
    """Whether `other` is one number within `tolerance` of `value`; NaN is NaN."""
    try:
        other = float(other.detach() if isinstance(other, Tensor) else other)
    except (TypeError, ValueError, RuntimeError):
        return False
    return abs(other - value) <= tolerance or (math.isnan(other) and math.isnan(value))


def has_numbers(tensor: Tensor) -> bool:
    """Whether the numbers of the tensor are here, one beside the other, to be looked at."""
    return tensor.layout == torch.strided and not tensor.is_meta


def plain(value: Any) -> Any:
    """Tensors, arrays, lists and sets as tuples of Python's own numbers, so that == compares what they hold."""
    if isinstance(value, Tensor) and not has_numbers(value):
        return f"a tensor without plain numbers ({value.layout}, on {value.device})"
    if isinstance(value, Tensor) or type(value).__module__ == "numpy":
        return plain(value.tolist())
    if isinstance(value, set | frozenset):
        return tuple(sorted(map(plain, value), key=lambda part: (str(type(part)), part)))
    return tuple(plain(part) for part in value) if isinstance(value, tuple | list | range) else value


def sizes_in(value: Any, axes: int) -> tuple[int, ...]:
    """Return the shape that `value` has or is; an array of `axes` whole numbers is a shape, as a tuple is.

    Raises TypeError with a sentence for the student where it is neither.
    """
    size = getattr(value, "shape", None)
    if size is None or (axes != 1 and tuple(size) == (axes,) and "int" in str(value.dtype)):
        size = plain(value)
    if not isinstance(size, tuple):
        raise TypeError(f"You have {kind_of(value)}; expected a tensor or a shape.")
    for index, length in enumerate(size):
        if not isinstance(length, int) or isinstance(length, bool):
            if holds_tensors(value):
                raise TypeError(f"You have a {type(value).__name__} that holds tensors; expected a tensor or a shape.")
            raise TypeError(f"You have {short(value)}: index {index} is {kind_of(length)}, not a whole number.")
    return tuple(size)


def holds_tensors(value: Any) -> bool:
    """Whether this is a tuple or list with tensors in it that are more than single numbers."""
    return isinstance(value, tuple | list) and any(isinstance(part, Tensor) and part.dim() for part in value)


def kind_of(value: Any) -> str:
    """Name the type of the value, as part of a sentence."""
    return f"a value of type {type(value).__name__}"


def _kind(value: Any) -> str:
    """Name what a plain value is, as part of a sentence."""
    if isinstance(value, bool):
        return "a truth value"
    return "text" if isinstance(value, str) else "a number" if isinstance(value, int | float) else kind_of(value)


def _numbers_of(expected: Tensor) -> str:
    return "floating point" if expected.is_floating_point() else "integers or truth values"


def short(value: Any) -> str:
    """Return the repr on one line of at most 80 characters."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else text[:77] + "..."


def _are_choices(expected: tuple[Any, ...]) -> bool:
    """Whether each entry is one of two words or truth values, so that naming a wrong one would give it away."""
    return all(isinstance(part, bool | str) for part in expected) and len(set(expected)) <= 2


def _first_difference(actual: tuple[Any, ...], expected: tuple[Any, ...]) -> str:
    """Where two tuples of one length differ first, as deep as both hold tuples of one length there."""
    path: list[int] = []
    beside: set[bool] = set()  # whether the right values there are rows; where some are, it must not be told which
    while isinstance(actual, tuple) and isinstance(expected, tuple) and len(actual) == len(expected):
        path.append(next(i for i, (a, b) in enumerate(zip(actual, expected, strict=True)) if a != b))
        beside = {isinstance(part, tuple) for part in expected}
        actual, expected = actual[path[-1]], expected[path[-1]]
    place = f"index {path[0] if len(path) == 1 else path}"
    if isinstance(actual, tuple) != isinstance(expected, tuple) and len(beside) == 1:
        kinds = ("a row of values", "a single value")
        has, wanted = kinds if isinstance(actual, tuple) else kinds[::-1]
        return f"At {place} it holds {has}; expected {wanted} there."
    return f"The value at {place} is the first that differs."


def _difference_in_numbers(actual: Tensor, expected: Tensor, rtol: float, atol: float) -> str | None:
    finite = torch.isfinite(actual)
    if not finite.all():
        return f"{int((~finite).sum())} of {actual.numel()} elements are NaN or infinite."
    distance = (actual - expected).abs()
    wrong = distance > atol + rtol * expected.abs()
    if not wrong.any():
        return None
    worst = tuple(int(i) for i in torch.unravel_index(distance.argmax(), distance.shape))
    return (
        f"{int(wrong.sum())} of {wrong.numel()} elements differ, most at {list(worst)}: "
        f"by {float(distance.max()):.3g}; the tolerance is {atol:g} absolute plus {rtol:g} relative."
    )


def _numbers(tensor: Tensor) -> Tensor:
    return tensor.detach().as_subclass(Tensor).to("cpu", torch.float64)

"""Checks that say what went wrong.

Each check looks at the cheap facts first (attempted, type, shape, dtype, finite) and at the
values last. A right answer prints one green line. A wrong one raises `CheckFailed`, an answer
that still holds its placeholder (`...`, None, NotImplementedError) raises `NotAttempted`.

    >>> check.shape(output, "batch time hidden", batch=4, time=7, hidden=3)
    ✓ value: (batch, time, hidden) = (4, 7, 3)

Where a check is given the inputs of a task, it computes what the mistakes of the catalogue make of
them, and names the one that the student's value is. A check whose inputs cannot tell a right answer
from a wrong one says so to its author with a ValueError: for `shape` always, for values where the
environment variable UNROLLED_AUTHOR is set, as it is in the tests.

`see` says where the idea of a task is explained. A named mistake has a pointer of its own, which wins, unless
it leads to a later lesson than `see` does.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any

from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from . import axes as axis_names
from . import probe
from .compare import (
    difference,
    holds_tensors,
    kind_of,
    not_a_value,
    plain,
    same_number,
    same_tensor,
    short,
    sizes_in,
    unequal,
)
from .copies import copied
from .failure import Inputs, Section, fail, fail_with, require_distinguishing_inputs
from .verdict import CheckFailed, NotAttempted, passed

__all__ = ["CheckFailed", "NotAttempted", "call", "close", "equal", "layer", "metric", "model", "shape"]

RTOL, ATOL = 1e-4, 1e-5  # float32, and a loop adds in another order than a library call

NAME_THE_AXES = ("02_shapes", "Name the axes")
THE_LAYER = ("02_shapes", "The layer")
SEVERAL = (
    "A layer returns two things at once, and so does an unpacking: "
    "does the task want one of them, or a single tensor made of several?"
)


def shape(value: Any, axes: str | Tensor, *, name: str = "value", see: Section = None, **sizes: int) -> None:
    """Check that a tensor, or a shape given as integers, has the named axes.

    Parameters
    ----------
    value : a tensor, or a tuple such as (4, 7, 3).
    axes : the axes in order; an axis may be a product, "layers*directions batch hidden". Or a tensor of
        the right shape, to check a prediction without naming the answer beside it.
    sizes : the size of each name, and of others that could turn up in a wrong answer.

    Raises
    ------
    CheckFailed : says which axes the student's sizes would be, where the sizes tell.
    ValueError : to the author, where two names have one size, so that their axes cannot be told apart.
    """
    if isinstance(axes, Tensor):
        wanted, axes = tuple(axes.shape), axis_names.name_axes(tuple(axes.shape), sizes)
    else:
        wanted = axis_names.sizes_of(axes, sizes)
    axis_names.refuse_collisions(axes, sizes)
    _attempted(value, name)
    try:
        actual = sizes_in(value, len(wanted))
    except TypeError as error:
        question = "How many axes are there? Write their sizes as a tuple of integers, or give the tensor itself."
        fail(name, str(error), SEVERAL if holds_tensors(value) else question, see, default_section=NAME_THE_AXES)
    if actual == wanted:
        return passed(name, f"{axis_names.as_tuple(axes)} = {actual}")
    reading = axis_names.infer_axes(actual, axes, sizes)
    fail(
        name,
        axis_names.describe(actual, wanted, reading, axes),
        "Say each axis of the right answer by name, in order: what does it count, and how many are there?",
        see,
        lambda simulated: reading is not None and simulated == reading,
        {"axes": axes},
        default_section=NAME_THE_AXES,
    )


def close(
    value: Any,
    expected: Tensor,
    *,
    name: str = "value",
    inputs: Inputs = None,
    see: Section = None,
    rtol: float = RTOL,
    atol: float = ATOL,
) -> None:
    """Check the numbers of a floating-point tensor.

    Parameters
    ----------
    value, expected : tensors of the same shape; float32 and float64 are both fine.
    inputs : the inputs of the task by name, from which the values of the named mistakes are computed.
    rtol, atol : a number passes where |value - expected| <= atol + rtol * |expected|.

    Raises
    ------
    CheckFailed : says how many elements differ, where most, and by how much; never the expected values.
    """
    _attempted(value, name)
    problem = difference(value, expected, rtol, atol)
    if problem is None:
        require_distinguishing_inputs(name, inputs, lambda simulated: same_tensor(simulated, expected, rtol, atol))
        if expected.numel() == 1:
            return passed(name, f"the number agrees, of shape {tuple(expected.shape)}")
        return passed(name, f"all {expected.numel()} numbers of shape {tuple(expected.shape)} agree")
    question = "Which step of your computation could have changed that?"
    if isinstance(value, PackedSequence):
        question = "Does the task want the packed output, the state next to it, or a padded tensor made from it?"
    elif isinstance(value, tuple):
        question = SEVERAL
    elif not isinstance(value, Tensor):
        question = "Which step of your computation left torch, or never was in it?"
    elif value.shape != expected.shape:
        question = "Name the axes of your tensor in order: which one is extra, or in the wrong place?"
    fail(name, problem, question, see, lambda simulated: same_tensor(simulated, value, rtol, atol), inputs, value)


def equal(
    value: Any,
    expected: Any,
    *,
    name: str = "value",
    inputs: Inputs = None,
    see: Section = None,
    question: str | None = None,
) -> None:
    """Check a count, a word, a truth value or a sequence of them: exactly equal and of the same kind.

    Lists, tuples, ranges, arrays and tensors of the same numbers are the same; True is not 1. A single word may
    be written large or small.

    Parameters
    ----------
    question : what to ask where no named mistake fits, if a question made for one value or several does not do.
    """
    _attempted(value, name)
    actual, expected = plain(value), plain(expected)
    if isinstance(actual, str) and isinstance(expected, str) and actual.strip().casefold() == expected.casefold():
        actual = expected
    if actual == expected and isinstance(actual, bool) == isinstance(expected, bool):
        require_distinguishing_inputs(name, inputs, lambda simulated: plain(simulated) == expected)
        return passed(name, short(value))
    if question is None and isinstance(expected, tuple):
        question = "Go through it once more, step by step: where does your answer begin to differ?"
    question = question or "Which sentence or which number above does your answer rest on?"
    fail(
        name,
        unequal(value, actual, expected),
        question,
        see,
        lambda simulated: plain(simulated) == actual,
        inputs,
        value,
    )


def metric(
    value: Any,
    expected: float | None = None,
    *,
    low: float = 0.0,
    high: float = 1.0,
    tolerance: float = 1e-4,
    name: str = "metric",
    inputs: Inputs = None,
    see: Section = None,
    question: str = "What is the numerator, and what is the denominator?",
) -> None:
    """Check one number: finite, within [low, high] and, where `expected` is given, within `tolerance` of it.

    Parameters
    ----------
    inputs : `metric` says which number is asked for ("recall", "micro f1", "rmse" ...), the rest are its inputs.
    tolerance : absolute; let it be smaller than the distance to what a mistake would give.
    question : what to ask where no named mistake fits; another one where the number is no ratio of counts.
    """
    _attempted(value, name)
    try:
        number = float(value.detach() if isinstance(value, Tensor) else value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        fail(name, f"You have {kind_of(value)}; expected a single number.", question, see)
    problem = not_a_value(number, low, high)
    if problem is None and expected is not None and abs(number - expected) > tolerance:
        problem = f"Your number is {number:.4g}, which is off by more than the tolerance of {tolerance:g}."
    if problem is not None:
        fail(name, problem, question, see, lambda simulated: same_number(number, simulated, tolerance), inputs, value)
    if expected is not None:
        require_distinguishing_inputs(name, inputs, lambda simulated: same_number(expected, simulated, tolerance))
    passed(name, f"{number:.4g}")


def layer(value: Any, *, name: str = "layer", **settings: Any) -> None:
    """Check that `value` is an nn.RNN with the given constructor settings.

    >>> check.layer(my_layer, input_size=5, hidden_size=3, batch_first=True)
    """
    _attempted(value, name)
    if not isinstance(value, nn.RNN):
        question = "Which call makes the layer, and is it the layer itself that you give here?"
        fail(name, f"You have {kind_of(value)}; expected an nn.RNN.", question, None, default_section=THE_LAYER)
    actual = {setting: getattr(value, setting) for setting in settings}
    if actual == settings:
        return passed(name, f"{value}")
    wrong = ", ".join(f"{setting}={actual[setting]!r}" for setting in settings if actual[setting] != settings[setting])
    question = "What does each of these settings stand for, and which value does the task ask for?"
    inputs = {"settings": settings}
    fail(
        name,
        f"Your layer has {wrong}.",
        question,
        None,
        lambda simulated: simulated == actual,
        inputs,
        value,
        default_section=THE_LAYER,
    )


def model(
    value: Any,
    batch: Tensor,
    lengths: Tensor | None = None,
    *,
    name: str = "model",
    see: Section = None,
    **behaviour: bool,
) -> None:
    """Check how a model behaves, by the probes of `course_utils.probe`.

    Parameters
    ----------
    value : takes `batch` (batch, time, features), and `lengths` (batch,) too where they are given.
    behaviour : probe -> what it must find: samples_mix, sees_future, reads_padding. In any case the model must
        give the same output for the same input.

    >>> check.model(tagger, batch, samples_mix=False, sees_future=False)
    """
    _attempted(value, name)

    def run(changed: Tensor, valid: Tensor | None = lengths) -> Any:
        return call(value, changed, name=name) if valid is None else call(value, changed, valid, name=name)

    asked = {"repeats": True} | behaviour
    try:
        found = asked | {"repeats": probe.repeats(run, batch)}
        if found["repeats"]:  # the other probes would take the difference between two runs for an influence
            found |= {
                p: getattr(probe, p)(*((run, batch, lengths) if p == "reads_padding" else (run, batch)))
                for p in behaviour
            }
    except ValueError as error:
        no_tensor = "not a tensor" in str(error)
        question = "What does your function return?" if no_tensor else "Which axis of the result counts the samples?"
        fail(name, str(error), question, None, default_section=NAME_THE_AXES)
    if found == asked:
        return passed(name, ", ".join(probe.FINDINGS[probed][found[probed]] for probed in behaviour or asked))
    wrong = " and ".join(probe.FINDINGS[p][found[p]] for p in asked if found[p] != asked[p])
    question = "Through which step of the model could that influence flow?"
    fail(name, f"Your model {wrong}.", question, see, lambda simulated: simulated == found, {"behaviour": asked}, value)


def call(
    function: Any, *args: Any, name: str | None = None, inputs: Inputs = None, values: int | None = None, **kwargs: Any
) -> Any:
    """Call a student's function on copies of the arguments and return its result; an error in it becomes a panel.

    The function may change its arguments (`lengths -= 1`) without spoiling later checks: tensors, arrays and
    containers of them are copied, and gradients flow back to the originals. A module is handed over itself, because
    a call such as `check.call(train, model)` is made to change it; where the function must leave a layer as it is,
    hand over `copy.deepcopy(layer)`. To test an effect in place, or whether the result is the argument itself, call
    the function directly and look at what it was given.

    Parameters
    ----------
    inputs : inputs of the task by name, as for `close`; they tell mistakes apart that raise the same error.
    values : how many values it must return, where the lesson unpacks them.

    Raises
    ------
    NotAttempted : the function raises NotImplementedError or still returns its placeholder.
    CheckFailed : it raises anything else: the panel quotes the error and the line, and says what it usually
        means; or it returns nothing, or not as many values as are unpacked.
    """
    called: str = getattr(function, "__name__", "function") if name is None else name
    _attempted(function, called)
    args, kwargs = copied((args, kwargs))
    try:
        with contextlib.redirect_stderr(sys.stdout):  # nbgrader takes any text on stderr for a failed test
            result = function(*args, **kwargs)
    except NotImplementedError:
        raise NotAttempted(called, "not attempted yet.") from None
    except Exception as error:
        fail_with(called, error, inputs or {})
    if result is None:
        fail(called, "Your function returned None.", "Does it end with a `return`?", None)
    _attempted(result, called)
    if values is not None and _how_many(result) != values:
        returned = f"{len(result)} values" if _how_many(result) else kind_of(result)
        question = "Which values does the task ask for, and in which order?"
        fail(called, f"Your function returned {returned}; expected {values} values.", question, None)
    return result


def _attempted(value: Any, name: str) -> None:
    if _is_placeholder(value):
        raise NotAttempted(name, "not attempted yet.")


def _is_placeholder(value: Any) -> bool:
    """Whether this is `...`, None, or a list, tuple or dict of nothing else."""
    parts = list(value.values()) if isinstance(value, dict) else value
    if isinstance(parts, tuple | list) and len(parts):
        return all(map(_is_placeholder, parts))
    return value is None or value is ...


def _how_many(result: Any) -> int:
    """Into how many values it unpacks; 0 for what holds no values in order."""
    if isinstance(result, dict | str | set):
        return 0
    try:
        return len(result)
    except TypeError:
        return 0

"""The catalogue of named mistakes: what each one looks like and what it computes.

Each mistake has *ways*: functions that compute what a person who makes it would get.
The parameter names of a way say which inputs it needs. A check is given inputs by name
and tries every way that they suffice for. The inputs in use are

    axes      the axes that were asked for, such as "batch time hidden"; a way returns the axes it makes of them
    settings  the constructor arguments that were asked for; a way returns the ones it would use
    layer     an nn.RNN             batch     its input, in the layout of the task
    sequence  one unbatched input (time, features)

The catalogue holds wrong ways only. The right value of a graded task stands in its hidden test.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Mistake:
    """One named mistake. `read` is (lesson, section); `ways` compute its wrong values."""

    id: str
    title: str
    symptom: str
    question: str
    read: tuple[str, str]
    ways: tuple[Callable[..., Any], ...]


def _reads(asked: str, got: str) -> Callable[[str], str | None]:
    return lambda axes: got if axes == asked else None


def _unswapped(layer, batch):
    """Batch-first data fed to a layer that is not."""
    if layer.batch_first:
        raise ValueError("this layer takes the data as it is")
    return layer(batch)[0]


def _other_layout(layer, sequence):
    """One sequence fed as if its steps were samples: (time, features) -> (time, hidden)."""
    return layer(sequence.unsqueeze(1 if layer.batch_first else 0))[0].flatten(0, 1)


def _reshaped(batch):
    batches, time, *features = batch.shape
    return batch.reshape(time, batches, *features)


def _reshaped_in_and_out(layer, batch):
    return layer(_reshaped(batch))[0].reshape(*batch.shape[:2], -1)


def _reshaped_in(layer, batch):
    return layer(_reshaped(batch))[0].transpose(0, 1)


def _reshaped_out(layer, batch):
    return layer(batch.transpose(0, 1))[0].reshape(*batch.shape[:2], -1)


CATALOGUE: tuple[Mistake, ...] = (
    Mistake(
        id="forgot-batch-first",
        title="The layer steps along the batch axis",
        symptom="This is what a layer gives that walks from sample to sample and takes the time steps for a batch.",
        question="Which axis of the input does this layer step along, and which one do you want it to step along?",
        read=("03_batch_first", "The silent bug"),
        ways=(
            _reads("batch time hidden", "time batch hidden"),
            _reads("states batch hidden", "states time hidden"),
            lambda settings: {**settings, "batch_first": not settings.get("batch_first", False)},
            _unswapped,
            _other_layout,
        ),
    ),
    Mistake(
        id="state-batch-first",
        title="The state is taken for batch-first",
        symptom="This state has the batch as its first axis.",
        question="Which of the layer's tensors does batch_first rearrange, and does the state belong to them?",
        read=("03_batch_first", "What batch_first leaves alone"),
        ways=(
            _reads("states batch hidden", "batch states hidden"),
            _reads("layers*directions batch hidden", "batch layers*directions hidden"),
            _reads("layers directions batch hidden", "batch layers directions hidden"),
        ),
    ),
    Mistake(
        id="states-without-directions",
        title="One state a layer, whatever the directions",
        symptom="The first axis counts the layers and nothing else.",
        question="How many separate walks over the sequence does a layer make, and does each one keep a state?",
        read=("02_shapes", "Layers and directions"),
        ways=(_reads("layers*directions batch hidden", "layers batch hidden"),),
    ),
    Mistake(
        id="reshape-to-swap",
        title="Axes swapped by reshaping",
        symptom="The shape is right, yet the numbers of different samples have been mixed.",
        question="If you change one sample of the input, which samples of your result move?",
        read=("03_batch_first", "Swapping two axes"),
        ways=(_reshaped, _reshaped_in_and_out, _reshaped_in, _reshaped_out),
    ),
    Mistake(
        id="last-output-both-directions",
        title="The last output step, for both directions",
        symptom="The forward half has read the whole sequence; the backward half has read a single step.",
        question="At which step does the backward walk begin, and at which one is it finished?",
        read=("02_shapes", "Layers and directions"),
        ways=(lambda layer, batch: layer(batch)[0][:, -1], lambda layer, batch: layer(batch)[0][-1]),
    ),
    Mistake(
        id="last-state-one-direction",
        title="Only the last row of the state",
        symptom="This is the final state of one direction; the other direction is missing.",
        question="Whose states are the last rows of h_n when the layer walks both ways?",
        read=("02_shapes", "Layers and directions"),
        ways=(lambda layer, batch: layer(batch)[1][-1],),
    ),
    Mistake(
        id="swapped-sizes",
        title="Input and hidden size exchanged",
        symptom="The layer is a valid one, but its two sizes have changed places.",
        question="Which size belongs to what goes in, and which one to what the layer remembers?",
        read=("02_shapes", "The layer"),
        ways=(
            lambda settings: {
                **settings,
                "input_size": settings["hidden_size"],
                "hidden_size": settings["input_size"],
            },
        ),
    ),
)

BY_ID = {mistake.id: mistake for mistake in CATALOGUE}


def diagnose(given: dict[str, Any], same: Callable[[Any], bool]) -> list[Mistake]:
    """The mistakes that make of the inputs `given` what the student has.

    `same` says whether a wrong value is the student's.
    """
    return [mistake for mistake in CATALOGUE if any(same(wrong) for wrong in _wrong_values(mistake, given))]


def _wrong_values(mistake: Mistake, given: dict[str, Any]):
    for way in mistake.ways:
        names = inspect.signature(way).parameters
        if names.keys() <= given.keys():
            try:
                yield way(**{name: given[name] for name in names})
            except Exception:  # the mistake cannot be made on these inputs, so nobody made it
                continue

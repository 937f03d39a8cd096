"""Exercises of lesson 04: what batch_first changes, and the probe that finds a layer that mixes samples."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from .. import check, toy
from .exercise import exercise

LESSON = "04_batch_first"
# The checks name axes by their sizes.
SIZES: dict[str, Any] = {"batch": 4, "time": 7, "feature": 5, "hidden": 3, "states": 1}
BATCH = torch.randn(4, 7, 5, generator=torch.Generator().manual_seed(0))
TIME_FIRST = nn.RNN(5, 3).requires_grad_(False)
ADDER = toy.adding_layer()
NUMBERS = torch.tensor([[[1.0], [2.0], [3.0]], [[10.0], [20.0], [30.0]]])


@exercise(
    LESSON,
    "What batch_first changes",
    solution="predicted_output = (7, 4, 3)",
    hints=(
        "In which order are the axes of what the layer reads?",
        "The layer keeps the layout of its input. Only one of the three sizes is replaced.",
    ),
)
def time_first_output(shape: Any) -> None:
    """Which shape does the output of the time-first layer have?"""
    output, _ = TIME_FIRST(BATCH.transpose(0, 1))
    check.shape(shape, output, name="shape of time_first_output", **SIZES)


@exercise(
    LESSON,
    "What batch_first leaves alone",
    solution="predicted_h_n = (2, 9, 3)",
    hints=("What does the first axis of a state count, and how many of them are there here?",),
)
def stacked_state(shape: Any) -> None:
    """Which shape does `h_n` of a batch-first stack have?"""
    _, h_n = nn.RNN(5, 3, num_layers=2, batch_first=True)(torch.zeros(9, 7, 5))
    check.shape(shape, h_n, name="shape of h_n", batch=9, time=7, hidden=3, states=2)


@exercise(
    LESSON,
    "The silent bug",
    solution="predicted_h_n = (1, 7, 3)",
    hints=(
        "Along which axis does this layer walk? What is left for its batch?",
        "There is one final state for each sequence that the layer believes it has read.",
    ),
)
def wrong_state(shape: Any) -> None:
    """Which shape does `h_n` have if a time-first layer reads batch-first data?"""
    _, h_n = TIME_FIRST(BATCH)
    check.shape(shape, h_n, name="shape of wrong_h_n", **SIZES)


@exercise(
    LESSON,
    "The silent bug",
    solution="predicted_second = [11, 22, 33]",
    hints=(
        "This layer takes 1, 2, 3 for step 0 of three sequences. What does it take for their step 1?",
        "Which number does it remember when it reads the 10? And when it reads the 20?",
    ),
)
def second_sample(numbers: Any) -> None:
    """What does a time-first adding layer return for the second sample?"""
    inputs = {"layer": ADDER, "batch": NUMBERS, "sample": 1, "sequence": NUMBERS[1]}
    check.equal(numbers, ADDER(NUMBERS)[0][1, :, 0], name="second sample", inputs=inputs)


@exercise(
    LESSON,
    "The probe: change one sample",
    solution="predicted_moved = [2, 3, 4, 5]",
    hints=("The layer walks from sample to sample. Which ones does it reach after it has read number 2?",),
)
def moved_samples(samples: Any) -> None:
    """Which outputs of a time-first layer move when sample 2 changes?"""
    square = torch.randn(6, 6, 5, generator=torch.Generator().manual_seed(0))
    changed = square.clone()
    changed[2] += 1
    distance = (TIME_FIRST(changed)[0] - TIME_FIRST(square)[0]).abs().amax(dim=(1, 2))
    check.equal(samples, distance.nonzero().flatten(), name="samples that move")


@exercise(
    LESSON,
    "A black box",
    solution=(
        """
def walks_along(box, square):
    changed = square.clone()
    changed[2, 3] += 1
    moved = (box(changed) - box(square)).abs().amax(dim=2)
    return 1 if moved[2].count_nonzero() > 1 else 0
""",
        """
def walks_along(box, square):
    changed = square.clone()
    changed[2] += 1
    moved = (box(changed) - box(square)).abs().amax(dim=(1, 2))
    return 0 if moved.count_nonzero() > 1 else 1
""",
        """
def walks_along(box, square):
    from course_utils import probe

    return int(not probe.samples_mix(box, square))
""",
    ),
    hints=(
        "Change the input at a single place. In which direction from there does the change spread?",
        "A box that walks backward carries nothing forward. Choose a place with neighbours on all four sides.",
    ),
)
def walks_along(function: Any) -> None:
    """Find the axis along which a model walks, where both have the same size."""
    square = torch.randn(6, 6, 5, generator=torch.Generator().manual_seed(1))
    for number, (box, axis) in enumerate(black_boxes()):
        question = "Does the change spread along the first axis or the second one, and does this box walk backward?"
        found = check.call(function, box, square)
        check.equal(found, axis, name=f"box {number}", question=question)


def black_boxes() -> list[tuple[Callable[[Tensor], Tensor], int]]:
    """Four models with the axis along which each walks; the last two walk backward."""

    def box(axis: int, backward: bool) -> tuple[Callable[[Tensor], Tensor], int]:
        layer = nn.RNN(5, 3, batch_first=axis == 1).requires_grad_(False)
        turned = (axis,) if backward else ()
        return lambda batch: layer(batch.flip(turned))[0].flip(turned), axis

    return [box(1, False), box(0, False), box(0, True), box(1, True)]


@exercise(
    LESSON,
    "Swapping two axes",
    solution="predicted_number = 10",
    hints=(
        "`reshape` reads row after row, in the old order, and fills the new tables. Which four numbers come first?",
        "Write down the first six numbers of the batch in order. Table 0 takes the first four of them.",
    ),
)
def where_100_should_be(number: Any) -> None:
    """Which number does `reshape` put where sample 1, step 0, feature 0 should be?"""
    small = toy.labelled(batch=2, time=3, features=2)
    question = "In the picture at the top, which number follows 0 and 1 if you read row after row?"
    check.equal(number, small.reshape(3, 2, 2)[0, 1, 0].item(), name="reshaped[0, 1, 0]", question=question)


@exercise(
    LESSON,
    "Swapping two axes",
    solution=(
        """
def run_swapped(layer, batch):
    steps = batch.transpose(0, 1)
    return layer(steps)[0].transpose(0, 1)
""",
        """
def run_swapped(layer, batch):
    output, h_n = layer(batch.permute(1, 0, 2))
    return output.permute(1, 0, 2)
""",
    ),
    hints=(
        "Which layout does the layer take, and in which layout does its output come back?",
        "There are two swaps to make: one before the layer and one after it.",
    ),
)
def run_swapped(function: Any) -> None:
    """Run batch-first data through a time-first layer; return (batch, time, hidden)."""
    inputs = {"layer": TIME_FIRST, "batch": BATCH}
    right = TIME_FIRST(BATCH.transpose(0, 1))[0].transpose(0, 1)
    check.close(check.call(function, TIME_FIRST, BATCH), right, name="swapped, run, swapped back", inputs=inputs)


@exercise(
    LESSON,
    "Find the bug",
    solution="predicted_row = [10, 30, 60]",
    hints=(
        "The first axis of this output is time. What does the index after the comma count?",
        "Take the output to pieces: which sums does the layer have for each of the two samples?",
    ),
)
def what_the_bug_reads(numbers: Any) -> None:
    """What does the function return for the adding layer?"""
    output, _ = ADDER(NUMBERS.transpose(0, 1))
    question = "Which axis of this output is the batch, and which entry of it does -1 choose?"
    check.equal(numbers, output[:, -1, 0], name="what the function returns", question=question)


@exercise(
    LESSON,
    "Find the bug",
    solution=(
        """
def last_states(layer, batch):
    output, _ = layer(batch.transpose(0, 1))
    return output[-1]
""",
        """
def last_states(layer, batch):
    _, h_n = layer(batch.transpose(0, 1))
    return h_n[-1]
""",
    ),
    hints=("The swap before the layer is right. In which layout is `output`, and where is its last step?",),
)
def last_states(function: Any) -> None:
    """Return the state of each sample after its last step, from a time-first layer."""
    for name, layer, batch in (("layer that adds", ADDER, NUMBERS), ("ordinary layer", TIME_FIRST, BATCH)):
        right = layer(batch.transpose(0, 1))[1][-1]
        check.close(check.call(function, layer, batch), right, name=name)

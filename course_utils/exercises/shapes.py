"""Exercises of lesson 02: the shapes of nn.RNN."""

from typing import Any

import torch
from torch import nn

from .. import check, toy
from .exercise import exercise

LESSON = "02_shapes"
# The checks name axes by their sizes.
SIZES: dict[str, Any] = {"batch": 4, "time": 7, "feature": 5, "hidden": 3, "states": 1}
BATCH = toy.labelled(batch=4, time=7, features=5)
LAYER = nn.RNN(5, 3, batch_first=True).requires_grad_(False)
ADDER = toy.adding_layer(batch_first=True)
NUMBERS = torch.tensor([[[1.0], [2.0], [3.0]], [[10.0], [20.0], [30.0]]])


@exercise(
    LESSON,
    "Name the axes",
    solution="predicted_index = (1, 4, 2)",
    hints=(
        "What does each digit of 213 say? Use the same rule.",
        "The first digit is the sample, the last the feature.",
    ),
)
def index_of_142(predicted: Any) -> None:
    """Where is 142 in the labelled batch?"""
    check.equal(predicted, (1, 4, 2), name="index of 142")


@exercise(
    LESSON,
    "The layer",
    solution="predicted_output = (4, 7, 3)\npredicted_h_n = (1, 4, 3)",
    hints=(
        "How many states does each sample go through, and how many numbers are in a state?",
        "`output` keeps a state for every step. `h_n` keeps only the state after the last one.",
    ),
)
def layer_shapes(output: Any, h_n: Any) -> None:
    """Which shapes do `output` and `h_n` have for a batch?"""
    right_output, right_h_n = LAYER(BATCH)
    check.shape(output, right_output, name="shape of output", **SIZES)
    check.shape(h_n, right_h_n, name="shape of h_n", **SIZES)


@exercise(
    LESSON,
    "Output and h_n",
    solution="predicted_sums = [1, 3, 6]\npredicted_last = 6",
    hints=("What has the layer read after the first step? After the second?", "Its state is a running total."),
)
def running_sums(sums: Any, last: Any) -> None:
    """What do `output` and `h_n` of the adding layer hold for the first sample?"""
    right, totals = ADDER(NUMBERS)
    check.equal(sums, right[0, :, 0], name="output of sample 0", inputs={"layer": ADDER, "sequence": NUMBERS[0]})
    check.equal(last, totals[0, 0, 0].item(), name="h_n of sample 0")


@exercise(
    LESSON,
    "A state to start from",
    solution="predicted_started = [101, 103, 106]",
    hints=("What does the layer remember before it reads the first number?",),
)
def started_from_100(started: Any) -> None:
    """What is the output for the first sample, started from 100?"""
    start = torch.tensor([[[100.0], [200.0]]])
    inputs = {"layer": ADDER, "sequence": NUMBERS[0], "start": start[:, 0]}
    check.equal(started, ADDER(NUMBERS, start)[0][0, :, 0], name="sample 0, started from 100", inputs=inputs)


@exercise(
    LESSON,
    "One sequence alone",
    solution="predicted_output = (7, 3)\npredicted_h_n = (1, 3)",
    hints=("Take the shapes for a batch. Which axis does a single sequence not have?",),
)
def unbatched_shapes(output: Any, h_n: Any) -> None:
    """Which shapes do `output` and `h_n` have for one sequence?"""
    right_output, right_h_n = LAYER(BATCH[0])
    check.shape(output, right_output, name="shape of alone_output", **SIZES)
    check.shape(h_n, right_h_n, name="shape of alone_h_n", **SIZES)


@exercise(
    LESSON,
    "One sequence alone",
    solution="predicted_states = 1",
    hints=("A 2-D tensor is one sequence. What are its steps here?",),
)
def states_for_a_lost_axis(states: Any) -> None:
    """How many states are there for a batch that has lost its time axis?"""
    _, h_n = nn.RNN(4, 3, batch_first=True)(torch.zeros(5, 4))
    check.equal(states, len(h_n), name="states in h_n", question="What does the layer take for the time axis?")


@exercise(
    LESSON,
    "Find the bug",
    solution="wrong_step = 0",
    hints=("The function returned 1 and 10. When has the layer read just that?",),
)
def wrong_step(step: Any) -> None:
    """Which step does the function return?"""
    check.equal(step, 0, name="index of the step")


@exercise(
    LESSON,
    "Find the bug",
    solution=(
        """
def summary(layer, batch):
    output, h_n = layer(batch)
    return h_n[-1]
""",
        """
def summary(layer, batch):
    output, h_n = layer(batch)
    return output[:, -1]
""",
    ),
    hints=(
        "Which of the two tensors holds the state after the last step, and what does its first axis count?",
        "If you want to drop an axis, say which index of it you keep.",
    ),
)
def summary(function: Any) -> None:
    """Return what a layer with one direction remembers of each sequence."""
    ordinary = nn.RNN(5, 3, batch_first=True).requires_grad_(False)
    for name, layer, batch in (("layer that adds", ADDER, NUMBERS), ("ordinary layer", ordinary, torch.randn(4, 7, 5))):
        inputs = {"layer": layer, "batch": batch}
        check.close(check.call(function, layer, batch), layer(batch)[0][:, -1], name=name, inputs=inputs)
    one = torch.randn(1, 7, 5)
    check.close(check.call(function, ordinary, one), ordinary(one)[0][:, -1], name="batch of one sample")

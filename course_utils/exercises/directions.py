"""Exercises of lesson 03: layers and directions."""

import functools
from typing import Any

import torch
from torch import Tensor, nn

from .. import check, plots, toy
from .exercise import exercise

LESSON = "03_layers_and_directions"
NUMBERS = torch.tensor([[[1.0], [2.0], [3.0]], [[10.0], [20.0], [30.0]]])  # (batch=2, time=3, feature=1)
ADDER = toy.adding_layer(batch_first=True, bidirectional=True)


@functools.cache
def _layer(**settings: Any) -> nn.RNN:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.RNN(5, 3, **settings).requires_grad_(False)


def _random(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def both_tensors(layers: int, directions: int, time: int) -> plots.Picture:
    """Draw what a layer of 3 hidden units returns for sample 0 of a batch."""
    layer = _layer(num_layers=layers, bidirectional=directions == 2, batch_first=True)
    return plots.outputs(layer, _random(4, time, 5))


@exercise(
    LESSON,
    "Layers and directions",
    solution="predicted_output = (4, 7, 16)\npredicted_h_n = (6, 4, 8)",
    hints=(
        "`output` shows one layer only. How many states does that layer have at each step?",
        "How many walks over the sequence are there in all? Each one leaves a state in `h_n`.",
    ),
)
def deep_shapes(output: Any, h_n: Any) -> None:
    """Which shapes do `output` and `h_n` of three layers with two directions have?"""
    sizes: dict[str, Any] = {"batch": 4, "time": 7, "layers": 3, "directions": 2, "hidden": 8}
    layer = nn.RNN(5, 8, num_layers=3, bidirectional=True, batch_first=True)
    right_output, right_h_n = layer(torch.zeros(4, 7, 5))
    check.shape(output, right_output, name="shape of deep_output", **sizes)
    check.shape(h_n, right_h_n, name="shape of deep_h_n", **sizes)


@exercise(
    LESSON,
    "The rows of h_n",
    solution="predicted_row = 3",
    hints=("Write the six rows down in order, layer by layer.", "Layer 0 takes two rows. Where does layer 1 begin?"),
)
def middle_backward(row: Any) -> None:
    """Which row of `h_n` is the backward state of the middle one of three layers?"""
    rows = torch.arange(6).view(3, 2)
    question = "How many rows does each layer have, and which direction comes first?"
    check.equal(row, int(rows[1, 1]), name="row of layer 1, backward", question=question)


@exercise(
    LESSON,
    "Where each direction finishes",
    solution="predicted_backward = [600, 500, 300]",
    hints=(
        "What does the backward walk read first, and what second?",
        "Each of its sums is in `output` at the step it has just read.",
    ),
)
def backward_half(backward: Any) -> None:
    """What does the backward half of the adding layer return for 1, 2, 3?"""
    inputs = {"layer": ADDER, "sequence": NUMBERS[0]}
    check.equal(backward, ADDER(NUMBERS)[0][0, :, 1], name="backward half of sample 0", inputs=inputs)


@exercise(
    LESSON,
    "Both directions by hand",
    solution=(
        """
def both_ways(steps, forward, backward):
    states_forward = walk(steps, *forward)
    states_backward = walk(steps.flip(0), *backward).flip(0)
    return torch.cat([states_forward, states_backward], dim=1)
""",
        """
def both_ways(steps, forward, backward):
    output = torch.zeros(len(steps), 6)
    output[:, :3] = walk(steps, *forward)
    output[:, 3:] = walk(steps.flip(0), *backward).flip(0)
    return output
""",
    ),
    hints=(
        "The backward walk reads the last step first. How can `walk` be made to do that?",
        "Row 0 of your result belongs to step 0. To which step does row 0 of a walk over the flipped sequence belong?",
    ),
)
def both_ways(function: Any) -> None:
    """Write a bidirectional layer with two calls of `walk`."""
    layer, sequence = _layer(bidirectional=True), _random(7, 5)
    forward, backward = list(layer.parameters())[:4], list(layer.parameters())[4:]
    output = check.call(function, sequence, forward, backward)
    check.close(output, layer(sequence)[0], name="both directions", inputs={"layer": layer, "by_hand": sequence})


@exercise(
    LESSON,
    "Names and shapes",
    solution="predicted_shape = (3, 6)",
    hints=(
        "Rows count the new state, columns count what is read.",
        "What does layer 1 read at each step, and how wide is that with two directions?",
    ),
)
def upper_weight(shape: Any) -> None:
    """Which shape does weight_ih_l1 have in a stack of two layers with two directions?"""
    sizes: dict[str, Any] = {"hidden": 3, "directions": 2, "feature": 5}
    weight = dict(_layer(num_layers=2, bidirectional=True).named_parameters())["weight_ih_l1"]
    check.shape(shape, weight, name="shape of weight_ih_l1", **sizes)


@exercise(
    LESSON,
    "Dropout between layers",
    solution="""
def make_stack():
    return nn.RNN(6, 9, num_layers=2, dropout=0.3, bidirectional=True)
""",
    hints=("Give everything after the two sizes by name.", "Between how many layers can something be dropped?"),
)
def make_stack(function: Any) -> None:
    """Make a stack of two bidirectional layers with dropout between them."""
    settings: dict[str, Any] = {
        "input_size": 6,
        "hidden_size": 9,
        "num_layers": 2,
        "dropout": 0.3,
        "bidirectional": True,
    }
    check.layer(check.call(function), **settings)


@exercise(
    LESSON,
    "Find the bug",
    solution="wrong_half = 3",
    hints=("The forward half is finished at the last step. What has the backward half read there?",),
)
def wrong_half(number: Any) -> None:
    """Of what has the function returned the sum in hundreds: which one number has the backward half read?"""
    question = "The backward half adds hundreds: which number of the sample makes 300?"
    check.equal(number, 3, name="the only number it has read", question=question)


@exercise(
    LESSON,
    "Find the bug",
    solution=(
        """
def summary(layer, batch):
    output, h_n = layer(batch)
    return torch.cat([h_n[-2], h_n[-1]], dim=1)
""",
        """
def summary(layer, batch):
    output, h_n = layer(batch)
    hidden = layer.hidden_size
    return torch.cat([output[:, -1, :hidden], output[:, 0, hidden:]], dim=1)
""",
    ),
    hints=(
        "At which step is each half finished? Or: in which rows of `h_n` are the finished states of the top layer?",
        "The last two rows of `h_n` belong to the top layer, however many layers there are.",
    ),
)
def summary(function: Any) -> None:
    """Return the top layer's final state of both directions, side by side."""
    stack = _layer(num_layers=2, bidirectional=True, batch_first=True)
    single = _layer(bidirectional=True, batch_first=True)
    batch = _random(4, 7, 5)
    for name, layer, reads in (
        ("layer that adds", ADDER, NUMBERS),
        ("one layer", single, batch),
        ("stack", stack, batch),
    ):
        output, hidden = layer(reads)[0], layer.hidden_size
        right = torch.cat([output[:, -1, :hidden], output[:, 0, hidden:]], dim=1)
        check.close(check.call(function, layer, reads), right, name=name, inputs={"layer": layer, "batch": reads})

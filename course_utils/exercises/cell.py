"""Exercises of lesson 01: what nn.RNN computes."""

from typing import Any

import torch
from torch import Tensor, nn

from .. import check, plots
from .exercise import exercise

LESSON = "01_what_nn_rnn_computes"
CALLS = [
    "nn.RNN(20, 10)",
    "nn.RNN(10)",
    "nn.RNN(input_size=10, hidden_size=20)",
    "nn.RNN(hidden_size=10, input_size=20)",
]
STEPS = torch.tensor([[5.0], [2.0]])


def _tiny() -> nn.RNN:
    layer = nn.RNN(1, 1, nonlinearity="relu").requires_grad_(False)
    for parameter, number in zip(layer.parameters(), [2.0, 10.0, 1.0, 3.0], strict=True):
        parameter.fill_(number)
    return layer


def _ordinary() -> tuple[nn.RNN, Tensor]:
    """Make a layer and a sequence like the lesson's own, from random numbers that disturb nobody's."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.RNN(5, 3).requires_grad_(False), torch.randn(7, 5)


def walk(steps: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor, b_hh: Tensor) -> Tensor:
    """Return the states of a layer by hand, (time, hidden), as the lesson computes them."""
    state = torch.zeros(len(w_hh))
    states = []
    for x in steps:
        state = torch.tanh(w_ih @ x + b_ih + w_hh @ state + b_hh)
        states.append(state)
    return torch.stack(states)


def left_over(seed: int, scale: float = 1.0, change: float = 1.0) -> Tensor:
    """Measure how much is left of a difference at step 0, for 30 steps, as a share of the difference there.

    Parameters
    ----------
    seed : of the layer (5 features, 32 hidden units) and of the sequence.
    scale : what the recurrent weight is multiplied by.   change : how much is added to the features of step 0.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layer = nn.RNN(5, 32).requires_grad_(False)
        one = torch.randn(30, 5)
    layer.get_parameter("weight_hh_l0").mul_(scale)
    other = torch.cat([one[:1] + change, one[1:]])
    distance = (layer(one)[0] - layer(other)[0]).norm(dim=1)
    return distance / distance[0]


def fading(scale: float) -> plots.Picture:
    """Draw `left_over` of three layers whose recurrent weight is multiplied by `scale`."""
    left = {f"seed {seed}": left_over(seed, scale) for seed in range(3)}
    last = max(share[-1].item() for share in left.values())
    return plots.lines(
        left,
        title=f"What is left of a difference at step 0, recurrent weight times {scale}",
        x_label="step",
        y_label="distance, as a share of the one at step 0",
        alt=f"Three lines, one a seed, all 1 at step 0; at step 29 the highest is {last:.2g}.",
    )


@exercise(
    LESSON,
    "One step, again and again",
    solution="predicted_states = [14, 148]",
    hints=(
        "The state before the first step is 0. Write down the four parts of the sum.",
        "For the second step, the old state is your first answer.",
    ),
)
def two_states(states: Any) -> None:
    """What does the layer with weights 2 and 10 and biases 1 and 3 return for 5, then 2?"""
    layer = _tiny()
    inputs = {"layer": layer, "by_hand": STEPS}
    check.equal(states, layer(STEPS)[0][:, 0], name="two states", inputs=inputs)


@exercise(
    LESSON,
    "By hand",
    solution="predicted_count = 30",
    hints=("Four tensors: multiply out each shape.", "Two weights and two biases: have you counted both biases?"),
)
def parameter_count(count: Any) -> None:
    """How many parameters does nn.RNN(5, 3) have?"""
    right = sum(parameter.numel() for parameter in nn.RNN(5, 3).parameters())
    check.equal(
        count, right, name="parameters", question="What do the rows of each weight count, and what the columns?"
    )


@exercise(
    LESSON,
    "By hand",
    solution=(
        """
def new_state(x, h, w_ih, w_hh, b_ih, b_hh):
    return torch.tanh(w_ih @ x + b_ih + w_hh @ h + b_hh)
""",
        """
def new_state(x, h, w_ih, w_hh, b_ih, b_hh):
    from_the_input = nn.functional.linear(x, w_ih, b_ih)
    from_the_old_state = nn.functional.linear(h, w_hh, b_hh)
    return torch.tanh(from_the_input + from_the_old_state)
""",
    ),
    hints=(
        "Go through the picture from left to right. Which four things meet at the plus sign?",
        "Both weights are on the left side of their `@`.",
    ),
)
def new_state(function: Any) -> None:
    """Write the cell. It is tried on the seven steps of a sequence."""
    layer, sequence = _ordinary()
    states = [torch.zeros(3)]
    for x in sequence:
        state = check.call(function, x, states[-1], *layer.parameters())
        states.append(torch.as_tensor(state, dtype=torch.float32))
    inputs = {"layer": layer, "by_hand": sequence}
    check.close(torch.stack(states[1:]), layer(sequence)[0], name="seven steps by hand", inputs=inputs)


@exercise(
    LESSON,
    "The constructor",
    solution='predicted_sizes = [(20, 10), "raises", (10, 20), (20, 10)]',
    hints=(
        "Which arguments are required?",
        "An argument with a name goes where its name says; the others go by their place.",
    ),
)
def four_calls(sizes: Any) -> None:
    """Which (input_size, hidden_size) does each of the four calls make?"""
    question = "Which numbers have a name, and which ones go by their place?"
    check.equal(sizes, [made(call) for call in CALLS], name="four calls", inputs={"calls": CALLS}, question=question)


def made(call: str) -> tuple[int, int] | str:
    """Return (input_size, hidden_size) of the layer that the call makes, or "raises"."""
    try:
        layer = eval(call, {"nn": nn})
    except TypeError:
        return "raises"
    return layer.input_size, layer.hidden_size


@exercise(
    LESSON,
    "The constructor",
    solution=(
        """
def make_layer():
    return nn.RNN(6, 9, nonlinearity="relu", bias=False)
""",
        """
def make_layer():
    return nn.RNN(input_size=6, hidden_size=9, nonlinearity="relu", bias=False)
""",
    ),
    hints=("Two sizes, and two arguments by name. The table has all of them.",),
)
def make_layer(function: Any) -> None:
    """Make a layer for 6 features with 9 hidden units, relu and no biases."""
    settings: dict[str, Any] = {
        "input_size": 6,
        "hidden_size": 9,
        "nonlinearity": "relu",
        "bias": False,
        "num_layers": 1,
    }
    check.layer(check.call(function), **settings)


@exercise(
    LESSON,
    "What is remembered, and for how long",
    solution="predicted_step = 7",
    hints=(
        "How much was left of the pulse after ten steps?",
        "After one step about half is left. Suppose every step takes half: when are you below 1/100?",
    ),
)
def faded_at(step: Any) -> None:
    """At which step is less than a hundredth of the difference left? Three steps off is near enough."""
    shares = torch.stack([left_over(seed) for seed in range(5)]).mean(0)
    right = int((shares < 0.01).nonzero()[0])
    question = "If half is left after one step, how much is left after two, and after three?"
    check.metric(step, right, high=29, tolerance=3, name="step at which a hundredth is left", question=question)


@exercise(
    LESSON,
    "Where it starts",
    solution=(
        """
def read_in_two(layer, steps, cut):
    first, state = layer(steps[:cut])
    second, state = layer(steps[cut:], state)
    return torch.cat([first, second])
""",
        """
def read_in_two(layer, steps, cut):
    outputs = []
    state = None
    for piece in (steps[:cut], steps[cut:]):
        output, state = layer(piece, state)
        outputs.append(output)
    return torch.cat(outputs)
""",
    ),
    hints=(
        "The first call returns two things. What do you need each of them for?",
        "`torch.cat([a, b])` joins two outputs along the time axis.",
    ),
)
def read_in_two(function: Any) -> None:
    """Read a sequence in two calls, with the outputs of a single one."""
    layer, sequence = _ordinary()
    output = check.call(function, layer, sequence, 4)
    check.shape(output, "time hidden", name="outputs of all steps", time=7, hidden=3, feature=5, cut=4)
    check.model(lambda steps: function(layer, steps, 4), sequence, name="read twice")
    inputs = {"layer": layer, "by_hand": sequence, "cut": 4}
    check.close(output, layer(sequence)[0], name="two calls against one", inputs=inputs)


@exercise(
    LESSON,
    "Find the bug",
    solution="predicted_rows = 1",
    hints=("Compare the first row with the last one.", "How many tensors did the loop make?"),
)
def different_rows(rows: Any) -> None:
    """How many different rows does the walk with a bug return?"""
    question = "How many tensors does the list hold: one per step, or the same one many times?"
    check.equal(rows, 1, name="different rows", question=question)


@exercise(
    LESSON,
    "Find the bug",
    solution=(
        """
def repaired_walk(steps, w_ih, w_hh, b_ih, b_hh):
    state = torch.zeros(len(w_hh))
    states = []
    for x in steps:
        state = torch.tanh(w_ih @ x + b_ih + w_hh @ state + b_hh)
        states.append(state)
    return torch.stack(states)
""",
        """
def repaired_walk(steps, w_ih, w_hh, b_ih, b_hh):
    state = torch.zeros(len(w_hh))
    states = []
    for x in steps:
        state[:] = torch.tanh(w_ih @ x + b_ih + w_hh @ state + b_hh)
        states.append(state.clone())
    return torch.stack(states)
""",
    ),
    hints=(
        "The formula is right. Look at what happens to the tensors that are already in the list.",
        "Either make a new tensor at each step, or put a copy into the list. Which method of a tensor copies it?",
    ),
)
def repaired_walk(function: Any) -> None:
    """Write the walk so that every step keeps its own state."""
    layer, sequence = _ordinary()
    states = check.call(function, sequence, *layer.parameters())
    check.close(states, layer(sequence)[0], name="repaired walk", inputs={"layer": layer, "by_hand": sequence})

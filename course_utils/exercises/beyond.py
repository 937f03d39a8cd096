"""Exercises of lesson 18: attention, causal masks, state-space models, and what each of them costs."""

from typing import Any

import torch
from torch import nn

from .. import check
from .exercise import exercise

LESSON = "18_after_nn_rnn"


def halving_layer() -> nn.RNN:
    """Make a layer of one feature and one hidden unit: half of the old state plus the input, without tanh."""
    layer = nn.RNN(1, 1, nonlinearity="relu", batch_first=True).requires_grad_(False)
    for name, weight in layer.named_parameters():
        weight.fill_(0.0 if name.startswith("bias") else 0.5 if name == "weight_hh_l0" else 1.0)
    return layer


@exercise(
    LESSON,
    "Attention",
    solution="predicted_weights = 36",
    hints=("How many steps does each step look at, itself included?",),
)
def number_of_weights(predicted: Any) -> None:
    """How many attention weights are there for 6 steps?"""
    steps = torch.zeros(6, 8)
    question = "From how many steps, to how many steps?"
    check.equal(predicted, (steps @ steps.T).numel(), name="attention weights", question=question)


@exercise(
    LESSON,
    "Causal masks",
    solution="predicted_moved = 6",
    hints=("Which steps attend to the last one?", "There is no mask here."),
)
def moved_without_mask(predicted: Any) -> None:
    """How many of 6 output steps move when the last input step changes, without a mask?"""
    layer, batch = _transformer(0), torch.randn(4, 6, 8, generator=torch.Generator().manual_seed(0))
    changed = batch.clone()
    changed[:, -1] += torch.linspace(0, 1, 8)
    moved = (layer(changed) - layer(batch)).abs().amax((0, 2)) > 1e-6
    check.equal(predicted, int(moved.sum()), name="steps that move", question="Which steps look at the last one?")


@exercise(
    LESSON,
    "Causal masks",
    solution=(
        """
def causal_mask(size):
    return torch.ones(size, size, dtype=torch.bool).triu(1)
""",
        """
def causal_mask(size):
    step = torch.arange(size)
    return step[None, :] > step[:, None]
""",
    ),
    hints=(
        "Row 2 is step 2, which may read steps 0, 1 and 2. What does its row look like, if True means blocked?",
        "Look up `triu` or `tril`, or compare two arrangements of the step numbers.",
    ),
)
def causal_mask(function: Any) -> None:
    """Return the (size, size) mask that is True where step `row` must not read step `column`."""
    for size in (3, 6):
        value = check.call(function, size)
        right = torch.arange(size)[None] > torch.arange(size)[:, None]
        check.equal(
            value,
            right,
            name=f"mask for {size} steps",
            question="Go through one row: which steps are blocked, and may a step read itself?",
        )


@exercise(
    LESSON,
    "A state-space model",
    solution="predicted_states = [8, 4, 2, 1]",
    hints=("What is left of the 8 one step later, when nothing new is read?",),
)
def halved(predicted: Any) -> None:
    """What are the states for the inputs 8, 0, 0, 0?"""
    layer, sequence = halving_layer(), torch.tensor([[8.0], [0.0], [0.0], [0.0]])
    inputs = {"layer": layer, "sequence": sequence}
    check.equal(predicted, layer(sequence)[0][:, 0], name="states after 8, 0, 0, 0", inputs=inputs)


@exercise(
    LESSON,
    "A state-space model",
    solution=(
        """
def by_convolution(inputs, decay):
    kernel = decay ** torch.arange(len(inputs))
    states = []
    for step in range(len(inputs)):
        past = inputs[: step + 1].flip(0)
        states.append((kernel[: step + 1] * past).sum())
    return torch.stack(states)
""",
        """
def by_convolution(inputs, decay):
    step = torch.arange(len(inputs))
    age = step[:, None] - step
    weights = torch.where(age >= 0, decay ** age.clamp(min=0), 0)
    return weights @ inputs
""",
    ),
    hints=(
        "How much of the input of three steps ago is left in the state?",
        "Each state is a weighted sum of all inputs up to its step. The weight depends on the age of the input only.",
    ),
)
def by_convolution(function: Any) -> None:
    """Return all states of the linear recurrence as weighted sums of the inputs."""
    numbers = torch.rand(7, generator=torch.Generator().manual_seed(0)) + 0.5
    for decay in (0.5, 0.9):
        layer = halving_layer()
        layer.get_parameter("weight_hh_l0").fill_(decay)
        right = layer(numbers[:, None])[0][:, 0]
        value = check.call(function, numbers, decay)
        inputs = {"layer": layer, "by_hand": numbers[:, None]}
        check.close(value, right, name=f"states with decay {decay}", inputs=inputs)


@exercise(
    LESSON,
    "Rounds instead of steps",
    solution="predicted_rounds = 10",
    hints=("After one round each number covers 2 steps, after two rounds 4. After how many does it cover 1024?",),
)
def rounds(predicted: Any) -> None:
    """How many rounds does the scan need for 1024 steps?"""
    needed = 0
    while 2**needed < 1024:
        needed += 1
    question = "What does each round do to the number of steps that are covered?"
    check.equal(predicted, needed, name="rounds for 1024 steps", question=question)


@exercise(
    LESSON,
    "What has to be kept",
    solution="predicted_kept = 128000",
    hints=("Which two vectors of every earlier step does attention need again?",),
)
def kept_by_attention(predicted: Any) -> None:
    """How many numbers does an attention layer of width 64 keep after 1000 steps?"""
    keys, values = torch.zeros(1000, 64), torch.zeros(1000, 64)
    question = "How many numbers per step, and for how many steps?"
    check.equal(predicted, keys.numel() + values.numel(), name="numbers kept", question=question)


@exercise(
    LESSON,
    "Find the bug",
    solution="predicted_samples = 4",
    hints=("Which axis does this layer take for time?", "The mask lets every row read the rows above it."),
)
def samples_moved(predicted: Any) -> None:
    """How many samples of the output move when sample 0 changes?"""
    layer, batch = _transformer(0, batch_first=False), torch.randn(4, 6, 8, generator=torch.Generator().manual_seed(0))
    mask = torch.ones(4, 4, dtype=torch.bool).triu(1)
    changed = batch.clone()
    changed[0] += torch.linspace(0, 1, 8)
    moved = (layer(changed, mask) - layer(batch, mask)).abs().amax((1, 2)) > 1e-6
    question = "Along which axis does the layer look back, and where does sample 0 come on it?"
    check.equal(predicted, int(moved.sum()), name="samples that move", question=question)


@exercise(
    LESSON,
    "Find the bug",
    solution=(
        """
def encode(layer, batch):
    size = batch.shape[1]
    mask = torch.ones(size, size, dtype=torch.bool).triu(1)
    return layer(batch.transpose(0, 1), src_mask=mask).transpose(0, 1)
""",
        """
def encode(layer, batch):
    mask = nn.Transformer.generate_square_subsequent_mask(batch.shape[1])
    return layer(batch.transpose(0, 1), src_mask=mask).transpose(0, 1)
""",
    ),
    hints=(
        "The layer is given, and it's time-first. What can you do to the batch before and after it?",
        "How many steps does the mask have to cover?",
    ),
)
def encode(function: Any) -> None:
    """Return what a time-first layer makes of a batch-first batch, without a look at the future."""
    layer = _transformer(1, batch_first=False)
    batch = torch.randn(4, 6, 8, generator=torch.Generator().manual_seed(1))
    value = check.call(function, layer, batch)
    check.model(
        lambda changed: check.call(function, layer, changed),
        batch,
        name="encode",
        samples_mix=False,
        sees_future=False,
    )
    mask = torch.ones(6, 6, dtype=torch.bool).triu(1)
    right = layer(batch.transpose(0, 1), mask).transpose(0, 1)
    check.close(value, right, name="output of encode")


def _transformer(seed: int, batch_first: bool = True) -> nn.TransformerEncoderLayer:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=batch_first)
    return layer.eval().requires_grad_(False)

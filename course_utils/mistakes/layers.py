"""Mistakes about layers, directions and states: lessons 02 and 03."""

from __future__ import annotations

import torch
from torch import nn

from .cell import DIRECTIONS, START, WHERE_IT_FINISHES, _halves
from .layout import HIDDEN_SIZE, _packed_both_ways
from .mistake import Mistake, reads

SIZES_IN_ERRORS = ("02_shapes", "When the sizes don't fit")


def _last_output(layer, batch):
    if not layer.bidirectional:
        raise ValueError("right for one direction")
    return layer(batch)[0][:, -1] if layer.batch_first else layer(batch)[0][-1]


def _last_state(layer, batch):
    if not layer.bidirectional:
        raise ValueError("right for one direction")
    return layer(batch)[1][-1]


def _exchanged(layer, batch):
    if not layer.bidirectional:
        raise ValueError("one direction cannot be exchanged")
    h_n = layer(batch)[1]
    return torch.cat([h_n[-1], h_n[-2]], dim=1)


def _last_valid_output(layer, batch, lengths):
    return _packed_both_ways(layer, batch, lengths)[0][torch.arange(len(batch)), lengths - 1]


def _last_valid_of_padded(layer, batch, lengths):
    if not layer.bidirectional:
        raise ValueError("right for one direction")
    return layer(batch)[0][torch.arange(len(batch)), lengths - 1]


def _last_state_of_packed(layer, batch, lengths):
    return _packed_both_ways(layer, batch, lengths)[1][-1]


def _exchanged_of_packed(layer, batch, lengths):
    h_n = _packed_both_ways(layer, batch, lengths)[1]
    return torch.cat([h_n[-1], h_n[-2]], dim=1)


def _unpacked_as_pair(layer, batch):
    if layer.num_layers != 2 or layer.bidirectional:
        raise ValueError("only two layers of one direction")
    _, (h, _) = layer(batch)
    return h


def _swapped_sizes(settings):
    return {**settings, "input_size": settings["hidden_size"], "hidden_size": settings["input_size"]}


def _rows(layer: nn.RNN) -> int:
    return layer.num_layers * (2 if layer.bidirectional else 1)


LAYERS: tuple[Mistake, ...] = (
    Mistake(
        id="states-without-directions",
        title="One state per layer, whatever the directions",
        symptom="The first axis counts only the layers.",
        question="How many separate walks over the sequence does a layer make, and does each one keep a state?",
        see=DIRECTIONS,
        simulations=(reads("layers*directions batch hidden", "layers batch hidden"),),
        example="""
h_n = nn.RNN(5, 3, num_layers=3, bidirectional=True)(torch.randn(7, 4, 5))[1]
print(tuple(h_n.shape), "where (3, 4, 3) was expected")
""",
    ),
    Mistake(
        id="states-without-layers",
        title="One state per direction, whatever the layers",
        symptom="The first axis counts only the directions.",
        question="Does only the top layer keep a state?",
        see=DIRECTIONS,
        simulations=(reads("layers*directions batch hidden", "directions batch hidden"),),
        example="""
h_n = nn.RNN(5, 3, num_layers=3, bidirectional=True)(torch.randn(7, 4, 5))[1]
print(tuple(h_n.shape), "where (2, 4, 3) was expected")
""",
    ),
    Mistake(
        id="output-without-directions",
        title="The output is as wide as one direction",
        symptom="The last axis has room for one direction.",
        question="What does each direction return at a step, and where does the layer put the two?",
        see=DIRECTIONS,
        simulations=(reads("batch time directions*hidden", "batch time hidden"),),
        example="""
output = nn.RNN(5, 3, bidirectional=True)(torch.randn(7, 4, 5))[0]
print(tuple(output.shape), "where (7, 4, 3) was expected")
""",
    ),
    Mistake(
        id="last-output-both-directions",
        title="The last output step, for both directions",
        symptom="The forward half has read the whole sequence; the backward half has read at most one step.",
        question="At which step does the backward walk start, and at which step is it finished?",
        see=WHERE_IT_FINISHES,
        simulations=(_last_output, _last_valid_output, _last_valid_of_padded),
        example="""
layer = nn.RNN(5, 3, batch_first=True, bidirectional=True)
output, h_n = layer(torch.randn(4, 7, 5))
print(torch.allclose(output[:, -1, :3], h_n[0]), torch.allclose(output[:, -1, 3:], h_n[1]))
""",
    ),
    Mistake(
        id="last-state-one-direction",
        title="Only the last row of the state",
        symptom="This is the final state of one direction; the other direction is missing.",
        question="Whose states are in the last rows of h_n when the layer walks both ways?",
        see=WHERE_IT_FINISHES,
        simulations=(_last_state, _last_state_of_packed, reads("batch directions*hidden", "batch hidden")),
        example="""
h_n = nn.RNN(5, 3, bidirectional=True)(torch.randn(7, 4, 5))[1]
print(tuple(h_n[-1].shape), "has no room for two directions of 3")
""",
    ),
    Mistake(
        id="directions-exchanged",
        title="The two directions swapped",
        symptom="Both directions are there, but the backward one comes before the forward one.",
        question="In which order does the layer return its two directions?",
        see=DIRECTIONS,
        simulations=(
            _exchanged,
            _exchanged_of_packed,
            lambda layer, by_hand: torch.cat(_halves(layer, by_hand)[::-1], dim=1),
        ),
        example="""
output, h_n = nn.RNN(5, 3, batch_first=True, bidirectional=True)(torch.randn(4, 7, 5))
print(torch.allclose(torch.cat([h_n[1], h_n[0]], 1)[:, :3], output[:, -1, :3]))
""",
    ),
    Mistake(
        id="states-unpacked-as-pair",
        title="The states of two layers unpacked like a pair",
        symptom="This is the state of the first layer: h_n was unpacked as if it were a pair (h, c).",
        question="What does nn.RNN return besides the output: one tensor or two?",
        see=DIRECTIONS,
        simulations=(_unpacked_as_pair,),
        example="""
output, (h, c) = nn.RNN(5, 3, num_layers=2)(torch.randn(7, 4, 5))
print("nothing raised; h is", tuple(h.shape))
""",
    ),
    Mistake(
        id="swapped-sizes",
        title="Input and hidden size swapped",
        symptom="The layer is valid, but its two sizes are swapped.",
        question="Which size belongs to the input, and which one to what the layer remembers?",
        see=("02_shapes", "The layer"),
        simulations=(_swapped_sizes,),
        example="""
print(nn.RNN(hidden_size=10, input_size=20), "where 10 features and 20 hidden were meant")
""",
    ),
    Mistake(
        id="wrong-feature-size",
        title="The features don't fit the layer",
        symptom="The size of the input's last axis is not the layer's input_size.",
        question="How many numbers does one step have, and how many does the layer take?",
        see=SIZES_IN_ERRORS,
        raises=r"input\.size\(-1\) must be equal to input_size",
        silent=False,
        example="""
nn.RNN(8, 4)(torch.randn(3, 5, 10))
""",
    ),
    Mistake(
        id="missing-feature-axis",
        title="The feature axis is missing",
        symptom="The input has two axes, so it is read as one sequence, and its steps are taken for features.",
        question="If a step is a single number, where is the axis that counts one feature?",
        see=("02_shapes", "One sequence alone"),
        simulations=(
            lambda layer, batch: layer(batch[..., 0]),
            reads("batch time feature", "batch time"),
        ),
        raises=r"input\.size\(-1\) must be equal to input_size",
        example="""
nn.RNN(1, 3, batch_first=True)(torch.randn(4, 7))  # 4 samples of 7 steps
""",
    ),
    Mistake(
        id="wrong-number-of-axes",
        title="Neither a batch nor a sequence",
        symptom="A layer takes three axes (a batch) or two (one sequence).",
        question="Name the axes of your tensor: which one is missing or extra?",
        see=("02_shapes", "One sequence alone"),
        raises=r"Expected input to be 2D or 3D, got \d+D",
        silent=False,
        example="""
nn.RNN(5, 3)(torch.randn(5))
""",
    ),
    Mistake(
        id="integer-input",
        title="Integers where the layer needs floats",
        symptom="The input and the weights have different dtypes.",
        question="What dtype does a tensor get if you make it from whole numbers?",
        see=SIZES_IN_ERRORS,
        raises=r"input dtype \(torch\.u?int\d+\) does not match weight dtype",
        silent=False,
        example="""
nn.RNN(1, 3)(torch.tensor([[1], [2], [3]]))
""",
    ),
    Mistake(
        id="start-state-batch-first",
        title="h_0 with the batch first",
        symptom="The first two axes of the state are swapped.",
        question="Does the layout of h_0 follow the layout of the input?",
        see=START,
        raises=HIDDEN_SIZE + r"\[(?!\1, )\2, \1, \3\]",
        simulations=(lambda layer, batch: layer(batch, torch.zeros(len(batch), _rows(layer), layer.hidden_size)),),
        silent=False,
        example="""
nn.RNN(5, 3, batch_first=True)(torch.randn(8, 7, 5), torch.zeros(8, 1, 3))
""",
    ),
    Mistake(
        id="start-state-too-few-rows",
        title="h_0 without all layers and directions",
        symptom="The state has too few or too many rows for this layer.",
        question="How many states does this layer keep, counting layers and directions?",
        see=START,
        raises=HIDDEN_SIZE + r"\[(?!\1\b)\d+, \2, \3\]",
        silent=False,
        example="""
nn.RNN(5, 3, num_layers=2, batch_first=True)(torch.randn(8, 7, 5), torch.zeros(1, 8, 3))
""",
    ),
    Mistake(
        id="start-state-two-axes",
        title="h_0 without the axis of states",
        symptom="The input is a batch and the state has only two axes.",
        question="Which axis does a state have even when there is a single layer?",
        see=START,
        raises=r"For batched 3-D input, hx should also be 3-D but got 2-D",
        silent=False,
        example="""
nn.RNN(5, 3, batch_first=True)(torch.randn(8, 7, 5), torch.zeros(8, 3))
""",
    ),
    Mistake(
        id="start-state-pair",
        title="A pair (h, c) as the state of an nn.RNN",
        symptom="The state is a tuple, as for an LSTM.",
        question="How many tensors does this kind of layer carry from step to step?",
        see=START,
        simulations=(lambda layer, batch: layer(batch, (torch.zeros(1), torch.zeros(1))),),
        raises=r"'tuple' object has no attribute 'dim'",
        silent=False,
        example="""
h, c = torch.zeros(1, 8, 3), torch.zeros(1, 8, 3)
nn.RNN(5, 3, batch_first=True)(torch.randn(8, 7, 5), (h, c))
""",
    ),
    Mistake(
        id="tuple-into-layer",
        title="The whole result where a tensor belongs",
        symptom="A recurrent layer returns two things at once, and the next layer was given both (or a packed batch).",
        question="Which part of the result is needed next?",
        see=("02_shapes", "Output and h_n"),
        raises=r"must be Tensor, not (tuple|PackedSequence)|'tuple' object has no attribute '(dim|batch_sizes)'",
        silent=False,
        example="""
nn.Sequential(nn.RNN(5, 3), nn.Linear(3, 2))(torch.randn(7, 4, 5))
""",
    ),
    Mistake(
        id="head-without-directions",
        title="A head for one direction",
        symptom="The next layer takes half of what a bidirectional layer returns.",
        question="How wide is the output of this layer with all its directions?",
        see=DIRECTIONS,
        raises=r"shapes cannot be multiplied \(\d+x(\d+) and (\d+)x\d+\)",
        raises_if=lambda match: int(match[1]) == 2 * int(match[2]),
        silent=False,
        example="""
output, h_n = nn.RNN(5, 3, bidirectional=True)(torch.randn(10, 4, 5))
nn.Linear(3, 2)(output)
""",
    ),
)

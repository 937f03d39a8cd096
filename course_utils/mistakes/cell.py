"""Mistakes about what the cell computes, step by step, and how a layer is made: lesson 01."""

from __future__ import annotations

import re

import torch
from torch import Tensor
from torch.nn import functional as F

from .mistake import Mistake, behaves

BY_HAND = ("01_what_nn_rnn_computes", "By hand")
CONSTRUCTOR = ("01_what_nn_rnn_computes", "The constructor")
WHERE_IT_STARTS = ("01_what_nn_rnn_computes", "Where it starts")
DIRECTIONS = ("03_layers_and_directions", "Layers and directions")
WHERE_IT_FINISHES = ("03_layers_and_directions", "Where each direction finishes")
START = ("02_shapes", "A state to start from")


def _dropout_without_layers(settings):
    return {**settings, "num_layers": 1} if settings["dropout"] else None


def _steps(layer, sequence, start=None) -> list[float]:
    """Return the outputs of a layer with one hidden unit, step by step."""
    output: Tensor = layer(sequence, start)[0]
    return output[:, 0].tolist()


def _without_memory(layer, sequence):
    return [_steps(layer, step[None])[0] for step in sequence]


def _start_shown(layer, sequence, start):
    return [start.item(), *_steps(layer, sequence, start)[:-1]]


def _start_unread(layer, sequence, start):
    return _steps(layer, sequence)


def _in_walking_order(layer, sequence):
    return layer(sequence)[0][:, 1].flip(0).tolist()


def _cell(new_state):
    """Make a simulation: a walk by hand with this cell, (time, hidden), or (time,) for a layer of one hidden unit."""

    def simulation(layer, by_hand):
        if layer.bidirectional or layer.num_layers > 1:
            raise ValueError("a walk by hand is the walk of one layer in one direction")
        squash = torch.tanh if layer.nonlinearity == "tanh" else torch.relu
        state, states = torch.zeros(layer.hidden_size), []
        for x in by_hand:
            state = new_state(squash, x, state, *layer.parameters())
            states.append(state)
        found = torch.stack(states)
        if layer.hidden_size == 1 and torch.equal(found, layer(by_hand)[0]):
            raise ValueError("a layer for the head, on which this changes nothing")
        return found.squeeze(1)

    return simulation


def _one_direction(layer, by_hand):
    if layer.bidirectional:
        raise ValueError("only one direction")
    return layer(by_hand)[0]


def _halves(layer, by_hand):
    if not layer.bidirectional:
        raise ValueError("only one direction")
    return layer(by_hand)[0].chunk(2, dim=1)


def _both_forward(layer, by_hand):
    """Both directions by hand, the second one on the sequence in its own order."""
    return _halves(layer, by_hand)[0], _halves(layer, by_hand.flip(0))[1].flip(0)


def _backward_half_forward(layer, sequence):
    """Return what the backward half of a layer with one hidden unit would return if it walked forward."""
    return layer(sequence.flip(0))[0][:, 1].flip(0).tolist()


def _begun_anew(layer, by_hand, cut):
    return torch.cat([layer(by_hand[:cut])[0], layer(by_hand[cut:])[0]])


def _each_chunk_begun_anew(layer, batch, chunk):
    """Read a batch-first stream in chunks of so many steps, each from a state of zeros."""
    return torch.cat([layer(part)[0] for part in batch.split(chunk, dim=1)], dim=1)


def _by_place(calls):
    """(input_size, hidden_size) of each call as it is read by someone who goes by the order of its numbers."""
    found = []
    for call in calls:
        sizes = [int(number) for number in re.findall(r"\d+", call)]
        found.append("raises" if len(sizes) < 2 else tuple(sizes))
    return found


CELL: tuple[Mistake, ...] = (
    Mistake(
        id="no-memory",
        title="Each step by itself",
        symptom="This is what you get if the layer forgets everything before each step.",
        question="What does the layer carry from one step to the next?",
        see=("02_shapes", "Output and h_n"),
        simulations=(
            _without_memory,
            _cell(lambda act, x, h, w_ih, w_hh, b_ih, b_hh: act(w_ih @ x + b_ih + b_hh)),
            _cell(lambda act, x, h, w_ih, w_hh, b_ih, b_hh: act(w_ih @ x + b_ih)),
        ),
        example="""
layer, sequence = nn.RNN(1, 1), torch.tensor([[1.0], [1.0], [1.0]])
print("equal inputs, different outputs:", [round(number, 2) for number in layer(sequence)[0].flatten().tolist()])
""",
    ),
    Mistake(
        id="start-state-as-step",
        title="The start state counted as an output",
        symptom="The state before the first step is among the outputs.",
        question="What has the layer read when it returns its first output?",
        see=START,
        simulations=(
            _start_shown,
            lambda layer, by_hand: F.pad(_one_direction(layer, by_hand)[:-1], (0, 0, 1, 0)).squeeze(1),
        ),
        example="""
output, h_n = nn.RNN(1, 1)(torch.ones(3, 1), torch.full((1, 1), 0.9))
print(len(output), "outputs for 3 steps, none of them 0.9:", [round(n, 2) for n in output.flatten().tolist()])
""",
    ),
    Mistake(
        id="start-state-unread",
        title="A start that changes nothing",
        symptom="This is what the layer returns when it starts from zero.",
        question="What does the first step add to?",
        see=START,
        simulations=(_start_unread,),
        example="""
layer, sequence = nn.RNN(1, 1), torch.ones(3, 1)
print(torch.equal(layer(sequence)[0], layer(sequence, torch.full((1, 1), 0.9))[0]))
""",
    ),
    Mistake(
        id="order-of-walking",
        title="The backward half in the order of its walk",
        symptom="These are the backward walk's numbers in the order in which it computed them.",
        question="At which step of the sequence does the backward walk compute its first number?",
        see=WHERE_IT_FINISHES,
        simulations=(
            _in_walking_order,
            lambda layer, by_hand: torch.cat([_halves(layer, by_hand)[0], _halves(layer, by_hand)[1].flip(0)], dim=1),
        ),
        example="""
output, h_n = nn.RNN(1, 1, bidirectional=True)(torch.randn(3, 1))
print("finished at step 0:", torch.equal(output[0, 1:], h_n[1]), " at step 2:", torch.equal(output[2, 1:], h_n[1]))
""",
    ),
    Mistake(
        id="positional-bidirectional",
        title="Too many arguments by position",
        symptom="The fourth argument of nn.RNN is the nonlinearity, and you passed something else.",
        question="Which arguments would be clearer with their names?",
        see=CONSTRUCTOR,
        raises=r"Unknown nonlinearity '(True|False|[\d.]+)'",
        silent=False,
        example="""
nn.RNN(4, 3, 1, True)  # meant: bidirectional
""",
    ),
    Mistake(
        id="dropout-with-one-layer",
        title="Dropout that drops nothing",
        symptom="Dropout acts between the layers of a stack, and this stack has one layer.",
        question="Between which two layers would dropout act?",
        see=("03_layers_and_directions", "Dropout between layers"),
        simulations=(_dropout_without_layers,),
        raises=r"dropout option adds dropout after all but last recurrent layer",
        example="""
layer, batch = nn.RNN(5, 3, dropout=0.9), torch.randn(7, 4, 5)
print("same result twice, so nothing is dropped:", torch.equal(layer(batch)[0], layer(batch)[0]))
""",
    ),
    Mistake(
        id="random-start-state",
        title="A different start each time",
        symptom="The same input gives a different output each time.",
        question="What is drawn again at each call: the start state, or the dropout of a model in training mode?",
        see=WHERE_IT_STARTS,
        simulations=(behaves("repeats"),),
        example="""
layer, batch = nn.RNN(5, 3), torch.randn(7, 4, 5)
first, second = (layer(batch, torch.randn(1, 4, 3))[0] for _ in range(2))
print("same output twice:", torch.allclose(first, second))
""",
    ),
    Mistake(
        id="second-bias-forgotten",
        title="One bias where the cell has two",
        symptom="A bias is missing: the formula adds two of them at every step.",
        question="Which parameters does the layer have, and have you used each of them at each step?",
        see=BY_HAND,
        simulations=(
            _cell(lambda act, x, h, w_ih, w_hh, b_ih, b_hh: act(w_ih @ x + b_ih + w_hh @ h)),
            _cell(lambda act, x, h, w_ih, w_hh, b_ih, b_hh: act(w_ih @ x + w_hh @ h + b_hh)),
            _cell(lambda act, x, h, w_ih, w_hh, b_ih, b_hh: act(w_ih @ x + w_hh @ h)),
            _cell(lambda act, x, h, w_ih, w_hh, b_ih, b_hh: act(w_ih @ x + b_ih + w_hh @ h + b_hh * h.any())),
        ),
        example="""
layer, x = nn.RNN(1, 1), torch.tensor([[2.0]])
by_hand = torch.tanh(x @ layer.weight_ih_l0.T + layer.bias_ih_l0)  # the state before the first step is zero
print("by hand", round(by_hand.item(), 2), " the layer", round(layer(x)[0].item(), 2))
""",
    ),
    Mistake(
        id="activation-missing",
        title="The sum without its activation",
        symptom="The weighted sum itself was taken for the new state.",
        question="What does the cell do with the sum before it becomes the new state?",
        see=BY_HAND,
        simulations=(_cell(lambda act, x, h, w_ih, w_hh, b_ih, b_hh: w_ih @ x + b_ih + w_hh @ h + b_hh),),
        example="""
layer, x = nn.RNN(1, 1), torch.tensor([[9.0]])
by_hand = x @ layer.weight_ih_l0.T + layer.bias_ih_l0 + layer.bias_hh_l0
print("by hand", round(by_hand.item(), 2), " the layer", round(layer(x)[0].item(), 2))
""",
    ),
    Mistake(
        id="activation-misplaced",
        title="The activation in the wrong place",
        symptom="The activation was applied to a part of the sum, or more than once.",
        question="What is inside the activation, and how often is it applied per step?",
        see=BY_HAND,
        simulations=(
            _cell(lambda act, x, h, w_ih, w_hh, b_ih, b_hh: act(w_ih @ x + b_ih) + w_hh @ h + b_hh),
            _cell(lambda act, x, h, w_ih, w_hh, b_ih, b_hh: w_ih @ x + b_ih + act(w_hh @ h + b_hh)),
            _cell(lambda act, x, h, w_ih, w_hh, b_ih, b_hh: act(w_ih @ x + b_ih) + act(w_hh @ h + b_hh)),
            _cell(lambda act, x, h, w_ih, w_hh, b_ih, b_hh: act(w_ih @ x + w_hh @ h) + b_ih + b_hh),
            _cell(lambda act, x, h, w_ih, w_hh, b_ih, b_hh: act(act(w_ih @ x + b_ih + w_hh @ h + b_hh))),
        ),
        example="""
layer, x, h = nn.RNN(1, 1), torch.tensor([[2.0]]), torch.tensor([[0.9]])
w_ih, w_hh, b_ih, b_hh = layer.parameters()
by_hand = torch.tanh(w_ih @ x + b_ih) + torch.tanh(w_hh @ h + b_hh)
print("by hand", round(by_hand.item(), 2), " the layer", round(layer(x, h)[0].item(), 2))
""",
    ),
    Mistake(
        id="weight-not-transposed",
        title="Rows and columns of the recurrent weight swapped",
        symptom="The recurrent weight was multiplied from the wrong side, which its square shape allows.",
        question="Which axis of weight_hh_l0 belongs to the new state, and which one to the old state?",
        see=BY_HAND,
        simulations=(
            _cell(lambda act, x, h, w_ih, w_hh, b_ih, b_hh: act(w_ih @ x + b_ih + h @ w_hh + b_hh)),
            _cell(lambda act, x, h, w_ih, w_hh, b_ih, b_hh: act(x @ w_ih + b_ih + h @ w_hh + b_hh)),
        ),
        example="""
layer, x, h = nn.RNN(5, 3), torch.randn(5), torch.randn(3)
w_ih, w_hh, b_ih, b_hh = layer.parameters()
right, wrong = torch.tanh(w_ih @ x + b_ih + w_hh @ h + b_hh), torch.tanh(w_ih @ x + b_ih + h @ w_hh + b_hh)
print("same shape:", right.shape == wrong.shape, " same numbers:", torch.allclose(right, wrong))
""",
    ),
    Mistake(
        id="state-changed-in-place",
        title="One tensor for the states of all steps",
        symptom="Every step shows the state after the last one.",
        question="How many tensors does your list hold: one per step, or the same one many times?",
        see=("01_what_nn_rnn_computes", "Find the bug"),
        simulations=(lambda layer, by_hand: _one_direction(layer, by_hand)[-1].expand(len(by_hand), -1),),
        example="""
state, states = torch.zeros(1), []
for x in [1.0, 2.0, 3.0]:
    state += x  # changes the tensor that is in the list already
    states.append(state)
print(torch.stack(states).flatten().tolist(), "where 1, 3, 6 was meant")
""",
    ),
    Mistake(
        id="both-walk-forward",
        title="A backward half that walked forward",
        symptom="The second set of weights was used, but it read the sequence in its own order.",
        question="Which step of the sequence must the backward walk read first?",
        see=("03_layers_and_directions", "Both directions by hand"),
        simulations=(
            lambda layer, by_hand: torch.cat(_both_forward(layer, by_hand), dim=1),
            lambda layer, by_hand: torch.cat(
                [_both_forward(layer, by_hand)[0], _both_forward(layer, by_hand)[1].flip(0)], dim=1
            ),
            _backward_half_forward,
        ),
        example="""
layer, second = nn.RNN(5, 3, bidirectional=True), nn.RNN(5, 3)
second.load_state_dict({name[: -len("_reverse")]: w for name, w in layer.state_dict().items() if "reverse" in name})
sequence = torch.randn(7, 5)
print(torch.allclose(second(sequence)[0], layer(sequence)[0][:, 3:]))
""",
    ),
    Mistake(
        id="keywords-by-place",
        title="Keyword arguments read by position",
        symptom="A call with keyword arguments was read as if their order mattered.",
        question="How does Python match arguments that are passed by name?",
        see=CONSTRUCTOR,
        simulations=(_by_place,),
        example="""
print(nn.RNN(hidden_size=10, input_size=20), "where 10 features and 20 hidden were meant")
""",
    ),
    Mistake(
        id="state-not-carried",
        title="Each piece starts from zero",
        symptom="A later piece of the sequence starts as if nothing had come before it.",
        question="What does the layer know about the first piece when it starts the second one?",
        see=WHERE_IT_STARTS,
        simulations=(_begun_anew, _each_chunk_begun_anew),
        example="""
layer, sequence = nn.RNN(5, 3), torch.randn(7, 5)
whole, pieces = layer(sequence)[0], torch.cat([layer(piece)[0] for piece in sequence.split(4)])
print("first piece:", torch.allclose(whole[:4], pieces[:4]), " second piece:", torch.allclose(whole[4:], pieces[4:]))
""",
    ),
)

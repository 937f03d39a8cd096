"""Lesson 01: the cell by hand, the constructor, where a layer starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .task import Answer, Task, closely, drawn, exactly


def hand_inputs(bidirectional: bool = False, **more: int) -> Callable[[int], dict[str, Any]]:
    def draw(seed: int) -> dict[str, Any]:
        s, _ = drawn(seed)
        layer = nn.RNN(s.features, s.hidden, bidirectional=bidirectional).requires_grad_(False)
        return {"layer": layer, "by_hand": torch.randn(s.time + 2, s.features), **more}

    return draw


def steps_by(cell: Answer) -> Answer:
    """Walk with `cell`, a function of step, state and the four parameters."""

    def walked(layer: nn.RNN, by_hand: Tensor) -> Tensor:
        states = [torch.zeros(layer.hidden_size)]
        for x in by_hand:
            states.append(cell(x, states[-1], *layer.parameters()))
        return torch.stack(states[1:])

    return walked


def overwritten(layer, by_hand):
    state, states = torch.zeros(1, layer.hidden_size), []
    for x in by_hand:
        state[:] = layer(x[None], state)[1]
        states.append(state)
    return torch.cat(states)


BY_HAND = Task(
    "the cell by hand",
    hand_inputs(),
    closely(lambda layer, by_hand: layer(by_hand)[0]),
    right={
        "matrix times vector": steps_by(lambda x, h, w, u, b, c: torch.tanh(w @ x + b + u @ h + c)),
        "vector times transposed": steps_by(lambda x, h, w, u, b, c: (x @ w.T + h @ u.T + (b + c)).tanh()),
        "linear": steps_by(lambda x, h, w, u, b, c: torch.tanh(F.linear(x, w, b) + F.linear(h, u, c))),
        "one matrix": steps_by(
            lambda x, h, w, u, b, c: torch.tanh(torch.cat([w, u], 1).double() @ torch.cat([x, h]).double() + b + c)
        ),
    },
    wrong={
        "second-bias-forgotten": (
            steps_by(lambda x, h, w, u, b, c: torch.tanh(w @ x + u @ h + b)),
            steps_by(lambda x, h, w, u, b, c: torch.tanh(w @ x + u @ h + c)),
            steps_by(lambda x, h, w, u, b, c: torch.tanh(w @ x + u @ h)),
            steps_by(lambda x, h, w, u, b, c: torch.tanh(w @ x + b + (u @ h + c if h.any() else 0))),
        ),
        "activation-missing": steps_by(lambda x, h, w, u, b, c: w @ x + b + u @ h + c),
        "activation-misplaced": (
            steps_by(lambda x, h, w, u, b, c: torch.tanh(w @ x + b) + u @ h + c),
            steps_by(lambda x, h, w, u, b, c: w @ x + b + torch.tanh(u @ h + c)),
            steps_by(lambda x, h, w, u, b, c: torch.tanh(w @ x + b) + torch.tanh(u @ h + c)),
            steps_by(lambda x, h, w, u, b, c: torch.tanh(w @ x + u @ h) + b + c),
            steps_by(lambda x, h, w, u, b, c: torch.tanh(torch.tanh(w @ x + b + u @ h + c))),
        ),
        "weight-not-transposed": steps_by(lambda x, h, w, u, b, c: torch.tanh(w @ x + b + h @ u + c)),
        "no-memory": (
            steps_by(lambda x, h, w, u, b, c: torch.tanh(w @ x + b + c)),
            steps_by(lambda x, h, w, u, b, c: torch.tanh(w @ x + b)),
        ),
        "state-changed-in-place": overwritten,
        "start-state-as-step": lambda layer, by_hand: torch.cat([torch.zeros(1, layer.hidden_size), layer(by_hand)[0]])[
            :-1
        ],
    },
)


def as_many_features_as_hidden(seed: int) -> dict[str, Any]:
    s, _ = drawn(seed)
    layer = nn.RNN(s.hidden, s.hidden).requires_grad_(False)
    return {"layer": layer, "by_hand": torch.randn(s.time, s.hidden)}


SQUARE_BY_HAND = Task(
    "the cell by hand, where both weights are square",
    as_many_features_as_hidden,
    BY_HAND.check,
    right=BY_HAND.right,
    wrong={
        "weight-not-transposed": (
            steps_by(lambda x, h, w, u, b, c: torch.tanh(x @ w + b + h @ u + c)),
            steps_by(lambda x, h, w, u, b, c: torch.tanh(w @ x + b + h @ u + c)),
        ),
    },
)


def one_way(layer: nn.RNN, by_hand: Tensor, direction: int) -> Tensor:
    single = nn.RNN(layer.input_size, layer.hidden_size).requires_grad_(False)
    for parameter, own in zip(list(layer.parameters())[4 * direction :], single.parameters(), strict=False):
        own.copy_(parameter)
    return single(by_hand)[0]


BOTH_BY_HAND = Task(
    "both directions by hand",
    hand_inputs(bidirectional=True),
    closely(lambda layer, by_hand: layer(by_hand)[0]),
    right={
        "flipped in and out": lambda layer, by_hand: torch.cat(
            [one_way(layer, by_hand, 0), one_way(layer, by_hand.flip(0), 1).flip(0)], dim=1
        ),
        "halves stacked": lambda layer, by_hand: torch.stack(
            [one_way(layer, by_hand, 0), one_way(layer, by_hand.flip(0), 1).flip(0)], dim=1
        ).flatten(1),
        "step by step": lambda layer, by_hand: torch.stack(
            [
                torch.cat([one_way(layer, by_hand[: t + 1], 0)[-1], one_way(layer, by_hand[t:].flip(0), 1)[-1]])
                for t in range(len(by_hand))
            ]
        ),
    },
    wrong={
        "order-of-walking": lambda layer, by_hand: torch.cat(
            [one_way(layer, by_hand, 0), one_way(layer, by_hand.flip(0), 1)], dim=1
        ),
        "directions-exchanged": lambda layer, by_hand: torch.cat(
            [one_way(layer, by_hand.flip(0), 1).flip(0), one_way(layer, by_hand, 0)], dim=1
        ),
        "both-walk-forward": (
            lambda layer, by_hand: torch.cat([one_way(layer, by_hand, 0), one_way(layer, by_hand, 1)], dim=1),
            lambda layer, by_hand: torch.cat([one_way(layer, by_hand, 0), one_way(layer, by_hand, 1).flip(0)], dim=1),
        ),
    },
)

CONTINUED = Task(
    "a sequence in two pieces",
    hand_inputs(cut=3),
    closely(lambda layer, by_hand, cut: layer(by_hand)[0]),
    right={
        "state carried": lambda layer, by_hand, cut: torch.cat(
            [layer(by_hand[:cut])[0], layer(by_hand[cut:], layer(by_hand[:cut])[1])[0]]
        ),
        "last output carried": lambda layer, by_hand, cut: torch.cat(
            [layer(by_hand[:cut])[0], layer(by_hand[cut:], layer(by_hand[:cut])[0][-1:])[0]]
        ),
        "at once": lambda layer, by_hand, cut: layer(by_hand)[0].double(),
    },
    wrong={
        "state-not-carried": lambda layer, by_hand, cut: torch.cat([layer(by_hand[:cut])[0], layer(by_hand[cut:])[0]]),
    },
)


def stream(seed: int) -> dict[str, Any]:
    s, _ = drawn(seed)
    layer = nn.RNN(s.features, s.hidden, batch_first=True)
    return {"layer": layer, "batch": torch.randn(s.batch, 3 * s.time, s.features), "chunk": s.time}


def in_chunks(layer: nn.RNN, batch: Tensor, chunk: int, carry: Answer) -> Tensor:
    outputs, state = [], None
    for part in batch.split(chunk, dim=1):
        output, state = layer(part, state)
        outputs.append(output)
        state = carry(state)
    return torch.cat(outputs, dim=1)


IN_CHUNKS = Task(
    "a stream in chunks",
    stream,
    closely(lambda layer, batch, chunk: layer(batch)[0]),
    right={
        "state carried": lambda layer, batch, chunk: in_chunks(layer, batch, chunk, lambda state: state),
        "detached": lambda layer, batch, chunk: in_chunks(layer, batch, chunk, lambda state: state.detach()),
        "at once": lambda layer, batch, chunk: layer(batch)[0],
    },
    wrong={"state-not-carried": lambda layer, batch, chunk: in_chunks(layer, batch, chunk, lambda state: None)},
)


def four_calls(seed: int) -> dict[str, Any]:
    s, _ = drawn(seed)
    small, large = sorted((s.features, s.hidden))
    keywords = [f"input_size={small}, hidden_size={large}", f"hidden_size={small}, input_size={large}"]
    return {"calls": [f"nn.RNN({inside})" for inside in (f"{large}, {small}", f"{small}", *keywords)]}


def sizes_made(calls: list[str]) -> list[Any]:
    found = []
    for call in calls:
        try:
            layer = eval(call)
            found.append((layer.input_size, layer.hidden_size))
        except TypeError:
            found.append("raises")
    return found


CALLS = Task(
    "what four calls make",
    four_calls,
    exactly(sizes_made),
    right={
        "list": sizes_made,
        "tuple": lambda calls: tuple(sizes_made(calls)),
        "lists": lambda calls: [list(size) if size != "raises" else size for size in sizes_made(calls)],
    },
    wrong={
        "keywords-by-place": lambda calls: [*sizes_made(calls)[:3], sizes_made(calls)[3][::-1]],
    },
)

"""Tasks as a learner meets them: fresh inputs, the check, right answers of different styles, and wrong ones by name.

A task draws its inputs from a seed and hands the learner's function to the check. `right` and `wrong` are
functions of those inputs; each wrong one makes the mistake of the catalogue that it stands under.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pack_sequence, pad_packed_sequence, pad_sequence

from course_utils import check, data

Answer = Callable[..., Any]


@dataclass(frozen=True)
class Task:
    name: str
    draw: Callable[[int], dict[str, Any]]
    check: Callable[[Answer, dict[str, Any]], None]
    right: dict[str, Answer]
    wrong: dict[str, Answer]


def value_of(answer: Answer, inputs: dict[str, Any], keep: tuple[str, ...] = ()) -> Any:
    """What the learner's function makes of the inputs; an error in it becomes a panel."""
    return check.call(answer, **inputs, name="answer", given=inputs)


def closely(expected: Callable[..., Tensor], **options) -> Callable[[Answer, dict[str, Any]], None]:
    def run(answer, inputs):
        check.close(value_of(answer, inputs), expected(**inputs), name="answer", given=inputs, **options)

    return run


def number(metric: str, expected: Callable[..., float], **options) -> Callable[[Answer, dict[str, Any]], None]:
    def run(answer, inputs):
        right = float(expected(**inputs))
        check.metric(value_of(answer, inputs), right, name=metric, given={"metric": metric, **inputs}, **options)

    return run


def exactly(expected: Callable[..., Any]) -> Callable[[Answer, dict[str, Any]], None]:
    def run(answer, inputs):
        check.equal(value_of(answer, inputs), expected(**inputs), name="answer", given=inputs)

    return run


def drawn(seed: int) -> tuple[data.Sizes, np.random.Generator]:
    torch.manual_seed(seed)
    return data.sizes(seed), np.random.default_rng(seed)


# -- lesson 01: the cell by hand, the constructor, where a layer starts --------------------------------------------


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
        "second-bias-forgotten": steps_by(lambda x, h, w, u, b, c: torch.tanh(w @ x + u @ h + b)),
        "activation-missing": steps_by(lambda x, h, w, u, b, c: w @ x + b + u @ h + c),
        "activation-misplaced": steps_by(lambda x, h, w, u, b, c: torch.tanh(w @ x + b) + torch.tanh(u @ h + c)),
        "weight-not-transposed": steps_by(lambda x, h, w, u, b, c: torch.tanh(w @ x + b + h @ u + c)),
        "no-memory": steps_by(lambda x, h, w, u, b, c: torch.tanh(w @ x + b + c)),
        "state-changed-in-place": overwritten,
        "start-state-as-step": lambda layer, by_hand: torch.cat([torch.zeros(1, layer.hidden_size), layer(by_hand)[0]])[
            :-1
        ],
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
        "both-walk-forward": lambda layer, by_hand: torch.cat(
            [one_way(layer, by_hand, 0), one_way(layer, by_hand, 1)], dim=1
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


# -- lessons 02 and 03: shapes, layouts, states ------------------------------------------------------------------


def shapes_of(seed: int) -> dict[str, Any]:
    return drawn(seed)[0]._asdict()


def shape_check(axes: str, *names: str) -> Callable[[Answer, dict[str, Any]], None]:
    def run(answer, inputs):
        sizes = {name: inputs[name] for name in names}
        check.shape(value_of(answer, inputs), axes, name="shape", **sizes)

    return run


STATE_NAMES = ("layers", "directions", "batch", "hidden", "time")
OUTPUT_SHAPE = Task(
    "shape of the output",
    shapes_of,
    shape_check("batch time directions*hidden", "batch", "time", "directions", "hidden", "features"),
    right={
        "tuple": lambda batch, time, hidden, directions, **_: (batch, time, directions * hidden),
        "list": lambda batch, time, hidden, **_: [batch, time, 2 * hidden],
        "tensor": lambda batch, time, hidden, **_: torch.zeros(batch, time, hidden * 2),
        "array": lambda batch, time, hidden, **_: np.array([batch, time, 2 * hidden]),
    },
    wrong={"output-without-directions": lambda batch, time, hidden, **_: (batch, time, hidden)},
)

PLAIN_OUTPUT_SHAPE = Task(
    "shape of a plain output",
    shapes_of,
    shape_check("batch time hidden", "batch", "time", "hidden", "features"),
    right={
        "tuple": lambda batch, time, hidden, **_: (batch, time, hidden),
        "size": lambda batch, time, hidden, **_: torch.Size([batch, time, hidden]),
        "run": lambda batch, time, features, hidden, **_: nn.RNN(features, hidden, batch_first=True)(
            torch.zeros(batch, time, features)
        )[0],
    },
    wrong={"time-first": lambda batch, time, hidden, **_: (time, batch, hidden)},
)

STATE_SHAPE = Task(
    "shape of h_n",
    shapes_of,
    shape_check("layers*directions batch hidden", *STATE_NAMES),
    right={
        "tuple": lambda batch, hidden, layers, directions, **_: (layers * directions, batch, hidden),
        "size": lambda batch, hidden, layers, **_: torch.Size((2 * layers, batch, hidden)),
        "run": lambda batch, time, features, hidden, layers, **_: nn.RNN(
            features, hidden, layers, bidirectional=True, batch_first=True
        )(torch.zeros(batch, time, features))[1],
    },
    wrong={
        "state-batch-first": lambda batch, hidden, layers, directions, **_: (batch, layers * directions, hidden),
        "states-without-directions": lambda batch, hidden, layers, **_: (layers, batch, hidden),
        "states-without-layers": lambda batch, hidden, directions, **_: (directions, batch, hidden),
    },
)


def layer_check(answer, inputs):
    check.layer(
        value_of(answer, inputs), name="layer", input_size=inputs["features"], hidden_size=inputs["hidden"],
        num_layers=2, dropout=0.3, batch_first=True,
    )  # fmt: skip


def make(batch_first: bool = True, num_layers: int = 2) -> Answer:
    return lambda features, hidden, **_: quietly(
        nn.RNN, features, hidden, num_layers, dropout=0.3, batch_first=batch_first
    )


def quietly(function, *args, **kwargs):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, **kwargs)


MAKE_LAYER = Task(
    "make a layer",
    shapes_of,
    layer_check,
    right={
        "positional": make(),
        "keywords": lambda features, hidden, **_: nn.RNN(
            dropout=0.3, hidden_size=hidden, batch_first=True, num_layers=2, input_size=features
        ),
        "dtype and device": lambda features, hidden, **_: nn.RNN(
            features, hidden, num_layers=2, dropout=0.3, batch_first=True, device="cpu", dtype=torch.float64
        ),
        "subclass": lambda features, hidden, **_: type("Mine", (nn.RNN,), {})(
            features, hidden, 2, dropout=0.3, batch_first=True
        ),
    },
    wrong={
        "swapped-sizes": lambda features, hidden, **_: nn.RNN(hidden, features, 2, dropout=0.3, batch_first=True),
        "forgot-batch-first": make(batch_first=False),
        "dropout-with-one-layer": make(num_layers=1),
        "positional-bidirectional": lambda features, hidden, **_: nn.RNN(features, hidden, 2, True),
    },
)


def run_inputs(batch_first: bool = False, bidirectional: bool = False, layers: int = 1, square: bool = False):
    def draw(seed: int) -> dict[str, Any]:
        s, _ = drawn(seed)
        layer = nn.RNN(s.features, s.hidden, layers, batch_first=batch_first, bidirectional=bidirectional)
        return {"layer": layer, "batch": torch.randn(s.batch, s.batch if square else s.time, s.features)}

    return draw


def alone(layer: nn.RNN, batch: Tensor) -> Tensor:
    return torch.stack([layer(sample)[0] for sample in batch])


RUN_RIGHT = {
    "transpose": lambda layer, batch: layer(batch.transpose(0, 1))[0].transpose(0, 1),
    "permute": lambda layer, batch: layer(batch.permute(1, 0, 2))[0].movedim(0, 1).contiguous(),
    "loop over samples": alone,
    "loop over steps": lambda layer, batch: by_steps(layer, batch),
    "other precision": lambda layer, batch: alone(layer, batch).double(),
}


def by_steps(layer: nn.RNN, batch: Tensor) -> Tensor:
    state, outputs = None, []
    for step in batch.unbind(1):
        output, state = layer(step[None], state)
        outputs.append(output[0])
    return torch.stack(outputs, dim=1)


RUN_BATCH = Task(
    "batch-first data, a layer that is not",
    run_inputs(),
    closely(alone),
    right=RUN_RIGHT,
    wrong={
        "forgot-batch-first": lambda layer, batch: layer(batch)[0],
        "time-first": lambda layer, batch: layer(batch.transpose(0, 1))[0],
        "reshape-to-swap": lambda layer, batch: layer(batch.reshape(batch.shape[1], len(batch), -1))[0].reshape(
            *batch.shape[:2], -1
        ),
        "wrong-feature-size": lambda layer, batch: layer(torch.cat([batch, batch], -1)),
        "missing-feature-axis": lambda layer, batch: layer(batch[..., 0]),
        "wrong-number-of-axes": lambda layer, batch: layer(batch[None]),
        "integer-input": lambda layer, batch: layer(batch.long()),
        "start-state-batch-first": lambda layer, batch: layer(
            batch.transpose(0, 1), torch.zeros(len(batch), 1, layer.hidden_size)
        )[0],
        "start-state-two-axes": lambda layer, batch: layer(
            batch.transpose(0, 1), torch.zeros(len(batch), layer.hidden_size)
        )[0],
        "start-state-pair": lambda layer, batch: layer(batch.transpose(0, 1), (torch.zeros(1), torch.zeros(1)))[0],
        "tuple-into-layer": lambda layer, batch: nn.Linear(layer.hidden_size, 2)(layer(batch)),
    },
)

RUN_SQUARE = Task(
    "the same with as many steps as samples",
    run_inputs(square=True),
    closely(alone),
    right=RUN_RIGHT,
    wrong={
        "equal-sizes-hide-layout": lambda layer, batch: layer(batch)[0],
    },
)

SWAP = Task(
    "swap two axes",
    lambda seed: {"batch": run_inputs()(seed)["batch"]},
    closely(lambda batch: torch.stack([batch[:, t] for t in range(batch.shape[1])])),
    right={
        "transpose": lambda batch: batch.transpose(0, 1),
        "loop": lambda batch: torch.stack(list(batch.unbind(1))),
        "numpy": lambda batch: torch.from_numpy(np.swapaxes(batch.numpy(), 0, 1).copy()),
    },
    wrong={"reshape-to-swap": lambda batch: batch.reshape(batch.shape[1], len(batch), -1)},
)

START_ROWS = Task(
    "start a stack from zeros",
    run_inputs(batch_first=True, layers=2),
    closely(lambda layer, batch: layer(batch)[0]),
    right={
        "rows": lambda layer, batch: layer(batch, torch.zeros(2, len(batch), layer.hidden_size))[0],
        "default": lambda layer, batch: layer(batch)[0],
        "one at a time": alone,
    },
    wrong={
        "start-state-too-few-rows": lambda layer, batch: layer(batch, torch.zeros(1, len(batch), layer.hidden_size))[0],
    },
)


def ends(layer: nn.RNN, batch: Tensor) -> Tensor:
    output = layer(batch)[0]
    return torch.cat([output[:, -1, : layer.hidden_size], output[:, 0, layer.hidden_size :]], dim=1)


BOTH_DIRECTIONS = Task(
    "a summary from both directions",
    run_inputs(batch_first=True, bidirectional=True, layers=2),
    closely(ends),
    right={
        "two ends of the output": ends,
        "two rows of the state": lambda layer, batch: torch.cat([layer(batch)[1][-2], layer(batch)[1][-1]], dim=1),
        "view": lambda layer, batch: layer(batch)[1].view(2, 2, len(batch), -1)[-1].transpose(0, 1).flatten(1),
        "flipped input": lambda layer, batch: ends(layer, batch.flip(1).flip(1)).double(),
    },
    wrong={
        "last-output-both-directions": lambda layer, batch: layer(batch)[0][:, -1],
        "last-state-one-direction": lambda layer, batch: layer(batch)[1][-1],
        "directions-exchanged": lambda layer, batch: torch.cat([layer(batch)[1][-1], layer(batch)[1][-2]], dim=1),
        "reshape-to-swap": lambda layer, batch: layer(batch)[1].view(len(batch), -1),
        "head-without-directions": lambda layer, batch: nn.Linear(layer.hidden_size, 2)(layer(batch)[0]),
    },
)

LAST_STATE = Task(
    "the final state of a stack",
    run_inputs(batch_first=True, layers=2),
    closely(lambda layer, batch: layer(batch)[0][:, -1]),
    right={
        "state": lambda layer, batch: layer(batch)[1][-1],
        "output": lambda layer, batch: layer(batch)[0][:, -1, :],
        "one at a time": lambda layer, batch: torch.stack([layer(sample)[0][-1] for sample in batch]),
    },
    wrong={
        "states-unpacked-as-pair": lambda layer, batch: (lambda output, pair: pair[0])(*layer(batch)),
        "state-batch-first": lambda layer, batch: layer(batch)[1][:, -1],
    },
)


def walk(seed: int, **settings) -> dict[str, Any]:
    rng = drawn(seed)[1]
    sequence = torch.tensor(rng.choice(np.arange(1, 10), int(rng.integers(3, 7)), replace=False), dtype=torch.float32)
    return {"layer": data.adding_layer(**settings), "sequence": sequence[:, None]}


SUMS = Task(
    "what the layer that adds puts out",
    lambda seed: walk(seed) | {"start": torch.tensor([[100.0]])},
    exactly(lambda layer, sequence, start: (start[0] + sequence[:, 0].cumsum(0)).tolist()),
    right={
        "list": lambda sequence, start, **_: [100 + int(sequence[: i + 1].sum()) for i in range(len(sequence))],
        "tensor": lambda layer, sequence, start: layer(sequence, start)[0][:, 0],
        "array": lambda sequence, **_: 100 + np.cumsum(sequence[:, 0].numpy()),
    },
    wrong={
        "no-memory": lambda sequence, **_: sequence[:, 0].tolist(),
        "start-state-as-step": lambda sequence, **_: [100, *(100 + sequence[:-1, 0].cumsum(0)).tolist()],
        "start-state-unread": lambda sequence, **_: sequence[:, 0].cumsum(0).tolist(),
    },
)

BACKWARD = Task(
    "what the backward half puts out",
    lambda seed: walk(seed, bidirectional=True),
    exactly(lambda layer, sequence: layer(sequence)[0][:, 1].tolist()),
    right={
        "loop": lambda sequence, **_: [100 * float(sequence[i:].sum()) for i in range(len(sequence))],
        "layer": lambda layer, sequence: layer(sequence)[0][:, 1],
        "flipped": lambda sequence, **_: tuple((100 * sequence[:, 0]).flip(0).cumsum(0).flip(0).tolist()),
    },
    wrong={
        "order-of-walking": lambda layer, sequence: layer(sequence)[0][:, 1].flip(0).tolist(),
        "both-walk-forward": lambda sequence, **_: (100 * sequence[:, 0].cumsum(0)).tolist(),
    },
)


def mixed(seed: int) -> dict[str, Any]:
    rng = drawn(seed)[1]
    batch = torch.tensor(rng.integers(1, 9, (2, int(rng.integers(3, 6)), 1)), dtype=torch.float32)
    return {"layer": data.adding_layer(), "batch": batch, "sample": 1}


MIXED = Task(
    "what a layer that mixes samples puts out",
    mixed,
    exactly(lambda layer, batch, sample: layer(batch)[0][sample, :, 0].tolist()),
    right={
        "sum": lambda batch, **_: batch.sum(0)[:, 0].tolist(),
        "layer": lambda layer, batch, sample: layer(batch)[0][sample, :, 0],
        "loop": lambda batch, **_: [int(batch[0, t] + batch[1, t]) for t in range(batch.shape[1])],
    },
    wrong={"samples-believed-apart": lambda batch, sample, **_: batch[sample, :, 0].cumsum(0).tolist()},
)


def repeat_check(answer, inputs):
    model = value_of(answer, inputs)
    check.model(model, inputs["batch"], name="model", sees_future=False)


STEADY_MODEL = Task(
    "a model of the past alone, the same each time",
    run_inputs(batch_first=True),
    repeat_check,
    right={
        "the layer": lambda layer, batch: layer,
        "zeros": lambda layer, batch: lambda changed: layer(changed, torch.zeros(1, len(changed), layer.hidden_size)),
        "steps": lambda layer, batch: lambda changed: by_steps(nn_time_first(layer), changed),
    },
    wrong={
        "random-start-state": lambda layer, batch: (
            lambda changed: layer(changed, torch.randn(1, len(changed), layer.hidden_size))
        ),
        "bidirectional-next-step": lambda layer, batch: (
            lambda changed: layer(changed)[0] + layer(changed.flip(1))[0].flip(1)
        ),
    },
)


def nn_time_first(layer: nn.RNN) -> nn.RNN:
    """The same weights without batch_first."""
    other = nn.RNN(layer.input_size, layer.hidden_size)
    other.load_state_dict(layer.state_dict())
    return other


# -- lessons 04 and 05: padding, packing, the right step --------------------------------------------------------


def padded_inputs(bidirectional: bool = False, spare: int = 2, square: bool = False):
    """A padded batch with lengths that all differ; the longest ends `spare` steps before the last step."""

    def draw(seed: int) -> dict[str, Any]:
        s, rng = drawn(seed)
        batch = min(s.batch, 6)
        lengths = torch.tensor(rng.permutation(np.arange(1, 1 + (batch if square else 8)))[:batch])
        if lengths[0] == lengths.max():  # so that the order in the batch is not the sorted one
            lengths = lengths.flip(0)
        time = batch if square else int(lengths.max()) + spare
        layer = nn.RNN(s.features, s.hidden, batch_first=True, bidirectional=bidirectional)
        sequences = [torch.randn(int(n), s.features) for n in lengths]
        padded = torch.zeros(batch, time, s.features)
        for row, sequence in enumerate(sequences):
            padded[row, : len(sequence)] = sequence
        return {"layer": layer, "batch": padded, "lengths": lengths}

    return draw


def packed(layer, batch, lengths):
    return layer(pack_padded_sequence(batch, lengths, batch_first=True, enforce_sorted=False))


def last_by_loop(layer, batch, lengths):
    return torch.stack([layer(batch[i, :n])[0][-1] for i, n in enumerate(lengths.tolist())])


def last_by_gather(layer, batch, lengths):
    index = (lengths - 1)[:, None, None].expand(-1, 1, layer.hidden_size)
    return layer(batch)[0].gather(1, index)[:, 0]


def still_sorted(layer, batch, lengths):
    lengths, order = lengths.sort(descending=True)
    return layer(pack_padded_sequence(batch[order], lengths, batch_first=True))[1][-1]


def packed_time_first(layer, batch, lengths):
    return layer(pack_padded_sequence(batch, lengths, enforce_sorted=False))[1][-1]


def put_back(layer, batch, lengths):
    order = lengths.argsort(descending=True)
    return still_sorted(layer, batch, lengths)[order.argsort()]


def unpacked(layer, batch, lengths, **options):
    return pad_packed_sequence(packed(layer, batch, lengths)[0], batch_first=True, **options)[0]


LAST_RIGHT = {
    "packed": lambda layer, batch, lengths: packed(layer, batch, lengths)[1][-1],
    "loop": last_by_loop,
    "gather": last_by_gather,
    "two indices": lambda layer, batch, lengths: layer(batch)[0][torch.arange(len(batch)), lengths - 1],
    "sorted and put back": put_back,
}

LAST_STEP = Task(
    "the last valid step",
    padded_inputs(),
    closely(last_by_loop),
    right=LAST_RIGHT,
    wrong={
        "last-step-of-padding": lambda layer, batch, lengths: layer(batch)[0][:, -1],
        "index-without-rows": lambda layer, batch, lengths: layer(batch)[0][:, lengths - 1],
        "one-step-too-far": lambda layer, batch, lengths: layer(batch)[0][torch.arange(len(batch)), lengths],
        "order-never-restored": still_sorted,
        "unsorted-lengths": lambda layer, batch, lengths: layer(pack_padded_sequence(batch, lengths, True))[1][-1],
        "pack-without-batch-first": packed_time_first,
        "length-past-the-end": lambda layer, batch, lengths: packed(layer, batch, lengths + 3)[1][-1],
        "zero-length": lambda layer, batch, lengths: packed(layer, batch, lengths - lengths.min())[1][-1],
        "lengths-on-gpu": lambda layer, batch, lengths: raise_as_with_cuda(),
        "ragged-stack": lambda layer, batch, lengths: layer(
            torch.stack([batch[i, :n] for i, n in enumerate(lengths.tolist())])
        )[1][-1],
    },
)


def raise_as_with_cuda():
    """What torch 2.13 says on a machine with CUDA; this one has none."""
    raise RuntimeError("'lengths' argument should be a 1D CPU int64 tensor, but got 1D cuda:0 Long tensor")


FULL_LAST_STEP = Task(
    "the last valid step, where the longest fills the batch",
    padded_inputs(spare=0),
    closely(last_by_loop),
    right=LAST_RIGHT,
    wrong={
        "one-step-too-far": lambda layer, batch, lengths: layer(batch)[0][torch.arange(len(batch)), lengths],
        "last-step-of-padding": lambda layer, batch, lengths: unpacked(layer, batch, lengths)[:, -1],
    },
)

SQUARE_LAST_STEP = Task(
    "the last valid step, with as many steps as sequences",
    padded_inputs(square=True),
    closely(last_by_loop),
    right=LAST_RIGHT,
    wrong={"pack-without-batch-first": packed_time_first},
)


def in_a_circle(seed: int) -> dict[str, Any]:
    """Inputs whose sorted order is not its own inverse."""
    while True:
        inputs = padded_inputs()(seed)
        order = inputs["lengths"].argsort(descending=True)
        if not torch.equal(order[order], torch.arange(len(order))):
            return inputs
        seed += 1000


PUT_BACK = Task(
    "the rows of sorted sequences, put back",
    in_a_circle,
    closely(last_by_loop),
    right=LAST_RIGHT,
    wrong={
        "order-never-restored": still_sorted,
        "order-applied-twice": lambda layer, batch, lengths: still_sorted(layer, batch, lengths)[
            lengths.argsort(descending=True)
        ],
    },
)


def ends_by_loop(layer, batch, lengths):
    return torch.stack([layer(batch[i, :n])[1][-2:].flatten() for i, n in enumerate(lengths.tolist())])


def ends_of_padded(layer, batch, lengths):
    output, hidden = layer(batch)[0], layer.hidden_size
    return torch.cat([output[torch.arange(len(batch)), lengths - 1, :hidden], output[:, 0, hidden:]], dim=1)


def states_of(h_n: Tensor, *rows: int) -> Tensor:
    return torch.cat([h_n[row] for row in rows], dim=1)


BOTH_ENDS = Task(
    "a summary from both directions of padded sequences",
    padded_inputs(bidirectional=True),
    closely(ends_by_loop),
    right={
        "packed": lambda layer, batch, lengths: states_of(packed(layer, batch, lengths)[1], -2, -1),
        "view": lambda layer, batch, lengths: packed(layer, batch, lengths)[1].transpose(0, 1).flatten(1),
        "loop": ends_by_loop,
    },
    wrong={
        "last-step-of-padding": lambda layer, batch, lengths: states_of(layer(batch)[1], -2, -1),
        "backward-from-padding": ends_of_padded,
        "last-output-both-directions": lambda layer, batch, lengths: unpacked(layer, batch, lengths)[
            torch.arange(len(batch)), lengths - 1
        ],
        "last-state-one-direction": lambda layer, batch, lengths: packed(layer, batch, lengths)[1][-1],
        "directions-exchanged": lambda layer, batch, lengths: states_of(packed(layer, batch, lengths)[1], -1, -2),
    },
)


def masked_mean(layer, batch, lengths):
    mask = torch.arange(batch.shape[1]) < lengths[:, None]
    return (layer(batch)[0] * mask[..., None]).sum(1) / lengths[:, None]


POOLING = Task(
    "the mean over the valid steps",
    padded_inputs(),
    closely(masked_mean),
    right={
        "mask": masked_mean,
        "loop": lambda layer, batch, lengths: torch.stack(
            [layer(batch[i, :n])[0].mean(0) for i, n in enumerate(lengths.tolist())]
        ),
        "unpacked": lambda layer, batch, lengths: unpacked(layer, batch, lengths).sum(1) / lengths[:, None],
    },
    wrong={"mean-over-padding": lambda layer, batch, lengths: layer(batch)[0].mean(1)},
)


def in_order(batch, lengths):
    ordered, order = lengths.sort(descending=True)
    return batch[order], ordered


def outputs_by_loop(layer, batch, lengths):
    output = torch.zeros(*batch.shape[:2], layer.hidden_size * (1 + layer.bidirectional))
    for i, n in enumerate(lengths.tolist()):
        output[i, :n] = layer(batch[i, :n])[0]
    return output


ALL_OUTPUTS = Task(
    "all outputs, padded as the targets are",
    padded_inputs(),
    closely(outputs_by_loop),
    right={
        "total length": lambda layer, batch, lengths: unpacked(layer, batch, lengths, total_length=batch.shape[1]),
        "loop": outputs_by_loop,
        "mask": lambda layer, batch, lengths: (
            layer(batch)[0] * (torch.arange(batch.shape[1]) < lengths[:, None])[..., None]
        ),
    },
    wrong={
        "output-shorter-than-targets": lambda layer, batch, lengths: unpacked(layer, batch, lengths),
        "unpacked-time-first": lambda layer, batch, lengths: pad_packed_sequence(packed(layer, batch, lengths)[0])[0],
        "order-never-restored": lambda layer, batch, lengths: unpacked(
            layer, *in_order(batch, lengths), total_length=batch.shape[1]
        ),
    },
)

BOTH_OUTPUTS = Task(
    "all outputs of two directions, padded as the targets are",
    padded_inputs(bidirectional=True),
    closely(outputs_by_loop),
    right={
        "total length": ALL_OUTPUTS.right["total length"],
        "loop": outputs_by_loop,
        "padded again": lambda layer, batch, lengths: F.pad(
            pad_sequence([layer(batch[i, :n])[0] for i, n in enumerate(lengths.tolist())], batch_first=True),
            (0, 0, 0, batch.shape[1] - int(lengths.max())),
        ),
    },
    wrong={
        "backward-from-padding": ALL_OUTPUTS.right["mask"],
        "unpacked-time-first": lambda layer, batch, lengths: pad_packed_sequence(
            packed(layer, batch, lengths)[0], total_length=batch.shape[1]
        )[0],
        "tuple-into-layer": lambda layer, batch, lengths: pad_packed_sequence(packed(layer, batch, lengths)),
    },
)


def loss_check(answer, inputs):
    logits = value_of(answer, inputs)
    check.call(
        F.cross_entropy, logits.flatten(0, 1), torch.zeros(inputs["batch"].shape[:2].numel()).long(), name="answer"
    )


SHORT_LOSS = Task(
    "a loss over the unpacked outputs",
    padded_inputs(),
    loss_check,
    right=ALL_OUTPUTS.right,
    wrong={"output-shorter-than-targets": lambda layer, batch, lengths: unpacked(layer, batch, lengths)},
)  # fmt: skip


def ragged(seed: int) -> dict[str, Any]:
    inputs = padded_inputs()(seed)
    sequences = [row[:n] for row, n in zip(inputs["batch"], inputs["lengths"].tolist(), strict=True)]
    return {"layer": inputs["layer"], "sequences": sequences}


def pad_and_pack(layer, sequences, side="right"):
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    return packed(layer, pad_sequence(sequences, batch_first=True, padding_side=side), lengths)[1][-1]


RAGGED = Task(
    "the last states of a list of sequences",
    ragged,
    closely(lambda layer, sequences: torch.stack([layer(sequence)[1][-1] for sequence in sequences])),
    right={
        "pad and pack": pad_and_pack,
        "pack the list": lambda layer, sequences: layer(pack_sequence(sequences, enforce_sorted=False))[1][-1],
        "one at a time": lambda layer, sequences: torch.cat([layer(sequence)[0][-1:] for sequence in sequences]),
    },
    wrong={
        "left-padding-packed": lambda layer, sequences: pad_and_pack(layer, sequences, side="left"),
        "ragged-stack": lambda layer, sequences: layer(torch.stack(sequences))[1][-1],
    },
)


def padded_walk(seed: int) -> dict[str, Any]:
    inputs = walk(seed)
    return inputs | {"length": 1 + seed % (len(inputs["sequence"]) - 1)}


PADDED_SUMS = Task(
    "what the layer that adds puts out for a padded sequence",
    padded_walk,
    exactly(lambda layer, sequence, length: sequence[:, 0].cumsum(0).tolist()),
    right={
        "list": lambda sequence, **_: [int(sequence[: i + 1].sum()) for i in range(len(sequence))],
        "tensor": lambda layer, sequence, length: layer(sequence)[0][:, 0],
        "array": lambda sequence, **_: np.cumsum(sequence[:, 0].numpy()),
    },
    wrong={
        "padding-believed-unread": lambda layer, sequence, length: [
            float(sequence[: min(i + 1, length)].sum()) for i in range(len(sequence))
        ],
        "no-memory": lambda sequence, **_: sequence[:, 0].tolist(),
    },
)


def unsorted_sequences(seed: int) -> dict[str, Any]:
    rng = drawn(seed)[1]
    lengths = rng.permutation(np.arange(2, 8))[:4]
    if lengths[0] == lengths.max():
        lengths = lengths[::-1]
    numbers = torch.tensor(rng.permutation(100), dtype=torch.float32)[:, None]
    return {"sequences": list(numbers[: lengths.sum()].split(lengths.tolist()))}


def by_columns(sequences):
    return [one[step].item() for step in range(7) for one in sequences if step < len(one)]


PACKED_DATA = Task(
    "the numbers of a packed batch in their order",
    unsorted_sequences,
    exactly(lambda sequences: by_columns(sorted(sequences, key=len, reverse=True))),
    right={
        "packed": lambda sequences: pack_sequence(sequences, enforce_sorted=False).data[:, 0],
        "sorted": lambda sequences: pack_sequence(sorted(sequences, key=len, reverse=True)).data.flatten().tolist(),
        "columns": lambda sequences: by_columns(sorted(sequences, key=lambda one: -len(one))),
    },
    wrong={
        "packed-by-rows": lambda sequences: torch.cat(sequences)[:, 0].tolist(),
        "packed-in-given-order": by_columns,
    },
)


# -- lesson 06: losses ------------------------------------------------------------------------------------------


def tagged(seed: int, ignored: bool = False) -> dict[str, Any]:
    s, rng = drawn(seed)
    logits = 2 * torch.randn(s.batch, s.time, s.features)
    return {"logits": logits, "targets": torch.tensor(rng.integers(0, s.features, (s.batch, s.time)))}


def loss_by_hand(logits, targets):
    return -logits.log_softmax(-1).gather(-1, targets[..., None]).mean()


LOSS = Task(
    "the loss of a tagger",
    tagged,
    number("loss", loss_by_hand, high=float("inf")),
    right={
        "transpose": lambda logits, targets: F.cross_entropy(logits.transpose(1, 2), targets),
        "flat": lambda logits, targets: F.cross_entropy(logits.flatten(0, 1), targets.flatten()).item(),
        "negative log likelihood": lambda logits, targets: F.nll_loss(logits.log_softmax(-1).permute(0, 2, 1), targets),
        "module": lambda logits, targets: nn.CrossEntropyLoss()(logits.movedim(-1, 1), targets).double(),
    },
    wrong={
        "class-axis": lambda logits, targets: F.cross_entropy(
            logits.reshape(len(logits), logits.shape[2], -1), targets
        ),
        "softmax-before-loss": lambda logits, targets: F.cross_entropy(logits.softmax(-1).transpose(1, 2), targets),
        "graph-kept": lambda logits, targets: twice_backward(logits, targets),
    },
)


def twice_backward(logits, targets):
    loss = F.cross_entropy(logits.clone().requires_grad_().exp().transpose(1, 2), targets)
    loss.backward()
    loss.backward()


CLASS_AXIS = Task(
    "the loss of a tagger, called as it is",
    tagged,
    LOSS.check,
    right=LOSS.right,
    wrong={"class-axis": lambda logits, targets: F.cross_entropy(logits, targets)},
)


def with_mask(seed: int) -> dict[str, Any]:
    inputs = tagged(seed)
    batch, time = inputs["targets"].shape
    lengths = torch.tensor(np.random.default_rng(seed).integers(1, time, batch))
    return inputs | {"mask": torch.arange(time) < lengths[:, None]}


MASKED_LOSS = Task(
    "a loss without the padding",
    with_mask,
    number("loss", lambda logits, targets, mask: loss_by_hand(logits[mask], targets[mask]), high=float("inf")),
    right={
        "choose": lambda logits, targets, mask: F.cross_entropy(logits[mask], targets[mask]),
        "ignore": lambda logits, targets, mask: F.cross_entropy(
            logits.transpose(1, 2), targets.masked_fill(~mask, -100)
        ),
        "weigh": lambda logits, targets, mask: (
            F.cross_entropy(logits.transpose(1, 2), targets, reduction="none") * mask
        ).sum()
        / mask.sum(),
    },
    wrong={
        "loss-over-padding": lambda logits, targets, mask: F.cross_entropy(logits.transpose(1, 2), targets),
        "mask-above-only": lambda logits, targets, mask: (
            F.cross_entropy(logits.transpose(1, 2), targets, reduction="none") * mask
        ).mean(),
        "softmax-before-loss": lambda logits, targets, mask: F.cross_entropy(logits[mask].softmax(-1), targets[mask]),
    },
)  # fmt: skip


def nothing_to_learn(seed: int) -> dict[str, Any]:
    inputs = tagged(seed)
    return inputs | {"targets": torch.full_like(inputs["targets"], -100)}


EMPTY_LOSS = Task(
    "a loss of 0 where nothing is left",
    nothing_to_learn,
    number("loss", lambda logits, targets: 0.0, high=float("inf")),
    right={
        "sum": lambda logits, targets: F.cross_entropy(logits.transpose(1, 2), targets, reduction="sum"),
        "case": lambda logits, targets: 0.0,
        "count": lambda logits, targets: (
            F.cross_entropy(logits.transpose(1, 2), targets, reduction="sum") / (targets != -100).sum().clamp(min=1)
        ),
    },
    wrong={"all-targets-ignored": lambda logits, targets: F.cross_entropy(logits.transpose(1, 2), targets)},
)


# -- lessons 07, 08, 11: metrics --------------------------------------------------------------------------------


def binary(seed: int) -> dict[str, Any]:
    """Targets and predictions whose four counts all differ, so that no two metrics agree."""
    rng = np.random.default_rng(seed)
    while True:
        hits, misses, false_alarms, rejected = counts = rng.integers(5, 60, 4)
        if len(set(counts.tolist())) == 4 and abs(misses - false_alarms) > 3 and abs(hits - rejected) > 3:
            break
    targets = torch.tensor([1] * (hits + misses) + [0] * (false_alarms + rejected))
    predictions = torch.tensor([1] * hits + [0] * misses + [1] * false_alarms + [0] * rejected)
    order = torch.tensor(rng.permutation(len(targets)))
    return {"targets": targets[order], "predictions": predictions[order]}


def counts_of(targets, predictions):
    pairs = list(zip(targets.tolist(), predictions.tolist(), strict=True))
    return [pairs.count(pair) for pair in ((1, 1), (1, 0), (0, 1), (0, 0))]


def precision_of(targets, predictions):
    hits, _, false_alarms, _ = counts_of(targets, predictions)
    return hits / (hits + false_alarms)


def recall_of(targets, predictions):
    hits, misses, _, _ = counts_of(targets, predictions)
    return hits / (hits + misses)


def f1_of(targets, predictions):
    hits, misses, false_alarms, _ = counts_of(targets, predictions)
    return 2 * hits / (2 * hits + misses + false_alarms)


def by_sklearn(metric: str, **options) -> Answer:
    import sklearn.metrics

    return lambda targets, predictions: getattr(sklearn.metrics, metric)(
        targets.numpy(), predictions.numpy(), **options
    )


def tensorwise(which: str) -> Answer:
    def run(targets, predictions):
        hits = ((targets == 1) & (predictions == 1)).sum()
        return {"precision": hits / (predictions == 1).sum(), "recall": hits / (targets == 1).sum()}[which]

    return run


def accuracy_of(targets, predictions):
    return (targets == predictions).float().mean()


FLIPPED = {"precision": precision_of, "recall": recall_of, "f1": f1_of}


def flipped(which: str) -> Answer:
    return lambda targets, predictions: FLIPPED[which](1 - targets, 1 - predictions)


PRECISION = Task(
    "precision",
    binary,
    number("precision", precision_of),
    right={
        "counts": precision_of,
        "tensors": tensorwise("precision"),
        "library": by_sklearn("precision_score"),
        "mean of hits": lambda targets, predictions: targets[predictions == 1].double().mean(),
    },
    wrong={
        "precision-recall-swapped": recall_of,
        "positive-class-flipped": flipped("precision"),
        "accuracy-instead": accuracy_of,
    },
)
RECALL = Task(
    "recall",
    binary,
    number("recall", recall_of),
    right={"counts": recall_of, "tensors": tensorwise("recall"), "library": by_sklearn("recall_score")},
    wrong={
        "precision-recall-swapped": precision_of,
        "positive-class-flipped": flipped("recall"),
        "accuracy-instead": accuracy_of,
    },
)
F1 = Task(
    "F1",
    binary,
    number("f1", f1_of),
    right={
        "counts": f1_of,
        "harmonic mean": lambda targets, predictions: (
            2 / (1 / precision_of(targets, predictions) + 1 / recall_of(targets, predictions))
        ),
        "library": by_sklearn("f1_score"),
    },
    wrong={
        "f1-arithmetic-mean": lambda targets, predictions: (
            (precision_of(targets, predictions) + recall_of(targets, predictions)) / 2
        ),
        "positive-class-flipped": flipped("f1"),
        "accuracy-instead": accuracy_of,
    },
)


def many_classes(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    targets = rng.choice(4, 300, p=[0.6, 0.25, 0.1, 0.05])
    guesses = rng.choice(4, 300)
    return {
        "targets": torch.tensor(targets),
        "predictions": torch.tensor(np.where(rng.random(300) < 0.6, targets, guesses)),
    }


def class_f1(targets, predictions):
    return [f1_of((targets == c).long(), (predictions == c).long()) for c in range(4)]


def macro_f1(targets, predictions):
    return sum(class_f1(targets, predictions)) / 4


def weighted_f1(targets, predictions):
    sizes = [int((targets == c).sum()) for c in range(4)]
    return sum(f * n for f, n in zip(class_f1(targets, predictions), sizes, strict=True)) / sum(sizes)


MACRO = Task(
    "macro F1",
    many_classes,
    number("macro f1", macro_f1),
    right={
        "by hand": macro_f1,
        "library": by_sklearn("f1_score", average="macro"),
        "tensor": lambda targets, predictions: torch.tensor(class_f1(targets, predictions)).mean(),
    },
    wrong={"micro-for-macro": accuracy_of, "weighted-for-macro": weighted_f1},
)
MICRO = Task(
    "micro F1",
    many_classes,
    number("micro f1", accuracy_of),
    right={
        "accuracy": accuracy_of,
        "library": by_sklearn("f1_score", average="micro"),
        "counts": lambda targets, predictions: (
            sum(int(t == p) for t, p in zip(targets, predictions, strict=True)) / len(targets)
        ),
    },
    wrong={"macro-for-micro": macro_f1},
)


def class_recalls(targets, predictions):
    return [float((predictions[targets == c] == c).float().mean()) for c in range(4)]


BALANCED = Task(
    "balanced accuracy",
    many_classes,
    number("balanced accuracy", lambda targets, predictions: sum(class_recalls(targets, predictions)) / 4),
    right={
        "by hand": lambda targets, predictions: sum(class_recalls(targets, predictions)) / 4,
        "library": by_sklearn("balanced_accuracy_score"),
        "numpy": lambda targets, predictions: np.mean(class_recalls(targets, predictions)),
    },
    wrong={"accuracy-for-balanced": accuracy_of},
)


def column(seed: int) -> dict[str, Any]:
    inputs = binary(seed)
    return inputs | {"predictions": inputs["predictions"][:, None]}


ONE_A_TARGET = Task(
    "accuracy of a column of predictions",
    column,
    number("accuracy", lambda targets, predictions: accuracy_of(targets, predictions.flatten())),
    right={
        "flatten": lambda targets, predictions: accuracy_of(targets, predictions.flatten()),
        "squeeze": lambda targets, predictions: float((targets == predictions.squeeze(1)).sum()) / len(targets),
        "column": lambda targets, predictions: accuracy_of(targets[:, None], predictions),
    },
    wrong={"column-against-row": lambda targets, predictions: (targets == predictions).sum() / len(targets)},
)


def scored(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    targets = torch.tensor((rng.random(120) < 0.3).astype(int))
    scores = torch.tensor(rng.normal(0, 1, 120) + 1.5 * targets.numpy())
    return {"targets": targets, "scores": scores, "threshold": float(np.quantile(scores, rng.uniform(0.3, 0.9)))}


def recall_at(targets, scores, threshold):
    return recall_of(targets, (scores >= threshold).long())


THRESHOLD = Task(
    "recall at a threshold",
    scored,
    number("recall", recall_at),
    right={
        "compare": recall_at,
        "share": lambda targets, scores, threshold: (scores[targets == 1] >= threshold).float().mean(),
        "clip": lambda targets, scores, threshold: np.mean(scores.numpy()[targets.numpy() == 1] >= threshold),
    },
    wrong={"threshold-wrong-side": lambda targets, scores, threshold: recall_of(targets, (scores < threshold).long())},
)


def chosen(scores: Tensor, targets: Tensor) -> float:
    return max(scores.unique().tolist(), key=lambda t: f1_of(targets, (scores >= t).long()))


def two_sets(seed: int) -> dict[str, Any]:
    while True:
        one, other = scored(seed), scored(seed + 10_000)
        names = ("validation_scores", "validation_targets", "test_scores", "test_targets")
        values = (one["scores"], one["targets"], other["scores"], other["targets"])
        if abs(chosen(*values[:2]) - chosen(*values[2:])) > 0.01:
            return dict(zip(names, values, strict=True))
        seed += 1


def on_validation(validation_scores, validation_targets, test_scores, test_targets):
    return chosen(validation_scores, validation_targets)


CHOOSE_THRESHOLD = Task(
    "choose a threshold",
    two_sets,
    number("threshold", on_validation, low=-10, high=10),
    right={
        "max": on_validation,
        "loop": lambda validation_scores, validation_targets, **_: best_in_loop(validation_scores, validation_targets),
        "sorted": lambda validation_scores, validation_targets, **_: torch.tensor(
            chosen(validation_scores.sort().values, validation_targets[validation_scores.argsort()])
        ),
    },
    wrong={"threshold-chosen-on-test": lambda test_scores, test_targets, **_: chosen(test_scores, test_targets)},
)


def best_in_loop(scores, targets):
    best, reached = 0.0, -1.0
    for threshold in sorted(scores.tolist()):
        f1 = f1_of(targets, (scores >= threshold).long())
        if f1 > reached:
            best, reached = threshold, f1
    return best


def padded_labels(seed: int) -> dict[str, Any]:
    """Labels whose accuracies differ in whatever way they are counted."""
    rng = np.random.default_rng(seed)
    while True:
        inputs = labels_with_padding(rng)
        right = inputs["targets"] == inputs["predictions"]
        counted = right & inputs["mask"]
        ways = [right.float().mean(), counted.float().mean(), counted.sum() / inputs["mask"].sum()]
        ways += [(right | ~inputs["mask"]).all(1).float().mean(), right.all(1).float().mean()]
        ways += [(counted.sum(1) / inputs["mask"].sum(1)).mean()]
        if min(abs(float(a - b)) for a, b in itertools.combinations(ways, 2)) > 0.001:
            return inputs


def labels_with_padding(rng: np.random.Generator) -> dict[str, Tensor]:
    batch, time = int(rng.integers(4, 9)), int(rng.integers(10, 15))
    mask = torch.arange(time) < torch.tensor(rng.integers(2, time - 2, batch))[:, None]
    targets = torch.tensor(rng.integers(0, 5, (batch, time)))
    wrong = torch.tensor(rng.random((batch, time)) < 0.15)
    wrong[0, 0] = wrong[1, 1] = True
    wrong[2:4] &= ~mask[2:4]  # two sequences without a mistake
    predictions = torch.where(wrong, (targets + 1) % 5, targets)
    padding = torch.tensor(rng.random((batch, time)) < 0.5)
    predictions = torch.where(mask, predictions, torch.where(padding, targets, (targets + 1) % 5))
    return {"targets": targets, "predictions": predictions, "mask": mask}


def token_accuracy(targets, predictions, mask):
    return (targets[mask] == predictions[mask]).float().mean()


def sequence_accuracy(targets, predictions, mask):
    return ((targets == predictions) | ~mask).all(1).float().mean()


TOKENS = Task(
    "accuracy of the tokens",
    padded_labels,
    number("token accuracy", token_accuracy),
    right={
        "choose": token_accuracy,
        "weigh": lambda targets, predictions, mask: ((targets == predictions) & mask).sum() / mask.sum(),
        "loop": lambda targets, predictions, mask: (
            sum(
                int(t == p)
                for t, p, m in zip(targets.flatten(), predictions.flatten(), mask.flatten(), strict=True)
                if m
            )
            / int(mask.sum())
        ),
    },
    wrong={
        "accuracy-over-padding": lambda targets, predictions, mask: accuracy_of(targets, predictions),
        "mask-above-only": lambda targets, predictions, mask: ((targets == predictions) & mask).float().mean(),
        "mean-of-sequence-means": lambda targets, predictions, mask: (
            ((targets == predictions) & mask).sum(1) / mask.sum(1)
        ).mean(),
    },
)
SEQUENCES = Task(
    "accuracy of whole sequences",
    padded_labels,
    number("sequence accuracy", sequence_accuracy),
    right={
        "all": sequence_accuracy,
        "mistakes": lambda targets, predictions, mask: (((targets != predictions) & mask).sum(1) == 0).double().mean(),
        "loop": lambda targets, predictions, mask: (
            sum(torch.equal(t[m], p[m]) for t, p, m in zip(targets, predictions, mask, strict=True)) / len(targets)
        ),
    },
    wrong={"tokens-for-sequences": token_accuracy},
)


def in_batches(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    batches = []
    for size, good in ((40, 0.9), (40, 0.8), (7, 0.3)):
        targets = torch.tensor(rng.integers(0, 4, size))
        right = torch.tensor(np.arange(size) < good * size)
        batches.append((torch.where(right, targets, (targets + 1) % 4), targets))
    return {"batches": batches}


def pooled(batches):
    return accuracy_of(torch.cat([targets for _, targets in batches]), torch.cat([guess for guess, _ in batches]))


BATCHES = Task(
    "accuracy over batches",
    in_batches,
    number("accuracy", pooled),
    right={
        "pooled": pooled,
        "sums": lambda batches: sum(int((p == t).sum()) for p, t in batches) / sum(len(t) for _, t in batches),
        "weighted mean": lambda batches: np.average(
            [float(accuracy_of(t, p)) for p, t in batches], weights=[len(t) for _, t in batches]
        ),
    },
    wrong={"mean-of-batch-means": lambda batches: sum(accuracy_of(t, p) for p, t in batches) / len(batches)},
)


# -- lessons 09, 10, 12: splits, forecasts, choices -------------------------------------------------------------


def split_series(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    series = torch.tensor(rng.normal(0, 1, (40, 3)).cumsum(0) + 5, dtype=torch.float32)
    return {"train": series[:28], "test": series[28:]}


def scaled(train, test):
    return (test - train.mean(0)) / train.std(0)


SCALE = Task(
    "scale the test set",
    split_series,
    closely(scaled),
    right={
        "torch": scaled,
        "numpy": lambda train, test: torch.from_numpy(
            (test.numpy() - train.numpy().mean(0)) / train.numpy().std(0, ddof=1)
        ),
        "columns": lambda train, test: torch.stack(
            [(test[:, i] - train[:, i].mean()) / train[:, i].std() for i in range(3)], dim=1
        ),
    },
    wrong={
        "scaler-fitted-on-everything": lambda train, test: scaled(torch.cat([train, test]), test),
        "scaler-fitted-on-test": lambda train, test: scaled(test, test),
    },
)


def counted(seed: int) -> dict[str, Any]:
    torch.manual_seed(seed)
    return {"windows": int(np.random.default_rng(seed).integers(20, 60))}


def last_fifth(windows):
    return list(range(windows - windows // 5, windows))


SPLIT = Task(
    "the test windows of a series",
    counted,
    exactly(last_fifth),
    right={
        "range": last_fifth,
        "tensor": lambda windows: torch.arange(windows)[windows - windows // 5 :],
        "array": lambda windows: np.arange(windows)[-(windows // 5) :],
    },
    wrong={"shuffled-windows": lambda windows: torch.randperm(windows)[: windows // 5].tolist()},
)


def named_items(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {"items": [f"item {n}" for n in rng.integers(0, 12, 30)]}


def split_check(kind: str):
    def run(answer, inputs):
        split = value_of(answer, inputs)
        train, test = ({inputs["items"][int(i)] for i in part} for part in split)
        check.equal(not train & test, True, name="nothing is in both parts")

    def named(answer, inputs):
        split = value_of(answer, inputs)
        train, test = ({inputs["items"][int(i)] for i in part} for part in split)
        if train & test:
            check.equal(split, "two parts that share nothing", name="answer", given={kind: inputs["items"]})
        check.equal(sorted(map(int, [*split[0], *split[1]])), list(range(30)), name="every item is in one part")

    return named


def by_item(items):
    test = set(sorted(set(items))[:4])
    return [i for i, item in enumerate(items) if item not in test], [i for i, item in enumerate(items) if item in test]


SPLIT_RIGHT = {
    "by item": by_item,
    "tensors": lambda items: tuple(map(torch.tensor, by_item(items))),
    "arrays": lambda items: [np.array(part) for part in by_item(items)],
}
NO_DUPLICATES = Task(
    "split texts that occur twice",
    named_items,
    split_check("texts"),
    right=SPLIT_RIGHT,
    wrong={"duplicates-across-split": lambda items: (list(range(20)), list(range(20, 30)))},
)
NO_GROUPS = Task(
    "split recordings of the same people",
    named_items,
    split_check("groups"),
    right=SPLIT_RIGHT,
    wrong={"group-across-split": lambda items: (list(range(20)), list(range(20, 30)))},
)


def one_series(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {"series": torch.tensor(rng.normal(0, 1, 80).cumsum(), dtype=torch.float32)}


TARGETS = Task(
    "the targets of windows",
    lambda seed: one_series(seed) | {"window": seed % 5 + 3},
    closely(lambda series, window: series[window:]),
    right={
        "slice": lambda series, window: series[window:],
        "loop": lambda series, window: torch.stack([series[i + window] for i in range(len(series) - window)]),
        "unfold": lambda series, window: series.unfold(0, window + 1, 1)[:, -1],
    },
    wrong={"targets-shifted": lambda series, window: series.unfold(0, window, 1)[:-1, -1]},
)

NAIVE = Task(
    "the error of the naive forecast",
    one_series,
    number("naive mae", lambda series: series.diff().abs().mean(), high=float("inf")),
    right={
        "diff": lambda series: series.diff().abs().mean(),
        "slices": lambda series: (series[1:] - series[:-1]).abs().mean().item(),
        "numpy": lambda series: np.abs(np.diff(series.numpy())).mean(),
    },
    wrong={"naive-shifted": lambda series: (series[2:] - series[:-2]).abs().mean()},
)
SEASONAL = Task(
    "the error of the seasonal naive forecast",
    lambda seed: one_series(seed) | {"season": 12},
    number("seasonal naive mae", lambda series, season: (series[season:] - series[:-season]).abs().mean(), high=99.0),
    right={
        "slices": lambda series, season: (series[season:] - series[:-season]).abs().mean(),
        "loop": lambda series, season: (
            sum(abs(float(series[i] - series[i - season])) for i in range(season, len(series))) / (len(series) - season)
        ),
        "unfold": lambda series, season: (lambda pairs: (pairs[:, -1] - pairs[:, 0]).abs().mean())(
            series.unfold(0, season + 1, 1)
        ),
    },
    wrong={"season-off-by-one": lambda series, season: (series[season - 1 :] - series[: 1 - season]).abs().mean()},
)


def forecasts(seed: int) -> dict[str, Any]:
    series = one_series(seed)["series"]
    torch.manual_seed(seed)
    return {"forecast": series[60:] + torch.randn(20), "actual": series[60:], "train": series[:60]}


def without_train(seed: int) -> dict[str, Any]:
    return {name: value for name, value in forecasts(seed).items() if name != "train"}


RMSE = Task(
    "RMSE",
    without_train,
    number("rmse", lambda forecast, actual: ((forecast - actual) ** 2).mean().sqrt(), high=float("inf")),
    right={
        "by hand": lambda forecast, actual: (forecast - actual).square().mean().sqrt(),
        "loss": lambda forecast, actual: F.mse_loss(forecast, actual) ** 0.5,
        "norm": lambda forecast, actual: torch.linalg.vector_norm(forecast - actual).item() / len(actual) ** 0.5,
    },
    wrong={
        "squared-for-root": lambda forecast, actual: F.mse_loss(forecast, actual),
        "absolute-for-root": lambda forecast, actual: F.l1_loss(forecast, actual),
    },
)

MAE = Task(
    "MAE of a column of forecasts",
    lambda seed: (lambda given: given | {"forecast": given["forecast"][:, None]})(without_train(seed)),
    number("mae", lambda forecast, actual: (forecast[:, 0] - actual).abs().mean(), high=float("inf")),
    right={
        "squeeze": lambda forecast, actual: (forecast.squeeze(1) - actual).abs().mean(),
        "column": lambda forecast, actual: (forecast - actual[:, None]).abs().mean().item(),
        "loss": lambda forecast, actual: F.l1_loss(forecast.flatten(), actual),
    },
    wrong={"column-against-row": lambda forecast, actual: (forecast - actual).abs().mean()},
)


def mase(forecast, actual, train):
    return (forecast - actual).abs().mean() / train.diff().abs().mean()


MASE = Task(
    "MASE",
    forecasts,
    number("mase", mase, high=float("inf")),
    right={
        "torch": mase,
        "numpy": lambda forecast, actual, train: (
            np.abs((forecast - actual).numpy()).mean() / np.abs(np.diff(train.numpy())).mean()
        ),
        "losses": lambda forecast, actual, train: F.l1_loss(forecast, actual) / F.l1_loss(train[1:], train[:-1]),
    },
    wrong={
        "scale-from-test": lambda forecast, actual, train: (forecast - actual).abs().mean() / actual.diff().abs().mean()
    },
)


def curves(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    while True:
        validation, test = rng.random(20), rng.random(20)
        if validation.argmin() != test.argmin():
            return {"validation_losses": validation.tolist(), "test_losses": test.tolist()}


BEST_EPOCH = Task(
    "the best epoch",
    curves,
    exactly(lambda validation_losses, test_losses: int(np.argmin(validation_losses))),
    right={
        "index": lambda validation_losses, test_losses: validation_losses.index(min(validation_losses)),
        "numpy": lambda validation_losses, test_losses: np.argmin(validation_losses),
        "torch": lambda validation_losses, test_losses: torch.tensor(validation_losses).argmin(),
    },
    wrong={"best-epoch-on-test": lambda validation_losses, test_losses: int(np.argmin(test_losses))},
)

TASKS: tuple[Task, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Task))

"""Lessons 02 and 04: shapes, layouts, states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from course_utils import check, toy

from .task import Answer, Task, closely, drawn, exactly, value_of


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


COUNTED_STATE_SHAPE = Task(
    "shape of h_n by the number of states",
    lambda seed: (lambda sizes: sizes | {"states": sizes["layers"] * sizes["directions"]})(shapes_of(seed)),
    shape_check("states batch hidden", "states", "batch", "hidden", "time"),
    right={
        "tuple": lambda states, batch, hidden, **_: (states, batch, hidden),
        "list": lambda states, batch, hidden, **_: [states, batch, hidden],
        "tensor": lambda states, batch, hidden, **_: torch.zeros(states, batch, hidden),
    },
    wrong={
        "state-batch-first": lambda states, batch, hidden, **_: (batch, states, hidden),
        "forgot-batch-first": lambda states, time, hidden, **_: (states, time, hidden),
    },
)

SPLIT_STATE_SHAPE = Task(
    "shape of h_n with layers and directions apart",
    shapes_of,
    shape_check("layers directions batch hidden", *STATE_NAMES),
    right={
        "tuple": lambda layers, directions, batch, hidden, **_: (layers, directions, batch, hidden),
        "view": lambda layers, directions, batch, hidden, **_: torch.zeros(layers * directions, batch, hidden).view(
            layers, directions, batch, hidden
        ),
        "unflatten": lambda layers, batch, hidden, **_: torch.zeros(2 * layers, batch, hidden).unflatten(0, (-1, 2)),
    },
    wrong={"state-batch-first": lambda layers, directions, batch, hidden, **_: (batch, layers, directions, hidden)},
)

SUMMARY_SHAPE = Task(
    "shape of a summary of both directions",
    shapes_of,
    shape_check("batch directions*hidden", "batch", "directions", "hidden", "layers"),
    right={
        "tuple": lambda batch, directions, hidden, **_: (batch, directions * hidden),
        "size": lambda batch, hidden, **_: torch.Size([batch, 2 * hidden]),
        "cat": lambda batch, hidden, **_: torch.cat([torch.zeros(batch, hidden), torch.ones(batch, hidden)], dim=1),
    },
    wrong={"last-state-one-direction": lambda batch, hidden, **_: (batch, hidden)},
)

INPUT_SHAPE = Task(
    "shape of a batch",
    lambda seed: (lambda sizes: sizes | {"feature": sizes["features"]})(shapes_of(seed)),
    shape_check("batch time feature", "batch", "time", "feature"),
    right={
        "tuple": lambda batch, time, feature, **_: (batch, time, feature),
        "tensor": lambda batch, time, feature, **_: torch.zeros(batch, time, feature),
        "stack": lambda batch, time, feature, **_: torch.stack([torch.zeros(time, feature)] * batch),
    },
    wrong={"missing-feature-axis": lambda batch, time, **_: (batch, time)},
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


def reshaped(batch: Tensor) -> Tensor:
    return batch.reshape(batch.shape[1], len(batch), -1)


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
        "reshape-to-swap": (
            lambda layer, batch: layer(reshaped(batch))[0].reshape(*batch.shape[:2], -1),
            lambda layer, batch: layer(reshaped(batch))[0].transpose(0, 1),
            lambda layer, batch: layer(batch.transpose(0, 1))[0].reshape(*batch.shape[:2], -1),
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
        "start-state-batch-first": lambda layer, batch: layer(batch, torch.zeros(len(batch), 2, layer.hidden_size))[0],
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


def one_sequence(seed: int) -> dict[str, Any]:
    s, _ = drawn(seed)
    layer = nn.RNN(s.features, s.hidden, batch_first=bool(seed % 2))
    return {"layer": layer, "sequence": torch.randn(s.time, s.features)}


ONE_SEQUENCE = Task(
    "all states of one sequence",
    one_sequence,
    closely(lambda layer, sequence: layer(sequence)[0]),
    right={
        "as it is": lambda layer, sequence: layer(sequence)[0],
        "a batch of one": lambda layer, sequence: layer(sequence.unsqueeze(1 - layer.batch_first))[0].flatten(0, 1),
        "squeezed": lambda layer, sequence: layer(sequence[None] if layer.batch_first else sequence[:, None])[
            0
        ].squeeze(),
    },
    wrong={
        "forgot-batch-first": lambda layer, sequence: layer(sequence[:, None] if layer.batch_first else sequence[None])[
            0
        ].flatten(0, 1),
    },
)


def walk(seed: int, **settings) -> dict[str, Any]:
    rng = drawn(seed)[1]
    sequence = torch.tensor(rng.choice(np.arange(1, 10), int(rng.integers(3, 7)), replace=False), dtype=torch.float32)
    return {"layer": toy.adding_layer(**settings), "sequence": sequence[:, None]}


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
    return {"layer": toy.adding_layer(), "batch": batch, "sample": 1}


MIXED = Task(
    "what a layer that mixes samples puts out",
    mixed,
    exactly(lambda layer, batch, sample: layer(batch)[0][sample, :, 0].tolist()),
    right={
        "sum": lambda batch, **_: batch.sum(0)[:, 0].tolist(),
        "layer": lambda layer, batch, sample: layer(batch)[0][sample, :, 0],
        "loop": lambda batch, **_: [int(batch[0, t] + batch[1, t]) for t in range(batch.shape[1])],
    },
    wrong={
        "samples-believed-apart": lambda batch, sample, **_: batch[sample, :, 0].cumsum(0).tolist(),
        "samples-read-in-a-row": lambda batch, sample, **_: (batch[0].sum() + batch[sample, :, 0].cumsum(0)).tolist(),
    },
)


def apart_check(answer, inputs):
    model = value_of(answer, inputs)
    check.model(model, inputs["batch"], name="model", samples_mix=False)


MODEL_OF_SAMPLES = Task(
    "a model that keeps its samples apart",
    run_inputs(),
    apart_check,
    right={
        "transpose": lambda layer, batch: lambda changed: RUN_RIGHT["transpose"](layer, changed),
        "one at a time": lambda layer, batch: lambda changed: alone(layer, changed),
        "steps": lambda layer, batch: lambda changed: by_steps(layer, changed),
    },
    wrong={
        "forgot-batch-first": lambda layer, batch: lambda changed: layer(changed)[0],
        "reshape-to-swap": lambda layer, batch: (
            lambda changed: layer(reshaped(changed))[0].reshape(*changed.shape[:2], -1)
        ),
    },
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

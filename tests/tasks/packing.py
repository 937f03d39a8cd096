"""Lessons 05 and 06: padding, packing, the right step."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pack_sequence, pad_packed_sequence, pad_sequence

from course_utils import check

from .layers import walk
from .task import Task, closely, drawn, exactly, value_of


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
        "one-step-too-far": (
            lambda layer, batch, lengths: layer(batch)[0][torch.arange(len(batch)), lengths],
            lambda layer, batch, lengths: unpacked(layer, batch, lengths, total_length=batch.shape[1])[
                torch.arange(len(batch)), lengths
            ],
        ),
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
        "last-output-both-directions": (
            lambda layer, batch, lengths: unpacked(layer, batch, lengths)[torch.arange(len(batch)), lengths - 1],
            lambda layer, batch, lengths: layer(batch)[0][torch.arange(len(batch)), lengths - 1],
        ),
        "reshape-to-swap": lambda layer, batch, lengths: packed(layer, batch, lengths)[1].reshape(len(batch), -1),
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
    wrong={
        "mean-over-padding": (
            lambda layer, batch, lengths: layer(batch)[0].mean(1),
            lambda layer, batch, lengths: unpacked(layer, batch, lengths).mean(1),
            lambda layer, batch, lengths: unpacked(layer, batch, lengths, total_length=batch.shape[1]).mean(1),
        ),
    },
)


def padding_check(answer, inputs):
    model = value_of(answer, inputs)
    check.model(model, inputs["batch"], inputs["lengths"], name="model", reads_padding=False)


SUMMARY_MODEL = Task(
    "a model whose summary leaves the padding out",
    padded_inputs(),
    padding_check,
    right={
        "last": lambda layer, batch, lengths: lambda x, n: packed(layer, x, n)[1][-1],
        "mean": lambda layer, batch, lengths: lambda x, n: masked_mean(layer, x, n),
        "loop": lambda layer, batch, lengths: lambda x, n: last_by_loop(layer, x, n),
    },
    wrong={
        "last-step-of-padding": lambda layer, batch, lengths: lambda x, n: layer(x)[0][:, -1],
        "mean-over-padding": lambda layer, batch, lengths: lambda x, n: layer(x)[0].mean(1),
    },
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
        "order-never-restored": (
            lambda layer, batch, lengths: unpacked(layer, *in_order(batch, lengths)),
            lambda layer, batch, lengths: unpacked(layer, *in_order(batch, lengths), total_length=batch.shape[1]),
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
        "backward-from-padding": (ALL_OUTPUTS.right["mask"], lambda layer, batch, lengths: layer(batch)[0]),
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
        "start-in-padding": lambda layer, sequences: layer(
            pad_sequence(sequences, batch_first=True, padding_side="left")
        )[0][:, -1],
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
        "padding-believed-unread": (
            lambda layer, sequence, length: [float(sequence[: min(i + 1, length)].sum()) for i in range(len(sequence))],
            lambda layer, sequence, length: [
                float(sequence[: i + 1].sum()) if i < length else 0 for i in range(len(sequence))
            ],
            lambda layer, sequence, length: sequence[:length, 0].cumsum(0).tolist(),
        ),
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
        "packed-by-rows": (
            lambda sequences: torch.cat(sequences)[:, 0].tolist(),
            lambda sequences: torch.cat(sorted(sequences, key=len, reverse=True))[:, 0],
        ),
        "packed-in-given-order": by_columns,
    },
)

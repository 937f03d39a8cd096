"""Exercises of lesson 06: one answer for a sequence, read at the right step."""

import functools
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from .. import check, datasets, toy
from .exercise import exercise

LESSON = "06_reading_the_right_step"
LENGTHS = torch.tensor([2, 5, 3])
SEQUENCES = [torch.tensor(numbers)[:, None] for numbers in ([12.0, 10.0], [2.0, 3, 4, 5, 6], [6.0, 9, 14])]
BATCH = pad_sequence(SEQUENCES, batch_first=True)
ROWS = torch.tensor([[-0.5, -0.25, 0, 0, 0], [-0.75, 0.5, -0.25, 0.25, 0], [-0.5, -1, -0.25, 0, 0]])


def fading_layer() -> nn.RNN:
    """A layer that adds what it reads to half of what it remembers."""
    layer = toy.adding_layer(batch_first=True)
    nn.init.constant_(layer.get_parameter("weight_hh_l0"), 0.5)
    return layer


class Ragged(NamedTuple):
    """Four sequences of up to six steps in a batch of seven, so that the longest one has padding too."""

    batch: Tensor  # (batch=4, time=7, feature=5)
    lengths: Tensor  # (batch=4)
    mask: Tensor  # (batch=4, time=7)

    @property
    def sequences(self) -> list[Tensor]:
        """Each sequence alone, without its padding."""
        return [one[:length] for one, length in zip(self.batch, self.lengths.tolist(), strict=True)]


def ragged() -> Ragged:
    """The batch on which the written functions are tried."""
    lengths = torch.tensor([2, 6, 5, 3])
    mask = torch.arange(7) < lengths[:, None]
    numbers = torch.randn(4, 7, 5, generator=torch.Generator().manual_seed(0))
    return Ragged(numbers * mask[..., None], lengths, mask)


@functools.cache
def _layer(bidirectional: bool = False) -> nn.RNN:
    return nn.RNN(5, 3, batch_first=True, bidirectional=bidirectional).requires_grad_(False)


def _inputs(layer: nn.RNN) -> dict[str, Any]:
    batch, lengths, _ = ragged()
    return {"layer": layer, "batch": batch, "lengths": lengths}


@exercise(
    LESSON,
    "One answer per sequence",
    solution="predicted_states = [12, 16, 8, 4, 2]",
    hints=(
        "Does the layer know that the sequence ends after two steps?",
        "At a step of padding it adds 0 to half of what it remembers.",
    ),
)
def fading_states(states: Any) -> None:
    """What does the fading layer return for a padded sequence?"""
    layer = fading_layer()
    inputs = {"layer": layer, "sequence": BATCH[0], "length": 2}
    check.equal(states, layer(BATCH)[0][0, :, 0], name="five states", inputs=inputs)


@exercise(
    LESSON,
    "The last valid step",
    solution=(
        """
def last_valid(output, lengths):
    return output[torch.arange(len(output)), lengths - 1]
""",
        """
def last_valid(output, lengths):
    states = [states[length - 1] for states, length in zip(output, lengths)]
    return torch.stack(states)
""",
    ),
    hints=(
        "You need one entry per sequence: row 0 at one step, row 1 at another. Which two index tensors say that?",
        "`torch.arange(len(output))` numbers the rows. Which step does a sequence of length 1 end at?",
    ),
)
def last_valid(function: Any) -> None:
    """Read the last valid step of every sequence out of `output`."""
    layer = _layer()
    inputs = _inputs(layer)
    right = torch.stack([layer(one)[0][-1] for one in ragged().sequences])
    states = check.call(function, layer(inputs["batch"])[0], inputs["lengths"], inputs=inputs)
    check.close(states, right, name="last valid steps", inputs=inputs)


@exercise(
    LESSON,
    "When h_n is the last valid step",
    solution="predicted_readings = [2, 2, 0, 16]",
    hints=(
        "For each of them: at which step does the walk over sequence 0 stop, and which step is read?",
        "Unpacking makes a padded tensor again. What does it fill in?",
    ),
)
def four_readings(readings: Any) -> None:
    """What do four readings give for a sequence that is shorter than its batch?"""
    layer = fading_layer()
    output, h_n = layer(BATCH)
    packed_output, packed_h_n = layer(pack_padded_sequence(BATCH, LENGTHS, batch_first=True, enforce_sorted=False))
    unpacked, _ = pad_packed_sequence(packed_output, batch_first=True)
    right = [output[0, -1], h_n[-1, 0], unpacked[0, -1], packed_h_n[-1, 0]]
    question = "Where does the walk over sequence 0 stop, and what is at the step that is read?"
    check.equal(readings, torch.cat(right), name="four readings", question=question)


@exercise(
    LESSON,
    "Both directions",
    solution=(
        """
def both_ends(layer, batch, lengths):
    packed = pack_padded_sequence(batch, lengths, batch_first=True, enforce_sorted=False)
    output, h_n = layer(packed)
    return torch.cat([h_n[-2], h_n[-1]], dim=1)
""",
        """
def both_ends(layer, batch, lengths):
    packed = pack_padded_sequence(batch, lengths, batch_first=True, enforce_sorted=False)
    output, _ = pad_packed_sequence(layer(packed)[0], batch_first=True)
    forward, backward = output.chunk(2, dim=2)
    return torch.cat([forward[torch.arange(len(batch)), lengths - 1], backward[:, 0]], dim=1)
""",
    ),
    hints=(
        "What must the layer know so that the backward walk begins at the right step?",
        "Each direction has a row in `h_n`. Which one comes first, and along which axis do you join them?",
    ),
)
def both_ends(function: Any) -> None:
    """Return what both directions know when they have read the whole sequence."""
    layer = _layer(bidirectional=True)
    inputs = _inputs(layer)
    right = torch.stack([layer(one)[1].flatten() for one in ragged().sequences])
    check.close(check.call(function, **inputs, inputs=inputs), right, name="both ends", inputs=inputs)


@exercise(
    LESSON,
    "Pooling under a mask",
    solution="predicted_maxima = [0, 0.5, 0]",
    hints=("Read each row of the picture to its end.",),
)
def maxima(numbers: Any) -> None:
    """What is the maximum of each row, padding included?"""
    check.equal(numbers, ROWS.amax(dim=1), name="maxima")


@exercise(
    LESSON,
    "Pooling under a mask",
    solution=(
        """
def masked_mean(output, mask):
    total = (output * mask[..., None]).sum(dim=1)
    return total / mask.sum(dim=1, keepdim=True)
""",
        """
def masked_mean(output, mask):
    means = [states[valid].mean(dim=0) for states, valid in zip(output, mask)]
    return torch.stack(means)
""",
    ),
    hints=(
        "Two things must leave the padding out: the sum, and the number that you divide by.",
        "`mask[..., None]` is (batch, time, 1), so it can be multiplied with `output`.",
    ),
)
def masked_mean(function: Any) -> None:
    """Take the mean over the valid steps."""
    layer = _layer()
    inputs = _inputs(layer)
    right = torch.stack([layer(one)[0].mean(0) for one in ragged().sequences])
    means = check.call(function, layer(inputs["batch"])[0], ragged().mask, inputs=inputs)
    check.close(means, right, name="mean of the valid steps", inputs=inputs)


@exercise(
    LESSON,
    "One model, two readings",
    solution="predicted_padding = 14\npredicted_size = 1",
    hints=(
        "The batch is as long as its longest utterance. How far is it from step 15 to its end?",
        "In which batch is no utterance shorter than the longest one, whatever the utterances are?",
    ),
)
def padding_read(padding: Any, size: Any) -> None:
    """How much padding does the last column read, and in which batches none?"""
    longest = max(len(one) for one in datasets.vowels().test)
    check.equal(padding, longest - 15, name="steps of padding")
    check.equal(size, 1, name="batch size", question="Which batch never needs padding?")


@exercise(
    LESSON,
    "Find the bug",
    solution="predicted_rows = [1, 2, 3, 0]",
    hints=(
        "Write the lengths from the longest to the shortest, each with the number of its sequence.",
        "Row 0 of the result belongs to the longest sequence. Which one is it?",
    ),
)
def sorted_rows(rows: Any) -> None:
    """Which sequence is in each row of the result?"""
    order = ragged().lengths.argsort(descending=True)
    check.equal(rows, order, name="sequence in each row", question="Which one is the longest, and which comes next?")


@exercise(
    LESSON,
    "Find the bug",
    solution=(
        """
def repaired_states(layer, batch, lengths):
    ordered, order = lengths.sort(descending=True)
    _, h_n = layer(pack_padded_sequence(batch[order], ordered, batch_first=True))
    return h_n[-1][order.argsort()]
""",
        """
def repaired_states(layer, batch, lengths):
    ordered, order = lengths.sort(descending=True)
    _, h_n = layer(pack_padded_sequence(batch[order], ordered, batch_first=True))
    result = torch.empty_like(h_n[-1])
    result[order] = h_n[-1]
    return result
""",
    ),
    hints=(
        "`order` says which sequence is in each row. You need the row of each sequence.",
        "The row of sequence 0 is the place at which 0 occurs in `order`. How do you get all these places at once?",
    ),
)
def repaired_states(function: Any) -> None:
    """Keep the sorting, and return the rows in the order in which the sequences came."""
    layer = _layer()
    inputs = _inputs(layer)
    right = torch.stack([layer(one)[0][-1] for one in ragged().sequences])
    check.close(check.call(function, **inputs, inputs=inputs), right, name="rows put back", inputs=inputs)

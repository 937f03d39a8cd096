"""Exercises of lesson 05: sequences of different lengths in one batch."""

import functools
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

from .. import check, probe, toy
from .exercise import exercise

LESSON = "05_padding_and_packing"
LENGTHS = torch.tensor([3, 1, 5])
SEQUENCES = [torch.tensor(days)[:, None] for days in ([1.0, 2.0, 3.0], [100.0], [10.0, 20.0, 30.0, 40.0, 50.0])]
PADDED = pad_sequence(SEQUENCES, batch_first=True, padding_value=1000)
ADDER = toy.adding_layer(batch_first=True)
BOTH = toy.adding_layer(batch_first=True, bidirectional=True)

# Seven patients, of whom the longest has six steps, in a batch of nine.
WARD_LENGTHS = torch.tensor([3, 6, 1, 4, 2, 5, 4])


@functools.cache
def ward() -> tuple[nn.RNN, list[Tensor], Tensor]:
    """An ordinary layer, the sequences, and the padded batch (batch=7, time=9, feature=4)."""
    generator = torch.Generator().manual_seed(0)
    sequences = [torch.randn(n, 4, generator=generator) for n in WARD_LENGTHS.tolist()]
    batch = torch.zeros(7, 9, 4)
    batch[:, :6] = pad_sequence(sequences, batch_first=True)
    return nn.RNN(4, 5, batch_first=True).requires_grad_(False), sequences, batch


def readings() -> list[tuple[str, Any]]:
    """The five readings of the lesson, each a function of a batch and its lengths."""
    one = nn.RNN(4, 2, batch_first=True).requires_grad_(False)
    two_layers = nn.RNN(4, 2, batch_first=True, num_layers=2).requires_grad_(False)
    two_way = nn.RNN(4, 2, batch_first=True, bidirectional=True).requires_grad_(False)
    return [
        ("A: output, one direction", lambda batch, lengths: one(batch)[0]),
        ("B: h_n[-1], one direction", lambda batch, lengths: one(batch)[1][-1]),
        ("C: output, two layers", lambda batch, lengths: two_layers(batch)[0]),
        ("D: output, two directions", lambda batch, lengths: two_way(batch)[0]),
        ("E: its forward half", lambda batch, lengths: two_way(batch)[0][:, :, :2]),
    ]


def random_batch() -> Tensor:
    """Random numbers with zeros for padding, for the lengths of the three patients: (batch=3, time=5, feature=4)."""
    generator = torch.Generator().manual_seed(0)
    return pad_sequence([torch.randn(n, 4, generator=generator) for n in LENGTHS.tolist()], batch_first=True)


@exercise(
    LESSON,
    "Padding",
    solution=(
        """
def valid_steps(lengths, time):
    return torch.arange(time) < lengths[:, None]
""",
        """
def valid_steps(lengths, time):
    rows = [[step < length for step in range(time)] for length in lengths.tolist()]
    return torch.tensor(rows)
""",
    ),
    hints=(
        "Counting starts at 0: which number does the last valid step of a sequence of 3 have?",
        "`lengths[:, None]` is (batch, 1). What do you compare with it, and by which sign?",
    ),
)
def valid_steps(function: Any) -> None:
    """Make a mask (batch, time) from the lengths."""
    mask = check.call(function, torch.tensor([3, 1, 5]), 6)
    rows = [[step < length for step in range(6)] for length in (3, 1, 5)]
    question = "Counting starts at 0: which number does the last valid step of a sequence of 3 have?"
    check.equal(mask, rows, name="valid steps", question=question)


@exercise(
    LESSON,
    "What the layer does with the padding",
    solution="predicted_sums = [1, 3, 6, 1006, 2006]",
    hints=("Does anything in the batch tell the layer that the first patient has three days?",),
)
def first_patient(sums: Any) -> None:
    """What does the adding layer return for the first patient?"""
    inputs = {"layer": ADDER, "sequence": PADDED[0], "length": 3}
    check.equal(sums, PADDED[0].flatten().cumsum(0), name="first patient's output", inputs=inputs)


@exercise(
    LESSON,
    "What the layer does with the padding",
    solution="predicted_backward = 200300",
    hints=(
        "The backward walk begins at the last step of the tensor. What has it read before it comes to the 3?",
        "It adds a hundred for each 1. How much does each 1000 add?",
    ),
)
def backward_half(number: Any) -> None:
    """What does the backward direction return at the first patient's last valid step?"""
    output, _ = BOTH(PADDED)
    check.equal(number, output[0, 2, 1].item(), name="backward half at step 2")


@exercise(
    LESSON,
    "What the layer does with the padding",
    solution='predicted_letters = "BD"',
    hints=(
        "For each of them: has the walk come to the padding by the step that is read?",
        "A second layer reads the outputs of the first one. In which direction does it walk over them?",
    ),
)
def padding_readers(letters: Any) -> None:
    """Which of the readings change when only the padding changes?"""
    found = [name[0] for name, model in readings() if probe.reads_padding(model, random_batch(), LENGTHS)]
    question = "In which direction does each walk go, and has it come to the padding by the step that is read?"
    check.equal(letters, "".join(found), name="readings that read padding", question=question)


@exercise(
    LESSON,
    "Packing",
    solution="predicted_data = [10, 1, 100, 20, 2, 30, 3, 40, 50]",
    hints=("Draw the staircase with the patients' numbers in it. In which direction do you read it?",),
)
def packed_data(numbers: Any) -> None:
    """In which order are the patients' numbers in the packed data?"""
    packed = pack_padded_sequence(PADDED, LENGTHS, batch_first=True, enforce_sorted=False)
    check.equal(numbers, packed.data.flatten(), name="packed.data", inputs={"sequences": SEQUENCES})


@exercise(
    LESSON,
    "Packing",
    solution=(
        """
def last_states(layer, batch, lengths):
    packed = pack_padded_sequence(batch, lengths, batch_first=True, enforce_sorted=False)
    output, h_n = layer(packed)
    return h_n[-1]
""",
        """
def last_states(layer, batch, lengths):
    sequences = [sequence[:length] for sequence, length in zip(batch, lengths)]
    return torch.stack([layer(sequence)[1][-1] for sequence in sequences])
""",
    ),
    hints=(
        "Three lines do: pack, run the layer, and choose what to return.",
        "Besides the batch and the lengths, tell the packing two things: the layout, and what the lengths are not.",
    ),
)
def last_states(function: Any) -> None:
    """Return the state of each sequence after its last valid step, in the order given."""
    layer, sequences, batch = ward()
    inputs = {"layer": layer, "batch": batch, "lengths": WARD_LENGTHS}
    alone = torch.stack([layer(one)[1][-1] for one in sequences])
    states = check.call(function, layer, batch, WARD_LENGTHS, inputs=inputs)
    check.close(states, alone, name="last states", inputs=inputs)


@exercise(
    LESSON,
    "Lengths",
    solution="predicted_rows = 9\npredicted_sum = 10",
    hints=(
        "The batch has five steps. Where would the packing find a sixth one?",
        "`batch_sizes` is computed from the lengths, and `data` is taken from the batch.",
    ),
)
def too_long(rows: Any, total: Any) -> None:
    """What does the packing make of a length that is larger than the number of steps?"""
    packed = pack_padded_sequence(PADDED, torch.tensor([3, 1, 6]), batch_first=True, enforce_sorted=False)
    check.equal(rows, len(packed.data), name="rows of data")
    check.equal(total, int(packed.batch_sizes.sum()), name="sum of batch_sizes")


@exercise(
    LESSON,
    "Back to a padded tensor",
    solution=(
        """
def all_outputs(layer, batch, lengths):
    packed = pack_padded_sequence(batch, lengths, batch_first=True, enforce_sorted=False)
    output, h_n = layer(packed)
    return pad_packed_sequence(output, batch_first=True, total_length=batch.shape[1])[0]
""",
        """
def all_outputs(layer, batch, lengths):
    result = torch.zeros(len(batch), batch.shape[1], 2 * layer.hidden_size)
    for row, length in enumerate(lengths.tolist()):
        result[row, :length] = layer(batch[row, :length])[0]
    return result
""",
    ),
    hints=(
        "Which output of the two directions has read padding if you don't pack?",
        "You unpack what the layer returns first, not the pair. Which three arguments of the unpacking matter here?",
    ),
)
def all_outputs(function: Any) -> None:
    """Return the outputs of both directions at all steps, with zeros in the padding."""
    _, sequences, batch = ward()
    five, lengths = batch[:5], WARD_LENGTHS[:5]
    layer = nn.RNN(4, 7, batch_first=True, bidirectional=True).requires_grad_(False)
    right = torch.zeros(5, 9, 14)
    for row, one in enumerate(sequences[:5]):
        right[row, : len(one)] = layer(one)[0]
    inputs = {"layer": layer, "batch": five, "lengths": lengths}
    outputs = check.call(function, layer, five, lengths, inputs=inputs)
    check.close(outputs, right, name="all outputs", inputs=inputs)


@exercise(
    LESSON,
    "The loss that depends on the batch",
    solution="predicted_cropped = 0.75\npredicted_fixed = 0.375",
    hints=(
        "How many places does the mean of two sequences go over? At how many of them is the error 1?",
        "The sum of the errors is the same both times. What changes is the number it is divided by.",
    ),
)
def two_means(cropped: Any, fixed: Any) -> None:
    """What is the mean error over the places of a small batch, cropped to its own width and at the fixed one?"""
    valid = torch.arange(4) < torch.tensor([[1], [2]])
    error = valid.float()
    question = "How many places does this mean go over?"
    check.metric(cropped, error[:, :2].mean().item(), name="mean over two steps", question=question)
    check.metric(fixed, error.mean().item(), name="mean over four steps", question=question)


@exercise(
    LESSON,
    "Find the bug",
    solution="predicted_states = [1, 0, 150]",
    hints=(
        "Write the three padded rows down, and mark the first 3, the first 1 and the first 5 steps.",
        "The padding is 0 here. What does the adding layer make of a 0?",
    ),
)
def left_padded(states: Any) -> None:
    """What does the function return for the three patients?"""
    batch = pad_sequence(SEQUENCES, batch_first=True, padding_side="left")
    packed = pack_padded_sequence(batch, LENGTHS, batch_first=True, enforce_sorted=False)
    question = "Which steps of each row does the packing keep?"
    check.equal(states, ADDER(packed)[1][-1].flatten(), name="what the function returns", question=question)


@exercise(
    LESSON,
    "Find the bug",
    solution=(
        """
def fixed_states(layer, sequences):
    return layer(pack_sequence(sequences, enforce_sorted=False))[1][-1]
""",
        """
def fixed_states(layer, sequences):
    counts = torch.tensor([len(sequence) for sequence in sequences])
    batch = pad_sequence(sequences, batch_first=True)
    packed = pack_padded_sequence(batch, counts, batch_first=True, enforce_sorted=False)
    return layer(packed)[1][-1]
""",
    ),
    hints=("Which side must the padding be on, so that packing cuts it off?", "Do you need a padded tensor at all?"),
)
def fixed_states(function: Any) -> None:
    """Return the last state of each sequence of a list."""
    layer, sequences, batch = ward()
    inputs = {"layer": layer, "sequences": sequences, "batch": batch[:, :6], "lengths": WARD_LENGTHS}
    alone = torch.cat([layer(one)[0][-1:] for one in sequences])
    check.close(check.call(function, layer, sequences, inputs=inputs), alone, name="fixed states", inputs=inputs)

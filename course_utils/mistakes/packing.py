"""Mistakes with sequences of different lengths: lessons 05 and 06."""

from __future__ import annotations

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from .mistake import Mistake, behaves

LENGTHS = ("05_padding_and_packing", "Lengths")
STEP = ("06_reading_the_right_step", "The last valid step")
UNPACKED = ("05_padding_and_packing", "Back to a padded tensor")
READS = ("05_padding_and_packing", "What the layer does with the padding")


def _one_way(layer):
    if layer.bidirectional:
        raise ValueError("for one direction only")


def _last_of_padded(layer, batch, lengths):
    _one_way(layer)
    return layer(batch)[0][:, -1]


def _states_of_padded(layer, batch, lengths):
    if not layer.bidirectional:
        raise ValueError("for one direction this is the last step of the output")
    h_n = layer(batch)[1]
    return torch.cat([h_n[-2], h_n[-1]], dim=1)


def _unpacked(layer, batch, lengths, **options):
    packed = pack_padded_sequence(batch, lengths, batch_first=True, enforce_sorted=False)
    return pad_packed_sequence(layer(packed)[0], batch_first=True, **options)[0]


def _last_of_unpacked(layer, batch, lengths):
    return _unpacked(layer, batch, lengths)[:, -1]


def _without_rows(layer, batch, lengths):
    return layer(batch)[0][:, lengths - 1]


def _one_too_far(layer, batch, lengths):
    return layer(batch)[0][torch.arange(len(batch)), lengths]


def _one_too_far_unpacked(layer, batch, lengths):
    output = _unpacked(layer, batch, lengths, total_length=batch.shape[1])
    return output[torch.arange(len(batch)), lengths]


def _still_sorted(layer, batch, lengths):
    _one_way(layer)
    lengths, order = lengths.sort(descending=True)
    h_n = layer(pack_padded_sequence(batch[order], lengths, batch_first=True))[1]
    return h_n[-1]


def _sorted_twice(layer, batch, lengths):
    order = lengths.argsort(descending=True)
    if torch.equal(order[order], torch.arange(len(order))):
        raise ValueError("sorting twice puts these rows back")
    return _still_sorted(layer, batch, lengths)[order]


def _backward_from_padding(layer, batch, lengths):
    if not layer.bidirectional:
        raise ValueError("for both directions only")
    output, hidden = layer(batch)[0], layer.hidden_size
    return torch.cat([output[torch.arange(len(batch)), lengths - 1, :hidden], output[:, 0, hidden:]], dim=1)


def _outputs_still_sorted(layer, batch, lengths, **options):
    lengths, order = lengths.sort(descending=True)
    return _unpacked(layer, batch[order], lengths, **options)


def _packed_time_first(layer, batch, lengths):
    return layer(pack_padded_sequence(batch, lengths, enforce_sorted=False))[1][-1]


def _unpacked_time_first(layer, batch, lengths, **options):
    return _unpacked(layer, batch, lengths, **options).transpose(0, 1)


def _backward_through_padding(layer, batch, lengths):
    if not layer.bidirectional:
        raise ValueError("a walk forward comes to the padding last")
    return layer(batch)[0]


def _backward_through_padding_masked(layer, batch, lengths):
    mask = torch.arange(batch.shape[1]) < lengths[:, None]
    return _backward_through_padding(layer, batch, lengths) * mask[:, :, None]


def _stopped(layer, sequence, length, fill=None):
    """Return the outputs of the valid steps, then `fill`, or the last of them again."""
    valid = layer(sequence[:length])[0].flatten().tolist()
    return valid + [valid[-1] if fill is None else fill] * (len(sequence) - length)


def _columns_as_given(sequences):
    steps = range(max(map(len, sequences)))
    return torch.stack([one[step] for step in steps for one in sequences if step < len(one)]).flatten()


def _left_padded(layer, sequences):
    _one_way(layer)
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    batch = pad_sequence(sequences, batch_first=True, padding_side="left")
    return layer(pack_padded_sequence(batch, lengths, batch_first=True, enforce_sorted=False))[1][-1]


def _left_padded_unpacked(layer, sequences):
    _one_way(layer)
    return layer(pad_sequence(sequences, batch_first=True, padding_side="left"))[1][-1]


EXAMPLE = """
layer, batch, lengths = nn.RNN(1, 3, batch_first=True), torch.randn(3, 5, 1), torch.tensor([3, 5, 2])
output, h_n = layer(batch)
"""

PACKING: tuple[Mistake, ...] = (
    Mistake(
        id="ragged-stack",
        title="Sequences of different lengths stacked as they are",
        symptom="A tensor has one size per axis, and these sequences have several lengths.",
        question="What has to happen to the shorter ones before they fit into one tensor?",
        see=("05_padding_and_packing", "Padding"),
        raises=r"stack expects each tensor to be equal size",
        silent=False,
        example="""
torch.stack([torch.ones(5, 1), torch.ones(3, 1)])
""",
    ),
    Mistake(
        id="padding-believed-unread",
        title="Padding assumed to have no effect",
        symptom="This is the result if the padding had no effect.",
        question="How would the layer know that a number is padding?",
        see=READS,
        simulations=(
            lambda layer, sequence, length: _stopped(layer, sequence, length),
            lambda layer, sequence, length: _stopped(layer, sequence, length, fill=0),
            lambda layer, sequence, length: _stopped(layer, sequence, length)[:length],
        ),
        example=EXAMPLE
        + """print("the states at the last valid step and behind it:", output[0, 2:, 0].tolist())
""",
    ),
    Mistake(
        id="last-step-of-padding",
        title="The last step of the padding",
        symptom="The shorter sequences are read at a step of their padding.",
        question="At which step does each of the sequences end?",
        see=READS,
        simulations=(_last_of_padded, _states_of_padded, _last_of_unpacked, behaves("reads_padding")),
        example=EXAMPLE
        + """right = torch.stack([layer(batch[i, :n])[1][-1] for i, n in enumerate(lengths)])
print("equal to each sequence read alone:", [torch.allclose(a, b) for a, b in zip(output[:, -1], right)])
""",
    ),
    Mistake(
        id="index-without-rows",
        title="One step for each pair of sequences",
        symptom="Each sequence was read at the ends of all sequences.",
        question="You want one step per sequence: which two indices say that together?",
        see=STEP,
        simulations=(_without_rows,),
        example=EXAMPLE
        + """print(tuple(output[:, lengths - 1].shape))
""",
    ),
    Mistake(
        id="one-step-too-far",
        title="A length used as an index",
        symptom="An index is as large as the number of steps.",
        question="What is the index of the last of five steps?",
        see=STEP,
        simulations=(_one_too_far, _one_too_far_unpacked),
        raises=r"index (\d+) is out of bounds for dimension \d+ with size (?!1\b)\1\b",
        example=EXAMPLE
        + """output[torch.arange(3), lengths]
""",
    ),
    Mistake(
        id="unsorted-lengths",
        title="Packed without saying that the order is free",
        symptom="Packing expects the longest sequence first unless you say otherwise.",
        question="Which argument says that the sequences may come in any order?",
        see=LENGTHS,
        raises=r"`lengths` array must be sorted in decreasing order",
        silent=False,
        example=EXAMPLE
        + """pack_padded_sequence(batch, lengths, batch_first=True)
""",
    ),
    Mistake(
        id="order-never-restored",
        title="Sorted by hand and left sorted",
        symptom="The rows are right, but they are in the order of the sorted lengths.",
        question="Which row of your result belongs to the first sequence you were given?",
        see=LENGTHS,
        simulations=(
            _still_sorted,
            lambda layer, batch, lengths: _outputs_still_sorted(layer, batch, lengths),
            lambda layer, batch, lengths: _outputs_still_sorted(layer, batch, lengths, total_length=batch.shape[1]),
        ),
        example=EXAMPLE
        + """ordered, order = lengths.sort(descending=True)
h_n = layer(pack_padded_sequence(batch[order], ordered, batch_first=True))[1]
print("the result's rows are the sequences", order.tolist())
""",
    ),
    Mistake(
        id="order-applied-twice",
        title="Sorted again instead of back",
        symptom="The rows are right, but sorting them a second time doesn't restore their order.",
        question="The order says which sequence is in each row. What says in which row each sequence is?",
        see=("06_reading_the_right_step", "Find the bug"),
        simulations=(_sorted_twice,),
        example="""
order = torch.tensor([2, 5, 3]).argsort(descending=True)
print("sorted, the rows hold the sequences", order.tolist(), " sorted once more", order[order].tolist())
""",
    ),
    Mistake(
        id="lengths-on-gpu",
        title="Lengths on the GPU",
        symptom="The lengths are read by the CPU, wherever the batch is.",
        question="Which of the two tensors has to be on the GPU at all?",
        see=LENGTHS,
        raises=r"'lengths' argument should be a 1D CPU int64 tensor, but got \dD (?!cpu)",
        silent=False,
        example="""
batch, lengths = torch.randn(3, 5, 1, device="cuda"), torch.tensor([3, 5, 2], device="cuda")
pack_padded_sequence(batch, lengths, batch_first=True, enforce_sorted=False)
""",
    ),
    Mistake(
        id="pack-without-batch-first",
        title="Packed along the wrong axis",
        symptom="Packing took the steps for the sequences.",
        question="Which axis of your batch counts the sequences, and which one does packing take for it?",
        see=("05_padding_and_packing", "Packing"),
        simulations=(_packed_time_first,),
        raises=r"Expected `len\(lengths\)` to be equal to batch_size|start \(\d+\) \+ length \(\d+\) exceeds",
        example=EXAMPLE
        + """short = torch.tensor([3, 2, 1])  # no longer than the 3 sequences are many
print("packed without a word:", len(pack_padded_sequence(batch, short, enforce_sorted=False).data), "steps")
pack_padded_sequence(batch, short)
""",
    ),
    Mistake(
        id="length-past-the-end",
        title="A length beyond the last step",
        symptom="A length is larger than the number of steps in the batch, and packing itself doesn't notice.",
        question="How do the largest length and the size of the time axis compare?",
        see=LENGTHS,
        raises=r"start \(\d+\) \+ length \(\d+\) exceeds dimension size",
        silent=False,
        example=EXAMPLE
        + """packed = pack_padded_sequence(batch, torch.tensor([3, 6, 2]), batch_first=True, enforce_sorted=False)
print("packed without a word")
layer(packed)
""",
    ),
    Mistake(
        id="zero-length",
        title="A sequence without a step",
        symptom="One of the lengths is zero, so there is nothing to read.",
        question="Where does an empty sequence come from, and what should happen to it?",
        see=LENGTHS,
        raises=r"Length of all samples has to be greater than 0",
        silent=False,
        example=EXAMPLE
        + """pack_padded_sequence(batch, torch.tensor([3, 5, 0]), batch_first=True, enforce_sorted=False)
""",
    ),
    Mistake(
        id="unpacked-time-first",
        title="Unpacked into the other layout",
        symptom="The first axis of the unpacked output counts steps.",
        question="Which layout does unpacking return by default?",
        see=UNPACKED,
        simulations=(
            lambda layer, batch, lengths: _unpacked_time_first(layer, batch, lengths),
            lambda layer, batch, lengths: _unpacked_time_first(layer, batch, lengths, total_length=batch.shape[1]),
        ),
        example=EXAMPLE
        + """packed = pack_padded_sequence(batch, lengths, batch_first=True, enforce_sorted=False)
print(tuple(pad_packed_sequence(layer(packed)[0])[0].shape), "for 3 sequences")
""",
    ),
    Mistake(
        id="output-shorter-than-targets",
        title="Unpacked to fewer steps than the targets have",
        symptom="The time axis is as long as the longest sequence of this batch, not as long as the targets.",
        question="How long is the time axis of the targets, and how would unpacking know?",
        see=UNPACKED,
        simulations=(lambda layer, batch, lengths: _unpacked(layer, batch, lengths),),
        raises=r"Expected input batch_size \(\d+\) to match target batch_size \(\d+\)",
        example="""
layer, batch, lengths = nn.RNN(1, 4, batch_first=True), torch.randn(3, 5, 1), torch.tensor([3, 4, 2])
packed = pack_padded_sequence(batch, lengths, batch_first=True, enforce_sorted=False)
logits, _ = pad_packed_sequence(layer(packed)[0], batch_first=True)
F.cross_entropy(logits.flatten(0, 1), torch.zeros(15, dtype=torch.long))
""",
    ),
    Mistake(
        id="left-padding-packed",
        title="Left padding, packed as if it were on the right",
        symptom="Packing keeps the first steps of each row, and here these are padding.",
        question="On which side is the padding, and which steps does packing keep?",
        see=("05_padding_and_packing", "Padding"),
        simulations=(_left_padded,),
        example="""
sequences = [torch.ones(2, 1), torch.ones(4, 1)]
batch = pad_sequence(sequences, batch_first=True, padding_side="left")
packed = pack_padded_sequence(batch, torch.tensor([2, 4]), batch_first=True, enforce_sorted=False)
print("zeros among the packed numbers:", int((packed.data == 0).sum()))
""",
    ),
    Mistake(
        id="start-in-padding",
        title="A walk that starts in the padding",
        symptom="The state is read at the right step, but the walk to it started in the padding.",
        question="What is in the state of an ordinary layer when it reaches the first valid step?",
        see=READS,
        simulations=(_left_padded_unpacked,),
        example="""
layer, sequence = nn.RNN(1, 3, batch_first=True), torch.randn(1, 2, 1)
in_front = torch.cat([torch.zeros(1, 3, 1), sequence], dim=1)
print("equal to the sequence alone:", torch.allclose(layer(in_front)[1], layer(sequence)[1]))
""",
    ),
    Mistake(
        id="packed-by-rows",
        title="Packed data read sequence by sequence",
        symptom="These are whole sequences, one after the other.",
        question="Which numbers does the layer need at its first step, and where are they?",
        see=("05_padding_and_packing", "Packing"),
        simulations=(
            lambda sequences: torch.cat(sequences).flatten(),
            lambda sequences: torch.cat(sorted(sequences, key=len, reverse=True)).flatten(),
        ),
        example="""
sequences = [torch.tensor([1.0, 2.0]), torch.tensor([10.0, 20.0, 30.0])]
print("one behind the other:", torch.cat(sequences).tolist())
print("packed:", pack_sequence(sequences, enforce_sorted=False).data.tolist())
""",
    ),
    Mistake(
        id="packed-in-given-order",
        title="Columns in the order of the batch",
        symptom="In each column the sequences are in the order in which you passed them.",
        question="Which sequence is in the top row of the staircase?",
        see=("05_padding_and_packing", "Packing"),
        simulations=(_columns_as_given,),
        example="""
sequences = [torch.tensor([1.0, 2.0]), torch.tensor([10.0, 20.0, 30.0])]
first = pack_sequence(sequences, enforce_sorted=False).data[:2].tolist()
print("first column, as given:", [one[0].item() for one in sequences], " packed:", first)
""",
    ),
    Mistake(
        id="backward-from-padding",
        title="A backward walk that starts in the padding",
        symptom="The backward half read padding before it reached the valid steps.",
        question="Where does the backward walk over a shorter sequence start, and how does the layer know its end?",
        see=READS,
        simulations=(_backward_from_padding, _backward_through_padding, _backward_through_padding_masked),
        example="""
layer, sequence = nn.RNN(1, 3, batch_first=True, bidirectional=True), torch.randn(1, 2, 1)
padded = torch.cat([sequence, torch.zeros(1, 3, 1)], dim=1)
ends = layer(padded)[0][0, 1, :3], layer(padded)[0][0, 0, 3:]
print("equal to the sequence alone:", [torch.allclose(a, b[0]) for a, b in zip(ends, layer(sequence)[1])])
""",
    ),
    Mistake(
        id="mean-over-padding",
        title="A mean that counts the padding",
        symptom="The mean of a shorter sequence includes its padding.",
        question="By how many steps do you divide the sum of each sequence?",
        see=("06_reading_the_right_step", "Pooling under a mask"),
        simulations=(
            behaves("reads_padding"),
            lambda layer, batch, lengths: layer(batch)[0].mean(dim=1),
            lambda layer, batch, lengths: _unpacked(layer, batch, lengths).mean(dim=1),
            lambda layer, batch, lengths: _unpacked(layer, batch, lengths, total_length=batch.shape[1]).mean(dim=1),
        ),
        example="""
steps, length = torch.tensor([4.0, 2.0, 0.0, 0.0]), 2
print("with padding", steps.mean().item(), " without", steps[:length].mean().item())
""",
    ),
)

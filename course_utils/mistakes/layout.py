"""Mistakes with the order of the axes: lesson 04."""

from __future__ import annotations

from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from .mistake import Mistake, behaves, reads

HIDDEN_SIZE = r"Expected hidden size \((\d+), (\d+), (\d+)\), got "


def _unswapped(layer, batch):
    """Batch-first data fed to a layer that is not."""
    if layer.batch_first:
        raise ValueError("this layer takes the data as it is")
    return layer(batch)[0]


def _unswapped_unequal(layer, batch):
    if len(batch) == batch.shape[1]:
        raise ValueError("batch and time are equal")
    return _unswapped(layer, batch)


def _unswapped_equal(layer, batch):
    if len(batch) != batch.shape[1]:
        raise ValueError("batch and time differ")
    return _unswapped(layer, batch)


def _other_layout(layer, sequence):
    """One sequence fed as if its steps were samples: (time, features) -> (time, hidden)."""
    return layer(sequence.unsqueeze(1 if layer.batch_first else 0))[0].flatten(0, 1)


def _one_long_sequence(layer, batch, sample):
    """Read the samples one after the other, so that the first one's whole sum flows into the second."""
    return layer(batch[: sample + 1].flatten(0, 1))[0][-batch.shape[1] :].flatten().tolist()


def _not_swapped_back(layer, batch):
    if layer.batch_first:
        raise ValueError("nothing to swap for this layer")
    return layer(batch.transpose(0, 1))[0]


def _reshaped(batch):
    batches, time, *features = batch.shape
    if batches == time:
        raise ValueError("reshaping to equal sizes changes nothing")
    return batch.reshape(time, batches, *features)


def _reshaped_in_and_out(layer, batch):
    return layer(_reshaped(batch))[0].reshape(*batch.shape[:2], -1)


def _reshaped_in(layer, batch):
    return layer(_reshaped(batch))[0].transpose(0, 1)


def _reshaped_out(layer, batch):
    return layer(batch.transpose(0, 1))[0].reshape(*batch.shape[:2], -1)


def _states_reshaped(layer, batch):
    """Put the states of each sample side by side, by a view of (states, batch, hidden) as (batch, states*hidden)."""
    h_n = layer(batch)[1]
    if min(h_n.shape[:2]) == 1:
        raise ValueError("right for one state, and for one sample")
    return h_n.reshape(h_n.shape[1], -1)


def _packed_both_ways(layer, batch, lengths):
    """Pack a padded batch; return the unpacked output and the states."""
    if not layer.bidirectional:
        raise ValueError("for both directions only")
    packed = pack_padded_sequence(batch, lengths, batch_first=True, enforce_sorted=False)
    output, h_n = layer(packed)
    return pad_packed_sequence(output, batch_first=True)[0], h_n


def _states_of_packed_reshaped(layer, batch, lengths):
    return _packed_both_ways(layer, batch, lengths)[1].reshape(len(batch), -1)


def _other_batch_first(settings):
    return {**settings, "batch_first": not settings.get("batch_first", False)}


LAYOUT: tuple[Mistake, ...] = (
    Mistake(
        id="samples-believed-apart",
        title="Samples assumed to be independent",
        symptom="This is what the sample would give on its own.",
        question="What has the layer read before it reaches this sample?",
        see=("04_batch_first", "The silent bug"),
        simulations=(lambda layer, batch, sample: layer(batch[sample][:, None])[0].flatten().tolist(),),
        example="""
layer, batch = nn.RNN(1, 1), torch.ones(2, 3, 1)  # two equal samples, time-first layer
print(torch.equal(layer(batch)[0][0], layer(batch)[0][1]))
""",
    ),
    Mistake(
        id="samples-read-in-a-row",
        title="Samples believed to be read one after the other",
        symptom="This is what the sample would give if the layer had read all of the sample before it first.",
        question="How many numbers of the other sample has the layer read before it reads this one?",
        see=("04_batch_first", "The silent bug"),
        simulations=(_one_long_sequence,),
        example="""
layer, batch = nn.RNN(1, 1), torch.ones(2, 3, 1)  # two equal samples, time-first layer
one_long = layer(batch.flatten(0, 1))[0]
print(torch.equal(layer(batch)[0][1], one_long[3:]))
""",
    ),
    Mistake(
        id="forgot-batch-first",
        title="The layer steps along the batch axis",
        symptom="This is what a layer returns that walks from sample to sample and takes the time steps for the batch.",
        question="Which axis of the input does this layer step along, and which one do you want it to step along?",
        see=("04_batch_first", "The silent bug"),
        simulations=(
            reads("states batch hidden", "states time hidden"),
            _other_batch_first,
            _unswapped_unequal,
            _other_layout,
            behaves("samples_mix"),
        ),
        raises=HIDDEN_SIZE + r"\[\1, (?!\2\b)\d+, \3\]",
        example="""
output, h_n = nn.RNN(5, 3)(torch.randn(4, 7, 5))  # meant: 4 samples of 7 steps
print(tuple(output.shape), tuple(h_n.shape))
""",
    ),
    Mistake(
        id="equal-sizes-hide-layout",
        title="Samples mixed, and equal sizes hide it",
        symptom="Batch and time have the same size here, so every shape looks right while the samples are mixed.",
        question="Which sizes would have shown you the problem, and what can you change to see it here?",
        see=("04_batch_first", "When batch equals time"),
        simulations=(_unswapped_equal,),
        example="""
batch = torch.randn(6, 6, 5)  # 6 samples of 6 steps
right, wrong = nn.RNN(5, 3, batch_first=True), nn.RNN(5, 3)
print(right(batch)[0].shape == wrong(batch)[0].shape, right(batch)[1].shape == wrong(batch)[1].shape)
""",
    ),
    Mistake(
        id="reshape-to-swap",
        title="Axes swapped by reshaping",
        symptom="The shape is right, yet the numbers of different samples have been mixed.",
        question="If you change one sample of the input, which samples of your result move?",
        see=("04_batch_first", "Swapping two axes"),
        simulations=(
            _reshaped,
            _reshaped_in_and_out,
            _reshaped_in,
            _reshaped_out,
            _states_reshaped,
            _states_of_packed_reshaped,
            behaves("samples_mix"),
        ),
        example="""
batch = torch.tensor([[[1], [2], [3]], [[10], [20], [30]]])
print(batch.reshape(3, 2, 1)[0].flatten().tolist(), "is meant to be step 0 of both samples")
""",
    ),
    Mistake(
        id="time-first",
        title="Time-first where batch-first was asked for",
        symptom="The first axis counts steps and the second one samples.",
        question="What is the layout of this layer's input, and what will the layout of its output be?",
        see=("04_batch_first", "Two layouts"),
        simulations=(reads("batch time hidden", "time batch hidden"), _not_swapped_back),
        example="""
steps = torch.randn(7, 4, 5)  # (time, batch, feature)
print(tuple(nn.RNN(5, 3)(steps)[0].shape), "where (batch, time, hidden) = (4, 7, 3) was asked for")
""",
    ),
    Mistake(
        id="state-batch-first",
        title="The state is taken for batch-first",
        symptom="This takes the first axis of the state for the batch.",
        question="What does the first axis of a state count?",
        see=("02_shapes", "The layer"),
        simulations=(
            reads("states batch hidden", "batch states hidden"),
            reads("layers*directions batch hidden", "batch layers*directions hidden"),
            reads("layers directions batch hidden", "batch layers directions hidden"),
            lambda layer, batch: layer(batch)[1][:, -1],
        ),
        example="""
output, h_n = nn.RNN(5, 3, batch_first=True)(torch.randn(4, 7, 5))
print(tuple(h_n[:, -1].shape), "is one sample's state, not the last state of four samples")
""",
    ),
)

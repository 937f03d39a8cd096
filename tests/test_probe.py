"""The probes see exactly the influence that is there, by change and by gradient."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from course_utils import probe

either = pytest.mark.parametrize("by", ["change", "gradient"])
LENGTHS = torch.tensor([5, 2, 3])


def layer(**settings) -> nn.RNN:
    return nn.RNN(5, 3, **({"batch_first": True} | settings))


def packed(model: nn.RNN):
    """Reads a padded batch by packing: the valid steps and nothing else."""

    def run(batch, lengths):
        steps = pack_padded_sequence(batch, lengths, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(model(steps)[0], batch_first=True, total_length=batch.shape[1])[0]

    return run


@either
def test_a_batch_first_layer_moves_the_diagonal_only(by):
    moved = probe.influence(layer(), torch.randn(6, 4, 5), by)
    assert (moved > 0).equal(torch.eye(6, dtype=torch.bool))


@either
def test_a_time_first_layer_moves_all_later_samples(by):
    moved = probe.influence(layer(batch_first=False), torch.randn(6, 4, 5), by)
    assert (moved > 0).equal(torch.ones(6, 6).triu().bool())


@either
@pytest.mark.parametrize("time", [3, 6])
def test_samples_mix_tells_right_from_wrong_at_equal_sizes_too(time, by):
    batch = torch.randn(6, time, 5)
    assert probe.samples_mix(layer(batch_first=False), batch, by) is True
    assert probe.samples_mix(layer(), batch, by) is False
    assert probe.samples_mix(lambda x: x - x.mean(0), batch, by) is True


@either
def test_one_direction_sees_the_past_and_two_see_everything(by):
    batch = torch.randn(3, 6, 5)
    assert (probe.influence_over_time(layer(), batch, by) > 0).equal(torch.ones(6, 6).triu().bool())
    assert (probe.influence_over_time(layer(bidirectional=True), batch, by) > 0).all()
    assert probe.sees_future(layer(), batch, by) is False
    assert probe.sees_future(layer(bidirectional=True), batch, by) is True
    assert probe.sees_future(lambda x: x.roll(-1, 1), batch, by) is True
    assert probe.sees_future(lambda x: nn.functional.pad(x, (0, 0, 1, 0))[:, :-1], batch, by) is False


@either
def test_padding_is_read_where_it_is_not_packed(by):
    batch = torch.randn(3, 5, 5)
    both = layer(bidirectional=True)
    assert probe.reads_padding(packed(both), batch, LENGTHS, by) is False
    assert probe.reads_padding(lambda x, lengths: both(x), batch, LENGTHS, by) is True
    # one direction, every step: padding comes after what counts
    one = layer()
    assert probe.reads_padding(lambda x, lengths: one(x), batch, LENGTHS, by) is False


@either
@pytest.mark.parametrize(
    ("summary", "reads"),
    [
        (lambda output, lengths: output[:, -1], True),
        (lambda output, lengths: output.mean(1), True),
        (lambda output, lengths: output[torch.arange(3), lengths - 1], False),
    ],
)
def test_padding_is_seen_in_a_summary_of_each_sample(summary, reads, by):
    model = layer()
    found = probe.reads_padding(lambda x, lengths: summary(model(x)[0], lengths), torch.randn(3, 5, 5), LENGTHS, by)
    assert found is reads


@either
def test_positions_that_are_read_are_the_valid_ones(by):
    model = layer()
    moved = probe.influence_of_positions(
        lambda x, lengths: model(x)[0][torch.arange(3), lengths - 1], torch.randn(3, 5, 5), LENGTHS, by
    )
    assert (moved > 0).equal(torch.arange(5) < LENGTHS[:, None])


def test_a_model_that_answers_by_chance_is_found_and_not_probed():
    batch = torch.randn(4, 3, 5)
    stack = layer(num_layers=2, dropout=0.5)
    assert probe.repeats(stack, batch) is False
    with pytest.raises(ValueError, match=r"another output each time; is dropout on\? Call its eval\(\) first"):
        probe.samples_mix(stack, batch)
    assert probe.repeats(stack.eval(), batch) is True
    assert probe.samples_mix(stack, batch) is False


@either
def test_the_input_is_left_as_it_was(by):
    batch = torch.randn(3, 2, 1)
    before = batch.clone()
    probe.influence(lambda x: x, batch, by)
    assert batch.equal(before)
    assert not batch.requires_grad


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda x: x.sum(0), "axis 0 must be batch"),
        (lambda x: x[:, 0], "axis 0 must be batch, axis 1 time"),
        (lambda x: "x", "a value of type str, not a tensor"),
        (lambda x: x / 0, "an output that is not finite and real"),
    ],
)
def test_what_cannot_be_probed_is_refused_with_the_reason(model, words):
    with pytest.raises(ValueError, match=words):
        probe.influence_over_time(model, torch.randn(3, 2, 1))


def test_a_model_that_autograd_cannot_follow_is_probed_by_change():
    batch = torch.randn(3, 2, 1)
    with pytest.raises(ValueError, match='probe it with by="change"'):
        probe.influence(lambda x: x.detach(), batch, "gradient")
    assert probe.samples_mix(lambda x: x.detach(), batch) is False


def test_every_yes_or_no_probe_can_be_put_into_words():
    assert set(probe.FINDINGS) == {"samples_mix", "sees_future", "reads_padding", "repeats"}
    assert all(hasattr(probe, name) and len(words) == 2 for name, words in probe.FINDINGS.items())

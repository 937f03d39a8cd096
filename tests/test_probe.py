"""The probe sees exactly the influence that is there."""

import pytest
import torch
from torch import nn

from course_utils import probe


def test_a_batch_first_layer_moves_the_diagonal_only():
    moved = probe.influence(nn.RNN(5, 3, batch_first=True), torch.randn(6, 4, 5))
    assert (moved > 0).equal(torch.eye(6, dtype=torch.bool))


def test_a_time_first_layer_moves_all_later_samples():
    moved = probe.influence(nn.RNN(5, 3), torch.randn(6, 4, 5))
    assert (moved > 0).equal(torch.ones(6, 6).triu().bool())


@pytest.mark.parametrize("time", [3, 6])
def test_samples_mix_tells_right_from_wrong_at_equal_sizes_too(time):
    batch = torch.randn(6, time, 5)
    assert probe.samples_mix(nn.RNN(5, 3), batch) is True
    assert probe.samples_mix(nn.RNN(5, 3, batch_first=True), batch) is False
    assert probe.samples_mix(lambda x: x - x.mean(0), batch) is True


def test_the_input_is_left_as_it_was():
    batch = torch.randn(3, 2, 1)
    before = batch.clone()
    probe.influence(lambda x: x, batch)
    assert batch.equal(before)


def test_an_output_without_the_batch_axis_is_refused():
    with pytest.raises(ValueError, match="axis 0 must be batch"):
        probe.influence(lambda x: x.sum(0), torch.randn(3, 2, 1))

"""Sizes that cannot be mistaken for each other, and numbers that can be followed by eye."""

import pytest
import torch

from course_utils import toy


@pytest.mark.parametrize("seed", range(200))
def test_no_two_sizes_and_no_product_are_equal(seed):
    s = toy.sizes(seed)
    lengths = [*s, s.layers * s.directions, s.directions * s.hidden]
    assert len(set(lengths)) == len(lengths)


def test_sizes_are_fresh_without_a_seed_and_repeat_with_one():
    assert len({toy.sizes() for _ in range(30)}) > 10
    assert toy.sizes(7) == toy.sizes(7)


def test_every_labelled_number_says_where_it_stands():
    batch = toy.labelled(4, 7, 5)
    for sample, step, feature in [(0, 0, 0), (2, 1, 3), (3, 6, 4)]:
        assert batch[sample, step, feature] == 100 * sample + 10 * step + feature
    assert batch.dtype == torch.float32


def test_labels_with_more_than_one_digit_are_refused():
    with pytest.raises(ValueError, match="at most 10"):
        toy.labelled(time=11)


@pytest.mark.parametrize("batch_first", [True, False])
def test_the_adding_layer_adds_in_both_directions(batch_first):
    layer = toy.adding_layer(batch_first=batch_first, bidirectional=True)
    numbers = torch.tensor([[[1.0], [2.0], [3.0]], [[10.0], [20.0], [30.0]]])
    output, h_n = layer(numbers if batch_first else numbers.transpose(0, 1))
    output = output if batch_first else output.transpose(0, 1)
    assert output[0].tolist() == [[1, 600], [3, 500], [6, 300]]
    assert output[1].tolist() == [[10, 6000], [30, 5000], [60, 3000]]
    assert h_n[:, :, 0].tolist() == [[6, 60], [600, 6000]]

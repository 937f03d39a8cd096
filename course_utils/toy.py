"""Small inputs whose numbers can be followed by eye, and sizes that cannot be mistaken for each other."""

from __future__ import annotations

import random
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Sizes(NamedTuple):
    """Sizes of one exercise; no two are equal, and no product of two is equal to a third."""

    batch: int
    time: int
    features: int
    hidden: int
    layers: int
    directions: int


def sizes(seed: int | None = None) -> Sizes:
    """Draw sizes from 2 to 13, afresh at each call or the same for the same seed; directions is always 2.

    Without a seed they come from Python's own `random`, which a grader can seed to repeat a test.
    """
    draw = random if seed is None else random.Random(seed)
    while True:
        batch, time, features, hidden = draw.sample(range(3, 14), 4)
        drawn = Sizes(batch, time, features, hidden, layers=draw.randint(3, 4), directions=2)
        products = (drawn.layers * drawn.directions, drawn.directions * drawn.hidden)
        if len({*drawn, *products}) == len(drawn) + len(products):
            return drawn


def labelled(batch: int = 4, time: int = 7, features: int = 5) -> Tensor:
    """Make a (batch, time, features) tensor whose numbers say where they are: 213 is sample 2, step 1, feature 3.

    Raises ValueError above ten a axis, where the digits would run into each other.
    """
    if max(batch, time, features) > 10:
        raise ValueError(f"toy.labelled: at most 10 an axis, not {(batch, time, features)}.")
    sample, step, feature = torch.arange(batch), torch.arange(time), torch.arange(features)
    return (100.0 * sample[:, None, None] + 10 * step[:, None] + feature).float()


def adding_layer(**settings: bool) -> nn.RNN:
    """Make an nn.RNN of one feature and one hidden unit that adds up what it reads.

    Every weight is 1, every bias 0 and the nonlinearity relu, so for inputs >= 0 the output at a
    step is the sum of all inputs that the layer has read so far. A backward direction adds up
    hundreds of them, so that its numbers cannot be taken for those of the forward direction.

    Parameters
    ----------
    settings : batch_first and bidirectional, as for nn.RNN.
    """
    layer = nn.RNN(1, 1, nonlinearity="relu", **settings).requires_grad_(False)
    for name, weight in layer.named_parameters():
        weight.fill_(0.0 if name.startswith("bias") else 100.0 if name == "weight_ih_l0_reverse" else 1.0)
    return layer

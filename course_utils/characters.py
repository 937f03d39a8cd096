"""Names as characters: what the language model of lesson 09 reads and what it must predict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from . import datasets

PADDING, MARK = 0, 1  # indices; the mark is read before the first character and predicted after the last one
SYMBOLS = "_. '-abcdefghijklmnopqrstuvwxyz"
HELD_OUT = 2000


def names() -> tuple[list[str], list[str]]:
    """Split the surnames, in small letters and always in the same random order: 8187 to train on, 2000 held out."""
    everything = datasets.surnames().names
    order = torch.randperm(len(everything), generator=torch.Generator().manual_seed(0)).tolist()
    shuffled = [everything[row].lower() for row in order]
    return shuffled[HELD_OUT:], shuffled[:HELD_OUT]


def indices(text: str) -> Tensor:
    """(time,) int64: the index of each character in SYMBOLS."""
    return torch.tensor([SYMBOLS.index(character) for character in text])


def text(numbers: Iterable[int] | Tensor) -> str:
    """Return the characters of these indices."""
    return "".join(SYMBOLS[number] for number in numbers)


def pairs(some_names: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Make inputs ".ada" and targets "ada." of each name, right-padded with 0: two (batch, time) int64 tensors."""
    inputs = pad_sequence([indices("." + name) for name in some_names], batch_first=True)
    targets = pad_sequence([indices(name + ".") for name in some_names], batch_first=True)
    return inputs, targets

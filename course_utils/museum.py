"""What the exhibits of lesson 17 share: the data, a small model, its training, and an alarm of four probes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from . import datasets, probe, training

HIDDEN = 32
STEPS = 7  # the shortest utterance has as many
MONTHS = 24

Loss = Callable[[Tensor, Tensor], Tensor]


class Voices(NamedTuple):
    """Utterances of seven steps, with their speakers."""

    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor


class Sea(NamedTuple):
    """Windows of 25 months."""

    train: Tensor
    test: Tensor
    degrees: float


class Reader(nn.Module):
    """A recurrent layer with a linear head on its output at every step."""

    def __init__(self, layer: nn.RNN, answers: int):
        super().__init__()
        self.layer = layer
        self.head = nn.Linear(layer.hidden_size * (1 + layer.bidirectional), answers)

    def forward(self, batch: Tensor) -> Tensor:
        """Answer at every step."""
        answers: Tensor = self.head(self.layer(batch)[0])
        return answers


class Stack(nn.Module):
    """Layers one above the other, and a linear head on the last step."""

    def __init__(self, layers: Sequence[nn.RNN], answers: int = 9):
        super().__init__()
        self.layers = layers
        self.head = nn.Linear(HIDDEN, answers)

    def forward(self, batch: Tensor) -> Tensor:
        """Answer at the last step."""
        for layer in self.layers:
            batch, _ = layer(batch)
        answers: Tensor = self.head(batch[:, -1])
        return answers


@functools.cache
def voices() -> Voices:
    """Cut the utterances of Japanese Vowels to seven steps, (utterance, time=7, feature=12), with the speakers."""
    data = datasets.vowels()
    train, test = (torch.stack([frames[:STEPS] for frames in part]) for part in (data.train, data.test))
    return Voices(train, data.train_labels, test, data.test_labels)


@functools.cache
def sea() -> Sea:
    """Cut the temperature of the sea into windows of 25 months, (window, time=25, feature=1), scaled by the train part.

    `degrees` is one unit of the scaled data, in degrees Celsius.
    """
    values = datasets.el_nino().values
    known, later = values[:585], values[585:]
    mean, spread = known.mean(), known.std()
    train, test = (((part - mean) / spread).unfold(0, MONTHS + 1, 1)[..., None] for part in (known, later))
    return Sea(train, test, spread.item())


@functools.cache
def tags() -> tuple[Tensor, list[str]]:
    """Return the tags of 1470 addresses as numbers, (address, time=17), 0 for padding; and the name of each number."""
    rows = [row for _, row in datasets.addresses()]
    names = ["padding", *sorted({tag for row in rows for tag in row})]
    return pad_sequence([torch.tensor([*map(names.index, row)]) for row in rows], batch_first=True), names


def train(model: nn.Module, loss: Loss, batch: Tensor, targets: Tensor, epochs: int = 20) -> list[float]:
    """Train with Adam and return the loss of each epoch; see `training.fit`."""
    return training.fit(model, lambda rows: loss(model(batch[rows]), targets[rows]), len(batch), epochs=epochs)


@torch.no_grad()
def accuracy(model: nn.Module) -> float:
    """Share of the test utterances whose speaker the model names; of answers at every step, the last one counts."""
    output = model(voices().test)
    answers = output[:, -1] if output.dim() == 3 else output
    return (answers.argmax(1) == voices().test_labels).float().mean().item()


def alarm(program: probe.Model, batch: Tensor, lengths: Tensor | None = None) -> str:
    """Ask the probes that can be asked, and return the name of the first that rings, or "none"."""

    def run(changed: Tensor) -> Tensor:
        result = program(changed) if lengths is None else program(changed, lengths)
        return result[0] if isinstance(result, tuple) else result

    if not probe.repeats(run, batch):
        return "repeats"
    if probe.samples_mix(run, batch):
        return "samples_mix"
    if run(batch).shape[:2] == batch.shape[:2] and probe.sees_future(run, batch):
        return "sees_future"
    if lengths is not None and probe.reads_padding(program, batch, lengths):
        return "reads_padding"
    return "none"

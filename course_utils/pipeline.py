"""Parts of the training script of lesson 16 that its exercises ask for, and a data set for its workers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

Z = 1.96
Pair = tuple[Tensor, Tensor]


def collate(pairs: Sequence[Pair]) -> tuple[Tensor, Tensor, Tensor]:
    """Pad the sequences of a batch.

    Parameters
    ----------
    pairs : of each sequence the frames (time, feature) and a label.

    Returns
    -------
    frames (batch, time, feature), lengths (batch,) and labels (batch,).
    """
    frames = [frames for frames, _ in pairs]
    lengths = torch.tensor([len(one) for one in frames])
    return pad_sequence(frames, batch_first=True), lengths, torch.stack([label for _, label in pairs])


def evaluate(model: nn.Module, loader: Iterable[tuple[Tensor, Tensor, Tensor]]) -> tuple[float, float]:
    """Return the mean loss and the accuracy over all sequences of the loader; the model is left in evaluation mode."""
    model.eval()
    device = next(model.parameters()).device
    loss, right, count = 0.0, 0, 0
    with torch.no_grad():
        for frames, lengths, labels in loader:
            frames, labels = frames.to(device), labels.to(device)
            logits = model(frames, lengths)
            loss += cross_entropy(logits, labels, reduction="sum").item()
            right += int((logits.argmax(1) == labels).sum())
            count += len(labels)
    return loss / count, right / count


def wilson(share: float, count: int) -> tuple[float, float]:
    """Return the 95% Wilson interval for a share of `count` cases, as lesson 10 computes it."""
    middle = share * count + Z**2 / 2
    half = Z * math.sqrt(share * (1 - share) * count + Z**2 / 4)
    return (middle - half) / (count + Z**2), (middle + half) / (count + Z**2)


class Noise(Dataset[float]):
    """Eight random numbers, as an augmentation would draw them: from torch, or from a generator of its own."""

    def __init__(self, own_generator: bool):
        self.own = np.random.default_rng(0) if own_generator else None

    def __len__(self) -> int:
        """Count the numbers."""
        return 8

    def __getitem__(self, index: int) -> float:
        """Draw a number."""
        return self.own.random() if self.own else torch.rand(()).item()

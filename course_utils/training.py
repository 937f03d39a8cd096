"""The training loop of lesson 06, for the lessons after it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


def fit(
    model: nn.Module,
    loss_of: Callable[[Tensor], Tensor],
    count: int,
    *,
    epochs: int,
    lr: float = 0.01,
    size: int = 32,
    clip: float = 1.0,
    after_epoch: Callable[[int], object] | None = None,
) -> list[float]:
    """Train with Adam on batches in random order; the gradient is clipped to the norm `clip`.

    Parameters
    ----------
    loss_of : takes the rows of a batch, an int64 tensor (size,), and returns the loss as a 0-d tensor.
    count : how many examples there are.
    after_epoch : is called with the number of each finished epoch, the model in evaluation mode.

    Returns
    -------
    The mean loss of each epoch. The model is left in evaluation mode. Seed torch before, to repeat a run.

    >>> fit(model, lambda rows: cross_entropy(model(x[rows]), y[rows]), len(x), epochs=10)
    """
    optimizer = torch.optim.Adam(model.parameters(), lr)
    means = []
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for rows in torch.randperm(count).split(size):
            loss = loss_of(rows)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            total += loss.item() * len(rows)
        means.append(total / count)
        model.eval()
        if after_epoch:
            after_epoch(epoch)
    return means

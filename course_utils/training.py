"""The training loop of lesson 07, for the lessons after it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


def fit(
    model: nn.Module,
    loss_of: Callable[[Tensor], Tensor],
    n_samples: int,
    *,
    epochs: int,
    lr: float = 0.01,
    batch_size: int = 32,
    max_grad_norm: float | None = None,
    after_epoch: Callable[[int], object] | None = None,
) -> list[float]:
    """Train with Adam on batches in random order.

    Parameters
    ----------
    loss_of : takes the rows of a batch, an int64 tensor (batch_size,), and returns the loss as a 0-d tensor.
    n_samples : how many examples there are.
    max_grad_norm : clip the gradient to this norm; without it nothing is clipped.
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
        for rows in torch.randperm(n_samples).split(batch_size):
            loss = loss_of(rows)
            optimizer.zero_grad()
            loss.backward()
            if max_grad_norm is not None:
                nn.utils.clip_grad_norm_(model.parameters(), max_grad_norm)
            optimizer.step()
            total += loss.item() * len(rows)
        means.append(total / n_samples)
        model.eval()
        if after_epoch:
            after_epoch(epoch)
    return means

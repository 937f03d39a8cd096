"""Probes: find out what a model reads by changing its input a little."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Model = Callable[[Tensor], "Tensor | tuple[Tensor, object]"]


@torch.no_grad()
def influence(model: Model, batch: Tensor) -> Tensor:
    """Change one sample at a time and measure how far each sample of the output moves.

    Parameters
    ----------
    model : takes a batch-first tensor; returns one, or a tuple that starts with one, as nn.RNN does.
    batch : (batch, ...)

    Returns
    -------
    (batch, batch) tensor; row i, column j is the largest change in output j when sample i changed.
    A model that keeps its samples apart moves nothing off the diagonal.
    """
    noise = torch.randn(batch.shape, generator=torch.Generator().manual_seed(0)).to(batch)
    before = _output(model, batch)
    moved = torch.empty(len(batch), len(batch))
    for sample in range(len(batch)):
        changed = batch.clone()
        changed[sample] += noise[sample]
        moved[sample] = (_output(model, changed) - before).abs().flatten(1).amax(1)
    return moved


def samples_mix(model: Model, batch: Tensor) -> bool:
    """Whether changing one sample of the input moves the output of another one."""
    moved = influence(model, batch)
    return bool((moved - moved.diag().diag()).any())


def _output(model: Model, batch: Tensor) -> Tensor:
    result = model(batch)
    output = result[0] if isinstance(result, tuple) else result
    if output.dim() < 1 or len(output) != len(batch):
        raise ValueError(f"probe: the model made {tuple(output.shape)} of {tuple(batch.shape)}: axis 0 must be batch.")
    return output

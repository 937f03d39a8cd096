"""Probes: find out what a model reads, by changing its input a little or by its gradient.

A model here is anything that can be called with a batch-first tensor and returns one, or a tuple that starts
with one, as nn.RNN does. `by="change"` works for every model; `by="gradient"` needs one that autograd can follow.

    >>> probe.samples_mix(layer, batch), probe.sees_future(layer, batch)
    (False, False)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from .compare import has_numbers

Model = Callable[..., "Tensor | tuple[Tensor, object]"]

# What a probe that answers False or True says about the model, as the end of a sentence.
FINDINGS = {
    "samples_mix": ("keeps its samples apart", "lets samples flow into each other"),
    "sees_future": ("reads no later step", "reads steps that come later"),
    "reads_padding": ("reads no padding", "reads the padding"),
    "repeats": (
        "is not deterministic: the same input gives a different output each time",
        "answers the same input in the same way",
    ),
}


def influence(model: Model, batch: Tensor, by: str = "change") -> Tensor:
    """Change one sample at a time and measure how far each sample of the output moves.

    Parameters
    ----------
    batch : (batch, ...)

    Returns
    -------
    (batch, batch) tensor; row i, column j is the largest change in output j when sample i changed.
    A model that keeps its samples apart moves nothing off the diagonal.

    Raises
    ------
    ValueError : the first axis of the model's output is not the batch.
    """
    return _influence(model, batch, 0, by)


def influence_over_time(model: Model, batch: Tensor, by: str = "change") -> Tensor:
    """Change one step at a time and measure how far each step of the output moves.

    Parameters
    ----------
    batch : (batch, time, features); the model's output is (batch, time, ...).

    Returns
    -------
    (time, time) tensor; row i, column j is the largest change in output step j when input step i changed.
    A model that reads from the past alone moves nothing below the diagonal.
    """
    return _influence(model, batch, 1, by)


def influence_of_positions(model: Model, batch: Tensor, lengths: Tensor, by: str = "change") -> Tensor:
    """Change each step of each sample and measure how far anything moves that counts.

    Parameters
    ----------
    model : is called with `batch` and `lengths`.
    batch : (batch, time, features), padded behind.   lengths : (batch,) valid steps.

    Returns
    -------
    (batch, time) tensor of the largest change in the output. Where the output has a time axis of the same
    size as the batch's, its steps within the padding do not count.
    """
    moved = torch.zeros(batch.shape[:2])
    counts = _valid(_output(model(batch, lengths), batch), batch, lengths)

    def run(changed: Tensor) -> Tensor:
        output = _output(model(changed, lengths), batch)
        return output[counts] if counts.dim() == 2 else output

    if by == "gradient":
        inputs = batch.detach().clone().requires_grad_()
        slopes = [torch.autograd.grad(part, inputs, retain_graph=True)[0].abs() for part in _mixtures(run(inputs))]
        return torch.stack(slopes).amax(0).flatten(2).amax(2)
    with torch.no_grad():
        before = run(batch)
        _refuse_chance(before, run(batch))
        for sample, step in torch.cartesian_prod(*map(torch.arange, batch.shape[:2])).tolist():
            moved[sample, step] = (run(_changed(batch, (sample, step))) - before).abs().amax()
    return moved


def samples_mix(model: Model, batch: Tensor, by: str = "change") -> bool:
    """Whether changing one sample of the input moves the output of another one."""
    moved = influence(model, batch, by)
    return bool((moved - moved.diag().diag()).any())


def sees_future(model: Model, batch: Tensor, by: str = "change") -> bool:
    """Whether changing a step of the input moves the output of an earlier step."""
    return bool(influence_over_time(model, batch, by).tril(-1).any())


def reads_padding(model: Model, batch: Tensor, lengths: Tensor, by: str = "change") -> bool:
    """Whether changing the padding of the input moves anything that counts; see `influence_of_positions`."""
    padding = torch.arange(batch.shape[1]) >= lengths[:, None]
    return bool(influence_of_positions(model, batch, lengths, by)[padding].any())


@torch.no_grad()
def repeats(model: Model, batch: Tensor) -> bool:
    """Whether the model gives the same output when it is given the same input again."""
    return torch.equal(_output(model(batch), batch), _output(model(batch), batch))


def _influence(model: Model, batch: Tensor, axis: int, by: str) -> Tensor:
    """(size, size) along `axis`: row = what was changed in the input, column = what moved in the output."""
    if by == "gradient":
        inputs = batch.detach().clone().requires_grad_()
        output = _output(model(inputs), batch, axis)
        columns = []
        for part in output.unbind(axis):
            slopes = [torch.autograd.grad(mix, inputs, retain_graph=True)[0].abs() for mix in _mixtures(part)]
            columns.append(_largest(torch.stack(slopes).amax(0), axis))
        return torch.stack(columns, dim=1)
    rows = []
    with torch.no_grad():
        before = _output(model(batch), batch, axis)
        _refuse_chance(before, _output(model(batch), batch, axis))
        for index in range(batch.shape[axis]):
            changed = _changed(batch, (slice(None),) * axis + (index,))
            rows.append(_largest((_output(model(changed), batch, axis) - before).abs(), axis))
    return torch.stack(rows)


def _refuse_chance(first: Tensor, second: Tensor) -> None:
    if not torch.equal(first, second):
        raise ValueError("probe: the model gives another output each time; is dropout on? Call its eval() first.")


def _mixtures(output: Tensor) -> Iterator[Tensor]:
    """Two random weighings of the output, so that its parts cannot cancel out in both."""
    if not output.requires_grad:
        raise ValueError('probe: autograd cannot follow this model; probe it with by="change".')
    generator = torch.Generator().manual_seed(0)
    for _ in range(2):
        yield (output * torch.randn(output.shape, generator=generator).to(output)).sum()


def _changed(batch: Tensor, where: tuple[Any, ...]) -> Tensor:
    noise = torch.randn(batch.shape, generator=torch.Generator().manual_seed(0)).to(batch)
    changed = batch.clone()
    changed[where] += noise[where]
    return changed


def _largest(distance: Tensor, axis: int) -> Tensor:
    return distance.movedim(axis, 0).flatten(1).amax(1)


def _output(result: Any, batch: Tensor, axis: int = 0) -> Tensor:
    output = result[0] if isinstance(result, tuple | list) else result
    if not isinstance(output, Tensor):
        raise ValueError(f"probe: the model made a value of type {type(output).__name__}, not a tensor.")
    if output.dim() <= axis or output.shape[: axis + 1] != batch.shape[: axis + 1]:
        wanted = "axis 0 must be batch" + (", axis 1 time" if axis else "")
        raise ValueError(f"probe: the model made {tuple(output.shape)} of {tuple(batch.shape)}: {wanted}.")
    if not has_numbers(output) or output.is_complex() or output.numel() == 0 or not output.isfinite().all():
        raise ValueError("probe: the model made an output that is not finite and real.")
    return output if output.is_floating_point() else output.float()


def _valid(output: Tensor, batch: Tensor, lengths: Tensor) -> Tensor:
    """(batch, time) of the outputs that count, or (batch,) where the output has no time axis."""
    if output.dim() > 2 and output.shape[1] == batch.shape[1]:
        return torch.arange(batch.shape[1]) < lengths[:, None]
    return torch.ones(len(batch), dtype=torch.bool)

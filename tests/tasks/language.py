"""Lesson 09: targets, perplexity, and a state that must not be carried."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from .task import Task, closely, drawn, exactly, number
from .training import with_mask


def one_stream(seed: int) -> dict[str, Any]:
    return {"stream": torch.randperm(20, generator=torch.Generator().manual_seed(seed))[:7]}


NEXT = Task(
    "the targets of a language model",
    one_stream,
    exactly(lambda stream: stream[1:]),
    right={
        "slice": lambda stream: stream[1:],
        "roll": lambda stream: stream.roll(-1)[:-1],
        "list": lambda stream: [stream[step + 1].item() for step in range(len(stream) - 1)],
    },
    wrong={"target-is-input": lambda stream: stream[:-1], "target-one-too-far": lambda stream: stream[2:]},
)


def step_losses(logits, targets):
    return F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")


def by_sequence(logits, targets, mask):
    return (step_losses(logits, targets) * mask).sum(1) / mask.sum(1)


def several_lengths(seed: int) -> dict[str, Any]:
    inputs = with_mask(seed)
    mask = inputs["mask"].clone()
    mask[0], mask[1] = True, torch.arange(mask.shape[1]) < 1  # sequences of one length would hide a mean of means
    return inputs | {"mask": mask}


PERPLEXITY = Task(
    "perplexity without the padding",
    several_lengths,
    number(
        "perplexity",
        lambda logits, targets, mask: F.cross_entropy(logits[mask], targets[mask]).exp(),
        low=1.0,
        high=float("inf"),
        tolerance=1e-3,  # perplexities may be in the hundreds, and float32 has seven digits
    ),
    right={
        "choose": lambda logits, targets, mask: F.cross_entropy(logits[mask], targets[mask]).exp(),
        "weigh": lambda logits, targets, mask: ((step_losses(logits, targets) * mask).sum() / mask.sum()).exp().item(),
        "ignore": lambda logits, targets, mask: F.cross_entropy(
            logits.transpose(1, 2), targets.masked_fill(~mask, -100)
        ).exp(),
    },
    wrong={
        "loss-for-perplexity": (
            lambda logits, targets, mask: F.cross_entropy(logits[mask], targets[mask]),
            lambda logits, targets, mask: 2 ** F.cross_entropy(logits[mask], targets[mask]),
        ),
        "loss-over-padding": lambda logits, targets, mask: step_losses(logits, targets).mean().exp(),
        "mean-of-sequence-means": lambda logits, targets, mask: by_sequence(logits, targets, mask).mean().exp(),
    },
)


def several_batches(seed: int) -> dict[str, Any]:
    s, _ = drawn(seed)
    layer = nn.RNN(s.features, s.hidden, batch_first=True).requires_grad_(False)
    return {"layer": layer, "unrelated": torch.randn(3, s.batch, s.time, s.features)}


FRESH = Task(
    "batches that have nothing to do with each other",
    several_batches,
    closely(lambda layer, unrelated: layer(unrelated.flatten(0, 1))[0]),
    right={
        "one call": lambda layer, unrelated: layer(unrelated.flatten(0, 1))[0],
        "loop": lambda layer, unrelated: torch.cat([layer(batch)[0] for batch in unrelated]),
        "zeros": lambda layer, unrelated: torch.cat(
            [layer(batch, torch.zeros(1, len(batch), layer.hidden_size))[0] for batch in unrelated]
        ),
    },
    wrong={"state-of-other-sequences": lambda layer, unrelated: carried(layer, unrelated)},
)


def carried(layer: nn.RNN, unrelated: torch.Tensor) -> torch.Tensor:
    state, outputs = None, []
    for batch in unrelated:
        output, state = layer(batch, state)
        outputs.append(output)
    return torch.cat(outputs)

"""Lesson 07: losses."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from .task import Task, drawn, number


def tagged(seed: int) -> dict[str, Any]:
    s, rng = drawn(seed)
    logits = 2 * torch.randn(s.batch, s.time, s.features)
    return {"logits": logits, "targets": torch.tensor(rng.integers(0, s.features, (s.batch, s.time)))}


def loss_by_hand(logits, targets):
    return -logits.log_softmax(-1).gather(-1, targets[..., None]).mean()


LOSS = Task(
    "the loss of a tagger",
    tagged,
    number("loss", loss_by_hand, high=float("inf")),
    right={
        "transpose": lambda logits, targets: F.cross_entropy(logits.transpose(1, 2), targets),
        "flat": lambda logits, targets: F.cross_entropy(logits.flatten(0, 1), targets.flatten()).item(),
        "negative log likelihood": lambda logits, targets: F.nll_loss(logits.log_softmax(-1).permute(0, 2, 1), targets),
        "module": lambda logits, targets: nn.CrossEntropyLoss()(logits.movedim(-1, 1), targets).double(),
    },
    wrong={
        "class-axis": lambda logits, targets: F.cross_entropy(
            logits.reshape(len(logits), logits.shape[2], -1), targets
        ),
        "softmax-before-loss": lambda logits, targets: F.cross_entropy(logits.softmax(-1).transpose(1, 2), targets),
        "graph-kept": lambda logits, targets: twice_backward(logits, targets),
    },
)


def twice_backward(logits, targets):
    loss = F.cross_entropy(logits.clone().requires_grad_().exp().transpose(1, 2), targets)
    loss.backward()
    loss.backward()


CLASS_AXIS = Task(
    "the loss of a tagger, called as it is",
    tagged,
    LOSS.check,
    right=LOSS.right,
    wrong={"class-axis": lambda logits, targets: F.cross_entropy(logits, targets)},
)


def with_mask(seed: int) -> dict[str, Any]:
    inputs = tagged(seed)
    batch, time = inputs["targets"].shape
    lengths = torch.tensor(np.random.default_rng(seed).integers(1, time, batch))
    mask = torch.arange(time) < lengths[:, None]
    targets = inputs["targets"].masked_fill(~mask, 0)
    targets[0, 0] = 0  # the label of the padding is also a class
    return inputs | {"targets": targets, "mask": mask}


MASKED_LOSS = Task(
    "a loss without the padding",
    with_mask,
    number("loss", lambda logits, targets, mask: loss_by_hand(logits[mask], targets[mask]), high=float("inf")),
    right={
        "choose": lambda logits, targets, mask: F.cross_entropy(logits[mask], targets[mask]),
        "ignore": lambda logits, targets, mask: F.cross_entropy(
            logits.transpose(1, 2), targets.masked_fill(~mask, -100)
        ),
        "weigh": lambda logits, targets, mask: (
            F.cross_entropy(logits.transpose(1, 2), targets, reduction="none") * mask
        ).sum()
        / mask.sum(),
    },
    wrong={
        "loss-over-padding": lambda logits, targets, mask: F.cross_entropy(logits.transpose(1, 2), targets),
        "class-ignored-as-padding": lambda logits, targets, mask: F.cross_entropy(
            logits.transpose(1, 2), targets, ignore_index=0
        ),
        "mask-above-only": lambda logits, targets, mask: (
            F.cross_entropy(logits.transpose(1, 2), targets, reduction="none") * mask
        ).mean(),
        "softmax-before-loss": lambda logits, targets, mask: F.cross_entropy(logits[mask].softmax(-1), targets[mask]),
    },
)  # fmt: skip


def nothing_to_learn(seed: int) -> dict[str, Any]:
    inputs = tagged(seed)
    return inputs | {"targets": torch.full_like(inputs["targets"], -100)}


EMPTY_LOSS = Task(
    "a loss of 0 where nothing is left",
    nothing_to_learn,
    number("loss", lambda logits, targets: 0.0, high=float("inf")),
    right={
        "sum": lambda logits, targets: F.cross_entropy(logits.transpose(1, 2), targets, reduction="sum"),
        "case": lambda logits, targets: 0.0,
        "count": lambda logits, targets: (
            F.cross_entropy(logits.transpose(1, 2), targets, reduction="sum") / (targets != -100).sum().clamp(min=1)
        ),
    },
    wrong={"all-targets-ignored": lambda logits, targets: F.cross_entropy(logits.transpose(1, 2), targets)},
)

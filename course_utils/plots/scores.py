"""Charts of scores: ROC beside precision-recall, and whether scores are probabilities."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from matplotlib.figure import Figure
from torch import Tensor

from .picture import BLUE, DASHES, INK, MARKS, ORANGE, SERIES, Picture


def roc_and_pr(scores: Tensor, targets: Tensor, prevalence: float | None = None) -> Picture:
    """Draw the ROC curve and the precision-recall curve of the same scores side by side.

    Parameters
    ----------
    scores, targets : (batch,); a high score speaks for class 1.
    prevalence : weigh the cases as if this share were positive; as they are, if it is not given.
    """
    share = float(targets.float().mean()) if prevalence is None else prevalence
    false_rate, recall = _rates(scores, targets)
    precision = share * recall / (share * recall + (1 - share) * false_rate)
    area = float(torch.trapezoid(recall, false_rate))
    ap = float((precision[1:] * recall.diff()).sum())
    figure = Figure(figsize=(8, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(false_rate.tolist(), recall.tolist(), color=BLUE, label="model")
    left.plot([0, 1], [0, 1], color=INK, linestyle=DASHES[1], linewidth=1, label="guessing")
    left.set(title=f"ROC, area {area:.3f}", xlabel="false positive rate", ylabel="recall (true positive rate)")
    right.plot(recall[1:].tolist(), precision[1:].tolist(), color=ORANGE, label="model")
    right.plot([0, 1], [share, share], color=INK, linestyle=DASHES[1], linewidth=1, label="guessing")
    right.set(title=f"Precision-recall, AP {ap:.3f}", xlabel="recall", ylabel="precision")
    for panel in (left, right):
        panel.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        panel.grid(alpha=0.25)
        panel.legend(frameon=False)
    figure.suptitle(f"{1000 * share:.0f} of 1000 cases are positive")
    told = f"the ROC curve with an area of {area:.3f}, and the precision-recall curve with an AP of {ap:.3f}"
    return Picture(figure, f"Two charts where {1000 * share:.0f} of 1000 cases are positive: {told}.")


def calibration(models: Mapping[str, Tensor], *, title: str) -> Picture:
    """Draw, for bins of scores, the share that is positive over the mean score, with its interval.

    Parameters
    ----------
    models : name -> (bins, 4): mean score, share of positives, low end and high end of its interval.
    """
    figure = Figure(figsize=(6, 4.6), layout="constrained")
    panel = figure.subplots()
    panel.plot([0, 1], [0, 1], color=INK, linestyle=DASHES[1], linewidth=1, label="calibrated")
    for (name, bins), colour, mark in zip(models.items(), SERIES, MARKS, strict=False):
        x, y, low, high = bins.T
        ends = [(y - low).tolist(), (high - y).tolist()]
        panel.errorbar(x.tolist(), y.tolist(), yerr=ends, fmt=mark, color=colour, capsize=4, label=name)
    panel.set(title=title, xlabel="mean score of the bin", ylabel="share that is positive", xlim=(0, 1), ylim=(0, 1))
    panel.grid(alpha=0.25)
    panel.legend(frameon=False)
    told = "; ".join(f"{name} {_meeting(bins)} of {len(bins)}" for name, bins in models.items())
    return Picture(figure, f"{title}: bins whose interval meets the diagonal: {told}.")


def _meeting(bins: Tensor) -> int:
    """How many intervals have their mean score inside."""
    return int(((bins[:, 2] <= bins[:, 0]) & (bins[:, 0] <= bins[:, 3])).sum())


def _rates(scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the false positive rate and the recall at each threshold, from above the highest score down."""
    ranked, order = scores.double().sort(descending=True)
    last = torch.cat([ranked.diff() != 0, torch.tensor([True])])  # of each group of equal scores
    positive = targets[order].double()
    rates = []
    for hits in (1 - positive, positive):
        rate = hits.cumsum(0)[last] / hits.sum()
        rates.append(torch.cat([torch.zeros(1, dtype=torch.float64), rate]))
    return rates[0], rates[1]

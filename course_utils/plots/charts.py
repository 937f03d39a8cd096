"""Charts: numbers over time, numbers side by side, and tables of counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor

from .picture import DASHES, INK, MARKS, SERIES, Picture

Numbers = Sequence[float] | Tensor


def lines(
    series: Mapping[str, Numbers],
    x: Numbers | None = None,
    *,
    title: str,
    x_label: str,
    y_label: str,
    alt: str,
    marks: bool = False,
    at: Mapping[str, float] | None = None,
    points: Mapping[str, tuple[float, float]] | None = None,
) -> Picture:
    """Draw up to four series over the same x; each has a colour, a dash and a name of its own.

    Parameters
    ----------
    series : name -> numbers of shape (n,).
    x : (n,), or 0 to n - 1.
    alt : what a reader who cannot see the chart should know: what goes up or down, and by how much.
    marks : draw a mark at each number.
    at : name -> x of a vertical line.   points : name -> (x, y) of a single point.
    """
    if len(series) > len(SERIES):
        raise ValueError(f"plots.lines: at most {len(SERIES)} series can be told apart, not {len(series)}.")
    figure = Figure(figsize=(7, 3.6), layout="constrained")
    panel = figure.subplots()
    for (name, y), colour, dash, mark in zip(series.items(), SERIES, DASHES, MARKS, strict=False):
        places = range(len(y)) if x is None else _plain(x)
        panel.plot(places, _plain(y), color=colour, linestyle=dash, marker=mark if marks else None, label=name)
    for number, (name, place) in enumerate((at or {}).items()):
        panel.axvline(place, color=INK, linestyle=DASHES[-1 - number % 4], linewidth=1, label=name)
    for number, (name, (a, b)) in enumerate((points or {}).items()):
        panel.plot([a], [b], MARKS[number % 4], color=INK, markersize=9, label=name)
    panel.set(title=title, xlabel=x_label, ylabel=y_label)
    panel.grid(alpha=0.25)
    if len(series) + len(at or ()) + len(points or ()) > 1:
        panel.legend(frameon=False)
    return Picture(figure, alt)


def bars(values: Mapping[str, float | Numbers], *, title: str, x_label: str, digits: int = 2) -> Picture:
    """Draw one bar for each name; where a name has several numbers (one a seed), their mean, and a dot for each."""
    figure = Figure(figsize=(7, 1.2 + 0.42 * len(values)), layout="constrained")
    panel = figure.subplots()
    means = {}
    for row, (name, value) in enumerate(values.items()):
        numbers = torch.as_tensor(value, dtype=torch.float32).flatten()
        means[name] = float(numbers.mean())
        panel.barh(row, means[name], color=SERIES[0], alpha=0.45, height=0.6)
        if len(numbers) > 1:
            panel.plot(numbers.tolist(), [row] * len(numbers), "o", color=INK, markersize=4)
        end = max(float(numbers.max()), 0.0)
        word = "mean " if len(numbers) > 1 else ""  # the number stands behind the last dot and is not that dot's
        panel.annotate(
            f"{word}{means[name]:.{digits}f}", (end, row), (6, 0), textcoords="offset points", va="center", fontsize=9
        )
    panel.set_yticks(range(len(values)), list(values))
    panel.invert_yaxis()
    panel.margins(x=0.28)  # room for the number behind the longest bar, beside long names too
    panel.set(title=title, xlabel=x_label)
    told = ", ".join(f"{name} {mean:.{digits}f}" for name, mean in means.items())
    return Picture(figure, f"{title}: bars of {x_label}: {told}.")


def confusion(counts: Tensor, classes: Sequence[str], *, title: str) -> Picture:
    """Draw a confusion matrix with its counts written in.

    Parameters
    ----------
    counts : (classes, classes); row = actual class, column = predicted class.
    classes : their names, in the order of the axes.
    """
    size = len(classes)
    if tuple(counts.shape) != (size, size):
        raise ValueError(f"plots.confusion: {size} classes need a ({size}, {size}) table, not {tuple(counts.shape)}.")
    figure = Figure(figsize=(2.2 + 0.9 * size, 1.6 + 0.6 * size), layout="constrained")
    panel = figure.subplots()
    panel.imshow(counts.numpy(), cmap="Blues", vmin=0, vmax=2.2 * float(counts.max() or 1), aspect="auto")
    for row in range(size):
        for column in range(size):
            panel.text(column, row, f"{counts[row, column]:g}", ha="center", va="center", color=INK)
    panel.set_xticks(range(size), list(classes))
    panel.set_yticks(range(size), list(classes))
    panel.tick_params(length=0)
    panel.set(title=title, xlabel="predicted", ylabel="actual")
    right = float(counts.diagonal().sum())
    told = f"{right:g} of {float(counts.sum()):g} cases on the diagonal"
    return Picture(
        figure,
        f"{title}: a table of {size} by {size} counts, rows are actual and columns are predicted classes; {told}.",
    )


def _plain(numbers: Numbers) -> list[float]:
    return numbers.detach().tolist() if isinstance(numbers, Tensor) else list(numbers)

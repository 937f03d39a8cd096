"""A picture of a tagged sequence: its words, and below them its entities, predicted and actual."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .picture import INK, SERIES, Picture

COLOURS = (*SERIES, "#009e73", "#56b4e9", "#d55e00", "#f0e442", "#6b7280")
MOST = 10  # words, so that the names of the tags stay readable


def tagged(
    words: Sequence[str], actual: Sequence[str], predicted: Sequence[str] | None = None, *, title: str = ""
) -> Picture:
    """Draw the words, and a box for each run of equal tags; a predicted box that is no actual one is hatched.

    Parameters
    ----------
    words : at most 10.
    actual, predicted : the name of a tag for each word, in camel case.
    """
    rows = {"actual": actual} if predicted is None else {"predicted": predicted, "actual": actual}
    if not 0 < len(words) <= MOST or any(len(row) != len(words) for row in rows.values()):
        counts = [len(words), *map(len, rows.values())]
        raise ValueError(f"plots.tagged: 1 to {MOST} words and a tag for each, not {counts}.")
    names = list(dict.fromkeys([*actual, *(predicted or ())]))
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(names)}
    right = set(runs(actual))
    figure = Figure(figsize=(1.2 + 1.05 * len(words), 0.9 + 0.85 * len(rows)), layout="constrained")
    panel = figure.subplots()
    for step, word in enumerate(words):
        panel.text(step, -0.75, word, ha="center", va="center", fontsize=10, color=INK, weight="bold")
    for height, row in enumerate(rows.values()):
        for run in runs(row):
            _box(panel, height, *run, colours[run[0]], wrong=run not in right)
    panel.set(xlim=(-0.55, len(words) - 0.45), ylim=(len(rows) - 0.5, -1.05), title=title)
    panel.set_yticks(range(len(rows)), list(rows))
    panel.set_xticks([])
    panel.tick_params(length=0)
    panel.spines[:].set_visible(False)
    told = "; ".join(f"{name}: {_told(words, row)}" for name, row in rows.items())
    both = right & set(runs(predicted or ()))
    found = f" {len(both)} of {len(right)} actual entities are found." if predicted else ""
    return Picture(figure, f"{len(words)} words with their tags. {told}.{found}")


def runs(tags: Sequence[Any]) -> list[tuple[Any, int, int]]:
    """Return tag, first step and the step after the last, of each run of equal tags."""
    found, start = [], 0
    for tag, steps in groupby(tags):
        stop = start + len(list(steps))
        found.append((tag, start, stop))
        start = stop
    return found


def _told(words: Sequence[str], tags: Sequence[str]) -> str:
    return ", ".join(f"{' '.join(words[start:stop])} = {tag}" for tag, start, stop in runs(tags))


def _box(panel: Axes, height: int, tag: str, start: int, stop: int, colour: str, wrong: bool) -> None:
    place, width = (start - 0.46, height - 0.42), stop - start - 0.08
    panel.add_patch(Rectangle(place, width, 0.84, facecolor=colour, alpha=0.3))
    if wrong:
        panel.add_patch(Rectangle(place, width, 0.84, fill=False, hatch="//", edgecolor="#9ca3af", linewidth=0))
    line, dash = (2, "--") if wrong else (1, "-")
    panel.add_patch(Rectangle(place, width, 0.84, fill=False, edgecolor=INK, linewidth=line, linestyle=dash))
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "\n", tag) + ("\n✗" if wrong else "")
    text = panel.text((start + stop - 1) / 2, height, name, ha="center", va="center", fontsize=8, color=INK)
    text.set_bbox({"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1})

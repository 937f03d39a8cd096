"""The cell of nn.RNN: one step, from the features and the old state to the new state."""

from __future__ import annotations

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import nn

from .picture import BLUE, INK, ORANGE, Picture

GREY = "#6b7280"


def cell(layer: nn.RNN | None = None, x: float = 0.0, h: float = 0.0) -> Picture:
    """Draw one step of nn.RNN as a formula, or with the numbers of a layer written at its arrows.

    Parameters
    ----------
    layer : has one feature and one hidden unit.
    x, h : the feature that the step reads, and the old state.
    """
    at = dict.fromkeys(("x", "h", "w_ih", "w_hh", "biases", "weighed_x", "weighed_h", "sum", "new"), "")
    if layer is not None:
        at = _numbers(layer, x, h)
    activation = "tanh" if layer is None else layer.nonlinearity
    figure = Figure(figsize=(7.8, 3.4), layout="constrained")
    panel = figure.subplots()
    panel.set(xlim=(-0.8, 7.4), ylim=(-1.9, 2.0), title=at.get("title", "One step of nn.RNN: the cell"))
    panel.axis("off")
    _arrow(panel, (0.3, 0), (0.95, 0), ORANGE)
    _arrow(panel, (2.05, 0), (3.0, 0), ORANGE, at["weighed_h"])
    _arrow(panel, (3.3, -1.5), (3.3, -1.2), BLUE)
    _arrow(panel, (3.3, -0.7), (3.3, -0.28), BLUE, at["weighed_x"], beside=True)
    _arrow(panel, (3.3, 0.85), (3.3, 0.28), GREY)
    _arrow(panel, (3.6, 0), (4.35, 0), INK, at["sum"])
    _arrow(panel, (5.2, 0), (6.0, 0), ORANGE, at["new"])
    _arrow(panel, (5.9, 0), (6.45, 0), ORANGE)
    _arrow(panel, (6.0, 0), (6.0, 1.2), ORANGE)
    _box(panel, 1.5, 0, r"times $W_{hh}$" + at["w_hh"], ORANGE)
    _box(panel, 3.3, -0.95, r"times $W_{ih}$" + at["w_ih"], BLUE)
    _box(panel, 3.3, 0, "+", INK)
    _box(panel, 4.8, 0, activation, INK)
    _word(panel, -0.2, 0, "old\nstate" + at["h"])
    _word(panel, 3.3, -1.7, "features of this step" + at["x"])
    _word(panel, 3.3, 1.05, r"biases $b_{ih}$ and $b_{hh}$" + at["biases"])
    _word(panel, 6.0, 1.4, "output of this step")
    _word(panel, 6.95, 0, "new state,\nfor the\nnext step")
    return Picture(figure, at.get("alt", DESCRIPTION))


DESCRIPTION = (
    "The old state times W_hh, the features times W_ih and two biases are added; tanh of the sum is the new state, "
    "which is the output of this step and the old state of the next one."
)


def _numbers(layer: nn.RNN, x: float, h: float) -> dict[str, str]:
    """Return what is written at each place, and the picture's title and description."""
    if (layer.input_size, layer.hidden_size, layer.num_layers, layer.bidirectional) != (1, 1, 1, False):
        raise ValueError("plots.cell: a layer of one feature and one hidden unit, with one direction.")
    w_ih, w_hh, b_ih, b_hh = (weight.item() for weight in layer.parameters())
    new = layer(torch.tensor([[x]]), torch.tensor([[h]]))[0].item()
    total = w_ih * x + b_ih + w_hh * h + b_hh
    told = f"{w_ih:.3g} times {x:.3g}, {w_hh:.3g} times {h:.3g} and the biases {b_ih:.3g} and {b_hh:.3g}"
    return {
        "title": f"One step with numbers: the cell reads {x:.3g} in state {h:.3g}",
        "alt": f"One step with numbers: {told} are added; {layer.nonlinearity} of the sum {total:.4g} is {new:.4g}.",
        "x": f" = {x:.3g}",
        "h": f"\n= {h:.3g}",
        "w_ih": f" = {w_ih:.3g}",
        "w_hh": f"\n= {w_hh:.3g}",
        "biases": f" = {b_ih:.3g} and {b_hh:.3g}",
        "weighed_x": f"{w_ih * x:.4g}",
        "weighed_h": f"{w_hh * h:.4g}",
        "sum": f"{total:.4g}",
        "new": f"{new:.4g}",
    }


def _arrow(
    panel: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    colour: str,
    number: str = "",
    beside: bool = False,
) -> None:
    panel.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": colour, "lw": 1.6})
    middle = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    where = (middle[0] + 0.1, middle[1]) if beside else (middle[0], middle[1] + 0.1)
    across, down = ("left", "center") if beside else ("center", "bottom")
    panel.text(*where, number, fontsize=10, weight="bold", color=INK, ha=across, va=down)


def _box(panel: Axes, x: float, y: float, word: str, colour: str) -> None:
    box = {"boxstyle": "round,pad=0.45", "facecolor": "white", "edgecolor": colour, "linewidth": 1.6}
    panel.text(x, y, word, ha="center", va="center", fontsize=10, color=INK, bbox=box, zorder=3)


def _word(panel: Axes, x: float, y: float, word: str) -> None:
    panel.text(x, y, word, ha="center", va="center", fontsize=10, color=INK)

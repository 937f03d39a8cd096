"""Pictures of tensors, of a layer unrolled, and of what a model reads."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor, nn

from .picture import BLUE, INK, ORANGE, Picture

SHIFT = 0.26  # of the cells of one direction, so that the other's lines pass beside them
DIRECTIONS = ("forward", "backward")
ONE_OF = {"batch": "sample", "time": "step"}  # what one index of an axis is called


def blocks(tensor: Tensor, axes: str = "batch time feature") -> Picture:
    """Draw a 3-D tensor as one table for each index of its first axis, with its numbers written in.

    Parameters
    ----------
    tensor : at most 8 x 12 x 12, so that the numbers stay readable.
    axes : the names of the three axes, in order.
    """
    names = axes.split()
    if tensor.dim() != 3 or len(names) != 3 or any(n > m for n, m in zip(tensor.shape, (8, 12, 12), strict=True)):
        raise ValueError(f"plots.blocks: three axes of at most 8, 12 and 12, not {axes!r} of {tuple(tensor.shape)}.")
    count, rows, columns = tensor.shape
    one = ONE_OF.get(names[0], names[0])
    figure = Figure(figsize=(min(11, 1.2 + count * max(1.3, columns * 0.42)), 1.2 + rows * 0.32), layout="constrained")
    for index, panel in enumerate(figure.subplots(1, count, squeeze=False)[0]):
        _table(panel, tensor[index], tensor.min().item(), tensor.max().item())
        panel.set_title(f"{one} {index}", fontsize=10)
        panel.set_xlabel(names[2])
        panel.set_ylabel(names[1] if index == 0 else "")
    shape = tuple(tensor.shape)
    alt = f"{count} tables, one for each {one}, with {rows} rows ({names[1]}) and {columns} columns ({names[2]})."
    figure.suptitle(f"({', '.join(names)}) = {shape}", fontsize=11)
    return Picture(figure, f"A tensor of shape {shape}: {alt}")


def influence(moved: Tensor, title: str = "Which outputs move when one sample changes?") -> Picture:
    """Draw what `probe.influence` measured: row = the sample that was changed, column = an output."""
    strangers = int((moved > 0).sum() - (moved.diag() > 0).sum())
    verdict = "no other output moves" if strangers == 0 else f"{strangers} outputs of other samples move"
    alt = f"A table of {len(moved)} changed samples by {len(moved)} outputs: {verdict}."
    return _moves(moved, title, "output of sample", "changed sample", alt)


def influence_over_time(moved: Tensor, title: str = "Which steps of the output move when one step changes?") -> Picture:
    """Draw what `probe.influence_over_time` measured: row = the step that was changed, column = an output."""
    early = int((moved > 0).tril(-1).sum())
    verdict = "no earlier output moves" if early == 0 else f"{early} earlier outputs move"
    alt = f"A table of {len(moved)} changed steps by {len(moved)} output steps: {verdict}."
    return _moves(moved, title, "output at step", "changed step", alt)


def influence_of_positions(moved: Tensor, lengths: Tensor, title: str = "Which steps does the result read?") -> Picture:
    """Draw what `probe.influence_of_positions` measured: row = sample, column = step, padding hatched."""
    padding = torch.arange(moved.shape[1]) >= lengths[:, None]
    reads = int((moved[padding] > 0).sum())
    found = f"{reads} of {int(padding.sum())} padded steps are read"
    alt = f"A table of {len(moved)} samples by {moved.shape[1]} steps: {found}."
    picture = _moves(moved, title, "step", "sample", alt, "read")
    for sample, step in padding.nonzero().tolist():
        box = Rectangle((step - 0.5, sample - 0.5), 1, 1, fill=False, hatch="//", edgecolor="#6b7280", linewidth=0)
        picture.figure.axes[0].add_patch(box)
    for text in picture.figure.axes[0].texts:
        if text.get_text():  # so that no line of the hatching crosses a word
            text.set_bbox({"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1.5})
    return picture


def packed(lengths: Tensor | Sequence[int]) -> Picture:
    """Draw what pack_padded_sequence makes of sequences of these lengths: the longest on top, `batch_sizes` below.

    Parameters
    ----------
    lengths : at most 8 of 1 to 12 steps. The number in a cell is the step's place in the packed `data`.
    """
    lengths = torch.as_tensor(lengths)
    if lengths.dim() != 1 or not 0 < len(lengths) <= 8 or not 0 < lengths.min() <= lengths.max() <= 12:
        raise ValueError(f"plots.packed: at most 8 lengths of 1 to 12 steps, not {lengths.tolist()}.")
    ordered, order = lengths.sort(descending=True)
    valid = torch.arange(int(ordered[0])) < ordered[:, None]
    heights, rows, steps = valid.sum(0).tolist(), *valid.shape
    width = max(6, steps)  # so that a picture that moves keeps its size
    figure = Figure(figsize=(1.6 + 0.6 * width, 1.5 + 0.4 * rows), layout="constrained")
    panel = figure.subplots()
    for place, (step, row) in enumerate(valid.T.nonzero().tolist()):
        panel.add_patch(Rectangle((step - 0.46, row - 0.44), 0.92, 0.88, facecolor=BLUE, alpha=0.3))
        panel.text(step, row, str(place), ha="center", va="center", fontsize=9, color=INK)
    panel.set(xlim=(-0.5, width - 0.5), ylim=(rows - 0.5, -0.5), xlabel="batch_sizes: sequences that have this step")
    panel.set_xticks(range(steps), heights)
    panel.set_yticks(range(rows), [f"sequence {number}" for number in order.tolist()])
    above = panel.secondary_xaxis("top")
    above.set_xticks(range(steps), [f"step {step}" for step in range(steps)])
    for axis in (panel, above):
        axis.tick_params(labelsize=9, length=0)
        axis.spines[:].set_visible(False)
    figure.suptitle(f"Packed: lengths {lengths.tolist()}", fontsize=11)
    told = ", ".join(f"sequence {i} ({n})" for i, n in zip(order.tolist(), ordered.tolist(), strict=True))
    return Picture(figure, f"A staircase of steps, the longest sequence on top: {told}. Its columns hold {heights}.")


def outputs(layer: nn.RNN, batch: Tensor) -> Picture:
    """Draw both tensors that a layer returns for sample 0, a colour for each direction; what is in both is framed.

    Parameters
    ----------
    layer : batch-first; layers, directions and hidden size as one likes, up to 8 rows and columns.
    batch : (batch, time, feature), of at most 8 steps.
    """
    with torch.no_grad():
        output, h_n = layer(batch)
    directions, hidden = 2 if layer.bidirectional else 1, layer.hidden_size
    sizes = tuple(output.shape), tuple(h_n.shape)
    if not layer.batch_first or output.dim() != 3 or max(output.shape[1], output.shape[2], len(h_n)) > 8:
        raise ValueError(
            f"plots.outputs: batch-first, at most 8 steps, columns and states, not {sizes[0]}, {sizes[1]}."
        )
    figure = Figure(figsize=(8.4, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[2 * hidden + 1, hidden + 3])
    ends = (output.shape[1] - 1, 0)  # where each direction finishes
    columns = [column // hidden for column in range(output.shape[2])]
    _numbers(left, output[0], [columns] * output.shape[1], 2 * hidden, lambda row, direction: row == ends[direction])
    rows = [[row % directions] * hidden for row in range(len(h_n))]
    _numbers(right, h_n[:, 0], rows, hidden, lambda row, direction: row >= len(h_n) - directions)
    left.set(
        title="output (batch={}, time={}, {}hidden={})".format(
            *sizes[0][:2], "directions*" * (directions - 1), sizes[0][2]
        ),
        ylabel="time",
        xlabel=" | ".join(DIRECTIONS[:directions]),
    )
    left.set_yticks(range(output.shape[1]))
    names = [f"{row}: layer {row // directions}, {DIRECTIONS[row % directions]}" for row in range(len(h_n))]
    right.set(title="h_n (states={}, batch={}, hidden={})".format(*sizes[1]), xlabel="hidden")
    right.set_yticks(range(len(h_n)), names)
    told = f"{output.shape[1]} steps of output, {len(h_n)} rows of h_n; the last {directions} are in output too, framed"
    return Picture(figure, f"Sample 0 of output {sizes[0]} and of h_n {sizes[1]}: {told}.")


def _numbers(
    panel: Axes, values: Tensor, directions: list[list[int]], across: int, framed: Callable[[int, int], bool]
) -> None:
    """Draw a table of numbers on the colours of their directions, on a ground of `across` columns and 8 rows."""
    for row, numbers in enumerate(values.tolist()):
        for column, number in enumerate(numbers):
            direction = directions[row][column]
            ground = (*to_rgb((BLUE, ORANGE)[direction]), 0.3)
            box = Rectangle((column - 0.46, row - 0.44), 0.92, 0.88, facecolor=ground)
            if framed(row, direction):
                box.set(edgecolor=INK, linewidth=2)
            panel.add_patch(box)
            panel.text(column, row, f"{round(number, 2) + 0.0:.2f}", ha="center", va="center", fontsize=8, color=INK)
    panel.set(xlim=(-0.6, across - 0.4), ylim=(7.6, -0.6))  # so that a picture that moves keeps its scale
    panel.set_xticks([])
    panel.xaxis.set_label_position("top")
    panel.tick_params(labelsize=9, length=0)
    panel.spines[:].set_visible(False)


def _moves(moved: Tensor, title: str, across: str, down: str, alt: str, word: str = "moves") -> Picture:
    rows, columns = moved.shape
    figure = Figure(figsize=(1.2 + columns * 0.5, 1.4 + rows * 0.4), layout="constrained")
    panel = figure.subplots()
    _table(panel, (moved > 0).float(), 0.0, 1.0, [[word if cell else "" for cell in row] for row in moved > 0])
    panel.set(xlabel=across, ylabel=down)
    figure.suptitle("\n".join(textwrap.wrap(title, 12 + columns * 6)), fontsize=10)
    return Picture(figure, alt)


def unrolled(time: int = 4, bidirectional: bool = False) -> Picture:
    """Draw nn.RNN unrolled over `time` steps: where `output` and `h_n` come from."""
    figure = Figure(
        figsize=(1.6 + (1.9 if bidirectional else 1.5) * time, 3.6 if bidirectional else 2.7), layout="constrained"
    )
    panel = figure.subplots()
    walks = [("forward", BLUE, 1)] + ([("backward", ORANGE, -1)] if bidirectional else [])
    for level, (word, colour, step) in enumerate(walks, start=1):
        _walk(panel, word, colour, step, level, time, -SHIFT * step if bidirectional else 0.0)
    top = len(walks) + 1
    for t in range(time):
        for shift in (
            [SHIFT * step for _, _, step in walks] if bidirectional else [0]
        ):  # each walk has a line of its own
            line = {"arrowstyle": "->", "color": "#9ca3af"}
            panel.annotate("", (t - shift, top - 0.22), (t - shift, 0.22), arrowprops=line, zorder=0)
        panel.text(t, 0, f"input[:, {t}]", ha="center", va="center", color=INK)
        panel.text(t, top, f"output[:, {t}]", ha="center", va="center", color=INK)
    panel.set(xlim=(-1.1, time + 0.1), ylim=(-0.3, top + 0.3), title=f"nn.RNN over {time} steps of time")
    panel.axis("off")
    ends = "h_n[0] is the forward state after the last step" + (
        ", h_n[1] the backward state after step 0" if bidirectional else ""
    )
    walk = "two rows of cells, one walking forward and one backward" if bidirectional else "a row of cells"
    return Picture(figure, f"{time} inputs below, {walk} through time, {time} outputs above; {ends}.")


def _table(panel: Axes, values: Tensor, low: float, high: float, words: list[list[str]] | None = None) -> None:
    panel.imshow(values.numpy(), cmap="Blues", vmin=low, vmax=low + 2.2 * (high - low or 1), aspect="auto")
    panel.set_xticks(range(values.shape[1]))
    panel.set_yticks(range(values.shape[0]))
    panel.tick_params(labelsize=8, length=0)
    for row, numbers in enumerate(values.tolist()):
        for column, number in enumerate(numbers):
            word = words[row][column] if words else f"{number:g}"
            panel.text(column, row, word, ha="center", va="center", fontsize=8, color=INK)


def _walk(panel: Axes, word: str, colour: str, step: int, level: int, time: int, shift: float) -> None:
    """One direction: cells from left to right (step 1) or right to left (step -1), then its row of h_n."""
    order = range(time) if step > 0 else range(time - 1, -1, -1)
    start, end = (-0.85, time - 0.15) if step > 0 else (time - 0.15, -0.85)
    stops = [start, *(t + shift for t in order), end]
    for here, there in zip(stops, stops[1:], strict=False):
        arrow = {"arrowstyle": "->", "color": colour, "shrinkA": 26, "shrinkB": 26, "lw": 1.6}
        panel.annotate("", (there, level), (here, level), arrowprops=arrow)
    box = {"boxstyle": "round,pad=0.45", "facecolor": "white", "edgecolor": colour, "linewidth": 1.6}
    for t in order:
        panel.text(t + shift, level, word, ha="center", va="center", fontsize=9, color=INK, bbox=box, zorder=3)
    row = 0 if step > 0 else 1
    panel.text(start, level, f"h_0[{row}]", ha="center", va="center", color=INK, weight="bold")
    panel.text(end, level, f"h_n[{row}]", ha="center", va="center", color=INK, weight="bold")

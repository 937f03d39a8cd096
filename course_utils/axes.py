"""Axes by name: what sizes they have, and which names fit a shape that somebody made."""

from __future__ import annotations

import itertools
import math


def sizes_of(axes: str, sizes: dict[str, int]) -> tuple[int, ...]:
    """The shape that `axes` stand for: "layers*directions batch" with 2, 2 and 4 is (4, 4).

    Raises ValueError, to the author of the check, where an axis has no size.
    """
    unknown = {factor for axis in axes.split() for factor in axis.split("*")} - sizes.keys()
    if unknown:
        raise ValueError(f"check.shape: no size is given for {', '.join(sorted(unknown))} of {axes!r}.")
    return tuple(math.prod(sizes[factor] for factor in axis.split("*")) for axis in axes.split())


def as_tuple(axes: str) -> str:
    """ "batch time" -> "(batch, time)"."""
    return f"({', '.join(axes.split())})"


def read(shape: tuple[int, ...], axes: str, sizes: dict[str, int]) -> str | None:
    """Name the axes of `shape`, "?" where no size fits; None where two readings fit."""
    names = list(dict.fromkeys([*axes.split(), *sizes]))
    known = {name: math.prod(sizes[factor] for factor in name.split("*")) for name in names}
    options = [[name for name in names if known[name] == size] or ["?"] for size in shape]
    readings = [pick for pick in itertools.product(*options) if _no_name_twice(pick)]
    return " ".join(readings[0]) if len(readings) == 1 else None


def of(shape: tuple[int, ...], sizes: dict[str, int]) -> str:
    """Name the axes of a right shape; an axis may be one of the sizes or the product of two.

    Raises ValueError, to the author of the check, where the sizes do not tell the axes apart.
    """
    pairs = {f"{one}*{other}": sizes[one] * sizes[other] for one, other in itertools.combinations(sizes, 2)}
    names = []
    for length in shape:
        fitting = [name for name, size in sizes.items() if size == length]
        fitting = fitting or [name for name, size in pairs.items() if size == length]
        if len(fitting) != 1:
            raise ValueError(f"check.shape: {len(fitting)} names fit the {length} in {shape}; sizes: {sizes}.")
        names += fitting
    return " ".join(names)


def describe(shape: tuple[int, ...], wanted: tuple[int, ...], reading: str | None, axes: str) -> str:
    """The symptom of a wrong shape, in a sentence or two; the order that was asked for stays unsaid."""
    have = f"You have {shape}" if reading is None else f"You have {as_tuple(reading)} = {shape}"
    if reading is not None and sorted(reading.split()) == sorted(axes.split()):
        return f"{have}: the right axes in another order."
    if len(shape) != len(wanted):
        return f"{have}: {len(shape)} axes, where {len(wanted)} are asked for."
    first = next(i for i, (mine, right) in enumerate(zip(shape, wanted, strict=True)) if mine != right)
    return f"{have}: axis {first} is the first that differs from what is asked for."


def _no_name_twice(names: tuple[str, ...]) -> bool:
    named = [name for name in names if name != "?"]
    return len(set(named)) == len(named)

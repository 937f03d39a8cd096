"""Axes by name: what sizes they have, and which names fit a shape that somebody made."""

from __future__ import annotations

import itertools
import math


def sizes_of(axes: str, sizes: dict[str, int]) -> tuple[int, ...]:
    """Return the shape that `axes` stand for: "layers*directions batch" with 2, 2 and 4 is (4, 4).

    Raises ValueError, to the author of the check, where an axis has no size.
    """
    unknown = {factor for axis in axes.split() for factor in axis.split("*")} - sizes.keys()
    if unknown:
        raise ValueError(f"check.shape: no size is given for {', '.join(sorted(unknown))} of {axes!r}.")
    return tuple(math.prod(sizes[factor] for factor in axis.split("*")) for axis in axes.split())


def as_tuple(axes: str) -> str:
    """Write the axes as a tuple: "(batch, time)"."""
    names = axes.split()
    return f"({names[0]},)" if len(names) == 1 else f"({', '.join(names)})"


def refuse_collisions(axes: str, sizes: dict[str, int]) -> None:
    """Raise ValueError, to the author of the check, where two names have the same size."""
    known = _known(axes, sizes)
    for one, other in itertools.combinations(known, 2):
        if known[one] == known[other]:
            raise ValueError(f"check.shape: {one} and {other} are both {known[one]}, so no check can tell them apart.")


def infer_axes(shape: tuple[int, ...], axes: str, sizes: dict[str, int]) -> str | None:
    """Name the axes of `shape` by their sizes, "?" where none fits; None where two readings fit."""
    known = _known(axes, sizes)
    options = [_fitting(size, known, sizes) for size in shape]
    readings = [pick for pick in itertools.product(*options) if _no_name_twice(pick)]
    return " ".join(readings[0]) if len(readings) == 1 else None


def name_axes(shape: tuple[int, ...], sizes: dict[str, int]) -> str:
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
    """Return the symptom of a wrong shape, in a sentence or two; the order that was asked for stays unsaid."""
    have = f"You have {shape}"
    if reading is not None and set(reading.split()) != {"?"}:
        have += f", which by its sizes would be {as_tuple(reading)}"
    if reading is not None and sorted(reading.split()) == sorted(axes.split()):
        return f"{have}: the right axes in a different order."
    if len(shape) != len(wanted):
        return f"{have}. It has {_axes(len(shape))}, but {len(wanted)} are expected."
    first = next(i for i, (actual, expected) in enumerate(zip(shape, wanted, strict=True)) if actual != expected)
    return f"{have}. The axis at index {first} is the first that differs from the expected shape."


def _axes(count: int) -> str:
    return f"{count} axis" if count == 1 else f"{count} axes"


def _known(axes: str, sizes: dict[str, int]) -> dict[str, int]:
    names = dict.fromkeys([*axes.split(), *sizes])
    return {name: math.prod(sizes[factor] for factor in name.split("*")) for name in names}


def _fitting(size: int, known: dict[str, int], sizes: dict[str, int]) -> list[str]:
    """Return the names of that size; else the products of two or three of that size; else "?"."""
    found = [name for name in known if known[name] == size]
    for factors in (2, 3):
        found = found or [
            "*".join(names)
            for names in itertools.combinations(sizes, factors)
            if math.prod(sizes[name] for name in names) == size and all(sizes[name] > 1 for name in names)
        ]
    return found or ["?"]


def _no_name_twice(names: tuple[str, ...]) -> bool:
    named = [name for name in names if name != "?"]
    return len(set(named)) == len(named)

"""Whether a release still shows an answer: marks of a closed region, or the lines of a solution."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from nbgrader.utils import is_solution

from .course import read_notebook

MARK = re.compile(r"#+ *(BEGIN|END) +[A-Z]+", re.IGNORECASE)
IMPORT = re.compile(r"(import|from) +[\w.]+")
SHORTEST = 12  # characters of a line that can tell an answer
LARGEST = 1_000_000  # bytes of a file beside the notebook that is looked into


def leaks(source: Path, released: Path) -> list[str]:
    """Lines of the release that give something away.

    These are marks of regions, mistyped ones too, and the lines of a solution if more than half of them can be read.
    A line that a solution merely shares with a public cell, such as `optimizer.zero_grad()`, gives no answer away.
    """
    public = [line for text in _public(released) for line in map(str.strip, text.splitlines())]
    shown = set(public)
    marks = [line for line in public if MARK.match(line)]
    told = []
    for cell in read_notebook(source).cells:
        for lines in solutions(cell.source, is_solution(cell) and cell.cell_type == "code"):
            seen = [line for line in lines if line in shown]
            told += seen if 2 * len(seen) > len(lines) else []
    return marks + told


def _public(released: Path) -> Iterator[str]:
    """The texts that students get: the notebook's cells, and the text files beside it."""
    for cell in read_notebook(released).cells:
        yield cell.source
    for path in sorted(released.parent.rglob("*")):
        if path.is_file() and path.suffix != ".ipynb" and path.stat().st_size < LARGEST:
            yield path.read_text(encoding="utf-8", errors="ignore")


def solutions(text: str, is_answer: bool = False) -> list[list[str]]:
    """The telling lines of each solution in a cell: between marks, or all of an answer cell that has none.

    Imports, and lines under 12 characters, say too little.
    """
    regions: list[list[str]] = []
    inside = is_answer and "BEGIN SOLUTION" not in text
    if inside:
        regions.append([])
    for line in map(str.strip, text.splitlines()):
        if MARK.match(line):
            inside = "BEGIN SOLUTION" in line
            regions += [[]] if inside else []
        elif inside and len(line) >= SHORTEST and not IMPORT.match(line):
            regions[-1].append(line)
    return regions

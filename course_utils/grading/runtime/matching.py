"""Which submitted cell is which of the assignment's, where metadata were lost or a cell was split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from .job import Cell
from .names import joined
from .reading import SubmittedCell

MAX_PARTS = 4  # of an answer that was split


@dataclass(frozen=True)
class Note:
    """What was read otherwise than an honest copy of the release."""

    cell: str
    text: str

    def __str__(self) -> str:
        return f"{self.cell}: {self.text}" if self.cell else self.text


def identify(
    cells: list[SubmittedCell], template: Mapping[str, Cell], ids: Mapping[str, str], notes: list[Note]
) -> list[SubmittedCell]:
    """The cells, each with a grade_id of this assignment or None: told by its metadata, its cell id, or its text."""
    claimed = {cell.grade_id for cell in cells}
    locked = {cell.shown.strip(): cell.id for cell in template.values() if cell.role != "answer"}
    identified = []
    for cell in cells:
        name = cell.grade_id if cell.grade_id in template else None
        same_id = ids.get(cell.cell_id or "", cell.cell_id or "")
        if cell.grade_id is None and same_id in template and same_id not in claimed:
            name = same_id
            if template[name].role == "answer":
                notes.append(Note(name, "has lost its metadata; recognised by its cell id"))
        elif cell.grade_id is None and locked.get(cell.text.strip(), "") not in claimed | {""}:
            name = locked[cell.text.strip()]
        claimed.add(name)
        if cell.cut:
            notes.append(Note(name or "an added cell", "too long; its end was left out"))
        identified.append(replace(cell, grade_id=name))
    return identified


def join_halves(cells: list[SubmittedCell], template: Mapping[str, Cell], notes: list[Note]) -> Iterator[SubmittedCell]:
    """The cells, with each code answer that was split joined again: a part of it is no program by itself."""
    position = 0
    while position < len(cells):
        cell, used = cells[position], 1
        known = template.get(cell.grade_id or "")
        if known is not None and known.role == "answer" and known.kind == "code":
            for count in range(2, MAX_PARTS + 1):
                parts = cells[position : position + count]
                if len(parts) < count or any(part.grade_id not in (None, known.id) for part in parts):
                    break
                whole = joined([part.text for part in parts])
                if whole is not None:
                    notes.append(Note(known.id, f"split into {count} cells; joined"))
                    cell, used = replace(cell, text=whole), count
                    break
        yield cell
        position += used

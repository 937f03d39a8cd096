"""submitted -> what will be run: the released notebook with the text of the student's cells in it, and nothing else.

A submission is never cleaned up and used; it is read for text. Metadata, tags, outputs, attachments and
instructor cells of the submission do not survive, because they are never taken.
"""

from __future__ import annotations

import json
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .job import Cell

MAX_BYTES = 20 * 2**20  # a notebook with many figures in its outputs; the outputs are dropped
MAX_TEXT = 200_000  # characters of one cell
MAX_CELLS = 500


class RefusedError(Exception):
    """A submission that cannot be read; the message is one line for student and instructor."""


@dataclass
class Sanitized:
    """The cells in the order in which they run, and a note on everything that had to be mended."""

    cells: list[Cell]
    notes: list[str] = field(default_factory=list)


def read_file(path: Path) -> bytes:
    """The bytes of a submitted notebook; RefusedError where it is no regular file of a sensible size."""
    try:
        info = path.lstat()
    except OSError:
        others = sorted(other.name for other in path.parent.glob("*.ipynb"))
        found = f", only {others[0]!r}" if others else ""
        raise RefusedError(f"there is no {path.name}{found}; hand in the notebook under this name.") from None
    linked = any(parent.is_symlink() for parent in (path.parent, path.parent.parent))
    if linked or not stat.S_ISREG(info.st_mode):
        raise RefusedError(f"{path.name} is a link or no regular file; hand in the notebook itself.")
    if info.st_size > MAX_BYTES:
        raise RefusedError(f"{path.name} has {info.st_size >> 20} MiB, over {MAX_BYTES >> 20}; clear its outputs.")
    return path.read_bytes()


def sanitize(submission: bytes, template: list[Cell]) -> Sanitized:
    """Lay the student's text into the cells of the assignment.

    Parameters
    ----------
    submission : the bytes of the notebook that was handed in.
    template : the assignment's cells with role answer, instructor or test, in the order of the source.

    Raises
    ------
    RefusedError : it is no notebook, or none of the assignment's cells is in it.
    """
    cells = [_read_cell(cell) for cell in _notebook_cells(submission)]
    known = {cell.id: cell for cell in template}
    seen = [grade_id for grade_id, _, _ in cells if grade_id in known]
    if not seen:
        raise RefusedError("none of this assignment's cells is in the notebook; is it the right file?")
    sanitized = Sanitized([], _notes(cells, known))
    answers = _answers(cells, known)
    added = _added(cells, known)
    sanitized.cells += added.get(None, [])
    for cell in template:
        text = answers.get(cell.id, cell.shown) if cell.role == "answer" else cell.text
        sanitized.cells.append(Cell(cell.id, cell.role, cell.kind, text, cell.shown))
        sanitized.cells += added.get(cell.id, [])
    return sanitized


def _notebook_cells(submission: bytes) -> list[Any]:
    if not submission.strip():
        raise RefusedError("the notebook is empty (0 bytes).")
    try:
        text = submission.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RefusedError("the notebook is not UTF-8 text; save it again in JupyterLab.") from None
    try:
        notebook = json.loads(text)
    except RecursionError:
        raise RefusedError("the notebook is nested too deeply to be one that Jupyter saved.") from None
    except ValueError:
        raise RefusedError("the notebook is not JSON; save it again in JupyterLab.") from None
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise RefusedError("the file is no notebook of format 4; open it in JupyterLab and save it again.")
    if len(notebook["cells"]) > MAX_CELLS:
        raise RefusedError(f"the notebook has over {MAX_CELLS} cells.")
    return notebook["cells"]


def _read_cell(cell: Any) -> tuple[str | None, str, str]:
    """(grade_id or None, kind, text) of a submitted cell; whatever has another form counts as empty."""
    if not isinstance(cell, dict):
        return None, "raw", ""
    metadata = cell.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = marks.get("grade_id") if isinstance(marks, dict) else None
    source = cell.get("source")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    text = source if isinstance(source, str) else ""
    text = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()
    return grade_id if isinstance(grade_id, str) else None, str(cell.get("cell_type")), text[:MAX_TEXT]


def _answers(cells, known: dict[str, Cell]) -> dict[str, str]:
    """The text for each answer cell; of several with one id the first that is not the untouched stub."""
    answers: dict[str, str] = {}
    for grade_id, _, text in cells:
        if grade_id in known and known[grade_id].role == "answer":
            stub = known[grade_id].shown.strip()
            if grade_id not in answers or answers[grade_id].strip() == stub:
                answers[grade_id] = text
    return answers


def _added(cells, known: dict[str, Cell]) -> dict[str | None, list[Cell]]:
    """The student's own code cells, by the id of the assignment's cell that they follow."""
    added: dict[str | None, list[Cell]] = {}
    place: str | None = None
    count = 0
    for grade_id, kind, text in cells:
        if grade_id in known:
            place = grade_id
        elif kind == "code" and text.strip():
            count += 1
            added.setdefault(place, []).append(Cell(f"added-{count}", "added", "code", text))
    return added


def _notes(cells, known: dict[str, Cell]) -> list[str]:
    """What differs from an honest copy of the release, in words; none of it changes a score by itself."""
    ids = [grade_id for grade_id, _, _ in cells if grade_id in known]
    notes = [f"{cell_id}: deleted, put back" for cell_id in known if cell_id not in ids]
    notes += [
        f"{cell_id}: there {ids.count(cell_id)} times" for cell_id in dict.fromkeys(ids) if ids.count(cell_id) > 1
    ]
    for grade_id, kind, text in cells:
        cell = known.get(grade_id)
        if cell is not None and kind != cell.kind:
            notes.append(f"{grade_id}: was made a {kind[:20]} cell, put back")
        elif cell is not None and cell.role != "answer" and text.strip() != cell.shown.strip():
            notes.append(f"{grade_id}: changed, put back")
    order = [cell_id for cell_id in known if cell_id in ids]
    if list(dict.fromkeys(ids)) != order:
        notes.append("cells stand in another order, put back")
    return notes

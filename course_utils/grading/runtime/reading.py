"""A submitted file -> its cells as plain text. Nothing else of the file is kept, and none of it is trusted."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import nbformat
from nbformat.v4.convert import upgrade_cell

MAX_BYTES = 20 * 2**20  # of a notebook without its outputs
SMALL = 2**20  # bytes up to which a notebook is parsed with its outputs
MAX_TEXT = 1_000_000  # characters of one cell
MAX_CELLS = 5000
PICTURE = re.compile(r"data:image/[a-z.+-]+;base64,([A-Za-z0-9+/=]*)")
MAX_BRACKETS = 1_000_000  # without its outputs; each may cost 64 bytes of memory
MAX_ALL_BRACKETS = 5_000_000  # with its outputs; each costs half a microsecond
TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
LIST = re.compile(rb"\s*:\s*(?=\[)")


class RefusedError(Exception):
    """A submission that cannot be read; the message is one line for student and instructor."""


@dataclass(frozen=True)
class SubmittedCell:
    """A cell as it was handed in. `pictures` has the base64 text of each attachment, by name; unverified."""

    grade_id: str | None
    cell_id: str | None
    kind: str  # code, markdown or raw
    text: str
    pictures: dict[str, str] = field(default_factory=dict)
    cut: bool = False


def read_cells(submission: bytes) -> list[SubmittedCell]:
    """The cells of a notebook of any format.

    Raises
    ------
    RefusedError
        The bytes are no notebook.
    """
    notebook = _parsed(submission)
    if not isinstance(notebook, dict):
        raise RefusedError("the file is not a notebook; open it in JupyterLab and save it again.")
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        cells = list(_cells_of_format_3(notebook.get("worksheets")))
    if not cells:
        raise RefusedError("the notebook has no cells; open it in JupyterLab and save it again.")
    if len(cells) > MAX_CELLS:
        raise RefusedError(f"the notebook has over {MAX_CELLS} cells.")
    return [_cell(cell) for cell in cells if isinstance(cell, dict)]


def without_outputs(notebook: bytes) -> bytes:
    """The notebook with an empty list for all outputs, found without building them in memory.

    One pass over strings and brackets: about 0.2 s for 28 MiB of pictures.
    """
    kept: list[bytes] = []
    start, depth, skipping, is_key_seen = 0, 0, 0, False
    for token in TOKEN.finditer(notebook):
        sign = token.group()[:1]
        if sign in b"[{":
            depth += 1
            if is_key_seen and not skipping:
                kept.append(notebook[start : token.start()])
                skipping = depth
        elif sign in b"]}":
            if skipping == depth:
                kept.append(b"[]")
                start, skipping = token.end(), 0
            depth -= 1
        is_key_seen = token.group() == b'"outputs"' and LIST.match(notebook, token.end()) is not None
    return b"".join([*kept, b"" if skipping else notebook[start:]])


def _parsed(submission: bytes) -> Any:
    if not submission.strip(b" \t\r\n\0\xef\xbb\xbf\xff\xfe"):
        raise RefusedError(f"the notebook is empty ({len(submission)} bytes).")
    text = submission
    if json.detect_encoding(text) != "utf-8":
        text = text.decode(json.detect_encoding(text), "replace").encode("utf-8", "replace")
    if _brackets(text) > MAX_ALL_BRACKETS:
        raise RefusedError("the notebook has millions of brackets, unlike one that Jupyter saved; clear its outputs.")
    if len(text) > SMALL:
        text = without_outputs(text)
    if len(text) > MAX_BYTES or _brackets(text) > MAX_BRACKETS:
        raise RefusedError(f"the notebook has over {MAX_BYTES >> 20} MiB without its outputs; remove large pictures.")
    try:
        return json.loads(_utf8(text))
    except RecursionError:
        raise RefusedError("the notebook is nested too deeply to be one that Jupyter saved.") from None
    except ValueError:
        raise RefusedError("the notebook is not JSON; save it again in JupyterLab.") from None


def _brackets(text: bytes) -> int:
    return text.count(b"[") + text.count(b"{")


def _utf8(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:  # saved by an editor in the encoding of its country; only comments are affected
        return text.decode("latin-1")


def _cells_of_format_3(sheets: Any) -> Iterator[Any]:
    """The cells of a notebook of format 3, each converted by nbformat; what it cannot convert is left out."""
    for sheet in sheets if isinstance(sheets, list) else []:
        cells = sheet.get("cells") if isinstance(sheet, dict) else None
        for cell in cells if isinstance(cells, list) else []:
            with contextlib.suppress(Exception):  # it was not written for strangers' files
                cell["source"] = _text(cell.get("source"))
                cell.setdefault("input", cell["source"])  # a mixture of both formats
                yield upgrade_cell(nbformat.from_dict(cell | {"outputs": []}))


def _cell(cell: dict[str, Any]) -> SubmittedCell:
    """Whatever has another form than expected counts as missing."""
    metadata = cell.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = marks.get("grade_id") if isinstance(marks, dict) else None
    kind = cell.get("cell_type")
    kind = kind if kind in ("code", "markdown", "raw") else "raw"
    read = SubmittedCell(_string(grade_id), _string(cell.get("id")), kind, _text(cell.get("source")))
    if kind == "markdown":
        read = _with_pictures(read, cell.get("attachments"))
    return replace(read, text=read.text[:MAX_TEXT], cut=len(read.text) > MAX_TEXT)


def _text(source: Any) -> str:
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    text = source if isinstance(source, str) else ""
    return text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()


def _with_pictures(cell: SubmittedCell, attachments: Any) -> SubmittedCell:
    """The cell with its attachments, and with every data URL in its text turned into another attachment."""
    pictures = dict(_attached(attachments))

    def taken_out(match: re.Match[str]) -> str:
        name = f"picture-{len(pictures) + 1}"
        pictures[name] = match[1]
        return f"attachment:{name}"

    return replace(cell, text=PICTURE.sub(taken_out, cell.text), pictures=pictures)


def _attached(attachments: Any) -> Iterator[tuple[str, str]]:
    for name, versions in attachments.items() if isinstance(attachments, dict) else ():
        for mime in ("image/png", "image/jpeg"):
            data = versions.get(mime) if isinstance(versions, dict) else None
            data = "".join(map(str, data)) if isinstance(data, list) else data
            if isinstance(data, str):
                yield name, data
                break


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None

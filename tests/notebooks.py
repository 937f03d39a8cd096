"""What several test files share: the repository's folders, and notebooks run cell by cell in this process."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NAME = "ps1_shapes"
ASSIGNMENTS = sorted(path.name for path in (ROOT / "source").iterdir())


def execute(notebook: nbformat.NotebookNode, **options: Any) -> list[nbformat.NotebookNode]:
    """The cells of the notebook after a run in a kernel, however long a busy machine takes for it."""
    patience = {"timeout": None, "startup_timeout": 24 * 3600, "iopub_timeout": 24 * 3600}
    return NotebookClient(notebook, kernel_name="python3", **patience, **options).execute().cells


def cells_of(path: Path) -> list[nbformat.NotebookNode]:
    return nbformat.read(path, 4).cells


def run_cells(notebook: Path, answers: dict[str, str]) -> dict[str, Exception | None]:
    """Run the notebook's code cells with `answers` in place of cells; grade_id -> what its test raised."""
    scope: dict[str, object] = {}
    outcome: dict[str, Exception | None] = {}
    for cell in cells_of(notebook):
        if cell.cell_type != "code":
            continue
        raised = None
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            try:
                exec(answers.get(cell.id, cell.source), scope)
            except Exception as error:
                raised = error
        if cell.metadata.get("nbgrader", {}).get("grade"):
            outcome[cell.id] = raised
    return outcome


def change(course: Any, cell_id: str, old: str, new: str) -> None:
    """Change the text of a cell in the source of the problem set."""
    path = course.notebook("source", NAME)
    notebook = nbformat.read(path, 4)
    (cell,) = (cell for cell in notebook.cells if cell.id == cell_id)
    assert old in cell.source
    cell.source = cell.source.replace(old, new)
    nbformat.write(notebook, path)

"""Links from the notebook that runs to lessons and to the page of mistakes, as JupyterLab follows them."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[1]


def to_section(lesson: str, section: str) -> str:
    """Return the address of a lesson's section, or "" where there is none."""
    return _address(ROOT / "notebooks" / f"{lesson}.ipynb", section.replace("`", "").replace(" ", "-"))


def to_mistake(mistake: str) -> str:
    """Return the address of a mistake's description, or "" where there is none."""
    return _address(ROOT / "docs" / "mistakes.md", mistake)


def _address(target: Path, anchor: str) -> str:
    # From a notebook elsewhere the way might lead out of the folder that JupyterLab serves, and the link be dead.
    folder = _folder()
    if not target.is_file() or ROOT not in (folder, *folder.parents):
        return ""
    return f"{quote(Path(os.path.relpath(target, folder)).as_posix())}#{quote(anchor)}"


def _folder() -> Path:
    """Where the notebook is: Jupyter's server names it, and elsewhere the kernel starts in its folder."""
    notebook = Path(os.environ.get("JPY_SESSION_NAME", ""))
    return (notebook.parent if notebook.is_absolute() and notebook.is_file() else Path.cwd()).resolve()

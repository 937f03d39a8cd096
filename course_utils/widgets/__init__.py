"""What runs in the browser for a quiz and for cards: a script for each, and one style sheet.

Everything is sent by the kernel, so nothing is loaded from elsewhere, and what the learner does is sent back to it.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

MIME = "application/vnd.jupyter.widget-view+json"
FOLDER = Path(__file__).parent


def inline(text: str) -> str:
    """Turn a text into HTML, with what is between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def view(script: str, **state: Any) -> tuple[Any, dict[str, Any]]:
    """Make a widget that runs a script of this folder, with a synced trait for each value of `state`.

    Returns
    -------
    The widget, and what a front end needs to show it.
    """
    import anywidget  # it brings in IPython, which the terminal does not need
    import traitlets

    traits = {name: traitlets.Any(value).tag(sync=True) for name, value in state.items()}
    files = {"_esm": _read(f"{script}.js"), "_css": _read("style.css")}
    widget = type(script.title(), (anywidget.AnyWidget,), {"__module__": __name__} | files | traits)()
    return widget, {MIME: {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}}


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")

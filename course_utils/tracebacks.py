"""Errors in a notebook begin with what went wrong; the way through the libraries is folded away."""

from __future__ import annotations

import os
import sys
import traceback
from html import escape
from types import TracebackType
from typing import Any

FOLDED = """\
<details><summary>The whole traceback</summary>
<pre style="max-height: 30em; overflow: auto; white-space: pre-wrap;">{text}</pre></details>"""


def shorten() -> None:
    """Show errors that way from now on, if this is a notebook that somebody reads while it runs."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None and hasattr(shell, "kernel") and "NBGRADER_EXECUTION" not in os.environ:
        shell.set_custom_exc((Exception,), _show)


def _show(
    shell: Any, kind: type[Exception], error: Exception, trace: TracebackType, tb_offset: int | None = None
) -> None:
    steps = traceback.extract_tb(trace)[1:]  # the first is IPython's own
    cells = [(step, shell.compile.format_code_name(step.filename)) for step in steps]
    own = [f"{' '.join(cell)}, line {step.lineno}\n    {step.line}" for step, cell in cells if cell]
    # IPython knows better what to do with errors that draw themselves, come in groups or have no step in a cell.
    if hasattr(error, "_render_traceback_") or isinstance(error, SyntaxError | ExceptionGroup) or not own:
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
        return
    what = "".join(traceback.format_exception_only(error)).rstrip()
    vars(error)["_render_traceback_"] = lambda: [what, *own]
    try:
        shell.showtraceback((kind, error, trace))
    finally:
        del vars(error)["_render_traceback_"]  # so that %tb tells everything
    if len(own) < len(steps):
        from IPython.display import HTML, display

        text = "".join(traceback.format_exception(kind, error, trace.tb_next if trace else None))
        display(HTML(FOLDED.format(text=escape(text))))

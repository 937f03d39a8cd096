"""A course of a few files in JupyterLab, opened by Debian's Chromium."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from notebooks import ROOT

COURSE = ("notebooks/02_shapes.ipynb", "notebooks/glossary.md", "notebooks/quizzes/02_shapes.toml", "docs/mistakes.md")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
QUIET += ["--disable-component-update", "--disable-sync"]
IDLE = "window.jupyterapp.shell.currentWidget?.context?.sessionContext?.session?.kernel?.status === 'idle'"
ALL_RUN = """[...document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')]
             .every((prompt) => /\\d/.test(prompt.textContent))"""
PATIENCE = 600_000  # milliseconds: how long a busy machine may take for what must come


def make_course(folder: Path, cells: dict[str, str]) -> Path:
    """Lesson 02 with all it needs, and beside it shown.ipynb with these cells."""
    for name in COURSE:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "course_utils", folder / "course_utils", ignore=shutil.ignore_patterns("__pycache__"))
    going_on = {"tags": ["raises-exception"]}
    notebook = new_notebook(cells=[new_code_cell(source, id=name, metadata=going_on) for name, source in cells.items()])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}  # or JupyterLab asks for it
    nbformat.write(notebook, folder / "notebooks" / "shown.ipynb")
    return folder


@contextmanager
def jupyter_lab(folder: Path) -> Iterator[str]:
    """The address of a JupyterLab that serves `folder` on loopback, and keeps all that it writes in there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"]
    options += ["--IdentityProvider.token=", "--expose-app-in-browser"]
    places = {name: str(folder / ".own" / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
    places |= {"JUPYTER_RUNTIME_DIR": str(folder / ".own" / "runtime"), "PYTHONPATH": str(folder)}
    places |= {"JUPYTERLAB_SETTINGS_DIR": str(folder / ".own" / "settings")}
    places |= {"JUPYTERLAB_WORKSPACES_DIR": str(folder / ".own" / "workspaces")}
    command = [sys.executable, "-m", "jupyter", "lab", *options]
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    server = subprocess.Popen(command, cwd=folder, env=os.environ | places, **pipes)
    try:
        for line in server.stderr:  # it ends if the server does
            if f"http://127.0.0.1:{port}/lab" in line:
                break
        else:
            raise RuntimeError("JupyterLab has ended; run `jupyter lab` to see why.")
        threading.Thread(target=server.stderr.read, daemon=True).start()  # or the server waits for a reader
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def run_all(page, address: str, notebook: str) -> None:
    """Open the notebook and run its cells."""
    page.goto(f"{address}/lab/tree/{notebook}?reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.wait_for_function(IDLE)
    _command(page, "application:toggle-left-area")
    _command(page, "notebook:run-all-cells")
    page.wait_for_function(ALL_RUN)


def _command(page, name: str, arguments: str = "{}") -> None:
    page.evaluate(f"void window.jupyterapp.commands.execute('{name}', {arguments})")  # what it starts may take long


def set_theme(page, theme: str) -> None:
    """Such as "JupyterLab Dark"."""
    _command(page, "apputils:change-theme", f"{{theme: '{theme}'}}")
    light = "false" if "Dark" in theme else "true"
    page.wait_for_function(f"document.body.dataset.jpThemeName === '{theme}'")
    page.wait_for_function(f"document.body.dataset.jpThemeLight === '{light}'")

"""Make the pictures of the README: `make pictures`. Needs Debian's package chromium.

A sample submission is opened in JupyterLab, its cells are run up to its first mistake, and the cells
in question are photographed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import nbformat
from playwright.sync_api import Page, sync_playwright

from course_utils.grading.sample import ASSIGNMENT, fill_in, load

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
STUDENT = "sample-reshape-to-swap"
PORT = 8973
ADDRESS = f"http://127.0.0.1:{PORT}"
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
QUIET += ["--disable-component-update", "--disable-sync"]


@contextmanager
def jupyter_lab(folder: Path):
    """Serve `folder` on loopback while the block runs."""
    options = ["--no-browser", "--allow-root", f"--port={PORT}", "--IdentityProvider.token=", "--expose-app-in-browser"]
    log = (folder / "lab.log").open("w")
    server = subprocess.Popen([sys.executable, "-m", "jupyter", "lab", *options], cwd=folder, stdout=log, stderr=log)
    try:
        wait_for_server()
        yield
    finally:
        server.terminate()
        server.wait()


def wait_for_server() -> None:
    for _ in range(120):
        try:
            urllib.request.urlopen(f"{ADDRESS}/api")
            return
        except OSError:
            time.sleep(0.5)
    raise SystemExit(f"tools/pictures.py: JupyterLab did not answer on port {PORT}; is the port taken?")


def run_all(page: Page, notebook: str) -> None:
    page.goto(f"{ADDRESS}/lab/tree/{notebook}?reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.wait_for_function("document.querySelector('.jp-Notebook-ExecutionIndicator[data-status=idle]')")
    page.evaluate("window.jupyterapp.commands.execute('application:toggle-left-area')")
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_timeout(15_000)


def photograph(page: Page, first: int, last: int, target: Path) -> None:
    """The cells `first` to `last` of the open notebook."""
    boxes = [page.locator(".jp-Notebook .jp-Cell").nth(index).bounding_box() for index in (first, last)]
    top, bottom = boxes[0]["y"], boxes[1]["y"] + boxes[1]["height"]
    clip = {"x": boxes[0]["x"], "y": top, "width": boxes[0]["width"], "height": bottom - top}
    page.screenshot(path=target, clip=clip)
    print(f"wrote {target.relative_to(ROOT)}")


def main() -> None:
    browser_file = shutil.which("chromium")
    if browser_file is None:
        raise SystemExit("tools/pictures.py: no chromium; install Debian's package chromium.")
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        released = ROOT / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
        (sample,) = (entry for entry in load(ROOT / "samples" / ASSIGNMENT) if entry.student == STUDENT)
        (folder / "ps1.ipynb").write_text(fill_in(sample, released), encoding="utf-8")
        places = {cell.id: index for index, cell in enumerate(nbformat.read(released, 4).cells)}
        with jupyter_lab(folder), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=browser_file, args=QUIET)
            page = browser.new_page(viewport={"width": 1000, "height": 9000}, device_scale_factor=1.5)
            run_all(page, "ps1.ipynb")
            photograph(page, places["swap-axes"], places["swap-axes-check"], PICTURES / "failed-check.png")
            browser.close()


if __name__ == "__main__":
    main()

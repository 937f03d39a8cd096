"""The student's IPython: runs cells as Jupyter does, and captures what they put out as data."""

from __future__ import annotations

import base64
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

KEPT_MIMES = ("text/plain", "image/png")  # what a page may show of a student's output: no HTML, no script


class OutputCapture:
    """Collects what a cell puts out, in nbformat's form, up to a number of bytes."""

    encoding = "utf-8"

    def __init__(self, most: int):
        self.most, self.outputs, self.size = most, [], 0

    def write(self, text: str) -> int:
        text = str(text)
        room = self.most - self.size
        if room > 0 and text:
            self.size += len(text)
            kept = text[:room] + ("\n[output cut]" if len(text) > room else "")
            if self.outputs and self.outputs[-1]["output_type"] == "stream":
                self.outputs[-1]["text"] += kept
            else:
                self.outputs.append({"output_type": "stream", "name": "stdout", "text": kept})
        return len(text)

    def flush(self) -> None:
        """For those who treat stdout as a file."""

    def isatty(self) -> bool:
        return False

    def show(self, kind: str, data: dict[str, Any]) -> None:
        kept = {mime: str(value) for mime, value in data.items() if mime in KEPT_MIMES}
        size = sum(map(len, kept.values()))
        if kept and self.size + size <= 10 * self.most:  # a figure may be larger than text
            self.size += size
            self.outputs.append({"output_type": kind, "data": kept})

    def error(self, name: str, value: str, lines: list[str]) -> None:
        text = [str(line)[:2000] for line in lines][:60]
        self.outputs.append({"output_type": "error", "ename": name[:200], "evalue": value[:2000], "traceback": text})


class _Publisher(DisplayPublisher):
    def publish(self, data, metadata=None, **options):
        self.shell.capture.show("display_data", data)

    def clear_output(self, wait=False):
        """Nothing is shown live, so nothing has to be cleared."""


class _Hook(DisplayHook):
    def write_output_prompt(self):
        """The notebook has prompts of its own."""

    def write_format_data(self, format_dict, md_dict=None):
        self.shell.capture.show("execute_result", _encoded(format_dict))

    def finish_displayhook(self):
        """Nothing to flush."""


class Shell(InteractiveShell):
    """IPython without a terminal and without a history file."""

    capture = OutputCapture(0)
    display_pub_class = _Publisher
    displayhook_class = _Hook

    def _showtraceback(self, etype, evalue, stb):
        self.capture.error(getattr(etype, "__name__", str(etype)), str(evalue), stb)


def make_shell() -> Shell:
    """Made once in the warm process; each fork uses its own copy."""
    config = Config()
    config.HistoryManager.enabled = False
    config.Shell.colors = "nocolor"
    return Shell.instance(config=config)


def _encoded(data: dict[str, Any]) -> dict[str, Any]:
    return {mime: base64.b64encode(v).decode() if isinstance(v, bytes) else v for mime, v in data.items()}

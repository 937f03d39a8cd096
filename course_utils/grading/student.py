"""Inside the wall: runs the student's cells and answers questions about what they have bound.

This process knows no test and no answer. All that it says is data to the other side.
"""

from __future__ import annotations

import random
import signal
import socket
import sys
import traceback
from typing import Any

import numpy
import torch
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from . import wire

KEPT_MIMES = ("text/plain", "image/png")  # what a page may show of a student's output: no HTML, no script


class Overtime(BaseException):
    """Raised in the student's code by the timer; no `except Exception` catches it."""


class Recorder:
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
        self.shell.recorder.show("display_data", data)

    def clear_output(self, wait=False):
        """Nothing is shown live, so nothing has to be cleared."""


class _Hook(DisplayHook):
    def write_output_prompt(self):
        """The notebook has prompts of its own."""

    def write_format_data(self, format_dict, md_dict=None):
        self.shell.recorder.show("execute_result", _encoded(format_dict))

    def finish_displayhook(self):
        """Nothing to flush."""


class Shell(InteractiveShell):
    """IPython without a terminal and without a history file."""

    recorder = Recorder(0)
    display_pub_class = _Publisher
    displayhook_class = _Hook

    def _showtraceback(self, etype, evalue, stb):
        self.recorder.error(getattr(etype, "__name__", str(etype)), str(evalue), stb)


def make_shell() -> Shell:
    """Made once in the warm process; each fork uses its own copy."""
    config = Config()
    config.HistoryManager.enabled = False
    config.Shell.colors = "nocolor"
    return Shell.instance(config=config)


class Student:
    """Answers one request at a time until the channel closes."""

    def __init__(self, channel: socket.socket, shell: Shell, output_bytes: int):
        self.channel, self.shell, self.output_bytes = channel, shell, output_bytes
        self.kept: list[Any] = []

    def serve(self) -> None:
        signal.signal(signal.SIGALRM, _ring)
        while True:
            try:
                verb, seconds, seed, *arguments = wire.decode(wire.receive(self.channel), self.restore)
            except EOFError:
                return
            wire.send(self.channel, self.answer(getattr(self, f"do_{verb}"), seconds, seed, arguments))

    def answer(self, do, seconds: float, seed: int, arguments: list[Any]) -> bytes:
        _seed(seed)
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds)
            try:
                return wire.encode(["ok", do(*arguments)], self.keep)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except Overtime:
            return wire.encode(["error", "TimeoutError", f"took over {seconds:.3g} s.", ""])
        except BaseException as error:
            message = str(error)[:1000]
            return wire.encode(["error", type(error).__name__, message, _line_of(error)])

    def do_run(self, text: str) -> list[Any]:
        recorder = self.shell.recorder = Recorder(self.output_bytes)
        sys.stdout = sys.stderr = recorder
        try:
            self.shell.run_cell(text, store_history=True, silent=False)
        except Overtime:
            recorder.error("TimeoutError", "this cell took too long and was stopped", ["TimeoutError: stopped"])
        return [
            recorder.outputs,
            any(output.get("ename") in ("TimeoutError", "Overtime") for output in recorder.outputs),
        ]

    def do_bound(self, names: list[str]) -> list[str]:
        return [name for name in names if name in self.shell.user_ns]

    def do_get(self, name: str) -> Any:
        return self.shell.user_ns[name]

    def do_call(self, function: Any, arguments: list[Any], keywords: dict[str, Any]) -> list[Any]:
        recorder = self.shell.recorder = Recorder(self.output_bytes)
        sys.stdout = sys.stderr = recorder
        return [function(*arguments, **keywords), "".join(o.get("text", "") for o in recorder.outputs)]

    def do_attribute(self, value: Any, name: str) -> Any:
        return getattr(value, name)

    def keep(self, value: Any) -> int:
        self.kept.append(value)
        return len(self.kept) - 1

    def restore(self, number: int, name: str) -> Any:
        return self.kept[number]


def _ring(signum, frame):
    raise Overtime


def _seed(seed: int) -> None:
    random.seed(seed)
    numpy.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def _line_of(error: BaseException) -> str:
    """`line 3: return …` of the student's own code, or nothing."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "ipython-input" in frame.filename]
    return f"line {frames[-1].lineno}: {(frames[-1].line or '').strip()}"[:300] if frames else ""


def _encoded(data: dict[str, Any]) -> dict[str, Any]:
    import base64

    return {mime: base64.b64encode(v).decode() if isinstance(v, bytes) else v for mime, v in data.items()}

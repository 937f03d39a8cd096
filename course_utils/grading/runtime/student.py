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

from . import codec
from .shell import OutputCapture, Shell


class CellTimeout(BaseException):
    """Raised in the student's code by the timer; no `except Exception` catches it."""


class Student:
    """Answers one request at a time until the channel closes."""

    def __init__(self, channel: socket.socket, shell: Shell, output_bytes: int):
        self.channel, self.shell, self.output_bytes = channel, shell, output_bytes
        self.kept: list[Any] = []

    def serve(self) -> None:
        signal.signal(signal.SIGALRM, _ring)
        while True:
            try:
                verb, seconds, seed, *arguments = codec.decode(codec.receive(self.channel), self.restore)
            except EOFError:
                return
            codec.send(self.channel, self.answer(getattr(self, f"do_{verb}"), seconds, seed, arguments))

    def answer(self, do, seconds: float, seed: int, arguments: list[Any]) -> bytes:
        _seed(seed)
        try:
            signal.setitimer(signal.ITIMER_REAL, seconds)
            try:
                return codec.encode(["ok", do(*arguments)], self.keep)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except CellTimeout:
            return codec.encode(["timeout"])
        except BaseException as error:
            message = str(error)[:1000]
            return codec.encode(["error", type(error).__name__, message, _line_of(error)])

    def do_run(self, text: str) -> list[Any]:
        capture = self.shell.capture = OutputCapture(self.output_bytes)
        sys.stdout = sys.stderr = capture
        try:
            self.shell.run_cell(text, store_history=True, silent=False)
        except CellTimeout:
            capture.error("TimeoutError", "this cell took too long and was stopped", ["TimeoutError: stopped"])
        return [
            capture.outputs,
            any(output.get("ename") in ("TimeoutError", "CellTimeout") for output in capture.outputs),
        ]

    def do_bound(self, names: list[str]) -> list[str]:
        return [name for name in names if name in self.shell.user_ns]

    def do_get(self, name: str) -> Any:
        return self.shell.user_ns[name]

    def do_call(self, function: Any, arguments: list[Any], keywords: dict[str, Any]) -> list[Any]:
        capture = self.shell.capture = OutputCapture(self.output_bytes)
        sys.stdout = sys.stderr = capture
        return [function(*arguments, **keywords), "".join(o.get("text", "") for o in capture.outputs)]

    def do_attribute(self, value: Any, name: str) -> Any:
        return getattr(value, name)

    def keep(self, value: Any) -> int:
        self.kept.append(value)
        return len(self.kept) - 1

    def restore(self, number: int, name: str) -> Any:
        return self.kept[number]


def _ring(signum, frame):
    raise CellTimeout


def _seed(seed: int) -> None:
    random.seed(seed)
    numpy.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def _line_of(error: BaseException) -> str:
    """`line 3: return …` of the student's own code, or nothing."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "ipython-input" in frame.filename]
    return f"line {frames[-1].lineno}: {(frames[-1].line or '').strip()}"[:300] if frames else ""

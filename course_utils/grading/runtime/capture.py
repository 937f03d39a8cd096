"""The outputs of a cell, as data: streams, displays and errors, up to a number of bytes and of outputs."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import io
import os
import re
import tempfile
from collections.abc import Callable
from typing import Any

KEPT_MIMES = ("text/plain", "image/png")  # what a page may show of a student's output: no HTML, no script
MAX_OUTPUTS = 500
PICTURES = 10  # times as many bytes for pictures as for text
MAX_LINES, MAX_LINE = 60, 2000  # of a traceback
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class OutputCapture:
    """Collects a cell's outputs in nbformat's form; where there is too much, a note says that the rest is cut."""

    def __init__(self, most: int):
        self.most = most
        self.clear()

    def clear(self) -> None:
        self._outputs: list[dict[str, Any]] = []
        self._ids: dict[str, dict[str, Any]] = {}
        self._text = 0  # characters of all streams
        self._displays = 0  # characters of all displays and errors
        self.is_cut = self._is_last_error = self._clears = False

    def clear_output(self, wait: bool) -> None:
        """As `IPython.display.clear_output` does: with `wait` only when the next output comes."""
        if wait:
            self._clears = True
        else:
            self.clear()

    @property
    def outputs(self) -> list[dict[str, Any]]:
        """The outputs so far; of lines that were overwritten the last state."""
        return [
            output if output["output_type"] != "stream" else output | {"text": _as_seen("".join(output["text"]))}
            for output in list(self._outputs)
        ]

    def text(self) -> str:
        """What was printed."""
        return "".join(output.get("text", "") for output in self.outputs)

    def write(self, text: str, name: str = "stdout") -> None:
        if not text:
            return
        self._clear_if_asked()
        if not self.is_cut:
            stream = self._stream(name)
            if self._text + len(text) > self.most:
                self._shorten(stream)
            room = self.most - self._text
            stream["text"].append(text[:room])
            self._text += len(text[:room])
            if len(text) > room:
                self._cut()

    def show(self, kind: str, data: dict[str, Any], display_id: str | None = None, update: bool = False) -> None:
        """Take a display; with `update` in place of the one with the same id."""
        self._clear_if_asked()
        kept = {mime: _plain(value) for mime, value in data.items() if mime in KEPT_MIMES}
        size = _size(kept)
        if not kept or self.is_cut:
            return
        replaced = self._ids.get(display_id or "") if update else None
        self._displays += size - _size(replaced["data"] if replaced else {})
        if replaced is not None:
            replaced["data"] = kept
        elif self._displays > PICTURES * self.most or len(self._outputs) >= MAX_OUTPUTS:
            self._cut()
        elif not update:
            self._outputs.append({"output_type": kind, "data": kept})
            if display_id is not None:
                self._ids[display_id] = self._outputs[-1]

    def error(self, name: str, value: str, lines: list[str]) -> None:
        """Take an error; of a long traceback the first and the last lines. After the cut there is room for one."""
        self._clear_if_asked()
        if len(lines) > MAX_LINES:
            left_out = f"  [{len(lines) - MAX_LINES + 1} lines left out]"
            lines = [*lines[: MAX_LINES // 2], left_out, *lines[1 - MAX_LINES // 2 :]]
        told = [_ESCAPES.sub("", line)[:MAX_LINE] for line in lines]
        self._displays += sum(map(len, told))
        if self._displays > PICTURES * self.most or len(self._outputs) >= MAX_OUTPUTS:
            self._cut()
        if not (self.is_cut and self._is_last_error):
            self._is_last_error = self.is_cut
            self._outputs.append(
                {"output_type": "error", "ename": name[:200], "evalue": value[:MAX_LINE], "traceback": told}
            )

    def _clear_if_asked(self) -> None:
        if self._clears:
            self.clear()

    def _stream(self, name: str) -> dict[str, Any]:
        last = self._outputs[-1] if self._outputs else {}
        if last.get("output_type") != "stream" or last["name"] != name:
            if len(self._outputs) >= MAX_OUTPUTS:
                self._cut()
            last = {"output_type": "stream", "name": name, "text": []}
            self._outputs.append(last)
        return last

    def _shorten(self, stream: dict[str, Any]) -> None:
        """Drop what a progress bar has written over."""
        before = "".join(stream["text"])
        after = _as_seen(before, ends=False)
        stream["text"][:] = [after]
        self._text -= len(before) - len(after)

    def _cut(self) -> None:
        if not self.is_cut:
            self.is_cut = True
            note = f"\n[output cut: a cell shows up to {self.most // 1000} kB of text and {MAX_OUTPUTS} outputs]\n"
            self._outputs.append({"output_type": "stream", "name": "stderr", "text": [note]})


class CapturedStream(io.TextIOBase):
    """`sys.stdout` or `sys.stderr` of a student's process: text goes to the capture, as bytes of a real file do.

    Programs that a cell starts write to the same file, so `collect` reads what they have written.
    """

    encoding = "utf-8"
    errors = "replace"
    mode = "w"
    line_buffering = True

    def __init__(self, name: str, number: int, capture: Callable[[], OutputCapture], file: CapturedFile):
        self.name, self.number, self.capture, self.file = f"<{name}>", number, capture, file

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self.flush()
        self.capture().write(text, self.name[1:-1])
        return len(text)

    def flush(self) -> None:
        self.capture().write(self.file.read(self.capture().most))

    def fileno(self) -> int:
        return self.number

    @property
    def buffer(self) -> io.BufferedIOBase:
        return _Bytes(self)

    def detach(self) -> io.BufferedIOBase:  # type: ignore[override]  # typeshed wants a BinaryIO
        return _Bytes(self)

    def reconfigure(self, **settings: object) -> None:
        """It stays what it is."""

    def close(self) -> None:
        """The next cell needs it."""

    def writable(self) -> bool:
        return True


class _Bytes(io.BufferedIOBase):
    """The `buffer` of a captured stream."""

    def __init__(self, stream: CapturedStream):
        self.stream = stream

    def write(self, data: Any) -> int:
        self.stream.write(bytes(data).decode("utf-8", "replace"))
        return len(data)

    def flush(self) -> None:
        self.stream.flush()

    def fileno(self) -> int:
        return self.stream.fileno()

    def writable(self) -> bool:
        return True

    @property
    def raw(self) -> _Bytes:
        return self


class CapturedFile:
    """What takes the place of a terminal: a nameless file, on the process's first and second descriptor."""

    LARGE = 2**20

    def __init__(self) -> None:
        self._file, path = tempfile.mkstemp()  # memfd_create is refused: its memory counts for no folder
        os.unlink(path)
        fcntl.fcntl(self._file, fcntl.F_SETFL, os.O_APPEND)
        self._place = 0

    def attach(self) -> None:
        for number in (1, 2):
            os.dup2(self._file, number)

    def read(self, most: int) -> str:
        """Up to a bit over `most` bytes of what was written since the last call."""
        data = b""
        with contextlib.suppress(OSError):  # closed by the student's code
            size = os.fstat(self._file).st_size
            if size != self._place:
                data = os.pread(self._file, min(size - self._place, most + 1), self._place)
                self._place = size
            if size > self.LARGE:
                os.ftruncate(self._file, 0)
                self._place = 0
        return data.decode("utf-8", "replace")


def _size(data: dict[str, str]) -> int:
    return sum(map(len, data.values()))


def _plain(value: Any) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _as_seen(text: str, ends: bool = True) -> str:
    """Text as a screen shows it: without colours, and of an overwritten line only what was written last."""
    text = _ESCAPES.sub("", text).replace("\r\n", "\n")
    if "\r" not in text:
        return text
    lines = [_last_state(line, ends) for line in text.split("\n")]
    return "\n".join(lines)


def _last_state(line: str, ends: bool) -> str:
    kept = line.rstrip("\r").rpartition("\r")[2]
    return kept if ends or not line.endswith("\r") else f"{kept}\r"

"""Outputs for the page: of a test, and of a student's cell as far as they have the form of outputs."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from ...verdict import CheckFailed
from .findings import Output
from .text import MAX_NAME, one_line, printable

MAX_OUTPUTS, MAX_TEXT, MAX_PICTURE = 1000, 1_000_000, 4_000_000


def error_output(name: str, message: str, line: str | None = None) -> Output:
    return {"output_type": "error", "ename": name, "evalue": message, "traceback": [line or f"{name}: {message}"]}


def test_outputs(printed: str, raised: Exception | None) -> list[Output]:
    """What the test printed, then the panel, or the error without a line of the test."""
    outputs: list[Output] = [{"output_type": "stream", "name": "stdout", "text": printed}] if printed else []
    if isinstance(raised, CheckFailed):
        outputs.append({"output_type": "display_data", "data": {"text/html": raised.html(), "text/plain": str(raised)}})
        line = f"{type(raised).__name__}: {raised.name} (see the panel above)"
        return [*outputs, error_output(type(raised).__name__, str(raised), line)]
    if raised is not None:
        return [*outputs, error_output(one_line(type(raised).__name__, MAX_NAME), printable(raised))]
    return outputs


def checked(outputs: Any) -> list[Output]:
    """Up to `MAX_OUTPUTS` outputs of a student's cell, with text and PNG pictures only."""
    kept: list[Output] = []
    room = MAX_TEXT
    for output in outputs[:MAX_OUTPUTS] if isinstance(outputs, list) else []:
        match output:
            case {"output_type": "stream", "text": str(text)}:
                stream = "stderr" if output.get("name") == "stderr" else "stdout"
                kept.append({"output_type": "stream", "name": stream, "text": printable(text, room)})
                room -= len(kept[-1]["text"])
            case {"output_type": ("display_data" | "execute_result") as kind, "data": dict(data)}:
                kept.append({"output_type": kind, "data": _data(data)})
            case {"output_type": "error", "ename": str(name), "evalue": str(value), "traceback": list(lines)}:
                told = [printable(line, 2000) for line in lines[:60] if isinstance(line, str)]
                name = one_line(name, MAX_NAME)
                kept.append({"output_type": "error", "ename": name, "evalue": printable(value), "traceback": told})
        if room <= 0:
            break
    return kept


def _data(data: dict[Any, Any]) -> dict[str, str]:
    plain: dict[str, str] = {}
    if isinstance(text := data.get("text/plain"), str):
        plain["text/plain"] = printable(text, 100_000)
    picture = data.get("image/png")
    if isinstance(picture, str) and len(picture) <= MAX_PICTURE and _is_base64(picture):
        plain["image/png"] = picture
    return plain


def _is_base64(text: str) -> bool:
    try:
        return base64.b64decode("".join(text.split()), validate=True)[:4] == b"\x89PNG"
    except (binascii.Error, ValueError):
        return False

"""Text from a student's process, made fit for an instructor's terminal and pages."""

from __future__ import annotations

MAX_NAME, MAX_MESSAGE = 80, 1000


def printable(text: object, most: int = MAX_MESSAGE) -> str:
    """At most `most` characters, without control characters except newline and tab."""
    kept = "".join(
        c if c in "\n\t" or (c.isprintable() and not 0xD800 <= ord(c) < 0xE000) else "�"
        for c in str(text).replace("\r\n", "\n").replace("\r", "\n")[: most + 1]
    )
    return kept if len(kept) <= most else kept[: most - 1] + "…"


def one_line(text: object, most: int = MAX_MESSAGE) -> str:
    return " ".join(printable(text, most).split())

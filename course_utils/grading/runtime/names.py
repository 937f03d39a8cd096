"""What a student's code binds, told from its text alone: nothing is run, and broken code binds nothing."""

from __future__ import annotations

import ast
import itertools
import re
import warnings

from .code import bound_in, syntax_tree

TOO_LONG = 50_000  # characters: such code is not parsed here
FILE = "submitted-cell"

warnings.filterwarnings("ignore", module=FILE)  # what Python thinks of a student's code is not for this screen


def bound_names(text: str) -> set[str]:
    """The names that a cell binds at its top level, imports left out."""
    try:
        statements = syntax_tree(_python(text), FILE).body if len(text) < TOO_LONG else []
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    return set(bound_in(statements))


def used_words(text: str) -> set[str]:
    """All words of a text that may be names."""
    return set(re.findall(r"[^\W\d]\w*", text))


def joined(parts: list[str]) -> str | None:
    """The program that was cut into these parts; None unless a part is no program and the whole is one."""
    if sum(map(len, parts)) > TOO_LONG or all(_is_program(part) for part in parts):
        return None
    for seams in itertools.product(("\n", ""), repeat=len(parts) - 1):  # cut between lines, or within one
        whole = parts[0] + "".join(seam + part for seam, part in zip(seams, parts[1:], strict=True))
        if _is_program(whole):
            return whole
    return None


def _is_program(text: str) -> bool:
    try:
        compile(_python(text), FILE, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _python(text: str) -> str:
    """The text with IPython's lines as `pass`. Its own transformer takes minutes for some texts."""
    lines = text.split("\n")
    if lines[0].startswith("%%"):
        lines[0] = "pass"
    return "\n".join(re.sub(r"^(\s*)[%!?].*|^(\s*)\S+\?+$", r"\1\2pass", line) for line in lines)

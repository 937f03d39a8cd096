"""Flashcards of a lesson's terms; the terms and their definitions are in the glossary and nowhere else."""

from __future__ import annotations

import re
from pathlib import Path

GLOSSARY = "glossary.md"


def load(lesson: str, folder: str | Path = ".") -> dict[str, str]:
    """Term -> definition of one lesson, such as "02_shapes", in the order of the glossary.

    Raises
    ------
    FileNotFoundError : there is no glossary in `folder`; a lesson looks for it in its own.
    ValueError : the glossary has no terms of this lesson.
    """
    file = Path(folder) / GLOSSARY
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no such file in {Path.cwd()}; run the lesson from its own folder.")
    sections = re.split(r"^## +", file.read_text(encoding="utf-8"), flags=re.M)[1:]
    terms = {section.split("\n", 1)[0].strip(): section for section in sections}
    found = dict(re.findall(r"^\*\*(.+?)\*\*: (.+)$", terms.get(lesson, ""), flags=re.M))
    if not found:
        raise ValueError(f"{file}: no terms under the heading {lesson!r}; write them as `**term**: definition.`")
    return found


def show(lesson: str) -> None:
    """Show the cards in the notebook; a click turns one over."""
    from jupytercards import display_flashcards

    display_flashcards([{"front": term, "back": meaning} for term, meaning in load(lesson).items()])

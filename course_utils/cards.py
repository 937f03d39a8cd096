"""Flashcards of a lesson's terms; the terms and their definitions are in the glossary and nowhere else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from .widgets import inline, view

GLOSSARY = "glossary.md"
MARKUP = """\
<section aria-label="Cards">
<div class="unrolled-card" role="status" aria-live="polite"></div>
<div class="unrolled-buttons">
<button type="button">Back</button> <button type="button">Turn over</button> <button type="button">Next</button>
</div>
</section>"""


class Cards:
    """What `show` shows: cards to turn over, or a list of the terms where no kernel runs."""

    def __init__(self, terms: dict[str, str]):
        self.terms = {inline(term): inline(meaning) for term, meaning in terms.items()}

    def __repr__(self) -> str:
        return f"[cards: {len(self.terms)} terms; open the notebook to turn them over]"

    def _repr_html_(self) -> str:
        return f"<dl>{''.join(f'<dt>{term}</dt><dd>{meaning}</dd>' for term, meaning in self.terms.items())}</dl>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        _, shown = view("cards", markup=MARKUP, cards=list(self.terms.items()), place=0, turned=False)
        return {"text/plain": repr(self), "text/html": self._repr_html_()} | shown


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
    """Show the cards in the notebook."""
    from IPython.display import display

    display(Cards(load(lesson)))

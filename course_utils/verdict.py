"""What a check answers (right, wrong, not attempted) and how each looks.

In Jupyter a wrong answer is a short panel. In a terminal, and in the report of
nbgrader's Validate, it is the same text without the frame.
"""

from __future__ import annotations

import contextlib
import os
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from html import escape

from . import links, progress

BADGE, PLAIN = "\x1b[38;5;231;48;5;28m", "\x1b[0m"  # white on green: legible on a light page and on a dark one
HINT_LEVELS = ("symptom", "question", "section")  # what a first, second and third failed attempt is shown

# Text has the colour of the page's text, so that it is as legible as the page in every theme.
PANEL = """\
<div class="unrolled-panel" style="border-left: 4px solid {colour}; background: {colour}14; padding: 8px 14px; \
max-width: 50em; font-family: var(--jp-content-font-family, sans-serif); line-height: 1.5; overflow-wrap: anywhere;">
<div style="margin-bottom: 4px;"><b>{mark} {name}</b>{tag}</div>
{rows}
</div>"""
TAG = ' <code style="font-size: 90%; background: none; color: inherit;">{}</code>'
ROW = "<div>{}</div>"
READ = "Read: "
LINK = '<a href="{}" style="text-decoration: underline;">{}</a>'

_failed: Counter[str] = Counter()  # failed attempts since the last right one, by the name of the checked value


class CheckFailed(AssertionError):
    """A wrong answer: what was seen, a question to think about, and where to read on.

    Parameters
    ----------
    name : what the student calls the checked value.
    symptom, question : a sentence or two each; neither gives the solution away.
    see : (lesson, section) where the idea is explained.
    mistakes : ids of the named mistakes that produce exactly this value.
    hint_level : how much is shown: 1 the symptom, 2 also the question, 3 also the section.
    """

    mark, colour = "✗", "#c2410c"

    def __init__(
        self,
        name: str,
        symptom: str,
        question: str = "",
        see: tuple[str, str] | None = None,
        mistakes: tuple[str, ...] | list[str] = (),
        hint_level: int = len(HINT_LEVELS),
    ):
        super().__init__(name, symptom)
        self.name, self.symptom, self.question, self.see = name, symptom, question, see
        self.mistakes, self.hint_level = tuple(mistakes), hint_level
        self.shown = False

    def hints(self) -> list[str]:
        """Everything that there is to say: symptom, question and section, a line each."""
        section = f"{READ}{self.place()}." if self.see else ""
        return [line for line in (self.symptom, self.question, section) if line]

    def place(self) -> str:
        """Return the lesson and the section to read, if there are any."""
        return f"lesson {self.see[0]}, “{self.see[1]}”" if self.see else ""

    def lines(self) -> list[str]:
        """Return the body of the message at this level."""
        hints = self.hints()
        more = (
            [f"(Another try shows {('a question', 'where to read')[self.hint_level - 1]}.)"]
            if hints[self.hint_level :]
            else []
        )
        return [line for hint in hints[: self.hint_level] + more for line in hint.splitlines()]

    def title(self) -> str:
        """Return the first line of the message: the mark, the name and the ids of the mistakes."""
        tags = "".join(f" [{mistake}]" for mistake in self.mistakes)
        return f"{self.mark} {self.name}{tags}"

    def __str__(self) -> str:
        return "\n  ".join([self.title(), *self.lines()])

    def html(self) -> str:
        """Return the panel that Jupyter shows."""
        return PANEL.format(
            colour=self.colour,
            mark=self.mark,
            name=escape(self.name),
            tag="".join(TAG.format(_linked(links.to_mistake(mistake), mistake)) for mistake in self.mistakes),
            rows="\n".join(ROW.format(self._row(line)) for line in self.lines()),
        )

    def _row(self, line: str) -> str:
        if self.see and line == f"{READ}{self.place()}.":
            return f"{READ}{_linked(links.to_section(*self.see), self.place())}."
        return escape(line)

    def _render_traceback_(self) -> list[str]:
        """Replace IPython's own traceback; it calls this twice, the second time for its history."""
        if not shows_html():
            return [part for line in str(self).splitlines() for part in textwrap.wrap(line, 80, subsequent_indent="  ")]
        if not self.shown:
            from IPython.display import HTML, display

            display(HTML(self.html()))
            self.shown = True
        return [f"{type(self).__name__}: {self.name} (see the panel above)"]


class NotAttempted(CheckFailed):
    """The placeholder is still there: nothing to judge yet."""

    mark, colour = "○", "#64748b"


def hint_level_after_failing(name: str) -> int:
    """Return the hint level that is due now that `name` is wrong once more.

    nbgrader runs a notebook once and has no second attempt, so there everything is shown.
    """
    _failed[name] += 1
    progress.note(name, progress.FAILED)
    return len(HINT_LEVELS) if "NBGRADER_EXECUTION" in os.environ else min(_failed[name], len(HINT_LEVELS))


@contextlib.contextmanager
def fresh_attempts() -> Iterator[None]:
    """Count failed attempts from zero in here, and go on with the old counts afterwards."""
    before = _failed.copy()
    _failed.clear()
    try:
        yield
    finally:
        _failed.clear()
        _failed.update(before)


def passed(name: str, fact: str) -> None:
    """Print the one green line of a right answer; a later failure begins again at the first hint level."""
    _failed.pop(name, None)
    progress.note(name, progress.PASSED)
    say(f"✓ {name}: {fact}", BADGE)


def skipped(problem: NotAttempted) -> None:
    """Print the one line of an exercise that is still open."""
    say(f"{problem.mark} {problem.name}: {problem.symptom}")


def say(text: str, colour: str = "") -> None:
    """Print a line, its mark in the colour where there is a screen."""
    coloured = colour and (_in_kernel() or sys.stdout.isatty())
    print(f"{colour}{text[0]}{PLAIN}{text[1:]}" if coloured else text)


def _linked(address: str, text: str) -> str:
    return LINK.format(escape(address), escape(text)) if address else escape(text)


def _in_kernel() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel")


def shows_html() -> bool:
    """Whether what is displayed is seen: in a kernel, and not by nbgrader's Validate."""
    # nbgrader's Validate quotes the traceback and drops every other output.
    return _in_kernel() and os.environ.get("NBGRADER_EXECUTION") != "validate"

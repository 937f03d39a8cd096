"""An exercise: one line in the notebook, and everything behind it declared once, in the module of its lesson."""

from __future__ import annotations

import ast
from collections.abc import Callable
from html import escape

from .. import progress
from ..failure import task_section
from ..verdict import CheckFailed, NotAttempted, say, shows_html, skipped

TRIES = 3  # wrong answers after which the solution may be seen
FOLDED = "<details><summary>{title}</summary><pre>{code}</pre></details>"


class Exercise:
    """A question of a lesson, with its check, its hints and its solutions.

    Parameters
    ----------
    lesson, section : where the idea is explained, such as "02_shapes" and "The layer".
    judge : takes the learner's answers and checks them with `course_utils.check`; its name names the exercise.
    solutions : code for the notebook's cell that answers rightly, each by another way. The tests run it.
    hints : shown one at a time; none of them gives the solution away.
    """

    def __init__(
        self,
        lesson: str,
        section: str,
        judge: Callable[..., object],
        solutions: tuple[str, ...],
        hints: tuple[str, ...],
    ):
        self.lesson, self.section, self.judge = lesson, section, judge
        self.name: str = judge.__name__
        self.solutions, self.hints = solutions, hints
        self.tries, self.hints_shown = 0, 0

    def check(self, *answers: object) -> None:
        """Check the answers, and note the result. An exercise that is still open lets the notebook run on.

        Raises
        ------
        CheckFailed : the answer is wrong; it says what was seen, and after more tries what to think about.
        """
        section = task_section.set((self.lesson, self.section))
        runs = progress.EXERCISE_RUNS.set(True)
        try:
            self.judge(*answers)
        except NotAttempted as problem:
            progress.note_exercise(self.lesson, self.name, progress.OPEN)
            skipped(problem)
        except CheckFailed:
            self.tries += 1
            progress.note_exercise(self.lesson, self.name, progress.FAILED)
            raise
        else:
            progress.note_exercise(self.lesson, self.name, progress.PASSED)
            if shows_html() and self.asks_for_code:
                self._fold()
        finally:
            task_section.reset(section)
            progress.EXERCISE_RUNS.reset(runs)

    def hint(self) -> None:
        """Print the next hint."""
        say(f"Hint {self.hints_shown % len(self.hints) + 1} of {len(self.hints)}: {self._next_hint()}")

    def solution(self) -> None:
        """Print the solution, once the answer was right or has been wrong three times."""
        if self.tries < TRIES and not progress.is_solved(self.lesson, self.name):
            say(f"Try it first: the solution is here after a right answer or {TRIES - self.tries} more wrong ones.")
            return
        print("\n\n# or\n\n".join(self.solutions))

    @property
    def asks_for_code(self) -> bool:
        """Whether the answer is a function or a class, and not a prediction."""
        return isinstance(ast.parse(self.solutions[0]).body[0], ast.FunctionDef | ast.ClassDef)

    def _next_hint(self) -> str:
        hint = self.hints[self.hints_shown % len(self.hints)]
        self.hints_shown += 1
        return hint

    def _fold(self) -> None:
        from IPython.display import HTML, display

        for number, code in enumerate(self.solutions):
            title = "One way to write it" if number == 0 else "Another way"
            display(HTML(FOLDED.format(title=title, code=escape(code))))


def exercise(
    lesson: str, section: str, *, solution: str | tuple[str, ...], hints: str | tuple[str, ...]
) -> Callable[[Callable[..., object]], Exercise]:
    """Make an Exercise of the function below, which takes the learner's answers and checks them."""

    def declare(judge: Callable[..., object]) -> Exercise:
        return Exercise(lesson, section, judge, _as_tuple(solution), _as_tuple(hints))

    return declare


def _as_tuple(texts: str | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(text.strip("\n") for text in ((texts,) if isinstance(texts, str) else texts))

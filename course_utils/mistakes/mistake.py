"""What a named mistake is, and how one is recognised."""

from __future__ import annotations

import contextlib
import functools
import inspect
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

Inputs = dict[str, Any]


@dataclass(frozen=True)
class Mistake:
    """One named mistake.

    Parameters
    ----------
    id : kebab-case and stable; checks, hints, quizzes and reports know the mistake by it.
    symptom, question : a sentence each; neither gives the solution away.
    see : (lesson, section) where the idea is explained.
    simulations : functions that compute what a person who makes the mistake would get. The names of their parameters
        say which inputs they need; `value` is what the student has. They raise where the mistake cannot be made.
    raises : pattern of the message, where Python or torch raises an error (or a warning) about it.
    raises_if : a further condition on the match, for what a pattern cannot say.
    silent : whether it can also pass without any error.
    example : a few lines that make the mistake, with torch, nn, F and torch's rnn utilities in scope.
    """

    id: str
    title: str
    symptom: str
    question: str
    see: tuple[str, str]
    example: str
    simulations: tuple[Callable[..., Any], ...] = ()
    raises: str = ""
    raises_if: Callable[[re.Match], bool] = lambda match: True
    silent: bool = True

    def wrong_values(self, inputs: Inputs) -> Iterator[Any]:
        """Yield what the mistake makes of `inputs`, by every simulation for which they suffice."""
        for simulation in self._possible(inputs):
            with contextlib.suppress(Exception):  # it cannot be made on these inputs, so nobody made it
                yield simulation()

    def messages(self, inputs: Inputs) -> list[str]:
        """Return the errors that the mistake's simulations raise on `inputs`."""
        found = []
        for simulation in self._possible(inputs):
            try:
                simulation()
            except Exception as error:
                found.append(str(error))
        return found

    def fits_error(self, message: str) -> bool:
        """Whether this is a message that torch or Python raises about the mistake."""
        match = re.search(self.raises, message) if self.raises else None
        return match is not None and self.raises_if(match)

    def _possible(self, inputs: Inputs) -> Iterator[Callable[[], Any]]:
        for simulation in self.simulations:
            names = inspect.signature(simulation).parameters
            if names.keys() <= inputs.keys():
                yield functools.partial(simulation, **{name: inputs[name] for name in names})


def behaves(probe: str) -> Callable[[Inputs], Inputs]:
    """Make a simulation: the model behaves as asked for, but this one probe finds the contrary."""
    return lambda behaviour: {**behaviour, probe: not behaviour[probe]}


def diagnose(catalogue: Iterable[Mistake], inputs: Inputs, matches: Callable[[Any], bool]) -> list[Mistake]:
    """Return the mistakes that make of `inputs` what the student has; `matches` compares a value with it."""
    with _silence():
        return [mistake for mistake in catalogue if any(matches(wrong) for wrong in mistake.wrong_values(inputs))]


def diagnose_error(catalogue: Iterable[Mistake], message: str, inputs: Inputs) -> list[Mistake]:
    """Return the mistakes that a raised `message` is about.

    Where several do, `inputs` decide: a mistake that raises this very message on them wins,
    one that raises another message on them is out.
    """
    fitting = [mistake for mistake in catalogue if mistake.fits_error(message)]
    with _silence():
        raised = {m.id: [text for text in m.messages(inputs) if m.fits_error(text)] for m in fitting}
    exact = [mistake for mistake in fitting if any(message.startswith(text) for text in raised[mistake.id])]
    return exact or [mistake for mistake in fitting if not raised[mistake.id]]


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Let a simulation warn nobody, leave no graph and not disturb the random numbers of the lesson."""
    with warnings.catch_warnings(), torch.no_grad(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        yield


def reads(asked: str, got: str):
    """Make a simulation: where the axes `asked` are wanted, the student's tensor or shape has the axes `got`."""
    return lambda axes: got if axes == asked else None

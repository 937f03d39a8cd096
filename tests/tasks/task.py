"""Tasks as a learner meets them: fresh inputs, the check, right answers of different styles, and wrong ones by name.

A task draws its inputs from a seed and hands the learner's function to the check. `right` and `wrong` are
functions of those inputs; a wrong one makes the mistake of the catalogue under whose name it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_utils import check, toy

Answer = Callable[..., Any]


@dataclass(frozen=True)
class Task:
    name: str
    draw: Callable[[int], dict[str, Any]]
    check: Callable[[Answer, dict[str, Any]], None]
    right: dict[str, Answer]
    wrong: dict[str, Answer | tuple[Answer, ...]]

    def mutants(self) -> Iterator[tuple[str, Answer]]:
        """Each wrong answer with the mistake that it makes."""
        for mistake, answers in self.wrong.items():
            for answer in answers if isinstance(answers, tuple) else (answers,):
                yield mistake, answer


def value_of(answer: Answer, inputs: dict[str, Any]) -> Any:
    """What the learner's function makes of the inputs; an error in it becomes a panel."""
    return check.call(answer, **inputs, name="answer", inputs=inputs)


def closely(expected: Callable[..., Tensor], **options) -> Callable[[Answer, dict[str, Any]], None]:
    def run(answer, inputs):
        check.close(value_of(answer, inputs), expected(**inputs), name="answer", inputs=inputs, **options)

    return run


def number(metric: str, expected: Callable[..., float], **options) -> Callable[[Answer, dict[str, Any]], None]:
    def run(answer, inputs):
        expected_value = float(expected(**inputs))
        check.metric(
            value_of(answer, inputs), expected_value, name=metric, inputs={"metric": metric, **inputs}, **options
        )

    return run


def exactly(expected: Callable[..., Any]) -> Callable[[Answer, dict[str, Any]], None]:
    def run(answer, inputs):
        check.equal(value_of(answer, inputs), expected(**inputs), name="answer", inputs=inputs)

    return run


def drawn(seed: int) -> tuple[toy.Sizes, np.random.Generator]:
    torch.manual_seed(seed)
    return toy.sizes(seed), np.random.default_rng(seed)

"""Exercises of lesson 00: how the course works."""

from typing import Any

import torch

from .. import check, toy
from .exercise import exercise

LESSON = "00_start_here"


@exercise(
    LESSON,
    "Tensors in two minutes",
    solution="predicted_shape = (2, 3)",
    hints=("How many rows are there, and how many numbers are in each?",),
)
def tensor_shape(shape: Any) -> None:
    """Which shape does the table of two rows and three columns have?"""
    check.shape(shape, torch.zeros(2, 3), name="shape of table", rows=2, columns=3)


@exercise(
    LESSON,
    "Answer",
    solution="predicted_totals = [2, 7, 11]",
    hints=("The layer adds up what it reads. What is the sum after one number? After two?", "The first answer is 2."),
)
def three_totals(totals: Any) -> None:
    """What does a layer that adds up what it reads return for 2, 5, 4?"""
    adder = toy.adding_layer()
    numbers = torch.tensor([[2.0], [5.0], [4.0]])
    inputs = {"layer": adder, "sequence": numbers, "by_hand": numbers}
    check.equal(totals, adder(numbers)[0][:, 0], name="three outputs", inputs=inputs)


@exercise(
    LESSON,
    "Find the bug",
    solution=(
        """
def mean(numbers):
    return sum(numbers) / len(numbers)
""",
        """
def mean(numbers):
    total = 0
    for number in numbers:
        total += number
    return total / len(numbers)
""",
    ),
    hints=("By how many numbers is the sum divided?",),
)
def mean(function: Any) -> None:
    """Return the mean of some numbers."""
    question = "How many numbers are there, and by how many is the sum divided?"
    check.metric(check.call(function, [2, 3, 5, 8]), 4.5, high=18, name="mean of 2, 3, 5 and 8", question=question)

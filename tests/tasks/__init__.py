"""Tasks as a learner meets them, by lesson; every mistake of the catalogue has a wrong answer in one of them."""

from . import by_hand, evaluation, language, layers, metrics, packing, training
from .task import Answer, Task, value_of

TASKS: tuple[Task, ...] = tuple(
    value
    for module in (by_hand, layers, packing, training, language, metrics, evaluation)
    for value in vars(module).values()
    if isinstance(value, Task)
)

__all__ = ["TASKS", "Answer", "Task", "value_of"]

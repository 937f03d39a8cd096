"""Objects of a test's that the student's code holds: numbered, and used here when it calls back."""

from __future__ import annotations

import types
from typing import Any

from torch import nn

from .kinds import CodecError, error_names

MAX_CALLBACKS, MAX_DEPTH = 20_000, 20


class CannotCross(BaseException):
    """A test asks for something that cannot cross to the student: the test's fault, whatever the test catches."""


class Handover:
    """Numbers what is handed over, and does what the student's code may do with it: call, look into, iterate."""

    def __init__(self) -> None:
        self.held: list[Any] = []
        self.numbers: dict[int, int] = {}
        self.calls = self.depth = 0

    def number_of(self, value: Any) -> int:
        if not _may_cross(value):
            kind = type(value)
            raise CannotCross(
                f"a test cannot hand a value of type {kind.__module__}.{kind.__qualname__} to the student"
            )
        if id(value) not in self.numbers:
            self.held.append(value)
            self.numbers[id(value)] = len(self.held) - 1
        return self.numbers[id(value)]

    def value_of(self, number: int) -> Any:
        if number >= len(self.held):
            raise CodecError("not a frame: an object that was never handed over.")
        return self.held[number]

    def serve(self, request: list[Any]) -> list[Any]:
        """The reply to a call back: `["reply", value]`, or `["raise", names, message]` where it raised."""
        self.calls += 1
        if self.calls > MAX_CALLBACKS or self.depth >= MAX_DEPTH:
            raise CodecError("too many calls of what a test has handed over")
        match request:
            case [str(verb), int(number), *arguments] if verb in VERBS:
                value = self.value_of(number)
            case _:
                raise CodecError("not a frame: a strange call back.")
        self.depth += 1
        try:
            return ["reply", VERBS[verb](self, value, *arguments)]
        except ConnectionError:  # the student's process has ended meanwhile
            raise
        except Exception as error:
            return ["raise", error_names(type(error)), str(error)[:1000]]
        finally:
            self.depth -= 1

    def call(self, value: Any, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        if not callable(value):
            raise TypeError(f"'{type(value).__name__}' object is not callable")
        return value(*arguments, **keywords)

    def attribute(self, value: Any, name: str) -> Any:
        """An attribute of an instance of the test's own classes; of anything else it could lead anywhere."""
        if not _is_of_a_test(type(value)) or type(name) is not str or name.startswith("_"):
            raise AttributeError(f"'{type(value).__name__}' object has no attribute {name!r} here")
        found = getattr(value, name)
        if isinstance(found, types.ModuleType):
            raise AttributeError(name)
        return found

    def iterate(self, value: Any) -> int:
        iterator = iter(value)
        self.held.append(iterator)
        return len(self.held) - 1

    def next(self, value: Any) -> list[Any]:
        return [item for _, item in zip(range(1), value, strict=False)]

    def length(self, value: Any) -> int:
        return len(value)

    def item(self, value: Any, key: Any) -> Any:
        return value[key]

    def parameters(self, value: Any) -> list[Any]:
        return (
            [[name, part.detach()] for name, part in value.named_parameters()] if isinstance(value, nn.Module) else []
        )

    def train(self, value: Any, mode: bool) -> None:
        if isinstance(value, nn.Module):
            value.train(mode)


VERBS: dict[str, Any] = {
    name: getattr(Handover, name)
    for name in ("call", "attribute", "iterate", "next", "length", "item", "parameters", "train")
}


def _is_of_a_test(kind: type) -> bool:
    return kind.__module__ == "__main__"


def _may_cross(value: Any) -> bool:
    """Functions, modules of torch, what can be called or iterated over, and what the test itself has defined."""
    if isinstance(value, types.ModuleType):
        return False
    if isinstance(value, type):
        return _is_of_a_test(value) and not issubclass(value, BaseException)
    return callable(value) or _is_of_a_test(type(value)) or hasattr(type(value), "__iter__")

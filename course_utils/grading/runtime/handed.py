"""Stand-ins in the student's process for what a test has handed over: used there, done in the examiner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch import nn

CallBack = Callable[..., Any]  # verb, number, arguments


class Handed:
    """A function or object of a test's: it can be called, looked into and iterated over."""

    def __init__(self, call_back: CallBack, number: int, name: str):
        self._call_back, self._handed_number = call_back, number
        self.__name__ = name

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self._call_back("call", self._handed_number, list(arguments), keywords)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._call_back("attribute", self._handed_number, name)

    def __iter__(self) -> Iterator[Any]:
        number = self._call_back("iterate", self._handed_number)
        while items := self._call_back("next", number):
            yield from items

    def __len__(self) -> int:
        return int(self._call_back("length", self._handed_number))

    def __getitem__(self, key: Any) -> Any:
        return self._call_back("item", self._handed_number, key)


class HandedModule(nn.Module):
    """A module of a test's own class: its forward is done in the examiner, its parameters here are copies."""

    def __init__(self, call_back: CallBack, number: int):
        super().__init__()
        self._handed_number = number
        self._call_back: CallBack
        object.__setattr__(self, "_call_back", call_back)
        for name, parameter in call_back("parameters", number):
            owner: nn.Module = self
            *parents, last = name.split(".")
            for parent in parents:
                if parent not in owner._modules:
                    owner.add_module(parent, nn.Module())
                owner = owner.get_submodule(parent)
            owner.register_parameter(last, nn.Parameter(parameter))

    def forward(self, *arguments: Any, **keywords: Any) -> Any:
        return self._call_back("call", self._handed_number, list(arguments), keywords)

    def train(self, mode: bool = True) -> HandedModule:
        self._call_back("train", self._handed_number, bool(mode))
        return super().train(mode)

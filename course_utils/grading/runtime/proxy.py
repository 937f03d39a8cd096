"""An object that stays with the student, as a test sees it: it can be called and looked into, never believed."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from torch import nn

from .modules import BY_NAME

if TYPE_CHECKING:
    from .client import StudentClient


class Proxy:
    """An object of the student's. Every use of it is carried out in the student's process, and comes back as data."""

    __slots__ = ("_client", "_described", "_name", "_number")

    def __init__(self, client: StudentClient, number: int, name: str):
        self._client, self._number, self._name = client, number, name
        self._described: dict[str, Any] | None = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._client.ask("attribute", self, name)

    def __len__(self) -> int:
        length = self._client.ask("length", self)
        if type(length) is not int or not 0 <= length < 2**31:
            raise TypeError(f"an object of the student's ({self._name}) has no length")
        return length

    def __getitem__(self, key: Any) -> Any:
        return self._client.ask("item", self, key)

    def __contains__(self, part: Any) -> bool:
        return self._client.ask("contains", self, part) is True

    def __iter__(self) -> Iterator[Any]:
        number = self._client.ask("iterate", self)
        while True:
            items = self._client.ask("next", number, 1)
            if not isinstance(items, list) or not items:
                return
            yield from items

    def __next__(self) -> Any:
        items = self._client.ask("next", self._number, 1)
        if not isinstance(items, list) or not items:
            raise StopIteration
        return items[0]

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        raise TypeError(f"an object of the student's ({self._name}) cannot be compared; call it, or ask for data.")

    def __bool__(self) -> bool:
        raise TypeError(f"an object of the student's ({self._name}) has no truth value; call it, or ask for data.")

    def __repr__(self) -> str:
        return f"<{self._name} of the submission>"

    __hash__ = None  # type: ignore[assignment]

    @property
    def __name__(self) -> str:
        return self._name

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        doc = self._describe("doc")
        return doc if isinstance(doc, str) else None

    @property
    def __signature__(self) -> inspect.Signature:
        found = self._describe("parameters")
        if not isinstance(found, list):
            raise AttributeError("__signature__")
        return inspect.Signature([_parameter(*part) for part in found])

    def _describe(self, what: str) -> Any:
        if self._described is None:
            answer = self._client.ask("describe", self)
            self._described = answer if isinstance(answer, dict) else {}
        return self._described.get(what)


class CallableProxy(Proxy):
    """A function, class or callable object of the student's."""

    __slots__ = ()

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self._client.call(self, list(arguments), keywords)


class ModuleProxy(CallableProxy):
    """A module of the student's own class; for isinstance it is what that class extends, nn.RNN say."""

    __slots__ = ()
    _stock: type[nn.Module] = nn.Module

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return type(self)._stock

    def train(self, mode: bool = True) -> ModuleProxy:
        self._client.call(self._client.ask("attribute", self, "train"), [mode], {})
        return self

    def eval(self) -> ModuleProxy:
        return self.train(False)

    def parameters(self, recurse: bool = True) -> Iterator[Any]:
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[Any]:
        method = self._client.ask("attribute", self, "named_parameters")
        return iter(list(self._client.call(method, [prefix, recurse], {})))

    def zero_grad(self, set_to_none: bool = True) -> None:
        self._client.call(self._client.ask("attribute", self, "zero_grad"), [set_to_none], {})
        self._client.pull_gradients()


@functools.cache
def proxy_class(name: str, kind: str, stock: str = "") -> type[Proxy]:
    """A class of the student's type name, so that messages say what the student wrote."""
    base = {"module": ModuleProxy, "callable": CallableProxy}.get(kind, Proxy)
    namespace = {"__slots__": (), "__doc__": Proxy.__dict__["__doc__"], "_stock": BY_NAME.get(stock, nn.Module)}
    return type(name if name.isidentifier() else kind.title(), (base,), namespace)


def source_of(value: Any) -> str:
    """`inspect.getsource`, for objects of the student's too."""
    if not isinstance(value, Proxy):
        return _getsource(value)
    source = value._describe("source")
    if not isinstance(source, str):
        raise OSError("could not get source code")
    return source


_getsource = inspect.getsource


def _parameter(name: str, kind: int, has_default: bool, default: Any) -> inspect.Parameter:
    made = inspect.Parameter(name, inspect._ParameterKind(kind))
    return made.replace(default=default) if has_default else made

"""The kinds of values that cross between the student's process and the examiner, and how much of them."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from .modules import BY_NAME

MAX_FRAME = 64 * 2**20  # bytes
MAX_TREE = 16 * 2**20  # bytes of a frame's JSON, apart from its buffers
MAX_DEPTH, MAX_NODES, MAX_DIGITS, MAX_FIELDS = 40, 100_000, 400, 100
MAX_COLLISIONS = 100  # of hashes, in one set or dict
KINDS = ("callable", "exception", "module", "object")  # of what stays on its own side

DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128)
    + (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool)
}
ARRAYS = (
    "bool",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
)


# Classes and pure functions that cross by their name.
NAMED: dict[str, Any] = {
    kind.__name__: kind for kind in (bool, int, float, complex, str, bytes, list, tuple, dict, set)
}
NAMED |= {f"nn.{name}": kind for name, kind in BY_NAME.items()} | {"Tensor": Tensor, "ndarray": np.ndarray}
NAMED |= {
    f"torch.{name}": getattr(torch, name)
    for name in (
        "tanh",
        "relu",
        "sigmoid",
        "softmax",
        "exp",
        "log",
        "sum",
        "mean",
        "amax",
        "abs",
        "zeros",
        "ones",
        "sqrt",
    )
}
NAMES = {id(value): name for name, value in NAMED.items()}


class CodecError(ValueError):
    """A value cannot cross, or a frame is not one that an honest other side sends."""


class Handles(Protocol):
    """How one side keeps what does not cross, and makes something of what the other side keeps."""

    def number_of(self, value: Any) -> tuple[str, int]:
        """Whose object it is, and its number there. Raises CodecError where it cannot be handed over."""

    def value_of(self, owner: str, number: int, name: str, kind: str) -> Any:
        """The object of that number; a stand-in of that kind, where the other side owns it."""

    def number_of_tensor(self, tensor: Tensor) -> int | None:
        """The number of a tensor that takes part in gradients, where those are followed across the wall."""

    def receive_tensor(self, tensor: Tensor, number: int | None, has_gradient: bool) -> Tensor:
        """The tensor to use for one that takes part in gradients."""


class NamedValues(tuple[Any, ...]):
    """A named tuple from the other side: equal to a plain tuple of its values, with its fields by name."""

    _fields: tuple[str, ...]

    def __new__(cls, fields: list[str], values: list[Any]) -> NamedValues:
        made = super().__new__(cls, values)
        made._fields = tuple(fields)
        return made

    def __getattr__(self, name: str) -> Any:
        if name in self.__dict__.get("_fields", ()):
            return self[self._fields.index(name)]
        raise AttributeError(name)

    def _asdict(self) -> dict[str, Any]:
        return dict(zip(self._fields, self, strict=True))


def error_names(kind: type[BaseException]) -> list[str]:
    """The names of an exception class and of those that it extends, nearest first."""
    return [parent.__name__ for parent in kind.__mro__ if issubclass(parent, BaseException)][:20]

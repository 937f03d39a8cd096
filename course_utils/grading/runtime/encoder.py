"""A value as the tree and the buffers of a frame."""

from __future__ import annotations

import decimal
import fractions
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from .kinds import ARRAYS, DTYPES, MAX_DEPTH, MAX_NODES, NAMES, CodecError, Handles, NamedValues, error_names
from .modules import CONTAINERS, config_of, stock_class
from .text import MAX_NAME, one_line


class Encoder:
    def __init__(self, buffers: list[bytes], handles: Handles | None):
        self.buffers, self.handles, self.nodes = buffers, handles, 0

    def node(self, value: Any, depth: int) -> list[Any]:
        self.nodes += 1
        if depth > MAX_DEPTH:
            raise CodecError(f"a value nested deeper than {MAX_DEPTH} cannot cross.")
        if self.nodes > MAX_NODES:
            raise CodecError(f"a value of over {MAX_NODES} parts cannot cross; use a tensor or an array.")
        kind = type(value)
        if value is None or value is ...:
            return ["none" if value is None else "ellipsis"]
        if kind is bool:
            return ["bool", value]
        if kind is int:
            return ["int", str(value)] if value.bit_length() < 1300 else self.kept(value)
        if kind is float:
            return ["float", value.hex()]
        if kind is complex:
            return ["complex", value.real.hex(), value.imag.hex()]
        if kind is str:
            return ["str", value.encode("utf-8", "replace").decode()]
        if kind is bytes:
            return ["bytes", self.buffer(value)]
        if kind in (tuple, list, set, frozenset, torch.Size):
            return [kind.__name__.lower(), self.parts(value, depth)]
        if kind is dict:
            return self.mapping(value, depth)
        if kind is torch.dtype and str(value).removeprefix("torch.") in DTYPES:
            return ["dtype", str(value).removeprefix("torch.")]
        if id(value) in NAMES:
            return ["known", NAMES[id(value)]]
        return self.large(value, depth)

    def large(self, value: Any, depth: int) -> list[Any]:
        kind = type(value)
        if isinstance(value, Tensor):
            return self.tensor(value)
        if kind is np.ndarray and value.dtype.name in ARRAYS:
            return ["array", value.dtype.name, list(value.shape), self.buffer(np.ascontiguousarray(value).tobytes())]
        if isinstance(value, np.generic) and value.dtype.name in ARRAYS:
            return ["scalar", value.dtype.name, self.buffer(value.tobytes())]
        if kind is PackedSequence:
            return ["packed", self.parts(value, depth)]
        if issubclass(kind, nn.Module):  # not isinstance: a stand-in says that it is one
            return self.module(value, depth)
        return self.library(value, depth)

    def library(self, value: Any, depth: int) -> list[Any]:
        """Values of Python's own library and what extends its containers."""
        kind = type(value)
        if isinstance(value, tuple) and (fields := _fields_of(value)):
            return ["named", fields, self.parts(value, depth)]
        if isinstance(value, Mapping) and isinstance(value, dict):  # Counter, defaultdict, OrderedDict
            return self.mapping(value, depth)
        if kind is range:
            return ["range", *(str(part) for part in (value.start, value.stop, value.step))]
        if kind is slice:
            return ["slice", self.parts((value.start, value.stop, value.step), depth)]
        if kind is fractions.Fraction:
            return ["fraction", str(value.numerator), str(value.denominator)]
        if kind is decimal.Decimal:
            return ["decimal", str(value)]
        if kind is bytearray:
            return ["bytes", self.buffer(bytes(value))]
        if kind is torch.device:
            return ["device", str(value)]
        return self.kept(value)

    def kept(self, value: Any) -> list[Any]:
        name = type(value).__name__
        if self.handles is None:
            raise CodecError(f"a value of type {name} cannot cross.")
        kind = _kind_of(value)
        if kind == "exception":
            name = ",".join(error_names(value))
        elif kind == "module":
            name = ",".join(parent.__name__ for parent in type(value).__mro__ if issubclass(parent, nn.Module))
        return ["object", *self.handles.number_of(value), one_line(name, 10 * MAX_NAME), kind]

    def parts(self, values: Any, depth: int) -> list[Any]:
        return [self.node(part, depth + 1) for part in values]

    def mapping(self, value: Mapping[Any, Any], depth: int) -> list[Any]:
        return ["dict", [[self.node(k, depth + 1), self.node(v, depth + 1)] for k, v in value.items()]]

    def module(self, value: nn.Module, depth: int) -> list[Any]:
        if type(value) in CONTAINERS.values():
            children = [[name, self.node(child, depth + 1)] for name, child in value.named_children()]
            if all(child[0] in ("module", "container") for _, child in children):
                return ["container", type(value).__name__, children, bool(value.training)]
            return self.kept(value)
        stock = stock_class(value)
        if stock is None:
            return self.kept(value)
        learned = dict(value.named_parameters())
        state = [[name, self.tensor(learned.get(name, part))] for name, part in value.state_dict().items()]
        return ["module", stock.__name__, self.node(config_of(value, stock), depth), state, bool(value.training)]

    def tensor(self, value: Tensor) -> list[Any]:
        name = str(value.dtype).removeprefix("torch.")
        if value.layout is not torch.strided or value.is_quantized or name not in DTYPES or value.device.type != "cpu":
            return self.kept(value)
        number = None
        if value.requires_grad and self.handles is not None:
            number = self.handles.number_of_tensor(value)
        is_parameter = isinstance(value, nn.Parameter)
        with torch._C.DisableTorchFunctionSubclass():
            data = value.detach().resolve_conj().resolve_neg().contiguous()
            raw = data.reshape(-1).view(torch.uint8).numpy().tobytes() if data.numel() else b""
            head = ["tensor", name, list(value.shape), self.buffer(raw), bool(value.requires_grad)]
        has_gradient = value.is_leaf and value.grad is not None
        return head if number is None and not is_parameter else [*head, number, is_parameter, has_gradient]

    def buffer(self, data: bytes) -> int:
        self.buffers.append(data)
        return len(self.buffers) - 1


def _kind_of(value: Any) -> str:
    if issubclass(type(value), nn.Module):
        return "module"
    if isinstance(value, type):
        return "exception" if issubclass(value, BaseException) else "callable"
    return "callable" if callable(value) else "object"


def _fields_of(value: tuple[Any, ...]) -> list[str]:
    """The names of a named tuple's values, torch's return types included; empty for other tuples."""
    if isinstance(value, NamedValues):
        return list(value._fields)
    names: tuple[Any, ...] = getattr(type(value), "_fields", ()) or getattr(type(value), "__match_args__", ())
    return list(names) if len(names) == len(value) and all(isinstance(name, str) for name in names) else []

"""The value of a frame, or the reason why no honest other side has sent it."""

from __future__ import annotations

import decimal
import fractions
import json
import keyword
import math
import struct
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from .kinds import (
    ARRAYS,
    DTYPES,
    KINDS,
    MAX_COLLISIONS,
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_FIELDS,
    MAX_FRAME,
    MAX_NODES,
    MAX_TREE,
    NAMED,
    CodecError,
    Handles,
    NamedValues,
)
from .modules import BY_NAME, CONTAINERS, build
from .text import MAX_NAME, one_line


class Decoder:
    def __init__(self, frame: bytes, handles: Handles | None):
        self.handles, self.nodes = handles, 0
        self.used: set[int] = set()
        length, count = struct.unpack_from("<II", frame)
        sizes = struct.unpack_from(f"<{count}Q", frame, 8) if count <= MAX_NODES else _refuse("too many buffers")
        start = 8 + 8 * count
        if start + length + sum(sizes) != len(frame):
            _refuse("its lengths do not add up")
        if length > MAX_TREE:
            _refuse("too large a tree")
        self.tree = json.loads(frame[start : start + length].decode("utf-8"))
        ends = np.cumsum([start + length, *sizes], dtype=np.uint64).tolist()
        self.buffers: list[bytes] = [frame[a:b] for a, b in zip(ends, ends[1:], strict=False)]

    def value(self) -> Any:
        return self.node(self.tree, 0)

    def node(self, tree: Any, depth: int) -> Any:
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            _refuse("too deep or too large a tree")
        if type(tree) is not list or not tree or type(tree[0]) is not str:
            _refuse("a node is no list with a kind")
        read = getattr(self, f"read_{tree[0]}", None) if tree[0].isalpha() else None
        if read is None:
            _refuse(f"unknown kind {tree[0][:20]!r}")
        return read(depth, *tree[1:])

    def read_none(self, depth: int) -> Any:
        return None

    def read_ellipsis(self, depth: int) -> Any:
        return ...

    def read_bool(self, depth: int, value: Any) -> Any:
        return _typed(value, bool)

    def read_int(self, depth: int, digits: Any) -> Any:
        return int(digits) if len(_typed(digits, str)) <= MAX_DIGITS else _refuse("too long an integer")

    def read_float(self, depth: int, text: Any) -> Any:
        return float.fromhex(_typed(text, str))

    def read_complex(self, depth: int, real: Any, imag: Any) -> Any:
        return complex(float.fromhex(_typed(real, str)), float.fromhex(_typed(imag, str)))

    def read_str(self, depth: int, text: Any) -> Any:
        return _typed(text, str)

    def read_bytes(self, depth: int, index: Any) -> Any:
        return self.buffer(index)

    def buffer(self, index: Any) -> bytes:
        """Each buffer belongs to one value: naming it twice would make much memory of a small frame."""
        if _natural(index) in self.used:
            _refuse("a buffer that is used twice")
        self.used.add(index)
        data: bytes = self.buffers[index]
        return data

    def read_tuple(self, depth: int, parts: Any) -> Any:
        return tuple(self.read_list(depth, parts))

    def read_list(self, depth: int, parts: Any) -> Any:
        return [self.node(part, depth + 1) for part in _typed(parts, list)]

    def read_set(self, depth: int, parts: Any) -> Any:
        return set(_spread(self.read_list(depth, parts)))

    def read_frozenset(self, depth: int, parts: Any) -> Any:
        return frozenset(_spread(self.read_list(depth, parts)))

    def read_size(self, depth: int, parts: Any) -> Any:
        return torch.Size(_typed(part, int) for part in self.read_list(depth, parts))

    def read_dict(self, depth: int, pairs: Any) -> Any:
        made = [(self.node(k, depth + 1), self.node(v, depth + 1)) for k, v in _typed(pairs, list)]
        _spread([key for key, _ in made])
        return dict(made)

    def read_dtype(self, depth: int, name: Any) -> Any:
        return DTYPES[_typed(name, str)]

    def read_tensor(
        self,
        depth: int,
        name: Any,
        shape: Any,
        index: Any,
        requires_grad: Any,
        number: Any = None,
        is_parameter: Any = False,
        has_gradient: Any = False,
    ) -> Any:
        dtype, shape = DTYPES[_typed(name, str)], _shape(shape)
        raw = self.buffer(index)
        if len(raw) != math.prod(shape) * dtype.itemsize:
            _refuse("a tensor's buffer has another size than its shape")
        if not raw:
            tensor = torch.empty(shape, dtype=dtype)
        elif dtype is torch.bool:  # a byte other than 0 and 1 is no bool
            tensor = (torch.frombuffer(bytearray(raw), dtype=torch.uint8) != 0).reshape(shape)
        else:
            tensor = torch.frombuffer(bytearray(raw), dtype=dtype).reshape(shape)
        if not _typed(requires_grad, bool):
            return nn.Parameter(tensor, requires_grad=False) if _typed(is_parameter, bool) else tensor
        tensor = nn.Parameter(tensor) if _typed(is_parameter, bool) else tensor.requires_grad_()
        if number is not None:
            _natural(number)
        return (
            tensor if self.handles is None else self.handles.receive_tensor(tensor, number, _typed(has_gradient, bool))
        )

    def read_array(self, depth: int, name: Any, shape: Any, index: Any) -> Any:
        if name not in ARRAYS:
            _refuse("unknown kind of array")
        raw = self.buffer(index)
        array = np.frombuffer(bytearray(raw), dtype=np.uint8 if name == "bool" else name)
        return (array != 0 if name == "bool" else array).reshape(_shape(shape))

    def read_scalar(self, depth: int, name: Any, index: Any) -> Any:
        return self.read_array(depth, name, [], index)[()]

    def read_packed(self, depth: int, parts: Any) -> Any:
        data, sizes, *orders = self.read_list(depth, parts)
        if len(orders) != 2 or not all(part is None or isinstance(part, Tensor) for part in orders):
            _refuse("not a packed sequence")
        return PackedSequence(_typed(data, Tensor), _typed(sizes, Tensor), *orders)

    def read_module(self, depth: int, name: Any, config: Any, state: Any, training: Any) -> Any:
        stock, config = BY_NAME[_typed(name, str)], self.node(config, depth + 1)
        weights = {_typed(key, str): self.node(tree, depth + 1) for key, tree in _typed(state, list)}
        return build(stock, _typed(config, dict), weights).train(_typed(training, bool))

    def read_container(self, depth: int, name: Any, children: Any, training: Any) -> Any:
        kind = CONTAINERS[_typed(name, str)]
        made = {_typed(key, str): self.node(tree, depth + 1) for key, tree in _typed(children, list)}
        if not all(isinstance(child, nn.Module) for child in made.values()):
            _refuse("a container of something else than modules")
        container = kind(made) if kind is nn.ModuleDict else kind()
        if kind is not nn.ModuleDict:
            for key, child in made.items():
                container.add_module(key, child)
        container.training = _typed(training, bool)
        return container

    def read_named(self, depth: int, fields: Any, parts: Any) -> Any:
        values = self.read_list(depth, parts)
        names = [_typed(name, str) for name in _typed(fields, list)]
        if len(names) != len(values) or len(names) > MAX_FIELDS:
            _refuse("a named tuple with other fields than values")
        if not all(name.isidentifier() and not keyword.iskeyword(name) and name[0] != "_" for name in names):
            _refuse("a named tuple with a strange field")
        return NamedValues(names, values)

    def read_range(self, depth: int, *parts: Any) -> Any:
        return range(*(self.read_int(depth, part) for part in parts))

    def read_slice(self, depth: int, parts: Any) -> Any:
        return slice(*self.read_list(depth, parts))

    def read_fraction(self, depth: int, numerator: Any, denominator: Any) -> Any:
        return fractions.Fraction(self.read_int(depth, numerator), self.read_int(depth, denominator))

    def read_decimal(self, depth: int, text: Any) -> Any:
        return decimal.Decimal(text) if len(_typed(text, str)) <= MAX_DIGITS else _refuse("too long a number")

    def read_known(self, depth: int, name: Any) -> Any:
        return NAMED[_typed(name, str)]

    def read_device(self, depth: int, name: Any) -> Any:
        return torch.device(_typed(name, str)) if len(name) < 20 else _refuse("a strange device")

    def read_object(self, depth: int, owner: Any, number: Any, name: Any, kind: Any) -> Any:
        if self.handles is None or kind not in KINDS:
            _refuse("an object where only data can cross")
        name = one_line(_typed(name, str), 10 * MAX_NAME)
        return self.handles.value_of(_typed(owner, str), _natural(number), name, kind)


def _typed(value: Any, kind: type) -> Any:
    return (
        value
        if type(value) is kind or (kind is Tensor and isinstance(value, Tensor))
        else _refuse(f"no {kind.__name__}")
    )


def _natural(value: Any) -> int:
    return value if type(value) is int and value >= 0 else _refuse("no natural number")


def _spread(keys: list[Any]) -> list[Any]:
    """The keys, unless they were chosen to have the same hash: a set of those would take hours."""
    return keys if len(keys) - len(set(map(hash, keys))) <= MAX_COLLISIONS else _refuse("keys that collide")


def _shape(value: Any) -> tuple[int, ...]:
    shape = tuple(_natural(length) for length in _typed(value, list))
    return shape if len(shape) <= 16 and math.prod(shape) <= MAX_FRAME else _refuse("too large a shape")


def _refuse(why: str) -> NoReturn:
    raise CodecError(f"not a frame: {why}.")

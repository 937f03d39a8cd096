"""Values across the wall: plain data, tensors, arrays and stock modules; everything else stays on its own side.

A frame is a length, a JSON tree and the raw buffers that the tree refers to. Each node of the tree is a list
that begins with its kind. The decoder knows these kinds and refuses all others, so nothing that one side
sends can choose what code runs on the other. What is no data (a function, an object of the student's own)
crosses as a number that only the sending side can turn back into the object.
"""

from __future__ import annotations

import decimal
import fractions
import json
import keyword
import math
import socket
import struct
import time
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from .modules import BY_NAME, CONTAINERS, build, config_of, stock_class
from .text import MAX_NAME, one_line

MAX_FRAME = 64 * 2**20  # bytes
MAX_TREE = 16 * 2**20  # bytes of a frame's JSON, apart from its buffers
MAX_DEPTH, MAX_NODES, MAX_DIGITS, MAX_FIELDS = 40, 100_000, 400, 100
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
_NAMES = {id(value): name for name, value in NAMED.items()}


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


def encode(value: Any, handles: Handles | None = None) -> bytes:
    """The frame of a value. What is no data is kept with `handles`; without them that raises CodecError."""
    buffers: list[bytes] = []
    tree = json.dumps(_Encoder(buffers, handles).node(value, 0)).encode()
    head = struct.pack("<II", len(tree), len(buffers)) + b"".join(struct.pack("<Q", len(b)) for b in buffers)
    frame = head + tree + b"".join(buffers)
    if len(frame) > MAX_FRAME or len(tree) > MAX_TREE:
        raise CodecError(f"a value of {len(frame) / 2**20:.0f} MiB is too large; the limit is {MAX_FRAME >> 20} MiB.")
    return frame


def decode(frame: bytes, handles: Handles | None = None) -> Any:
    """The value of a frame.

    Raises
    ------
    CodecError
        `encode` could not have made this frame.
    """
    try:
        return _Decoder(frame, handles).value()
    except CodecError:
        raise
    except Exception as error:
        raise CodecError(f"not a frame: {one_line(f'{type(error).__name__}: {error}', 200)}") from None


class _Encoder:
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
        if id(value) in _NAMES:
            return ["known", _NAMES[id(value)]]
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


def error_names(kind: type[BaseException]) -> list[str]:
    """The names of an exception class and of those that it extends, nearest first."""
    return [parent.__name__ for parent in kind.__mro__ if issubclass(parent, BaseException)][:20]


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
    names = getattr(type(value), "_fields", None) or getattr(type(value), "__match_args__", ())
    return list(names) if len(names) == len(value) and all(isinstance(name, str) for name in names) else []


class _Decoder:
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
        self.buffers = [frame[a:b] for a, b in zip(ends, ends[1:], strict=False)]

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

    def read_none(self, depth):
        return None

    def read_ellipsis(self, depth):
        return ...

    def read_bool(self, depth, value):
        return _typed(value, bool)

    def read_int(self, depth, digits):
        return int(digits) if len(_typed(digits, str)) <= MAX_DIGITS else _refuse("too long an integer")

    def read_float(self, depth, text):
        return float.fromhex(_typed(text, str))

    def read_complex(self, depth, real, imag):
        return complex(float.fromhex(_typed(real, str)), float.fromhex(_typed(imag, str)))

    def read_str(self, depth, text):
        return _typed(text, str)

    def read_bytes(self, depth, index):
        return self.buffer(index)

    def buffer(self, index: Any) -> bytes:
        """Each buffer belongs to one value: naming it twice would make much memory of a small frame."""
        if _natural(index) in self.used:
            _refuse("a buffer that is used twice")
        self.used.add(index)
        return self.buffers[index]

    def read_tuple(self, depth, parts):
        return tuple(self.read_list(depth, parts))

    def read_list(self, depth, parts):
        return [self.node(part, depth + 1) for part in _typed(parts, list)]

    def read_set(self, depth, parts):
        return set(self.read_list(depth, parts))

    def read_frozenset(self, depth, parts):
        return frozenset(self.read_list(depth, parts))

    def read_size(self, depth, parts):
        return torch.Size(_typed(part, int) for part in self.read_list(depth, parts))

    def read_dict(self, depth, pairs):
        return {self.node(k, depth + 1): self.node(v, depth + 1) for k, v in _typed(pairs, list)}

    def read_dtype(self, depth, name):
        return DTYPES[_typed(name, str)]

    def read_tensor(
        self, depth, name, shape, index, requires_grad, number=None, is_parameter=False, has_gradient=False
    ):
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

    def read_array(self, depth, name, shape, index):
        if name not in ARRAYS:
            _refuse("unknown kind of array")
        raw = self.buffer(index)
        array = np.frombuffer(bytearray(raw), dtype=np.uint8 if name == "bool" else name)
        return (array != 0 if name == "bool" else array).reshape(_shape(shape))

    def read_scalar(self, depth, name, index):
        return self.read_array(depth, name, [], index)[()]

    def read_packed(self, depth, parts):
        data, sizes, *orders = self.read_list(depth, parts)
        if len(orders) != 2 or not all(part is None or isinstance(part, Tensor) for part in orders):
            _refuse("not a packed sequence")
        return PackedSequence(_typed(data, Tensor), _typed(sizes, Tensor), *orders)

    def read_module(self, depth, name, config, state, training):
        stock, config = BY_NAME[_typed(name, str)], self.node(config, depth + 1)
        weights = {_typed(key, str): self.node(tree, depth + 1) for key, tree in _typed(state, list)}
        return build(stock, _typed(config, dict), weights).train(_typed(training, bool))

    def read_container(self, depth, name, children, training):
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

    def read_named(self, depth, fields, parts):
        values = self.read_list(depth, parts)
        names = [_typed(name, str) for name in _typed(fields, list)]
        if len(names) != len(values) or len(names) > MAX_FIELDS:
            _refuse("a named tuple with other fields than values")
        if not all(name.isidentifier() and not keyword.iskeyword(name) and name[0] != "_" for name in names):
            _refuse("a named tuple with a strange field")
        return NamedValues(names, values)

    def read_range(self, depth, *parts):
        return range(*(self.read_int(depth, part) for part in parts))

    def read_slice(self, depth, parts):
        return slice(*self.read_list(depth, parts))

    def read_fraction(self, depth, numerator, denominator):
        return fractions.Fraction(self.read_int(depth, numerator), self.read_int(depth, denominator))

    def read_decimal(self, depth, text):
        return decimal.Decimal(text) if len(_typed(text, str)) <= MAX_DIGITS else _refuse("too long a number")

    def read_known(self, depth, name):
        return NAMED[_typed(name, str)]

    def read_device(self, depth, name):
        return torch.device(_typed(name, str)) if len(name) < 20 else _refuse("a strange device")

    def read_object(self, depth, owner, number, name, kind):
        if self.handles is None or kind not in KINDS:
            _refuse("an object where only data can cross")
        name = one_line(_typed(name, str), 10 * MAX_NAME)
        return self.handles.value_of(_typed(owner, str), _natural(number), name, kind)


def send(channel: socket.socket, frame: bytes) -> None:
    channel.sendall(struct.pack("<Q", len(frame)) + frame)


def receive(channel: socket.socket, ends: float | None = None) -> bytes:
    """The next frame, whole before the time `ends` (of time.monotonic).

    Raises
    ------
    EOFError
        The other side is gone.
    TimeoutError
        The frame was not there in time, or, without `ends`, by the channel's own timeout.
    """
    (length,) = struct.unpack("<Q", _exactly(channel, 8, ends))
    if length > MAX_FRAME:
        raise CodecError(f"a frame of {length} bytes is over the limit of {MAX_FRAME}.")
    return _exactly(channel, length, ends)


def _exactly(channel: socket.socket, count: int, ends: float | None) -> bytes:
    data = bytearray()
    while len(data) < count:
        if ends is not None:  # for the frame as a whole: bytes that drip in do not prolong it
            channel.settimeout(max(ends - time.monotonic(), 1e-3))
        part = channel.recv(min(count - len(data), 1 << 20))
        if not part:
            raise EOFError("the other side is gone")
        data += part
    return bytes(data)


def _typed(value: Any, kind: type) -> Any:
    return (
        value
        if type(value) is kind or (kind is Tensor and isinstance(value, Tensor))
        else _refuse(f"no {kind.__name__}")
    )


def _natural(value: Any) -> int:
    return value if type(value) is int and value >= 0 else _refuse("no natural number")


def _shape(value: Any) -> tuple[int, ...]:
    shape = tuple(_natural(length) for length in _typed(value, list))
    return shape if len(shape) <= 16 and math.prod(shape) <= MAX_FRAME else _refuse("too large a shape")


def _refuse(why: str) -> Any:
    raise CodecError(f"not a frame: {why}.")

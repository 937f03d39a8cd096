"""Values across the wall: plain data, tensors, arrays and stock modules; everything else stays on its own side.

A frame is a length, a JSON tree and the raw buffers that the tree refers to. Each node of the tree is a list
that begins with its kind. The decoder knows these kinds and refuses all others, so nothing that one side
sends can choose what code runs on the other. What is no data (a function, an object of the student's own)
crosses as a number that only the sending side can turn back into the object.
"""

from __future__ import annotations

import json
import math
import socket
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

MAX_FRAME = 64 * 2**20  # bytes
MAX_DEPTH, MAX_NODES, MAX_DIGITS = 40, 100_000, 400

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

# Stock modules and the attributes that are their constructor's arguments.
_RECURRENT = ("input_size", "hidden_size", "num_layers", "batch_first", "dropout", "bidirectional")
MODULES: dict[type[nn.Module], tuple[str, ...]] = {
    nn.RNN: (*_RECURRENT, "nonlinearity"),
    nn.GRU: _RECURRENT,
    nn.LSTM: (*_RECURRENT, "proj_size"),
    nn.Linear: ("in_features", "out_features"),
    nn.Embedding: ("num_embeddings", "embedding_dim", "padding_idx"),
    nn.Dropout: ("p",),
    nn.ReLU: (),
    nn.Tanh: (),
}
_BY_NAME = {stock.__name__: stock for stock in MODULES}
_LARGEST = 1_000_000  # of a constructor argument


class CodecError(ValueError):
    """A value cannot cross, or a frame is not one that an honest other side sends."""


def encode(value: Any, keep: Callable[[Any], int] | None = None) -> bytes:
    """The frame of a value. `keep` gives a number to what is no data; without it that raises CodecError."""
    buffers: list[bytes] = []
    tree = json.dumps(_Encoder(buffers, keep).node(value, 0)).encode()
    head = struct.pack("<II", len(tree), len(buffers)) + b"".join(struct.pack("<Q", len(b)) for b in buffers)
    frame = head + tree + b"".join(buffers)
    if len(frame) > MAX_FRAME:
        raise CodecError(f"a value of {len(frame) / 2**20:.0f} MiB is too large; the limit is {MAX_FRAME >> 20} MiB.")
    return frame


def decode(frame: bytes, restore: Callable[[int, str], Any] | None = None) -> Any:
    """The value of a frame. `restore` makes something of a kept object's number and type name.

    Raises CodecError for every frame that `encode` could not have made.
    """
    try:
        return _Decoder(frame, restore).value()
    except CodecError:
        raise
    except Exception as error:
        raise CodecError(f"not a frame: {type(error).__name__}: {error}") from None


class _Encoder:
    def __init__(self, buffers: list[bytes], keep: Callable[[Any], int] | None):
        self.buffers, self.keep = buffers, keep

    def node(self, value: Any, depth: int) -> list:
        if depth > MAX_DEPTH:
            raise CodecError(f"a value nested deeper than {MAX_DEPTH} cannot cross.")
        kind = type(value)
        if value is None or value is ...:
            return ["none" if value is None else "ellipsis"]
        if kind is bool:
            return ["bool", value]
        if kind is int:
            return ["int", str(value)]
        if kind is float:
            return ["float", value.hex()]
        if kind is complex:
            return ["complex", value.real.hex(), value.imag.hex()]
        if kind is str:
            return ["str", value.encode("utf-8", "replace").decode()]
        if kind is bytes:
            return ["bytes", self.buffer(value)]
        if kind in (tuple, list, set, frozenset, torch.Size):
            return [kind.__name__.lower(), [self.node(part, depth + 1) for part in value]]
        if kind is dict:
            return ["dict", [[self.node(k, depth + 1), self.node(v, depth + 1)] for k, v in value.items()]]
        if kind is torch.dtype and str(value).removeprefix("torch.") in DTYPES:
            return ["dtype", str(value).removeprefix("torch.")]
        return self.large(value, depth)

    def large(self, value: Any, depth: int) -> list:
        if type(value) in (Tensor, nn.Parameter) and value.layout is torch.strided and not value.is_quantized:
            return self.tensor(value)
        if type(value) is np.ndarray and value.dtype.name in ARRAYS:
            return ["array", value.dtype.name, list(value.shape), self.buffer(np.ascontiguousarray(value).tobytes())]
        if isinstance(value, np.generic) and value.dtype.name in ARRAYS:
            return ["scalar", value.dtype.name, self.buffer(value.tobytes())]
        if type(value) is PackedSequence:
            return ["packed", [self.node(part, depth + 1) for part in value]]
        stock = stock_class(value)
        if stock is not None:
            return self.module(value, stock)
        if self.keep is None:
            raise CodecError(f"a value of type {type(value).__name__} cannot cross.")
        return ["object", self.keep(value), type(value).__name__]

    def module(self, value: nn.Module, stock: type[nn.Module]) -> list:
        config = {name: getattr(value, name) for name in MODULES[stock]}
        if hasattr(value, "bias") and stock is not nn.Embedding:
            config["bias"] = value.bias is not None and value.bias is not False
        state = [[name, self.tensor(part)] for name, part in value.state_dict().items()]
        return ["module", stock.__name__, self.node(config, MAX_DEPTH - 2), state, bool(value.training)]

    def tensor(self, value: Tensor) -> list:
        name = str(value.dtype).removeprefix("torch.")
        if name not in DTYPES or value.device.type != "cpu":
            raise CodecError(f"a tensor of {value.dtype} on {value.device} cannot cross.")
        data = value.detach().resolve_conj().resolve_neg().contiguous()
        raw = data.reshape(-1).view(torch.uint8).numpy().tobytes() if data.numel() else b""
        return ["tensor", name, list(value.shape), self.buffer(raw), bool(value.requires_grad)]

    def buffer(self, data: bytes) -> int:
        self.buffers.append(data)
        return len(self.buffers) - 1


def stock_class(value: Any) -> type[nn.Module] | None:
    """The stock class of a module, also of a subclass that changes nothing about how it computes."""
    if not isinstance(value, nn.Module):
        return None
    for parent in type(value).__mro__:
        if parent in MODULES:
            return parent
        if any(
            callable(part) or isinstance(part, property | classmethod | staticmethod) for part in vars(parent).values()
        ):
            return None
    return None


class _Decoder:
    def __init__(self, frame: bytes, restore: Callable[[int, str], Any] | None):
        self.restore, self.nodes = restore, 0
        length, count = struct.unpack_from("<II", frame)
        sizes = struct.unpack_from(f"<{count}Q", frame, 8) if count <= MAX_NODES else _refuse("too many buffers")
        start = 8 + 8 * count
        if start + length + sum(sizes) != len(frame):
            _refuse("its lengths do not add up")
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
        return self.buffers[_natural(index)]

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

    def read_tensor(self, depth, name, shape, index, requires_grad):
        dtype, shape = DTYPES[_typed(name, str)], _shape(shape)
        raw = self.buffers[_natural(index)]
        if len(raw) != math.prod(shape) * dtype.itemsize:
            _refuse("a tensor's buffer has another size than its shape")
        if not raw:
            tensor = torch.empty(shape, dtype=dtype)
        elif dtype is torch.bool:  # a byte other than 0 and 1 is no bool
            tensor = (torch.frombuffer(bytearray(raw), dtype=torch.uint8) != 0).reshape(shape)
        else:
            tensor = torch.frombuffer(bytearray(raw), dtype=dtype).reshape(shape)
        return tensor.requires_grad_() if _typed(requires_grad, bool) else tensor

    def read_array(self, depth, name, shape, index):
        if name not in ARRAYS:
            _refuse("unknown kind of array")
        raw = self.buffers[_natural(index)]
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
        stock, config = _BY_NAME[_typed(name, str)], self.node(config, depth + 1)
        weights = {_typed(key, str): self.node(tree, depth + 1) for key, tree in _typed(state, list)}
        return build(stock, _typed(config, dict), weights).train(_typed(training, bool))

    def read_object(self, depth, number, name):
        if self.restore is None:
            _refuse("an object where only data can cross")
        return self.restore(_natural(number), _typed(name, str)[:80])


def build(stock: type[nn.Module], config: dict[str, Any], weights: dict[str, Tensor]) -> nn.Module:
    """A stock module from its configuration, on the meta device first, and weights that must fit it exactly."""
    if not config.keys() <= {*MODULES[stock], "bias"}:
        _refuse("a module with a foreign setting")
    for name, setting in config.items():
        largest = 64 if name == "num_layers" else _LARGEST
        if isinstance(setting, int) and not -largest <= setting <= largest:
            _refuse(f"a module whose {name} is {setting}")
    module = stock(**config, device="meta") if stock not in (nn.Dropout, nn.ReLU, nn.Tanh) else stock(**config)
    expected = {name: part.shape for name, part in module.state_dict().items()}
    if expected != {name: part.shape for name, part in weights.items() if isinstance(part, Tensor)}:
        _refuse("a module whose weights do not fit its settings")
    for part in weights.values():
        part.requires_grad_(False)
    module.load_state_dict(weights, assign=True)
    return module.requires_grad_(True)


def send(channel: socket.socket, frame: bytes) -> None:
    channel.sendall(struct.pack("<Q", len(frame)) + frame)


def receive(channel: socket.socket) -> bytes:
    """The next frame; EOFError where the other side is gone, TimeoutError by the channel's own timeout."""
    (length,) = struct.unpack("<Q", _exactly(channel, 8))
    if length > MAX_FRAME:
        raise CodecError(f"a frame of {length} bytes is over the limit of {MAX_FRAME}.")
    return _exactly(channel, length)


def _exactly(channel: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
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

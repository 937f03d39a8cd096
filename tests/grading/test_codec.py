"""Values cross as they are, and no frame that an honest side could not have sent is believed."""

import contextlib
import json
import math
import socket
import struct
import time
from collections import Counter, OrderedDict, namedtuple
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_sequence

from course_utils.grading.runtime.codec import decode, encode, receive, send
from course_utils.grading.runtime.kinds import MAX_FRAME, CodecError
from course_utils.grading.runtime.modules import stock_class

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary() | st.just(...),
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


COLLIDING = [["int", str(i * (2**61 - 1))] for i in range(1, 200)]


@pytest.mark.parametrize(
    "tree",
    [["set", COLLIDING], ["frozenset", COLLIDING], ["dict", [[key, ["none"]] for key in COLLIDING]]],
    ids=["set", "frozenset", "dict"],
)
def test_keys_chosen_to_collide_are_refused(tree):
    text = json.dumps(tree).encode()
    with pytest.raises(CodecError, match="collide"):
        decode(struct.pack("<II", len(text), 0) + text)


@given(plain)
def test_plain_data_comes_back_as_it_went(value):
    assert decode(encode(value)) == value


@pytest.mark.parametrize(
    "tensor",
    [
        torch.randn(2, 3),
        torch.randn(3, 2).T,
        torch.randn(2, 3, dtype=torch.float64)[:, 1],
        torch.tensor(5),
        torch.zeros(0, 3),
        torch.tensor([True, False]),
        torch.randn(4, dtype=torch.bfloat16),
        torch.randn(2, dtype=torch.complex64).conj(),
        torch.arange(6, dtype=torch.uint8).reshape(2, 3),
        nn.Parameter(torch.ones(2)),
    ],
)
def test_tensors_keep_values_shape_kind_and_gradient_flag(tensor):
    back = decode(encode(tensor))
    assert back.dtype == tensor.dtype
    assert back.shape == tensor.shape
    assert back.requires_grad == tensor.requires_grad
    assert torch.equal(back, tensor)


@pytest.mark.parametrize(
    "value", [np.ones((2, 3)), np.float32(1.5), np.array([True]), np.arange(3)[::2], np.bool_(False)]
)
def test_arrays_and_their_numbers(value):
    back = decode(encode(value))
    assert type(back) is type(value)
    assert np.array_equal(back, value)


def test_the_rest_of_torch():
    packed = pack_sequence([torch.ones(3, 2), torch.ones(1, 2)])
    assert torch.equal(decode(encode(packed)).data, packed.data)
    assert decode(encode(torch.Size([2, 3]))) == torch.Size([2, 3])
    assert decode(encode(torch.int64)) is torch.int64
    assert math.isnan(decode(encode(float("nan"))))


MODULES = [
    nn.RNN(3, 4, 2, bidirectional=True, batch_first=True, nonlinearity="relu"),
    nn.LSTM(3, 4, proj_size=2),
    nn.GRU(3, 4, bias=False),
    nn.Linear(3, 4, bias=False),
    nn.Embedding(5, 4, padding_idx=0),
    nn.Dropout(0.2).eval(),
    nn.RNN(3, 4, dtype=torch.float64),
]


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_stock_modules_cross_as_configuration_and_weights(module):
    back = decode(encode(module))
    assert type(back) is type(module)
    assert str(back) == str(module)
    assert back.training == module.training
    assert all(torch.equal(a, b) for a, b in zip(back.state_dict().values(), module.state_dict().values(), strict=True))
    assert all(part.requires_grad for part in back.parameters())


def test_a_subclass_is_stock_only_if_it_computes_nothing_of_its_own():
    class Renamed(nn.RNN):
        """Nothing new."""

    class Own(nn.RNN):
        def forward(self, x):
            return x

    class Sized(nn.RNN):
        def __init__(self, size):
            super().__init__(size, 2 * size, batch_first=True)

    class WithHead(nn.RNN):
        def __init__(self):
            super().__init__(1, 1)
            self.head = nn.Linear(1, 1)

    hooked = nn.RNN(1, 1)
    hooked.register_forward_hook(lambda module, inputs, output: None)
    assert stock_class(Sized(2)) is nn.RNN
    assert stock_class(WithHead()) is None
    assert stock_class(hooked) is None
    assert stock_class(Renamed(1, 1)) is nn.RNN
    assert stock_class(Own(1, 1)) is None
    assert stock_class(nn.Transformer(4, 1, 1, 1, 4)) is None
    assert stock_class("no module") is None


@pytest.mark.parametrize(
    "value", [object(), lambda: 1, open, torch.ones(2).to_sparse(), nn.Transformer(4, 1, 1, 1, 4), {"a": [object]}]
)
def test_what_is_no_data_stays_unless_it_is_kept(value):
    with pytest.raises(CodecError, match="cannot cross"):
        encode(value)


class Numbered:
    """Handles that keep nothing."""

    def number_of(self, value):
        return "student", 7

    def value_of(self, owner, number, name, kind):
        return owner, number, name, kind


def test_a_kept_object_crosses_as_a_number():
    frame = encode([print], Numbered())
    assert decode(frame, Numbered()) == [("student", 7, "builtin_function_or_method", "callable")]
    with pytest.raises(CodecError, match="only data"):
        decode(frame)


Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    "value",
    [Counter("aab"), OrderedDict(a=1), range(1, 9, 3), slice(1, None), Fraction(1, 3), Decimal("0.1"),
     torch.device("cpu"), nn.Linear, int, torch.tanh],
)  # fmt: skip
def test_values_of_the_library_come_back_equal(value):
    assert decode(encode(value)) == value


def test_a_named_tuple_keeps_its_fields_and_equals_a_plain_one():
    back = decode(encode(Point(1, [2])))
    assert (back.x, back.y, back[0], back) == (1, [2], 1, (1, [2]))
    longest = decode(encode(decode(encode(torch.tensor([[1.0, 3.0]]).max(dim=1)))))
    assert (longest.values.item(), longest.indices.item()) == (3.0, 1)
    with pytest.raises(AttributeError):
        _ = back.z


def test_containers_and_frozen_weights_cross():
    model = nn.Sequential(nn.Embedding(5, 3), nn.ModuleDict({"head": nn.Linear(3, 2)}), nn.ModuleList([nn.Tanh()]))
    model[0].weight.requires_grad_(False)
    back = decode(encode(model))
    assert str(back) == str(model)
    assert [p.requires_grad for p in back.parameters()] == [False, True, True]


def test_a_numpy_integer_is_no_number_of_layers():
    layer = nn.RNN(1, 1)
    layer.num_layers = np.int64(10**9)
    with pytest.raises(CodecError, match="num_layers is of type int64"):
        decode(encode(layer))


def test_a_buffer_is_used_once():
    with pytest.raises(CodecError, match="used twice"):
        decode(frame_of(["list", [["bytes", 0]] * 2], b"x"))


def test_a_frame_that_drips_in_is_late_as_a_whole():
    a, b = socket.socketpair()
    a.sendall(struct.pack("<Q", 100) + b"x" * 50)
    with pytest.raises(TimeoutError):
        receive(b, ends=time.monotonic() + 0.05)


def frame_of(tree, *buffers: bytes) -> bytes:
    text = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
    sizes = b"".join(struct.pack("<Q", len(buffer)) for buffer in buffers)
    return struct.pack("<II", len(text), len(buffers)) + sizes + text + b"".join(buffers)


BAD = [
    None, 3, [], [3], ["pickle", "x"], ["__class__"], ["read_int", "3"], ["none", 1], ["bool", 1], ["bool", "true"],
    ["int", 3], ["int", "9" * 500], ["int", "x"], ["float", "x"], ["str", 3], ["bytes", 0], ["bytes", -1], ["bytes", True],
    ["list", "ab"], ["list", [3]], ["dict", [["none"]]], ["dict", [[["list", []], ["none"]]]], ["size", [["str", "a"]]],
    ["dtype", "Tensor"], ["tensor", "float32", [2], 0, False], ["tensor", "float32", [-1], 0, False],
    ["tensor", "float32", [2], 5, False], ["tensor", "object", [2], 0, False], ["tensor", "int64", [1], 0, True],
    ["array", "object", [1], 0], ["array", "O", [1], 0], ["module", "Module", ["dict", []], [], True],
    ["module", "RNN", ["dict", []], [], True], ["object", "student", -1, "x", "object"], ["object", "student", "1", "x", "object"],
    ["packed", [["none"], ["none"], ["none"], ["none"]]],
    ["known", "torch.load"], ["known", "__import__"], ["named", ["__class__"], [["none"]]], ["named", ["a"], []],
    ["container", "Sequential", [["0", ["none"]]], True], ["container", "Module", [], True], ["fraction", "1", "0"],
    ["range", "1", "2", "0"], ["object", "student", 0, "x", "pickle"], ["device", "x" * 30], ["decimal", "9" * 500],
    ["module", "Linear", ["dict", [[["str", "in_features"], ["int", "9999999999"]], [["str", "out_features"], ["int", "1"]]]], [], True],
    ["module", "Linear", ["dict", [[["str", "device"], ["str", "cuda"]]]], [], True],
]  # fmt: skip


@pytest.mark.parametrize("tree", BAD, ids=lambda tree: json.dumps(tree)[:40])
def test_a_bad_value_is_refused(tree):
    with pytest.raises(CodecError):
        decode(frame_of(tree))


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"1234567",
        struct.pack("<II", 4, 0) + b"nul",
        struct.pack("<II", 2**32 - 1, 2**32 - 1),
        struct.pack("<II", 0, 1) + struct.pack("<Q", 2**63),
        frame_of(b"\xff\xff"),
        frame_of(b"[" * 100_000),
        frame_of(["none"]) + b"x",
    ],
)
def test_a_bad_frame_is_refused(frame):
    with pytest.raises(CodecError):
        decode(frame)


def test_deep_and_wide_trees_are_refused():
    deep = ["none"]
    for _ in range(60):
        deep = ["list", [deep]]
    with pytest.raises(CodecError, match="too deep"):
        decode(frame_of(deep))
    with pytest.raises(CodecError, match="too large"):
        decode(frame_of(["list", [["none"]] * 100_001]))
    with pytest.raises(CodecError, match="too large"):
        encode(torch.zeros(MAX_FRAME))


def test_a_byte_that_is_no_bool_becomes_one():
    tensor = decode(frame_of(["tensor", "bool", [3], 0, False], b"\x00\x01\x07"))
    assert tensor.tolist() == [False, True, True]
    assert (tensor == torch.tensor([False, True, True])).all()


def test_weights_that_do_not_fit_are_refused():
    layer = nn.RNN(3, 4)
    layer.hidden_size = 5
    with pytest.raises(CodecError, match="do not fit"):
        decode(encode(layer))


@settings(max_examples=400, deadline=None)
@given(st.binary(max_size=200))
def test_noise_is_refused_and_never_breaks_the_decoder(noise):
    try:
        decode(noise)
    except CodecError:
        return
    raise AssertionError("noise was believed")


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_changed_frame_gives_data_or_is_refused(data):
    frame = bytearray(encode({"a": (torch.ones(2), nn.Linear(2, 1)), "b": [1, "x", None]}))
    for _ in range(data.draw(st.integers(1, 4))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(CodecError):
        decode(bytes(frame))


json_trees = st.recursive(
    st.none()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["tensor", "module", "list", "dict", "int", "RNN", "float32"]),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=15,
)


@settings(max_examples=400, deadline=None)
@given(json_trees)
def test_any_json_is_data_or_refused(tree):
    with contextlib.suppress(CodecError):
        decode(frame_of(tree, b"1234"))


def test_frames_over_a_socket():
    a, b = socket.socketpair()
    send(a, b"one")
    send(a, b"")
    assert (receive(b), receive(b)) == (b"one", b"")
    a.sendall(struct.pack("<Q", MAX_FRAME + 1))
    with pytest.raises(CodecError, match="over the limit"):
        receive(b)
    a.close()
    with pytest.raises(EOFError):
        receive(b)


def test_bytes_that_are_there_do_not_prolong_a_frame():
    here, there = socket.socketpair()
    send(here, b"frame")
    with pytest.raises(TimeoutError):
        receive(there, time.monotonic() - 1)

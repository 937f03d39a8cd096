"""What `check.call` hands over: copies that share no memory with the originals, and everything else as it is."""

from collections import Counter, OrderedDict, defaultdict, deque, namedtuple

import numpy as np
import pytest
import torch
from torch import nn

from course_utils import check
from course_utils.copies import copied

Pair = namedtuple("Pair", ["first", "second"])


class Ends(Pair):
    """A named tuple that is made in another way."""

    def __new__(cls, both):
        return super().__new__(cls, both, both)


HOLDERS = {
    "tensor": (lambda x: x, lambda held: held),
    "list": (lambda x: [x, 1], lambda held: held[0]),
    "tuple": (lambda x: (x, None), lambda held: held[0]),
    "named tuple": (lambda x: Pair(x, 1), lambda held: held.first),
    "another named tuple": (Ends, lambda held: held.second),
    "dict": (lambda x: {"x": x}, lambda held: held["x"]),
    "ordered": (lambda x: OrderedDict(x=x), lambda held: held["x"]),
    "default": (lambda x: defaultdict(list, x=x), lambda held: held["x"]),
    "deque": (lambda x: deque([x], maxlen=3), lambda held: held[0]),
    "nested": (lambda x: {"a": [(x,)]}, lambda held: held["a"][0][0]),
    "return type": (lambda x: x[None].max(dim=0), lambda held: held.values),
    "packed": (lambda x: nn.utils.rnn.pack_sequence([x[:, None]]), lambda held: held.data),
}


@pytest.mark.parametrize(("hold", "inside"), HOLDERS.values(), ids=HOLDERS.keys())
def test_a_tensor_in_any_container_is_copied_and_the_container_keeps_its_type(hold, inside):
    held = hold(torch.arange(3.0))
    copy = copied(held)
    assert type(copy) is type(held)
    before = inside(held).clone()
    inside(copy).add_(1)
    assert torch.equal(inside(held), before)
    assert torch.equal(inside(copy), before + 1)


@pytest.mark.parametrize(
    ("original", "change"),
    [
        (np.arange(3), lambda x: x.__iadd__(1)),
        ([3, 1], lambda x: x.sort()),
        ([[1], [2]], lambda x: x[0].clear()),
        ({"a": 1}, lambda x: x.update(a=2)),
        ({1, 2}, lambda x: x.clear()),
        (Counter("aab"), lambda x: x.update("a")),
        (bytearray(b"ab"), lambda x: x.reverse()),
    ],
)
def test_a_change_in_place_stays_in_the_copy(original, change):
    before, copy = repr(original), copied(original)
    change(copy)
    assert repr(original) == before != repr(copy)


def test_an_object_that_is_there_twice_is_copied_once():
    x = torch.ones(2)
    (first, second), named = copied(((x, [x]), {"again": x}))
    assert first is second[0] is named["again"] is not x
    circle = [1]
    circle.append(circle)
    copy = copied(circle)
    assert copy[1] is copy is not circle


def test_gradients_pass_through_a_copy_and_reach_the_original():
    x = torch.tensor([2.0, 3.0], requires_grad=True)
    check.call(lambda x: (x**2).sum(), x).backward()
    assert x.grad.tolist() == [4.0, 6.0]

    def own_gradient(x):
        (x**2).sum().backward()
        return x.grad

    assert check.call(own_gradient, x).tolist() == [4.0, 6.0]
    with torch.no_grad():
        assert check.call(lambda x: x.requires_grad, x)
        assert not check.call(lambda x: x.requires_grad, torch.ones(2))


def test_a_leaf_may_be_changed_in_place_by_the_function():
    x = torch.ones(2, requires_grad=True)
    assert check.call(lambda x: x.mul_(3), x).tolist() == [3.0, 3.0]
    assert x.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    "make", [lambda: torch.ones(2, 3).T, lambda: torch.ones(4)[::2], lambda: torch.ones(2, device="meta"),
             lambda: torch.eye(3).to_sparse(), lambda: torch.ones(2, dtype=torch.bfloat16)],
)  # fmt: skip
def test_a_copy_has_the_shape_the_dtype_and_the_layout_of_the_original(make):
    original = make()
    copy = copied(original)
    facts = ("shape", "dtype", "layout", "device")
    assert [getattr(copy, fact) for fact in facts] == [getattr(original, fact) for fact in facts]
    assert copied(torch.ones(2, 3).T).stride() == (1, 3)


class Unknown:
    """Such as the autograder's stand-in for a student's object: nothing may be asked of it."""

    def __getattr__(self, name):
        raise AssertionError(f"asked for {name}")

    def __deepcopy__(self, memo):
        raise AssertionError("copied")


class UnknownTuple(tuple):
    """A tuple whose constructor is its own affair."""

    def __new__(cls):
        return super().__new__(cls, (1, 2))


def test_what_is_not_known_is_passed_through_as_it_is():
    layer = nn.Linear(2, 2)
    for thing in (Unknown(), UnknownTuple(), layer, len, torch.Generator(), torch.optim.SGD(layer.parameters(), 1.0)):
        assert copied(thing) is thing
        assert copied([thing])[0] is thing


def test_a_model_is_handed_over_itself_because_training_it_is_the_point():
    layer = nn.Linear(2, 2)
    check.call(lambda layer: nn.init.zeros_(layer.weight), layer)
    assert not layer.weight.any()

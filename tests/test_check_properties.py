"""Whatever a learner hands to a check, the answer is a verdict with a clear sentence, never another exception."""

import contextlib
import io
import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from course_utils import check
from course_utils.verdict import CheckFailed

LAYER = nn.RNN(5, 3, batch_first=True, bidirectional=True)
BATCH = torch.randn(4, 7, 5, generator=torch.Generator().manual_seed(0))
EXPECTED = LAYER(BATCH)[0].detach()
INPUTS = {"layer": LAYER, "batch": BATCH, "lengths": torch.tensor([7, 2, 4, 3]), "metric": "recall"}

NAMES = st.permutations(["batch", "time", "hidden"])
SIZES = st.lists(st.integers(1, 60), min_size=3, max_size=3, unique=True)


class Mine(torch.Tensor):
    """A subclass, as a learner may get it from another library."""


def filled(number: float) -> torch.Tensor:
    return torch.full_like(EXPECTED, number)


ODD = {
    "nan": filled(math.nan),
    "infinity": filled(math.inf),
    "huge": filled(1e38) * 10,
    "integers": torch.ones(4, 7, 6, dtype=torch.int64),
    "half": EXPECTED.half() + 1,
    "bfloat": EXPECTED.bfloat16() + 1,
    "complex": EXPECTED + 1j,
    "booleans": EXPECTED > 0,
    "subclass": (EXPECTED + 1).as_subclass(Mine),
    "with a graph": LAYER(BATCH)[0] + 1,
    "not contiguous": (EXPECTED + 1).transpose(0, 1).contiguous().transpose(0, 1),
    "expanded": torch.ones(1, 1, 1).expand(4, 7, 6),
    "empty": torch.ones(0),
    "empty with axes": torch.ones(4, 0, 6),
    "one number": torch.tensor(3.0),
    "on no device": torch.ones(4, 7, 6, device="meta"),
    "sparse": torch.ones(4, 7, 6).to_sparse(),
    "list": EXPECTED.tolist(),
    "array": EXPECTED.numpy() + 1,
    "nested tuple": (EXPECTED, (EXPECTED,)),
    "packed": nn.utils.rnn.pack_sequence([torch.ones(3, 2), torch.ones(2, 2)]),
    "string": "RIGHT",
    "bytes": b"\x00",
    "dictionary": {"output": EXPECTED},
    "layer": LAYER,
    "class": nn.RNN,
    "function": len,
    "number": 10**400,
    "negative": -1,
    "object": object(),
    "set of kinds": {1, "a"},
}
CHECKS = {
    "shape": lambda value: check.shape(value, "batch time hidden", batch=4, time=9, hidden=3),
    "close": lambda value: check.close(value, EXPECTED + 7, inputs=INPUTS),
    "equal": lambda value: check.equal(value, "something else", inputs=INPUTS),
    "metric": lambda value: check.metric(value, 0.123, inputs=INPUTS),
    "layer": lambda value: check.layer(value, input_size=9),
    "model": lambda value: check.model(lambda batch: value, BATCH, samples_mix=True),
    "call": lambda value: check.equal(check.call(lambda: value), "something else"),
}


@pytest.mark.parametrize("value", ODD.values(), ids=ODD.keys())
@pytest.mark.parametrize("ask", CHECKS.values(), ids=CHECKS.keys())
def test_anything_at_all_gets_a_clear_sentence(ask, value):
    with pytest.raises(CheckFailed) as caught, contextlib.redirect_stdout(io.StringIO()):
        ask(value)
    assert caught.value.symptom.endswith(".")
    assert len(caught.value.symptom) < 600
    assert "Traceback" not in str(caught.value)


@given(names=NAMES, sizes=SIZES, order=NAMES)
def test_every_permutation_of_named_axes_is_named(names, sizes, order):
    assume(names != order and len({*sizes, *(a * b for a in sizes for b in sizes)}) == 9)
    known = dict(zip(names, sizes, strict=True))
    with pytest.raises(CheckFailed) as caught:
        check.shape(torch.zeros([known[name] for name in order]), " ".join(names), **known)
    assert f"would be ({', '.join(order)}): the right axes in a different order." in caught.value.symptom


@given(shape=st.lists(st.integers(0, 5), max_size=4), seed=st.integers(0, 99))
def test_a_tensor_agrees_with_itself_in_any_shape_and_precision(shape, seed):
    value = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    for actual in (
        value.double(),
        value.clone().requires_grad_(),
        value.as_subclass(Mine),
        value.mT.mT if len(shape) > 1 else value,
    ):
        check.close(actual, value)  # fmt: skip


@given(
    shape=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    where=st.integers(0, 63),
    by=st.floats(0.01, 1e6) | st.floats(-1e6, -0.01) | st.just(math.nan) | st.just(math.inf),
)
def test_one_wrong_number_is_found_where_it_is(shape, where, by):
    expected = torch.zeros(shape)
    index = tuple(int(i) for i in torch.unravel_index(torch.tensor(where % expected.numel()), shape))
    wrong = expected.clone()
    wrong[index] += by
    with pytest.raises(CheckFailed) as caught:
        check.close(wrong, expected)
    if math.isfinite(by):
        assert f"1 of {expected.numel()} elements differ, most at {list(index)}" in caught.value.symptom
    else:
        assert f"1 of {expected.numel()} elements are NaN or infinite." in caught.value.symptom


@given(number=st.floats(allow_nan=True) | st.integers(-(10**9), 10**9) | st.floats(0, 1).map(np.float32))
@settings(max_examples=200)
def test_a_number_passes_exactly_when_it_is_within_the_tolerance(number):
    try:
        check.metric(number, 0.5, tolerance=0.01)
        passed = True
    except CheckFailed:
        passed = False
    assert passed == (abs(float(number) - 0.5) <= 0.01)

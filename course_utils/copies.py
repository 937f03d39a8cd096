"""Copies of a task's inputs, so that a student's function cannot change the ones that later checks use."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor


def copied(value: Any) -> Any:
    """Copy tensors, arrays and the containers that hold them, however deep; everything else is passed through.

    A tensor that requires grad gives a copy that requires grad and whose gradient also reaches the original.
    An object that occurs twice is copied once, so both places still hold the same one. Modules, optimizers,
    generators, functions and objects of unknown types are what they are: they are handed over themselves.

    >>> lengths = torch.tensor([3, 5])
    >>> copied([lengths, lengths])[0] is lengths
    False
    """
    return _copied(value, {})


def _copied(value: Any, memo: dict[int, Any]) -> Any:
    if id(value) not in memo:
        copy = _copier(value)
        memo[id(value)] = value if copy is None else copy(value, memo)
    return memo[id(value)]


def _copier(value: Any) -> Callable[[Any, dict[int, Any]], Any] | None:
    if isinstance(value, Tensor):
        return _tensor
    if isinstance(value, tuple):
        return _tuple
    return _COPIERS.get(type(value))


def _tensor(value: Tensor, memo: dict[int, Any]) -> Tensor:
    with torch.set_grad_enabled(value.requires_grad or torch.is_grad_enabled()):
        copy = value.clone()
    if copy.requires_grad:
        copy.retain_grad()  # or a function that calls backward() would find no .grad
    return copy


def _tuple(value: tuple[Any, ...], memo: dict[int, Any]) -> Any:
    parts = [_copied(part, memo) for part in value]
    if hasattr(value, "_make"):  # a named tuple, such as PackedSequence; its constructor may want other arguments
        return value._make(parts)
    known = type(value) is tuple or type(value).__module__ == "torch.return_types"
    return type(value)(parts) if known else value


def _sequence(value: Any, memo: dict[int, Any]) -> Any:
    copy = memo[id(value)] = value.copy()  # noted first, because a list may hold itself
    for index, part in enumerate(value):
        copy[index] = _copied(part, memo)
    return copy


def _mapping(value: Any, memo: dict[int, Any]) -> Any:
    copy = memo[id(value)] = value.copy()
    for key, part in value.items():
        copy[key] = _copied(part, memo)
    return copy


def _plain(value: Any, memo: dict[int, Any]) -> Any:
    return value.copy()


_COPIERS: dict[type, Callable[[Any, dict[int, Any]], Any]] = {
    **dict.fromkeys((list, deque), _sequence),
    **dict.fromkeys((dict, OrderedDict, defaultdict, Counter), _mapping),
    **dict.fromkeys((set, bytearray, np.ndarray), _plain),
}

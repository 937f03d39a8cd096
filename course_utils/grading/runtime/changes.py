"""Values that a call has changed in place: noticed on one side, copied into the originals on the other."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy
import torch
from torch import Tensor, nn

SMALL = 2**16  # bytes of a tensor that are looked at; of a larger one its version counter


def fingerprint(value: Any, depth: int = 0) -> Any:
    """Something that differs where the value was changed in place."""
    if isinstance(value, Tensor):
        return _tensor_fingerprint(value)
    if isinstance(value, numpy.ndarray):
        return value.shape, hash(value.tobytes())
    if isinstance(value, nn.Module):
        return value.training, [_tensor_fingerprint(part) for part in value.state_dict(keep_vars=True).values()]
    if depth < 10 and isinstance(value, list | tuple | deque):
        return [fingerprint(part, depth + 1) for part in value]
    if depth < 10 and isinstance(value, dict):
        return [(fingerprint(key, depth + 1), fingerprint(part, depth + 1)) for key, part in value.items()]
    if isinstance(value, set | frozenset):
        return frozenset(value)
    return value if isinstance(value, str | int | float | complex | bytes | bool | None) else id(value)


def _tensor_fingerprint(value: Tensor) -> Any:
    content = None
    if value.layout is torch.strided and value.numel() * value.element_size() <= SMALL:
        content = hash(
            value.detach().resolve_conj().resolve_neg().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        )
    return value.shape, value._version, value.data_ptr() if value.layout is torch.strided else 0, content


def take_over(original: Any, changed: Any) -> None:
    """Change the original in place so that it equals `changed`; what cannot be changed in place stays."""
    if isinstance(original, Tensor) and isinstance(changed, Tensor):
        with torch.no_grad():
            if original.shape != changed.shape:
                original.resize_(changed.shape)
            original.copy_(changed)
    elif isinstance(original, numpy.ndarray) and isinstance(changed, numpy.ndarray):
        if original.shape == changed.shape and original.flags.writeable:
            original[...] = changed
    elif isinstance(original, nn.Module) and isinstance(changed, nn.Module):
        original.load_state_dict(changed.state_dict())
        original.train(changed.training)
    elif isinstance(original, list | deque) and isinstance(changed, list):
        _take_over_list(original, changed)
    elif isinstance(original, tuple) and isinstance(changed, tuple):
        for old, new in zip(original, changed, strict=False):
            take_over(old, new)
    elif isinstance(original, dict) and isinstance(changed, dict):
        kept = {key: _merged(original[key], new) if key in original else new for key, new in changed.items()}
        original.clear()
        original.update(kept)
    elif isinstance(original, set) and isinstance(changed, set):
        original.clear()
        original.update(changed)


def _take_over_list(original: Any, changed: list[Any]) -> None:
    merged = [_merged(original[i], new) if i < len(original) else new for i, new in enumerate(changed)]
    original.clear()
    original.extend(merged)


def _merged(old: Any, new: Any) -> Any:
    """The old object with the new content, where its kind can be changed in place; otherwise the new one."""
    if type(old) is type(new) and isinstance(old, Tensor | numpy.ndarray | nn.Module | list | dict | set | tuple):
        take_over(old, new)
        if not isinstance(old, tuple):
            return old
    return new

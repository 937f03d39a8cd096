"""Autograd across the wall: a tensor that the student's module made lets gradients flow back into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

if TYPE_CHECKING:
    from .client import StudentClient


class _Followed(torch.autograd.Function):
    """The identity on what arrived; backwards, the student's side computes the gradients."""

    @staticmethod
    def forward(
        ctx: Any, client: StudentClient, numbers: list[int], call: int, n_arrived: int, *tensors: Tensor
    ) -> Any:
        ctx.client, ctx.numbers, ctx.call, ctx.n_sent = client, numbers, call, len(tensors) - n_arrived
        ctx.shapes = [tensor.shape for tensor in tensors[n_arrived:]]
        return tuple(tensor.detach().clone() for tensor in tensors[:n_arrived])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        found = ctx.client.ask("backward", ctx.numbers, [gradient.detach() for gradient in gradients], ctx.call)
        ctx.client.pull_gradients()
        if not isinstance(found, list) or len(found) != ctx.n_sent:
            raise RuntimeError("the submission sent no gradients")
        fits = [
            g is None or (isinstance(g, Tensor) and g.shape == shape)
            for g, shape in zip(found, ctx.shapes, strict=True)
        ]
        if not all(fits):
            raise RuntimeError("the submission sent gradients of another shape")
        return (None, None, None, None, *([None] * len(ctx.numbers)), *found)


def followed(
    client: StudentClient, result: Any, arrived: list[tuple[Tensor, int]], sent: list[Tensor], call: int
) -> Any:
    """The result, with tensors through which gradients flow back to the student's and to the tensors `sent`.

    Parameters
    ----------
    arrived : list of (Tensor, int)
        The tensors in `result` that take part in gradients, with their numbers on the student's side.
    call : int
        The number that the student's side gave to the inputs of the call.
    """
    outputs = [(tensor, number) for tensor, number in arrived if not isinstance(tensor, torch.nn.Parameter)]
    if not outputs:
        return result
    numbers = [number for _, number in outputs]
    made = _Followed.apply(  # type: ignore[no-untyped-call]
        client, numbers, call, len(outputs), *(tensor for tensor, _ in outputs), *sent
    )
    return _replaced(result, {id(tensor): new for (tensor, _), new in zip(outputs, made, strict=True)})


def _replaced(tree: Any, new: dict[int, Tensor]) -> Any:
    if id(tree) in new:
        return new[id(tree)]
    if isinstance(tree, PackedSequence):
        return PackedSequence(
            new.get(id(tree.data), tree.data), tree.batch_sizes, tree.sorted_indices, tree.unsorted_indices
        )
    if type(tree) in (list, tuple):
        return type(tree)(_replaced(part, new) for part in tree)
    if type(tree) is dict:
        return {key: _replaced(part, new) for key, part in tree.items()}
    return tree

"""Stock modules of torch across the wall: as configuration and weights, built again on the other side."""

from __future__ import annotations

import types
from typing import Any

import torch
from torch import Tensor, nn

LARGEST = 1_000_000  # of a constructor argument
_RECURRENT = ("input_size", "hidden_size", "num_layers", "batch_first", "dropout", "bidirectional")
_NORM = ("num_features", "eps", "momentum", "affine", "track_running_stats")
_CONV = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "padding_mode")

# The attributes that are the arguments of each constructor; `bias` is read off the module where it has one.
STOCK: dict[type[nn.Module], tuple[str, ...]] = {
    nn.RNN: (*_RECURRENT, "nonlinearity"),
    nn.GRU: _RECURRENT,
    nn.LSTM: (*_RECURRENT, "proj_size"),
    nn.RNNCell: ("input_size", "hidden_size", "nonlinearity"),
    nn.GRUCell: ("input_size", "hidden_size"),
    nn.LSTMCell: ("input_size", "hidden_size"),
    nn.Linear: ("in_features", "out_features"),
    nn.Conv1d: _CONV,
    nn.BatchNorm1d: _NORM,
    nn.LayerNorm: ("normalized_shape", "eps", "elementwise_affine"),
    nn.Embedding: ("num_embeddings", "embedding_dim", "padding_idx"),
    nn.Dropout: ("p",),
    nn.Flatten: ("start_dim", "end_dim"),
    nn.Softmax: ("dim",),
    nn.LogSoftmax: ("dim",),
    nn.LeakyReLU: ("negative_slope",),
    nn.GELU: ("approximate",),
    nn.ReLU: (),
    nn.Tanh: (),
    nn.Sigmoid: (),
    nn.Identity: (),
    nn.Softplus: (),
    nn.MSELoss: ("reduction",),
    nn.L1Loss: ("reduction",),
    nn.BCELoss: ("reduction",),
    nn.CrossEntropyLoss: ("ignore_index", "reduction", "label_smoothing"),
    nn.NLLLoss: ("ignore_index", "reduction"),
    nn.BCEWithLogitsLoss: ("reduction",),
}
CONTAINERS: dict[str, type[nn.Module]] = {c.__name__: c for c in (nn.Sequential, nn.ModuleList, nn.ModuleDict)}
BY_NAME = {stock.__name__: stock for stock in STOCK}
_PLACED = (nn.RNNBase, nn.RNNCellBase, nn.Linear, nn.Conv1d, nn.BatchNorm1d, nn.LayerNorm, nn.Embedding)


def stock_class(value: Any) -> type[nn.Module] | None:
    """The stock class of a module, also of a subclass that computes nothing of its own but may have an `__init__`."""
    if not isinstance(value, nn.Module) or _is_hooked(value):
        return None
    for parent in type(value).__mro__:
        if parent in STOCK:
            return parent if _fits(value, parent) else None
        own = {name: part for name, part in vars(parent).items() if name != "__init__"}
        if any(callable(part) or isinstance(part, property | classmethod | staticmethod) for part in own.values()):
            return None
    return None


def _is_hooked(value: nn.Module) -> bool:
    own = (part for name, part in vars(value).items() if not name.startswith("_"))
    hooks = (value._forward_hooks, value._forward_pre_hooks, value._backward_hooks)
    return any(hooks) or any(isinstance(part, types.FunctionType | types.MethodType) for part in own)


def _fits(value: nn.Module, stock: type[nn.Module]) -> bool:
    """Whether the weights are exactly the stock class's own: a subclass may have added some."""
    if type(value) is stock:
        return True
    try:
        return _shapes(make(stock, config_of(value, stock))) == _shapes(value)
    except Exception:
        return False


def config_of(value: nn.Module, stock: type[nn.Module]) -> dict[str, Any]:
    config = {name: getattr(value, name) for name in STOCK[stock]}
    bias: Any = getattr(value, "bias", None)  # True or False in recurrent layers, a tensor or None in others
    if hasattr(value, "bias") and stock not in (nn.Embedding, nn.BatchNorm1d):
        config["bias"] = bias is True or isinstance(bias, Tensor)
    return config


def make(stock: type[nn.Module], config: dict[str, Any]) -> nn.Module:
    """A module of that configuration without memory for weights."""
    return stock(**config, device="meta") if issubclass(stock, _PLACED) else stock(**config)


def build(stock: type[nn.Module], config: dict[str, Any], weights: dict[str, Tensor]) -> nn.Module:
    """A stock module from its configuration and weights that must fit it exactly.

    Raises
    ------
    ValueError
        A setting or a weight is not one that an honest module has.
    """
    if not config.keys() <= {*STOCK[stock], "bias"}:
        raise ValueError("a module with a foreign setting")
    for name, setting in config.items():
        _check_setting(name, setting)
    module = make(stock, config)
    if _shapes(module) != {name: part.shape for name, part in weights.items() if isinstance(part, Tensor)}:
        raise ValueError("a module whose weights do not fit its settings")
    own = {name: part if isinstance(part, nn.Parameter) else part.detach() for name, part in weights.items()}
    learns = {name: part.requires_grad for name, part in weights.items()}
    module.load_state_dict(own, assign=True)  # a parameter stays the very one that was decoded
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(learns[name])
    return module


def _check_setting(name: str, setting: Any) -> None:
    """Exact types only: a numpy integer is no integer here, and as a number of layers it would never return."""
    parts = setting if type(setting) is tuple and len(setting) <= 8 else (setting,)
    for part in parts:
        if part is not None and type(part) not in (bool, int, float, str):
            raise ValueError(f"a module whose {name} is of type {type(part).__name__}")
        largest = 64 if name == "num_layers" else LARGEST
        if type(part) is int and not -largest <= part <= largest:
            raise ValueError(f"a module whose {name} is {part}")
        if type(part) is str and len(part) > 40:
            raise ValueError(f"a module whose {name} is {len(part)} characters long")


def _shapes(module: nn.Module) -> dict[str, torch.Size]:
    return {name: part.shape for name, part in module.state_dict().items()}

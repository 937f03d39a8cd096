"""Lessons 12, 13 and 15: splits, forecasts, choices."""

from __future__ import annotations

import copy
import io
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from course_utils import check

from .task import Task, closely, exactly, number, value_of


def split_series(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    series = torch.tensor(rng.normal(0, 1, (40, 3)).cumsum(0) + 5, dtype=torch.float32)
    return {"train": series[:28], "test": series[28:]}


def scaled(train, test):
    return (test - train.mean(0)) / train.std(0)


def by_numpy(fitted, numbers):
    """NumPy's spread is that of the whole set, not of a sample of it."""
    return torch.from_numpy((numbers.numpy() - fitted.numpy().mean(0)) / fitted.numpy().std(0))


SCALE = Task(
    "scale the test set",
    split_series,
    closely(scaled),
    right={
        "torch": scaled,
        "numpy": lambda train, test: torch.from_numpy(
            (test.numpy() - train.numpy().mean(0)) / train.numpy().std(0, ddof=1)
        ),
        "columns": lambda train, test: torch.stack(
            [(test[:, i] - train[:, i].mean()) / train[:, i].std() for i in range(3)], dim=1
        ),
    },
    wrong={
        "scaler-fitted-on-everything": (
            lambda train, test: scaled(torch.cat([train, test]), test),
            lambda train, test: by_numpy(torch.cat([train, test]), test),
        ),
        "scaler-fitted-on-test": (
            lambda train, test: scaled(test, test),
            lambda train, test: by_numpy(test, test),
            lambda train, test: (test - test.mean(0)) / train.std(0),
            lambda train, test: (test - train.mean(0)) / test.std(0),
        ),
    },
)


def counted(seed: int) -> dict[str, Any]:
    torch.manual_seed(seed)
    return {"windows": int(np.random.default_rng(seed).integers(20, 60))}


def last_fifth(windows):
    return list(range(windows - windows // 5, windows))


SPLIT = Task(
    "the test windows of a series",
    counted,
    exactly(last_fifth),
    right={
        "range": last_fifth,
        "tensor": lambda windows: torch.arange(windows)[windows - windows // 5 :],
        "array": lambda windows: np.arange(windows)[-(windows // 5) :],
    },
    wrong={"shuffled-windows": lambda windows: torch.randperm(windows)[: windows // 5].tolist()},
)


def named_items(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {"items": [f"item {n}" for n in rng.integers(0, 12, 30)]}


def split_check(kind: str):
    def run(answer, inputs):
        split = value_of(answer, inputs)
        train, test = ({inputs["items"][int(i)] for i in part} for part in split)
        if train & test:
            check.equal(split, "two parts that share nothing", name="answer", inputs={kind: inputs["items"]})
        check.equal(sorted(map(int, [*split[0], *split[1]])), list(range(30)), name="every item is in one part")

    return run


def by_item(items):
    test = set(sorted(set(items))[:4])
    return [i for i, item in enumerate(items) if item not in test], [i for i, item in enumerate(items) if item in test]


SPLIT_RIGHT = {
    "by item": by_item,
    "tensors": lambda items: tuple(map(torch.tensor, by_item(items))),
    "arrays": lambda items: [np.array(part) for part in by_item(items)],
}
NO_DUPLICATES = Task(
    "split texts that occur twice",
    named_items,
    split_check("texts"),
    right=SPLIT_RIGHT,
    wrong={"duplicates-across-split": lambda items: (list(range(20)), list(range(20, 30)))},
)
NO_GROUPS = Task(
    "split recordings of the same people",
    named_items,
    split_check("groups"),
    right=SPLIT_RIGHT,
    wrong={"group-across-split": lambda items: (list(range(20)), list(range(20, 30)))},
)


def one_series(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {"series": torch.tensor(rng.normal(0, 1, 80).cumsum(), dtype=torch.float32)}


TARGETS = Task(
    "the targets of windows",
    lambda seed: one_series(seed) | {"window": seed % 5 + 3},
    closely(lambda series, window: series[window:]),
    right={
        "slice": lambda series, window: series[window:],
        "loop": lambda series, window: torch.stack([series[i + window] for i in range(len(series) - window)]),
        "unfold": lambda series, window: series.unfold(0, window + 1, 1)[:, -1],
    },
    wrong={
        "targets-shifted": (
            lambda series, window: series.unfold(0, window, 1)[:-1, -1],
            lambda series, window: series[window - 1 :],
        ),
    },
)

GAP = Task(
    "the test pieces behind a gap",
    lambda seed: counted(seed) | {"span": seed % 3 + 2},
    exactly(lambda windows, span: list(range(windows * 4 // 5 + span - 1, windows))),
    right={
        "range": lambda windows, span: range(windows * 4 // 5 + span - 1, windows),
        "tensor": lambda windows, span: torch.arange(windows)[windows * 4 // 5 + span - 1 :],
        "loop": lambda windows, span: [row for row in range(windows) if row - span + 1 >= windows * 4 // 5],
    },
    wrong={"gap-too-short": lambda windows, span: list(range(windows * 4 // 5, windows))},
)

NAIVE = Task(
    "the error of the naive forecast",
    one_series,
    number("naive mae", lambda series: series.diff().abs().mean(), high=float("inf")),
    right={
        "diff": lambda series: series.diff().abs().mean(),
        "slices": lambda series: (series[1:] - series[:-1]).abs().mean().item(),
        "numpy": lambda series: np.abs(np.diff(series.numpy())).mean(),
    },
    wrong={
        "naive-shifted": lambda series: (series[2:] - series[:-2]).abs().mean(),
        "rolled-round": lambda series: (series - series.roll(1)).abs().mean(),
        "sign-kept": (
            lambda series: series.diff().mean(),
            lambda series: (series[:-1] - series[1:]).mean(),
        ),
    },
)
SEASONAL = Task(
    "the error of the seasonal naive forecast",
    lambda seed: one_series(seed) | {"season": 12},
    number("seasonal naive mae", lambda series, season: (series[season:] - series[:-season]).abs().mean(), high=99.0),
    right={
        "slices": lambda series, season: (series[season:] - series[:-season]).abs().mean(),
        "loop": lambda series, season: (
            sum(abs(float(series[i] - series[i - season])) for i in range(season, len(series))) / (len(series) - season)
        ),
        "unfold": lambda series, season: (lambda pairs: (pairs[:, -1] - pairs[:, 0]).abs().mean())(
            series.unfold(0, season + 1, 1)
        ),
    },
    wrong={
        "season-off-by-one": (
            lambda series, season: (series[season - 1 :] - series[: 1 - season]).abs().mean(),
            lambda series, season: (series[season + 1 :] - series[: -season - 1]).abs().mean(),
        ),
        "sign-kept": (
            lambda series, season: (series[season:] - series[:-season]).mean(),
            lambda series, season: (series[:-season] - series[season:]).mean(),
        ),
        "rolled-round": lambda series, season: (series - series.roll(season)).abs().mean(),
        "repeated-difference": lambda series, season: series.diff(season).abs().mean(),
    },
)


def forecasts(seed: int) -> dict[str, Any]:
    series = one_series(seed)["series"]
    torch.manual_seed(seed)
    return {"forecast": series[60:] + torch.randn(20), "actual": series[60:], "train": series[:60]}


def without_train(seed: int) -> dict[str, Any]:
    return {name: value for name, value in forecasts(seed).items() if name != "train"}


RMSE = Task(
    "RMSE",
    without_train,
    number("rmse", lambda forecast, actual: ((forecast - actual) ** 2).mean().sqrt(), high=float("inf")),
    right={
        "by hand": lambda forecast, actual: (forecast - actual).square().mean().sqrt(),
        "loss": lambda forecast, actual: F.mse_loss(forecast, actual) ** 0.5,
        "norm": lambda forecast, actual: torch.linalg.vector_norm(forecast - actual).item() / len(actual) ** 0.5,
    },
    wrong={
        "squared-for-root": lambda forecast, actual: F.mse_loss(forecast, actual),
        "absolute-for-root": lambda forecast, actual: F.l1_loss(forecast, actual),
        "sign-kept": (
            lambda forecast, actual: (forecast - actual).mean().abs(),
            lambda forecast, actual: (forecast - actual).mean().sqrt(),
        ),
    },
)

MAE = Task(
    "MAE of a column of forecasts",
    lambda seed: (lambda inputs: inputs | {"forecast": inputs["forecast"][:, None]})(without_train(seed)),
    number("mae", lambda forecast, actual: (forecast[:, 0] - actual).abs().mean(), high=float("inf")),
    right={
        "squeeze": lambda forecast, actual: (forecast.squeeze(1) - actual).abs().mean(),
        "column": lambda forecast, actual: (forecast - actual[:, None]).abs().mean().item(),
        "loss": lambda forecast, actual: F.l1_loss(forecast.flatten(), actual),
    },
    wrong={
        "column-against-row": lambda forecast, actual: (forecast - actual).abs().mean(),
        "sign-kept": (
            lambda forecast, actual: (forecast[:, 0] - actual).mean(),
            lambda forecast, actual: (actual - forecast[:, 0]).mean(),
        ),
    },
)


def mase(forecast, actual, train):
    return (forecast - actual).abs().mean() / train.diff().abs().mean()


MASE = Task(
    "MASE",
    forecasts,
    number("mase", mase, high=float("inf")),
    right={
        "torch": mase,
        "numpy": lambda forecast, actual, train: (
            np.abs((forecast - actual).numpy()).mean() / np.abs(np.diff(train.numpy())).mean()
        ),
        "losses": lambda forecast, actual, train: F.l1_loss(forecast, actual) / F.l1_loss(train[1:], train[:-1]),
    },
    wrong={
        "scale-from-test": lambda forecast, actual, train: (
            (forecast - actual).abs().mean() / actual.diff().abs().mean()
        ),
        "sign-kept": (
            lambda forecast, actual, train: (forecast - actual).mean() / train.diff().abs().mean(),
            lambda forecast, actual, train: (actual - forecast).mean() / train.diff().abs().mean(),
        ),
    },
)


def curves(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    while True:
        validation, test = rng.random(20), rng.random(20)
        if validation.argmin() != test.argmin():
            return {"validation_losses": validation.tolist(), "test_losses": test.tolist()}


BEST_EPOCH = Task(
    "the best epoch",
    curves,
    exactly(lambda validation_losses, test_losses: int(np.argmin(validation_losses))),
    right={
        "index": lambda validation_losses, test_losses: validation_losses.index(min(validation_losses)),
        "numpy": lambda validation_losses, test_losses: np.argmin(validation_losses),
        "torch": lambda validation_losses, test_losses: torch.tensor(validation_losses).argmin(),
    },
    wrong={"best-epoch-on-test": lambda validation_losses, test_losses: int(np.argmin(test_losses))},
)


def check_snapshot(answer, inputs):
    layer = inputs["layer"]
    before = {name: weight.clone() for name, weight in layer.named_parameters()}
    taken = check.call(answer, layer)
    with torch.no_grad():
        for weight in layer.parameters():
            weight += 1
    check.call(layer.load_state_dict, taken)
    for name, weight in layer.named_parameters():
        check.close(weight, before[name], name=name, inputs={"kept": before[name], "trained": before[name] + 1})


def fresh_layer(seed: int) -> dict[str, Any]:
    torch.manual_seed(seed)
    return {"layer": nn.RNN(5, 3)}


SNAPSHOT = Task(
    "weights that stay as they were",
    fresh_layer,
    check_snapshot,
    right={
        "deep copy": lambda layer: copy.deepcopy(layer.state_dict()),
        "clones": lambda layer: {name: weight.clone() for name, weight in layer.state_dict().items()},
        "through a file": lambda layer: saved_and_loaded(layer),
    },
    wrong={"weights-not-copied": lambda layer: layer.state_dict().copy()},
)


def saved_and_loaded(layer: nn.Module) -> dict[str, Any]:
    file = io.BytesIO()
    torch.save(layer.state_dict(), file)
    file.seek(0)
    return torch.load(file)

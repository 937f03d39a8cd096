"""Exercises of lesson 13: forecast errors. Its networks and pictures are here too."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .. import check, datasets, plots
from .exercise import exercise
from .leakage import trained

LESSON = "13_forecast_errors"
WINDOWS, ERRORS, NAIVE = "Windows and targets", "MSE, RMSE, MAE", "Naive forecasts"
SEA = datasets.el_nino().values  # (time=732)
TRAIN, TEST = SEA[:588], SEA[588:]
CO2 = datasets.co2().monthly().values  # (time=526)
BY_MONTH = TRAIN.view(-1, 12).mean(0)  # (month=12)
SQUARES = torch.arange(10.0) ** 2
FOUR = torch.tensor([3.0, -1.0, 2.0, -2.0])
WAITING = torch.tensor([1.0, 2.0, 2.0, 3.0, 12.0])

# -- measurements -------------------------------------------------------------------------------------------------

Forecaster = Callable[[Tensor], Tensor]


@functools.cache
def sea_network(seed: int, months: int = 588) -> Forecaster:
    """Train on the first months of the sea; return a function from windows (batch, 12) to forecasts (batch,)."""
    return trained(SEA[:months].unfold(0, 13, 1), seed, epochs=60)


@functools.cache
def co2_network(seed: int, changes: bool = False) -> Forecaster:
    """Train on the first 35 years of CO2, on its levels or on its changes from month to month."""
    pieces = CO2[:420].unfold(0, 13, 1)
    if not changes:
        return trained(pieces, seed, epochs=60)
    change = trained(pieces.diff(), seed, epochs=60)
    return lambda windows: windows[:, -1] + change(windows.diff())


@functools.cache
def rolling_errors() -> dict[str, Tensor]:
    """Errors of one forecast each month, four years at a time, with all months before them as training part."""
    kinds: dict[str, list[Tensor]] = {"mean of the month": [], "mean + anomaly": [], "RNN": []}
    for cut in range(240, 685, 48):
        pieces = SEA[cut - 12 : cut + 48].unfold(0, 13, 1)  # (window=48, step=13)
        mean = SEA[:cut].view(-1, 12).mean(0)
        anomaly = pieces[:, -2] - mean.roll(1).repeat(4)
        kinds["mean of the month"].append(mean.repeat(4) - pieces[:, -1])
        kinds["mean + anomaly"].append(mean.repeat(4) + anomaly - pieces[:, -1])
        kinds["RNN"].append(sea_network(0, cut)(pieces[:, :-1]) - pieces[:, -1])
    return {name: torch.stack(errors) for name, errors in kinds.items()}  # (origin=10, month=48)


def by_steps(network: Forecaster, windows: Tensor, steps: int) -> Tensor:
    """Forecast several steps, each from the forecasts before it: (batch, 12) -> (batch, steps)."""
    for _ in range(steps):
        windows = torch.cat([windows, network(windows[:, -12:]).unsqueeze(1)], dim=1)
    return windows[:, -steps:]


@functools.cache
def coverages() -> dict[str, list[float]]:
    """Shares of the test months that are inside a 90% interval, for three seeds; name -> which errors made it."""
    held_out = SEA[468:588]
    found: dict[str, list[float]] = {}
    for seed in range(3):
        network, on_co2 = sea_network(seed, 468), co2_network(seed)
        near, far = _errors(network, TEST), _errors(network, TEST, ahead=12)
        shares = {
            "errors in training": _inside(_errors(network, SEA[:468]), near),
            "errors on held-out years": _inside(_errors(network, held_out), near),
            "the same, 12 months ahead": _inside(_errors(network, held_out), far),
            "its own errors, 12 months ahead": _inside(_errors(network, held_out, ahead=12), far),
            "CO2 levels, errors in training": _inside(_errors(on_co2, CO2[:420]), _errors(on_co2, CO2[420:])),
        }
        for name, share in shares.items():
            found.setdefault(name, []).append(share)
    return found


def _errors(network: Forecaster, series: Tensor, ahead: int = 1) -> Tensor:
    """Actual minus forecast so many steps ahead, for each window of the series."""
    pieces = series.unfold(0, 12 + ahead, 1)
    return pieces[:, -1] - by_steps(network, pieces[:, :12], ahead)[:, -1]


def _inside(known: Tensor, new: Tensor) -> float:
    """Share of the new errors that are inside the middle 90% of the known ones."""
    return ((known.quantile(0.05) <= new) & (new <= known.quantile(0.95))).float().mean().item()


def sea_figure() -> plots.Picture:
    """Draw seven years of the sea."""
    months = slice(540, 624)
    return plots.lines(
        {"sea": SEA[months]},
        (1950 + torch.arange(732) / 12)[months],
        title="The sea off Peru",
        x_label="year",
        y_label="degrees Celsius",
        alt="Seven waves, one a year, between 19 and 29 degrees; the one of 1997 hardly comes down.",
    )


def draw_tenth(tenth_error: int) -> plots.Picture:
    """Draw MAE and RMSE of nine errors of 1 and a tenth one, over the size of the tenth."""
    tenth = torch.arange(1.0, 21.0)
    mae, rmse = (9 + tenth) / 10, ((9 + tenth**2) / 10).sqrt()
    low, high = mae[tenth_error - 1].item(), rmse[tenth_error - 1].item()
    title = f"Nine errors of 1 and one of {tenth_error}: MAE {low:.1f}, RMSE {high:.1f}, MSE {high**2:.1f}"
    return plots.lines(
        {"MAE": mae, "RMSE": rmse},
        tenth,
        title=title,
        x_label="size of the tenth error (degrees)",
        y_label="degrees",
        alt=f"{title}. Both lines start at 1; RMSE climbs much more steeply than MAE.",
        points={"MAE here": (tenth_error, low), "RMSE here": (tenth_error, high)},
    )


def draw_constants(values: Tensor) -> plots.Picture:
    """Draw MAE and RMSE of forecasts that always say the same number, over that number."""
    numbers = torch.arange(0, 8.01, 0.1)
    errors = numbers[:, None] - values
    mae, rmse = errors.abs().mean(1), (errors**2).mean(1).sqrt()
    best = {"lowest MAE": mae, "lowest RMSE": rmse}
    return plots.lines(
        {"MAE": mae, "RMSE": rmse},
        numbers,
        title="The same forecast for everybody",
        x_label="forecast (minutes)",
        y_label="minutes",
        alt="Two valleys: the one of MAE has its lowest point at 2 minutes, the one of RMSE at 4.",
        points={name: (numbers[line.argmin()].item(), line.min().item()) for name, line in best.items()},
    )


def draw_errors_over_time(errors: dict[str, Tensor]) -> plots.Picture:
    """Draw errors on the test years of CO2, in the order of time."""
    return plots.lines(
        errors,
        1958 + 2 / 12 + (432 + torch.arange(94)) / 12,
        title="Forecast minus actual",
        x_label="year",
        y_label="ppm",
        alt="On levels the errors fall from about -1 to below -4; on changes they stay near 0; naive swings.",
    )


def draw_shift() -> plots.Picture:
    """Shift the last training window of CO2 up and down, and draw how far the forecast moves."""
    shift, answer = shifted_forecasts()
    return plots.lines(
        {"one for one": shift, "RNN on levels": answer},
        shift,
        title="One window, shifted",
        x_label="shift (ppm)",
        y_label="forecast moves by (ppm)",
        alt="Below 0 the two lines are one; above 0 the network's bends away, to about 12 at 20.",
    )


def shifted_forecasts() -> tuple[Tensor, Tensor]:
    """Shifts of -20 to 20 ppm, and how far a network's forecast moves from the one without a shift."""
    shift = torch.arange(-20.0, 21.0)
    answer = co2_network(0)(CO2[407:419] + shift[:, None])
    return shift, answer - answer[20]


def draw_steps(errors: dict[str, Tensor]) -> plots.Picture:
    """Draw mean absolute errors (12,) by how many months ahead the forecast is."""
    return plots.lines(
        errors,
        torch.arange(1, 13),
        title="Forecasts of the sea, 1 to 12 months ahead",
        x_label="months ahead",
        y_label="MAE (degrees)",
        alt="The network starts lowest, at about 0.4, and is above the mean of the month from the third month on.",
        marks=True,
    )


def draw_interval(low: Tensor, high: Tensor, actual: Tensor) -> plots.Picture:
    """Draw the first three years of an interval, and what really came."""
    return plots.lines(
        {"low": low[:36], "high": high[:36], "actual": actual[:36]},
        2000 + torch.arange(36) / 12,
        title="An interval that should contain 90% of the months",
        x_label="year",
        y_label="degrees Celsius",
        alt="Three yearly waves; the actual temperature is between the two borders, and now and then outside.",
    )


# -- exercises ----------------------------------------------------------------------------------------------------


@exercise(
    LESSON,
    WINDOWS,
    solution="predicted_pairs = 6",
    hints=("Where is the target of the first window? And where is the last place that a target can be?",),
)
def count_pairs(pairs: Any) -> None:
    """How many pairs of a window of 4 and its target are in a series of 10?"""
    right = len(SQUARES.unfold(0, 5, 1))
    check.equal(pairs, right, name="pairs", question="Which window is the last one that has a step after it?")


@exercise(
    LESSON,
    WINDOWS,
    solution=(
        """
def targets_of(series, window):
    return series[window:]
""",
        """
def targets_of(series, window):
    pieces = series.unfold(0, window + 1, 1)
    return pieces[:, -1]
""",
    ),
    hints=("With windows of 3, which index does the first target have? And the last?",),
)
def targets_of(function: Any) -> None:
    """Return the target of each window."""
    found = check.call(function, SQUARES, 3)
    one_by_one = torch.stack([SQUARES[start + 3] for start in range(7)])
    check.close(found, one_by_one, name="targets", inputs={"series": SQUARES, "window": 3})


@exercise(
    LESSON,
    ERRORS,
    solution="predicted_mae = 2\npredicted_mse = 4.5",
    hints=("Write down the four sizes, and below them the four squares.",),
)
def by_hand(mae: Any, mse: Any) -> None:
    """What are MAE and MSE of the errors 3, -1, 2, -2?"""
    question = "Which four numbers are averaged?"
    check.metric(mae, FOUR.abs().mean().item(), high=99, name="MAE", question=question)
    check.metric(mse, (FOUR**2).mean().item(), high=99, name="MSE", question=question)


@exercise(
    LESSON,
    ERRORS,
    solution=(
        """
def rmse(forecast, actual):
    errors = forecast - actual
    return (errors**2).mean().sqrt()
""",
        """
def rmse(forecast, actual):
    return nn.functional.mse_loss(forecast, actual).sqrt()
""",
    ),
    hints=("Read the name from right to left: error, squared, mean, root.",),
)
def rmse(function: Any) -> None:
    """Return the root of the mean squared error."""
    actual = torch.tensor([18.0, 25.0, 24.0, 21.0])
    inputs = {"metric": "rmse", "forecast": actual + FOUR, "actual": actual}
    four = check.call(function, actual + FOUR, actual)
    question = "What is done to each error, then to all of them, and then to that one number?"
    right = torch.linalg.vector_norm(FOUR).item() / 2
    check.metric(four, right, high=99, name="rmse", inputs=inputs, question=question)


@exercise(
    LESSON,
    "The number to say",
    solution="predicted_for_mae = 2\npredicted_for_mse = 4",
    hints=(
        "Try 2, 3 and 4 for both, with pencil and paper.",
        "Move the number up a little: how many of the five values come closer, and how many go away?",
    ),
)
def best_constants(for_mae: Any, for_mse: Any) -> None:
    """Which constant has the lowest MAE, and which the lowest MSE?"""
    numbers = torch.arange(0, 13)
    errors = numbers[:, None] - WAITING
    question = "Work out the measure for two neighbouring numbers: which one is lower?"
    check.equal(for_mae, int(errors.abs().mean(1).argmin()), name="lowest MAE", question=question)
    check.equal(for_mse, int((errors**2).mean(1).argmin()), name="lowest MSE", question=question)


@exercise(
    LESSON,
    NAIVE,
    solution=(
        """
def naive_mae(series):
    return series.diff().abs().mean()
""",
        """
def naive_mae(series):
    forecast = series[:-1]
    actual = series[1:]
    return (forecast - actual).abs().mean()
""",
    ),
    hints=("Which steps have a step before them? Those are the ones that are forecast.",),
)
def naive_mae(function: Any) -> None:
    """Return the MAE of the naive forecast over a series."""
    moves = [abs(TRAIN[month] - TRAIN[month - 1]).item() for month in range(1, 588)]
    check.metric(
        check.call(function, TRAIN),
        sum(moves) / 587,
        high=9,
        name="naive MAE",
        inputs={"metric": "naive mae", "series": TRAIN},
        question="How far off is each forecast, and how many forecasts are there?",
    )


@exercise(
    LESSON,
    NAIVE,
    solution=(
        """
def seasonal_naive_mae(series, season):
    forecast = series[:-season]
    actual = series[season:]
    return (forecast - actual).abs().mean()
""",
        """
def seasonal_naive_mae(series, season):
    pieces = series.unfold(0, season + 1, 1)
    return (pieces[:, 0] - pieces[:, -1]).abs().mean()
""",
    ),
    hints=("The naive forecast compares neighbours. Which two months are compared here?",),
)
def seasonal_naive_mae(function: Any) -> None:
    """Return the MAE of the seasonal naive forecast over a series."""
    moves = [abs(TRAIN[month] - TRAIN[month - 12]).item() for month in range(12, 588)]
    check.metric(
        check.call(function, TRAIN, 12),
        sum(moves) / 576,
        high=9,
        name="seasonal naive MAE",
        inputs={"metric": "seasonal naive mae", "series": TRAIN, "season": 12},
        question="Which two months are compared, how many such pairs are there, and how far apart is each?",
    )


@exercise(
    LESSON,
    "MASE",
    solution=(
        """
def mase(forecast, actual, train):
    mae = (forecast - actual).abs().mean()
    return mae / train.diff().abs().mean()
""",
        """
def mase(forecast, actual, train):
    scale = (train[1:] - train[:-1]).abs().mean()
    return ((forecast - actual) / scale).abs().mean()
""",
    ),
    hints=("You have written the denominator already, in another exercise.",),
)
def mase(function: Any) -> None:
    """Return the MAE of a forecast, divided by the naive MAE of the training part."""
    actual = TEST[12:]
    forecast = TEST[:-12] + 0.25
    right = sum(abs(f - a) for f, a in zip(forecast.tolist(), actual.tolist(), strict=True)) / 132
    scale = sum(abs(TRAIN[month] - TRAIN[month - 1]).item() for month in range(1, 588)) / 587
    check.metric(
        check.call(function, forecast, actual, TRAIN),
        right / scale,
        high=9,
        name="MASE",
        inputs={"metric": "mase", "forecast": forecast, "actual": actual, "train": TRAIN},
        question="Whose error is the numerator, and whose the denominator?",
    )


@exercise(
    LESSON,
    "A rising series",
    solution="predicted_bias = -2",
    hints=(
        "Which levels has the network met in training, and which ones does it meet now?",
        "In lesson 12 the MAE of such a network was about three ppm. Which sign do most of its errors have?",
    ),
)
def bias_of_levels(bias: Any) -> None:
    """What is the bias of the networks on the test years of CO2, in ppm?"""
    pieces = CO2[420:].unfold(0, 13, 1)
    biases = [(co2_network(seed)(pieces[:, :-1]) - pieces[:, -1]).mean().item() for seed in range(3)]
    question = "Are the test years higher or lower than those of training, and which way would you err?"
    middle = sum(biases) / 3
    check.metric(bias, middle, low=-50, high=50, tolerance=1.9, name="bias in ppm", question=question)


@exercise(
    LESSON,
    "Several steps ahead",
    solution=(
        """
def forecast_steps(network, windows, steps):
    for _ in range(steps):
        following = network(windows[:, -12:])
        windows = torch.cat([windows, following.unsqueeze(1)], dim=1)
    return windows[:, -steps:]
""",
        """
def forecast_steps(network, windows, steps):
    found = []
    for _ in range(steps):
        found.append(network(windows))
        windows = torch.cat([windows[:, 1:], found[-1].unsqueeze(1)], dim=1)
    return torch.stack(found, dim=1)
""",
    ),
    hints=(
        "After one forecast, which twelve months are the last twelve that you know or have forecast?",
        "`torch.cat([a, b], dim=1)` needs (batch, something) twice. What shape does the network return?",
    ),
)
def forecast_steps(function: Any) -> None:
    """Forecast several steps ahead, each from the forecasts before it."""

    def network(windows: Tensor) -> Tensor:
        if windows.dim() != 2 or windows.shape[1] != 12:
            raise ValueError(f"this network reads windows of shape (batch, 12), not {tuple(windows.shape)}")
        return windows[:, 0] + 0.5 * windows[:, -1]

    windows = SEA[:60].view(5, 12)
    found = check.call(function, network, windows, 14)
    check.shape(found, "batch steps", name="shape", batch=5, steps=14)
    rows = []
    for row in windows.tolist():
        for _ in range(14):
            row.append(row[-12] + 0.5 * row[-1])
        rows.append(row[12:])
    check.close(found, torch.tensor(rows), name="14 steps of a known rule", rtol=1e-3)


@exercise(
    LESSON,
    "Rolling origin",
    solution=(
        """
def rolling_origins(length, first, horizon):
    return list(range(first, length - horizon + 1, horizon))
""",
        """
def rolling_origins(length, first, horizon):
    origins = []
    while first + horizon <= length:
        origins.append(first)
        first += horizon
    return origins
""",
    ),
    hints=(
        "Write the test periods down for `length = 10`, `first = 4` and `horizon = 3`.",
        "Is the last test period complete?",
    ),
)
def rolling_origins(function: Any) -> None:
    """Return the lengths of the training parts of a rolling origin."""
    question = "Where does each test period start and end, and is every one complete?"
    check.equal(
        check.call(function, 732, 240, 48), [240 + 48 * n for n in range(10)], name="4 years", question=question
    )
    check.equal(check.call(function, 12, 4, 4), [4, 8], name="a series that ends with its last test", question=question)


@exercise(
    LESSON,
    "Prediction intervals",
    solution=(
        """
def coverage(low, high, actual):
    inside = (low <= actual) & (actual <= high)
    return inside.float().mean()
""",
        """
def coverage(low, high, actual):
    hits = sum(bool(a <= x <= b) for a, x, b in zip(low, actual, high))
    return hits / len(actual)
""",
    ),
    hints=("Two things must be true of a month that is inside. How do you join two tensors of True and False?",),
)
def coverage(function: Any) -> None:
    """Return the share of the actual values that are inside their intervals."""
    actual = TEST[:50]
    low, high = BY_MONTH.repeat(5)[:50] - 0.4, BY_MONTH.repeat(5)[:50] + 0.8
    pairs = zip(low.tolist(), actual.tolist(), high.tolist(), strict=True)
    right = sum(a <= x <= b for a, x, b in pairs) / 50
    question = "Which values are counted, and how many are there in all?"
    check.metric(check.call(function, low, high, actual), right, name="coverage", question=question)


@exercise(
    LESSON,
    "Find the bug",
    solution=(
        """
def repaired_naive(pieces):
    return (pieces[:, -2] - pieces[:, -1]).abs().mean()
""",
        """
def repaired_naive(pieces):
    moves = pieces.diff(dim=1)
    return moves[:, -1].abs().mean()
""",
    ),
    hints=(
        "Which two rows of `pieces` does the colleague's line compare? Are they neighbours in time?",
        "A piece has its last known month in it. In which column?",
    ),
)
def repaired_naive(function: Any) -> None:
    """Return the naive MAE of pieces in any order."""
    pieces = shuffled_pieces()
    right = sum(abs(row[-2] - row[-1]) for row in pieces.tolist()) / len(pieces)
    question = "For each target, which month is the one before it, and where is that month?"
    check.metric(check.call(function, pieces), right, high=9, name="naive MAE", question=question)


def shuffled_pieces() -> Tensor:
    """Return the test pieces of the sea as a data loader that shuffles gives them, (132, 13)."""
    pieces = TEST.unfold(0, 13, 1)
    return pieces[torch.randperm(132, generator=torch.Generator().manual_seed(0))]

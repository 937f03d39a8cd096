"""Exercises of lesson 12: data leakage. Its networks are here too, because the lesson is about the splits."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from .. import check, datasets, plots, probe, training
from .exercise import exercise

LESSON = "12_data_leakage"
SHUFFLED, GROUPS, FUTURE = "Shuffled windows", "Duplicates and groups", "A look into the future"
CO2 = datasets.co2().monthly().values  # (time=526)
SEA = datasets.el_nino().values  # (time=732)
VOICES, SPEAKERS, *_ = datasets.vowels()
WINDOWS = SEA[:96].view(4, 24, 1)  # (batch=4, time=24, feature=1)

# -- networks and measurements ------------------------------------------------------------------------------------


class Forecast(nn.Module):
    """A recurrent layer of 32 hidden units and a linear layer that forecasts one number from its last state."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(1, 32, batch_first=True)
        self.head = nn.Linear(32, 1)

    def forward(self, windows: Tensor) -> Tensor:
        """(batch, time) -> (batch,)"""
        _, h_n = self.rnn(windows.unsqueeze(2))
        return self.head(h_n[-1]).squeeze(1)


def trained(pieces: Tensor, seed: int, epochs: int, scale_by: Tensor | None = None) -> Callable[[Tensor], Tensor]:
    """Train to forecast the last month of each piece; return a function from windows to forecasts.

    The scaler is fitted on `scale_by`, or on the pieces themselves.
    """
    known = pieces if scale_by is None else scale_by
    mean, std = known.mean(), known.std()
    x = (pieces - mean) / std
    torch.manual_seed(seed)
    net, loss = Forecast(), nn.MSELoss()
    training.fit(net, lambda rows: loss(net(x[rows, :-1]), x[rows, -1]), len(x), epochs=epochs, lr=0.005, batch_size=64)

    def forecast(windows: Tensor) -> Tensor:
        with torch.no_grad():
            return net((windows - mean) / std) * std + mean

    return forecast


def error(train: Tensor, test: Tensor, seed: int, scale_by: Tensor | None = None, epochs: int = 80) -> float:
    """Train on the first pieces and return the mean absolute error on the others."""
    forecast = trained(train, seed, epochs, scale_by)
    return (forecast(test[:, :-1]) - test[:, -1]).abs().mean().item()


def co2_figure() -> plots.Picture:
    """Draw the CO2 series and the border between its first four fifths and the rest."""
    years = 1958 + (2 + torch.arange(526)) / 12
    return plots.lines(
        {"CO2": CO2},
        years,
        at={"four fifths": years[420].item()},
        title="Carbon dioxide at Mauna Loa",
        x_label="year",
        y_label="CO2 (ppm)",
        alt="A yearly wave on a line that rises from 315 to 371 ppm; a vertical line marks four fifths, in 1993.",
    )


class Tea(nn.Module):
    """A small network that reads the recordings of the given rows, packed, and gives each one logit."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(12, 16)
        self.head = nn.Linear(16, 1)

    def forward(self, rows: Tensor) -> Tensor:
        """Row numbers (batch,) -> logits (batch,)"""
        packed = nn.utils.rnn.pack_sequence([VOICES[row] for row in rows], enforce_sorted=False)
        return self.head(self.rnn(packed)[1][-1]).squeeze(1)


def tea_split(seed: int, by_speaker: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Draw the tea drinkers, and split the recordings: which drink (240,), rows of training (180,) and test (60,)."""
    speaker = SPEAKERS[:240]
    torch.manual_seed(seed)
    lot, order = torch.randperm(8), torch.randperm(240)
    drinks = torch.isin(speaker, lot[:4]).float()
    new_men = torch.isin(speaker, lot[3:5])  # a tea drinker and another one
    if by_speaker:
        return drinks, (~new_men).nonzero().flatten(), new_men.nonzero().flatten()
    return drinks, order[60:], order[:60]


NOW = torch.arange(24, 728)
LAGS = SEA.unfold(0, 12, 1)[NOW - 11]  # (day=704, month=12)


def linear_error(inputs: Tensor) -> float:
    """Fit a weighted sum of the inputs (704, features) to next month's temperature, and return its test error."""
    inputs = torch.cat([inputs, torch.ones(704, 1)], dim=1).double()
    wanted, early = SEA[NOW + 1, None].double(), now_is_early()
    weights = torch.linalg.lstsq(inputs[early], wanted[early], driver="gelsd").solution
    return (inputs @ weights - wanted)[~early].abs().mean().item()


def now_is_early() -> Tensor:
    """Which days are for training, (704,)."""
    return NOW < 584


def error_with_mean(end: int) -> float:
    """Add to twelve known months the mean of three, the last of them `end` months after the last known one."""
    mean = SEA.unfold(0, 3, 1).mean(1)[NOW + end - 2, None]
    return linear_error(torch.cat([LAGS, mean], dim=1))


def error_after(smooth: Callable[[Tensor], Tensor]) -> float:
    """Smooth the whole series before its windows are cut, and return the test error of the weighted sum."""
    whole = smooth(SEA[None, :, None])[0, :, 0]
    return linear_error(whole.unfold(0, 12, 1)[NOW - 11])


def draw_mean(end: int) -> plots.Picture:
    """Draw the three months of a mean that ends at month `end`, and what the forecast with it is off by."""
    month = torch.arange(-12, 5)
    parts = {"known": month <= 0, "to come": month >= 0, "in the mean": (month > end - 3) & (month <= end)}
    title = f"Mean up to month {end}: error {error_with_mean(end):.2f} degrees"
    return plots.lines(
        {name: SEA[588:605].where(part, torch.nan) for name, part in parts.items()},
        month,
        title=title,
        x_label="month",
        y_label="degrees Celsius",
        alt=f"{title}. The last known month is 0, and month 1 is to be forecast.",
        marks=True,
    )


class EveryStep(nn.Module):
    """A network that forecasts the next month at every step of its window."""

    def __init__(self, bidirectional: bool) -> None:
        super().__init__()
        self.rnn = nn.RNN(1, 32, batch_first=True, bidirectional=bidirectional)
        self.head = nn.Linear(64 if bidirectional else 32, 1)

    def forward(self, windows: Tensor) -> Tensor:
        """(batch, time, feature) -> (batch, time)"""
        return self.head(self.rnn(windows)[0]).squeeze(2)


def errors_by_step(bidirectional: bool, seed: int) -> Tensor:
    """Train an EveryStep on the first four fifths of the sea; its mean absolute error at each step, (24,)."""
    mean, std = SEA[:585].mean(), SEA[:585].std()
    known, later = (((part - mean) / std).unfold(0, 25, 1) for part in (SEA[:585], SEA[585:]))
    torch.manual_seed(seed)
    net, loss = EveryStep(bidirectional), nn.MSELoss()
    training.fit(
        net,
        lambda rows: loss(net(known[rows, :-1, None]), known[rows, 1:]),
        len(known),
        epochs=20,
        batch_size=64,
    )
    with torch.no_grad():
        return (net(later[:, :-1, None]) - later[:, 1:]).abs().mean(0) * std


def draw_by_step(one_way: Tensor, two_ways: Tensor) -> plots.Picture:
    """Draw the errors (seed, step) of both kinds of network, step by step."""
    return plots.lines(
        {"one direction": one_way.mean(0), "two directions": two_ways.mean(0)},
        torch.arange(1, 25),
        title="Forecasts at every step, mean of three seeds",
        x_label="step of the window",
        y_label="mean absolute error (degrees)",
        alt="Two directions stay low and jump at the last step; one direction starts high, falls, and stays level.",
    )


def centred(series: Tensor) -> Tensor:
    """Smooth with the mean of each step and its two neighbours: (batch, time, feature) -> the same."""
    longer = torch.cat([series[:, :1], series, series[:, -1:]], dim=1)
    return longer.unfold(1, 3, 1).mean(-1)


def draw_influence(smooth: Callable[[Tensor], Tensor]) -> plots.Picture:
    """Draw which months of a smoothed series move when one month of the series changes."""
    return plots.influence_over_time(probe.influence_over_time(smooth, WINDOWS[:, :8]))


# -- exercises ----------------------------------------------------------------------------------------------------


@exercise(
    LESSON,
    SHUFFLED,
    solution="predicted_share = 1.0",
    hints=(
        "In how many of the overlapping pieces is one month?",
        "For a month to be new, every piece that has it would have to land in the test.",
    ),
)
def known_targets(share: Any) -> None:
    """Which share of the shuffled test's targets are in some training piece?"""
    pieces = torch.arange(526).unfold(0, 13, 1)
    order = torch.randperm(514, generator=torch.Generator().manual_seed(0))
    train, test = pieces[order[:411]], pieces[order[411:]]
    right = torch.isin(test[:, -1], train).float().mean().item()
    question = "How many pieces is a month in, and what is the chance that none of them is in training?"
    check.metric(share, right, tolerance=0.06, name="share of known targets", question=question)


@exercise(
    LESSON,
    "A gap",
    solution=(
        """
def test_rows(count, span):
    return list(range(count * 4 // 5 + span - 1, count))
""",
        """
def test_rows(count, span):
    cut = count * 4 // 5
    seen = {row + month for row in range(cut) for month in range(span)}
    return [row for row in range(cut, count) if row not in seen]
""",
    ),
    hints=(
        "Write down the months of the last training piece for `count = 10` and `span = 3`.",
        "Which is the first month that no training piece has?",
    ),
)
def test_rows(function: Any) -> None:
    """Return the later pieces that share no month with a training piece."""
    seen = {month for row in range(80) for month in range(row, row + 13)}
    apart = [row for row in range(80, 100) if not seen & set(range(row, row + 13))]
    question = "Which months are in the last training piece, and where may the first test piece start?"
    rows = check.call(function, 100, 13)
    check.equal(rows, apart, name="test pieces", inputs={"windows": 100, "span": 13}, question=question)
    check.equal(check.call(function, 40, 5), list(range(36, 40)), name="test pieces of 5 months", question=question)


@exercise(
    LESSON,
    "The scaler",
    solution=(
        """
def scaled(train, test):
    return (test - train.mean()) / train.std()
""",
        """
def scaled(train, test):
    mean = train.mean()
    std = train.std()
    return (test - mean) / std
""",
    ),
    hints=("The network learned what a number means from the training part. The test must use the same numbers.",),
)
def scaled(function: Any) -> None:
    """Return the test part as the network must see it."""
    parts = {"train": CO2[:420], "test": CO2[420:]}
    mean = parts["train"].double().mean()
    std = ((parts["train"].double() - mean) ** 2).sum().div(419).sqrt()
    right = ((parts["test"] - mean) / std).float()
    result = check.call(function, parts["train"], parts["test"])
    check.close(result, right, name="test part", inputs=parts, rtol=5e-3)


@exercise(
    LESSON,
    GROUPS,
    solution=(
        """
def without_repeats(texts, cut):
    known = set(texts[:cut])
    test = [row for row in range(cut, len(texts)) if texts[row] not in known]
    return list(range(cut)), test
""",
        """
def without_repeats(texts, cut):
    test = []
    for row, text in enumerate(texts):
        if row >= cut and text not in texts[:cut]:
            test.append(row)
    return list(range(cut)), test
""",
    ),
    hints=(
        "A row number counts from the start of `texts`, in both lists.",
        "For each row from `cut` on: is its text one of those before `cut`?",
    ),
)
def without_repeats(function: Any) -> None:
    """Return the rows of training, and those of the test whose text isn't in training."""
    sms = ["win now", "call me", "see you", "win now", "on my way", "call me"]
    sms += ["a prize", "see you", "ok", "win now", "ok"]
    rows = [row for row in range(6, 11) if all(sms[row] != sms[early] for early in range(6))]
    parts = check.call(function, sms, 6)
    question = "For each row from `cut` on: which number does it have in `texts`, and is its text one of those before?"
    check.equal(parts, (list(range(6)), rows), name="split", inputs={"texts": sms}, question=question)


@exercise(
    LESSON,
    GROUPS,
    solution=(
        """
def by_group(groups, test_groups):
    train = [row for row, group in enumerate(groups) if group not in test_groups]
    test = [row for row, group in enumerate(groups) if group in test_groups]
    return train, test
""",
        """
def by_group(groups, test_groups):
    rows = {True: [], False: []}
    for row, group in enumerate(groups):
        rows[group in test_groups].append(row)
    return rows[False], rows[True]
""",
    ),
    hints=("`enumerate(groups)` gives each row number with its group. Which of the two lists does it belong in?",),
)
def by_group(function: Any) -> None:
    """Return the rows of training and test, split by whole groups."""
    who = ["ann", "bob", "ann", "eve", "bob", "dan", "eve", "ann", "dan", "bob"]
    of = {name: [row for row in range(10) if who[row] == name] for name in who}
    parts = check.call(function, who, ["eve", "ann"])
    rows = (sorted(of["bob"] + of["dan"]), sorted(of["ann"] + of["eve"]))
    question = "Which list comes first, which people are in it, and are its row numbers in rising order?"
    check.equal(parts, rows, name="split by person", inputs={"groups": who}, question=question)


@exercise(
    LESSON,
    "A feature made from the target",
    solution="predicted_error = 0",
    hints=(
        "Which three months are in this mean, and how many of them do you know already?",
        "Three times the mean is the sum of the three months. Can you solve that for one of them?",
    ),
)
def mean_with_target(error_of_forecast: Any) -> None:
    """What is the error of a linear forecast that gets the mean of months -1, 0 and 1?"""
    question = "Which equation connects the mean, the two known months and the one to be forecast?"
    right = error_with_mean(1)
    check.metric(error_of_forecast, right, high=9, tolerance=0.01, name="error in degrees", question=question)


@exercise(
    LESSON,
    FUTURE,
    solution="predicted_answers = 23",
    hints=("Write down inputs and targets for a window of 3 months: 1, 2, 3 and 2, 3, 4.",),
)
def answers_in_input(answers: Any) -> None:
    """How many of the 24 targets of a window are in its own input?"""
    piece = torch.arange(25)
    right = int(torch.isin(piece[1:], piece[:-1]).sum())
    check.equal(answers, right, name="targets in the input", question="Which month is a target and never an input?")


@exercise(
    LESSON,
    FUTURE,
    solution="honest_layer = nn.RNN(1, 32, batch_first=True)",
    hints=("In which directions may a layer walk that forecasts at every step?",),
)
def honest_layer(layer: Any) -> None:
    """A layer that may forecast at every step."""
    check.model(layer, WINDOWS, sees_future=False, samples_mix=False, name="layer")
    check.layer(layer, name="its sizes", input_size=1, hidden_size=32)


@exercise(
    LESSON,
    "Find the bug",
    solution=(
        """
def smoothed(series):
    first = series[:, :1]
    longer = torch.cat([first, first, series], dim=1)
    return longer.unfold(1, 3, 1).mean(-1)
""",
        """
def smoothed(series):
    before = torch.cat([series[:, :1], series[:, :-1]], dim=1)
    two_before = torch.cat([series[:, :1], before[:, :-1]], dim=1)
    return (series + before + two_before) / 3
""",
    ),
    hints=(
        "How many months must be added in front, so that the first three give the first mean?",
        "Look at the colleague's function: where does it add a month that it should add elsewhere?",
    ),
)
def smoothed(function: Any) -> None:
    """Smooth with the mean of this month and the two before it."""
    short = WINDOWS[:, :8]  # (batch=4, time=8, feature=1)
    result = check.call(function, short)
    check.shape(result, "batch time feature", name="shape", batch=4, time=8, feature=1)
    check.model(function, short, sees_future=False, name="smoothed")
    threes = [short[:, [max(step - 2, 0), max(step - 1, 0), step]].mean(1) for step in range(8)]
    check.close(result, torch.stack(threes, dim=1), name="means of three months")

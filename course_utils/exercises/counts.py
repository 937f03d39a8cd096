"""Exercises of lesson 10, from counts to F1, and the surnames that the lesson's model reads."""

from __future__ import annotations

import functools
from typing import Any

import torch
from sklearn import metrics
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence

from .. import check, datasets, plots
from .exercise import exercise

LESSON = "10_from_counts_to_f1"
PARTS = "What does the metric divide, and by which cases?"


def machines(tp: int = 50, fn: int = 10, fp: int = 5, tn: int = 35) -> tuple[Tensor, Tensor]:
    """Return targets and predictions with these four counts."""
    targets = torch.tensor([1] * (tp + fn) + [0] * (fp + tn))
    predictions = torch.tensor([1] * tp + [0] * fn + [1] * fp + [0] * tn)
    return targets, predictions


HUNDRED: dict[str, Any] = dict(zip(("targets", "predictions"), machines(), strict=True))
CAUTIOUS: dict[str, Any] = dict(zip(("targets", "predictions"), machines(4, 16, 1, 79), strict=True))


# -- the surnames and the model ---------------------------------------------------------------------------------


class Surnames:
    """The surnames of twelve countries as sequences of letters, cut into five parts; each run holds out another one.

    Parameters
    ----------
    run : 0 to 4, the part that is the test.
    """

    def __init__(self, run: int):
        names, countries = datasets.surnames()
        self.countries = sorted(set(countries))
        self.letters = [torch.tensor([ord(letter) - 32 for letter in name.lower()]) for name in names]
        self.labels = torch.tensor([self.countries.index(country) for country in countries])
        order = torch.randperm(len(names), generator=torch.Generator().manual_seed(0))
        parts = order.split(2038)
        self.test = parts[run]
        self.train = torch.cat(parts[:run] + parts[run + 1 :])

    def batch(self, rows: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return the letters and the countries of these rows of the training part."""
        return [self.letters[i] for i in self.train[rows]], self.labels[self.train[rows]]

    def predictions(self, model: nn.Module) -> tuple[Tensor, Tensor]:
        """Return targets and predictions for the test part."""
        with torch.no_grad():
            return self.labels[self.test], model([self.letters[i] for i in self.test]).argmax(1)


class Origin(nn.Module):
    """Reads the letters of surnames with `nn.RNN` and returns one logit per country: (batch, 12)."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(96, 16)
        self.rnn = nn.RNN(16, 64)
        self.head = nn.Linear(64, 12)

    def forward(self, series: list[Tensor]) -> Tensor:
        """Return the logits of the sequences."""
        packed = pack_sequence(series, enforce_sorted=False)
        _, h_n = self.rnn(packed._replace(data=self.embed(packed.data)))
        logits: Tensor = self.head(h_n[-1])
        return logits


# -- pictures ---------------------------------------------------------------------------------------------------


def valley(n: int) -> plots.Picture:
    """Draw, for each true accuracy, how unusual a measured 0.85 would be among n cases."""
    rates = torch.arange(0.5, 0.9995, 0.0005)
    away = (0.85 - rates).abs() / (rates * (1 - rates) / n).sqrt()
    low, high = ends_of(0.85, n)
    return plots.lines(
        {"distance of 0.85": away.where(away < 6, torch.nan), "1.96": torch.full_like(rates, 1.96)},
        rates,
        at={f"from {low:.3f}": low, f"to {high:.3f}": high},
        title=f"0.85 measured on {n} cases",
        x_label="true accuracy r",
        y_label="standard deviations",
        alt=f"A valley around 0.85; it is below 1.96 from {low:.3f} to {high:.3f}.",
    )


def ends_of(share: float, n: int) -> tuple[float, float]:
    """Return the lowest and the highest true rate that make a measured share an ordinary result, by trying them."""
    rates = torch.arange(0.00005, 1, 0.0001, dtype=torch.float64)
    believable = rates[(share - rates).abs() <= 1.96 * (rates * (1 - rates) / n).sqrt()]
    return float(believable.min()), float(believable.max())


# -- the exercises ----------------------------------------------------------------------------------------------


@exercise(
    LESSON,
    "Four counts",
    solution="predicted_matrix = [[35, 5], [10, 50]]",
    hints=(
        "Which class comes first when 0 and 1 are sorted?",
        "Both axes are sorted the same way. Start with the machines that are fine.",
    ),
)
def matrix_of_scikit_learn(predicted: Any) -> None:
    """What does `confusion_matrix` return for the 100 machines?"""
    matrix = metrics.confusion_matrix(**_for_sklearn(HUNDRED))
    check.equal(predicted, matrix, name="confusion matrix", question="Which machines are in the first row?")


@exercise(
    LESSON,
    "Precision and recall",
    solution="predicted_recall = 50 / 60",
    hints=("How many machines could have been found?",),
)
def recall(predicted: Any) -> None:
    """What is the recall of the model?"""
    inputs = {"metric": "recall", **HUNDRED}
    check.metric(predicted, 50 / 60, tolerance=0.001, name="recall", inputs=inputs, question=PARTS)


@exercise(
    LESSON,
    "F1",
    solution="predicted_f1 = 120 / 160",
    hints=(
        "First fill in its four counts. Two of them are 0.",
        "It finds every faulty machine. How many does it accuse?",
    ),
)
def f1_of_always(predicted: Any) -> None:
    """What is the F1 of a model that calls every machine faulty?"""
    targets = HUNDRED["targets"]
    inputs = {"metric": "f1", "targets": targets, "predictions": torch.ones_like(targets)}
    check.metric(predicted, 0.75, tolerance=0.001, name="F1 of always", inputs=inputs, question=PARTS)


@exercise(
    LESSON,
    "F1",
    solution=(
        """
def f1(targets, predictions):
    true_positives = ((targets == 1) & (predictions == 1)).sum()
    precision = true_positives / predictions.sum()
    recall = true_positives / targets.sum()
    return 2 * precision * recall / (precision + recall)
""",
        """
def f1(targets, predictions):
    true_positives = ((targets == 1) & (predictions == 1)).sum()
    return 2 * true_positives / (targets.sum() + predictions.sum())
""",
    ),
    hints=(
        "In zeros and ones, what does `predictions.sum()` count?",
        "A true positive is 1 in both tensors.",
    ),
)
def f1(function: Any) -> None:
    """Return F1 of the targets and predictions."""
    for name, inputs in {"F1, cautious model": CAUTIOUS, "F1, 100 machines": HUNDRED}.items():
        expected = float(metrics.f1_score(*inputs.values()))
        ask = "With precision 1 and recall 1, would your formula give 1?"
        named = {"metric": "f1", **inputs}
        check.metric(check.call(function, **inputs), expected, name=name, inputs=named, question=ask)


@exercise(
    LESSON,
    "Averages over classes",
    solution="""
def averages(true_positives, predicted, actual):
    micro_f1 = true_positives.sum() / actual.sum()
    macro_f1 = (2 * true_positives / (predicted + actual)).mean()
    balanced = (true_positives / actual).mean()
    return micro_f1, macro_f1, balanced
""",
    hints=(
        "Each of the three tensors has one number per class. Which average adds them up before it divides?",
        "For one class, F1 needs `predicted + actual`, and recall needs `actual` alone.",
    ),
)
def averages(function: Any) -> None:
    """Return micro F1, macro F1 and balanced accuracy from counts per class."""
    targets, predictions = _four_classes()
    table = torch.from_numpy(metrics.confusion_matrix(targets, predictions))
    found = check.call(function, table.diagonal(), table.sum(0), table.sum(1), values=3)
    wanted = {
        "micro f1": metrics.f1_score(targets, predictions, average="micro"),
        "macro f1": metrics.f1_score(targets, predictions, average="macro"),
        "balanced accuracy": metrics.balanced_accuracy_score(targets, predictions),
    }
    ask = "For this number, which comes first: the sum over the classes or the division?"
    for actual, (name, expected) in zip(found, wanted.items(), strict=True):
        inputs = {"metric": name, "targets": targets, "predictions": predictions}
        check.metric(actual, float(expected), name=name, inputs=inputs, question=ask)


@exercise(
    LESSON,
    "How sure is a number",
    solution=(
        """
def wilson(right, n):
    z = 1.96
    p = right / n
    middle = p + z**2 / (2 * n)
    side = z * (p * (1 - p) / n + z**2 / (4 * n**2)) ** 0.5
    return (middle - side) / (1 + z**2 / n), (middle + side) / (1 + z**2 / n)
""",
        """
def wilson(right, n):
    rates = torch.arange(0.00005, 1, 0.0001, dtype=torch.float64)
    distance = (right / n - rates).abs()
    believable = rates[distance <= 1.96 * (rates * (1 - rates) / n).sqrt()]
    return believable.min(), believable.max()
""",
    ),
    hints=(
        "Write `p = right / n` first, then the middle, then the length of one side.",
        "Both the middle and the side are divided by 1 + z² / n.",
        "For 85 of 100 the middle is 0.837, and each side is 0.070 long.",
    ),
)
def wilson(function: Any) -> None:
    """Return both ends of the Wilson interval of a share."""
    tried = {"accuracy": (85, 100), "recall": (50, 60), "precision": (50, 55), "all right": (20, 20)}
    ask = "For 85 of 100, is your interval symmetric about 0.85? Should it be?"
    for name, (right, n) in tried.items():
        low, high = check.call(function, right, n, values=2)
        lowest, highest = ends_of(right / n, n)
        check.metric(low, lowest, tolerance=1e-3, name=f"{name}, low end", question=ask)
        check.metric(high, highest, high=1.001, tolerance=1e-3, name=f"{name}, high end", question=ask)


@exercise(
    LESSON,
    "Find the bug",
    solution="position = 3",
    hints=("Write scikit-learn's matrix down, then read it row by row.",),
)
def position_of_tp(position: Any) -> None:
    """At which index of the flattened matrix are the true positives?"""
    check.equal(position, 3, name="index of TP", question="Which row and which column hold the true positives?")


@exercise(
    LESSON,
    "Find the bug",
    solution=(
        """
def report(targets, predictions):
    tn, fp, fn, tp = metrics.confusion_matrix(targets, predictions).ravel()
    return tp / (tp + fp), tp / (tp + fn)
""",
        """
def report(targets, predictions):
    matrix = metrics.confusion_matrix(targets, predictions, labels=[1, 0])
    tp, fn, fp, tn = matrix.ravel()
    return tp / (tp + fp), tp / (tp + fn)
""",
    ),
    hints=(
        "The two formulas are right. What about the names that the counts are given?",
        "You can change the names, or tell scikit-learn in which order you want the labels.",
    ),
)
def report(function: Any) -> None:
    """Return precision and recall of the faulty machines."""
    found = check.call(function, **HUNDRED, values=2)
    ask = "In which order do the four counts come out of the matrix?"
    for actual, (kind, expected) in zip(found, {"precision": 50 / 55, "recall": 50 / 60}.items(), strict=True):
        inputs = {"metric": kind, **HUNDRED}
        check.metric(actual, expected, name=f"corrected {kind}", inputs=inputs, question=ask)


def _for_sklearn(inputs: dict[str, Any]) -> dict[str, Tensor]:
    return {"y_true": inputs["targets"], "y_pred": inputs["predictions"]}


@functools.cache
def _four_classes() -> tuple[Tensor, Tensor]:
    """Targets and predictions of 90 cases in four classes, the first of them large and easy."""
    table = torch.tensor([[46, 2, 1, 1], [4, 9, 5, 2], [3, 1, 5, 3], [2, 2, 1, 3]])
    pairs = [(row, column) for row in range(4) for column in range(4) for _ in range(int(table[row, column]))]
    targets, predictions = torch.tensor(pairs).T
    return targets, predictions

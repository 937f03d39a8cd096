"""Exercises of lesson 11, the accuracy paradox, and the spam filter that the lesson trains."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from sklearn import metrics
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_sequence

from .. import check, datasets
from .exercise import exercise

LESSON = "11_accuracy_paradox"
Scored = list[tuple[Tensor, Tensor]]  # scores and targets of the validation part and of the test part
PART = 680  # messages; two parts are held out in each run, and no message in more than one run


# -- the data and the model -------------------------------------------------------------------------------------


@functools.cache
def messages() -> datasets.Messages:
    """Return every text of the collection once, with its label."""
    texts, labels = datasets.spam()
    once = list(dict.fromkeys(zip(texts, labels.tolist(), strict=True)))
    return datasets.Messages([text for text, _ in once], torch.tensor([label for _, label in once]))


def split(run: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the rows of the messages for training, validation and test in run 0, 1 or 2.

    The messages are cut into six parts at random. Run 0 holds out the first two, run 1 the next two, and so on.
    """
    parts = list(torch.randperm(6 * PART, generator=torch.Generator().manual_seed(0)).split(PART))
    validation, test = parts[2 * run], parts[2 * run + 1]
    return torch.cat(parts[: 2 * run] + parts[2 * run + 2 :]), validation, test


def words(text: str) -> list[str]:
    """Return the first 40 words, numbers and signs of the text."""
    return re.findall(r"[a-z']+|\d+|[^\sa-z\d]", text.lower())[:40]


def letters(text: str) -> list[str]:
    """Return the last 80 letters of the text."""
    return list(text.lower()[-80:])


class Mail(NamedTuple):
    """The messages of a run as sequences of numbers; 0 is any token that the training part has at most once."""

    vocabulary: int
    series: list[Tensor]
    labels: Tensor
    parts: tuple[Tensor, Tensor, Tensor]

    def batch(self, rows: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return the sequences and the float targets of these rows of the training part."""
        picked = self.parts[0][rows]
        return [self.series[i] for i in picked], self.labels[picked].float()

    def scores(self, model: nn.Module) -> Scored:
        """Return (scores, targets) of the validation part and of the test part."""
        with torch.no_grad():
            return [(model([self.series[i] for i in part]).sigmoid(), self.labels[part]) for part in self.parts[1:]]


def mail(run: int, read: Callable[[str], list[str]] = words) -> Mail:
    """Return the messages of a run, cut into tokens by `read`."""
    texts, labels = messages()
    parts, pieces = split(run), [read(text) for text in texts]
    counts = Counter(token for i in parts[0] for token in pieces[i])
    known = sorted(token for token, count in counts.items() if count > 1)
    index = {token: i for i, token in enumerate(known, start=1)}
    series = [torch.tensor([index.get(token, 0) for token in piece]) for piece in pieces]
    return Mail(len(index) + 1, series, labels, parts)


class Filter(nn.Module):
    """Reads the tokens of a message with `nn.RNN` and returns one logit per message: (batch,)."""

    def __init__(self, vocabulary: int):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, 16)
        self.rnn = nn.RNN(16, 32)
        self.head = nn.Linear(32, 1)

    def forward(self, series: list[Tensor]) -> Tensor:
        """Return the logits of the sequences."""
        packed = pack_sequence(series, enforce_sorted=False)
        _, h_n = self.rnn(packed._replace(data=self.embed(packed.data)))
        logits: Tensor = self.head(h_n[-1]).squeeze(1)
        return logits


# -- measuring --------------------------------------------------------------------------------------------------


def on_test(metric: Callable[[Tensor, Tensor], Any], runs: Sequence[Scored], at: float | None = None) -> list[float]:
    """Return the metric on the test part of each run: of the scores, or of the predictions at a threshold."""
    tests = [run[1] for run in runs]
    return [float(metric(targets, scores if at is None else (scores >= at).long())) for scores, targets in tests]


def best_threshold(scores: Tensor, targets: Tensor) -> float:
    """Return the score that gives the highest F1 as a threshold."""
    candidates = scores.unique()
    predicted = scores >= candidates[:, None]  # (candidate, batch)
    true_positives = (predicted & (targets == 1)).sum(1)
    f1 = 2 * true_positives / (predicted.sum(1) + targets.sum())
    return float(candidates[f1.argmax()])


def flattery(run: Scored, times: int = 20) -> tuple[float, float]:
    """Return the mean F1 of half of the messages, its threshold chosen on the other half and on the same half."""
    scores, targets = held_out([run])
    f1 = torch.zeros(times, 2)
    for i in range(times):
        half, other = torch.randperm(len(scores)).split(PART)
        for way, chosen_on in enumerate((other, half)):
            threshold = best_threshold(scores[chosen_on], targets[chosen_on])
            f1[i, way] = metrics.f1_score(targets[half], scores[half] >= threshold)
    honest, flattered = f1.mean(0).tolist()
    return honest, flattered


def held_out(runs: Sequence[Scored]) -> tuple[Tensor, Tensor]:
    """Return the scores and targets of all messages that the runs held out."""
    parts = [part for run in runs for part in run]
    return torch.cat([scores for scores, _ in parts]), torch.cat([targets for _, targets in parts])


def bins(runs: Sequence[Scored], count: int = 5, low: float = 0.1, high: float = 0.9) -> Tensor:
    """Cut the held-out messages with a score from `low` to `high` into bins of equal size.

    Returns
    -------
    (count, 4): the mean score, the share of spam, and the ends of its Wilson interval.
    """
    scores, targets = held_out(runs)
    ranked, order = scores[(scores >= low) & (scores <= high)].sort()
    spam = targets[(scores >= low) & (scores <= high)][order].float()
    rows = []
    for part, labels in zip(ranked.tensor_split(count), spam.tensor_split(count), strict=True):
        rows.append([float(part.mean()), float(labels.mean()), *_wilson(float(labels.mean()), len(labels))])
    return torch.tensor(rows)


def _wilson(p: float, n: int, z: float = 1.96) -> tuple[float, float]:
    middle = p + z**2 / (2 * n)
    side = z * (p * (1 - p) / n + z**2 / (4 * n**2)) ** 0.5
    return (middle - side) / (1 + z**2 / n), (middle + side) / (1 + z**2 / n)


# -- the rule ---------------------------------------------------------------------------------------------------

SHORT = re.compile(
    r"""<\#>\s*(?:min|mns|hr|hour|am\b|pm\b|ish|th\b|rd\b|%|ye?a?rs?\b|days?\b|degrees|kg|k\b|g\b|lacs?\b|"|times|week
    |jan\b|century|dollars?|bucks|rs\b)|(?:jan|feb|dec)\s+<\#>|\$\s?<\#>""",
    re.I | re.X,
)


def keep_short(text: str) -> str:
    """Replace `<#>` by a long number, unless the words at every sign of the message say that it was a short one."""
    if len(SHORT.findall(text)) == text.count("<#>"):
        return text
    return text.replace("<#>", "00000")


def f1_of_rule(rule: Callable[[str], object], change: Callable[[str], str] = str) -> list[float]:
    """Return the F1 of a rule on the test part of each run, with each text changed before."""
    texts, labels = messages()
    predicted = torch.tensor([bool(rule(change(text))) for text in texts])
    return [float(metrics.f1_score(labels[split(run)[2]], predicted[split(run)[2]])) for run in range(3)]


# -- the exercises ----------------------------------------------------------------------------------------------


@functools.cache
def _scored(seed: int) -> tuple[Tensor, Tensor]:
    """Scores and targets of 80 cases, 20 of them positive."""
    generator = torch.Generator().manual_seed(seed)
    targets = (torch.arange(80) % 4 == 0).long()
    return (torch.randn(80, generator=generator) + 1.5 * targets).sigmoid(), targets


@exercise(
    LESSON,
    "The baseline",
    solution="predicted_accuracy = 601 / 680",
    hints=("Each time the filter stays silent about a wanted message, it is right.",),
)
def accuracy_of_never(predicted: Any) -> None:
    """What is the accuracy of a filter that never says spam, on the test messages of run 0?"""
    targets = messages().labels[split(0)[2]]
    ask = "How many of its 680 predictions are right?"
    check.metric(predicted, float((targets == 0).float().mean()), tolerance=0.001, name="accuracy", question=ask)


@exercise(
    LESSON,
    "The threshold",
    solution=(
        """
def recall_at(targets, scores, threshold):
    predicted = scores >= threshold
    return (predicted & (targets == 1)).sum() / targets.sum()
""",
        """
def recall_at(targets, scores, threshold):
    return (scores[targets == 1] >= threshold).float().mean()
""",
    ),
    hints=(
        "First turn the scores into predictions. Then it is lesson 10 again.",
        "Recall asks about the actual positives only. Which scores are theirs?",
    ),
)
def recall_at(function: Any) -> None:
    """Return the recall at a threshold."""
    scores, targets = _scored(1)
    for threshold in (0.7, 0.5):
        predictions = (scores >= threshold).long()
        expected = float(metrics.recall_score(targets, predictions))
        inputs: dict[str, Any] = {"metric": "recall", "targets": targets, "predictions": predictions}
        inputs |= {"scores": scores, "threshold": threshold}
        found = check.call(function, targets, scores, threshold)
        ask = "Which messages are in the denominator?"
        check.metric(found, expected, name=f"recall at {threshold}", inputs=inputs, question=ask)


@exercise(
    LESSON,
    "The threshold",
    solution=(
        """
def choose(val_scores, val_targets, test_scores, test_targets):
    return exercises.best_threshold(val_scores, val_targets)
""",
        """
def choose(val_scores, val_targets, test_scores, test_targets):
    def f1_at(threshold):
        return metrics.f1_score(val_targets, val_scores >= threshold)

    return max(val_scores.tolist(), key=f1_at)
""",
    ),
    hints=(
        "You are going to report the F1 on the test messages. What may they be used for before that?",
        "You can leave two of the four arguments unread.",
    ),
)
def choose(function: Any) -> None:
    """Return the threshold with which the F1 on the test messages may be reported."""
    names = ("validation_scores", "validation_targets", "test_scores", "test_targets")
    parts = (*_scored(3), *_scored(7))
    inputs = dict(zip(names, parts, strict=True))
    expected = best_threshold(*_scored(3))
    found = check.call(function, *parts)
    ask = "Does this threshold have the highest F1, and on which messages?"
    check.metric(found, expected, tolerance=1e-4, name="threshold", inputs=inputs, question=ask)


@exercise(
    LESSON,
    "What a mistake costs",
    solution="predicted_threshold = 10 / 11",
    hints=(
        "Blocking goes wrong if the message is wanted. How probable is that, and what does it cost?",
        "At the threshold, both decisions cost the same on average.",
    ),
)
def cheapest_threshold(predicted: Any) -> None:
    """From which probability of spam is it cheaper to block?"""
    p = torch.arange(0, 1, 0.0001, dtype=torch.float64)
    cheapest = float(p[(1 - p) * 10 < p].min())
    ask = "At p = 0.5, what does each decision cost on average?"
    check.metric(predicted, cheapest, tolerance=0.001, name="threshold by cost", question=ask)


@exercise(
    LESSON,
    "Two curves and the base rate",
    solution="predicted_ap = (1 + 2 / 3) / 2",
    hints=("There are two spam messages, so AP is a mean of two numbers.", "At rank 3, how many of three are spam?"),
)
def ap_by_hand(predicted: Any) -> None:
    """What is the AP of the ranking spam, wanted, spam, wanted?"""
    expected = float(metrics.average_precision_score([1, 0, 1, 0], [0.9, 0.7, 0.6, 0.2]))
    ask = "What is the precision each time you reach a spam message?"
    check.metric(predicted, expected, tolerance=0.002, name="AP", question=ask)


@exercise(
    LESSON,
    "Two curves and the base rate",
    solution="predicted_precision = 90 / (90 + 999)",
    hints=("Imagine 100,000 messages. How many of them are spam?", "And how many wanted ones are blocked?"),
)
def precision_when_rare(predicted: Any) -> None:
    """What is the precision where one message in 1000 is spam?"""
    targets = torch.tensor([1] * 100 + [0] * 99_900)
    predictions = torch.tensor([1] * 90 + [0] * 10 + [1] * 999 + [0] * 98_901)
    inputs = {"metric": "precision", "targets": targets, "predictions": predictions, "rates": (0.9, 0.01)}
    expected = float(metrics.precision_score(targets, predictions))
    ask = "Of all the messages that are blocked, how many are spam?"
    check.metric(predicted, expected, tolerance=5e-4, name="precision", inputs=inputs, question=ask)


@exercise(
    LESSON,
    "98% accuracy and 12% recall",
    solution="largest_share = 0.02 / 0.88",
    hints=(
        "Of a share s of fraud, how much is missed?",
        "All missed fraud together can't be more than all errors together.",
    ),
)
def largest_share_of_fraud(predicted: Any) -> None:
    """What is the largest share of fraud with which 98% accuracy and 12% recall are possible?"""
    share = torch.arange(1, 50_000, dtype=torch.float64) / 1_000_000
    possible = share[0.12 * share + (1 - share) >= 0.98]
    ask = "How much of the fraud is missed, and how many errors are there in all?"
    check.metric(predicted, float(possible.max()), tolerance=5e-4, name="largest share", question=ask)


@exercise(
    LESSON,
    "Find the bug",
    solution=(
        """
def average_precision(scores, targets):
    return metrics.average_precision_score(targets, scores)
""",
        """
def average_precision(scores, targets):
    ranked = targets[scores.argsort(descending=True)]
    precision = ranked.cumsum(0) / torch.arange(1, len(ranked) + 1)
    return precision[ranked == 1].mean()
""",
    ),
    hints=(
        "How many different scores are left in `(scores >= 0.5).long()`?",
        "Cubing positive scores must not change the result. Which step makes it matter?",
    ),
)
def average_precision(function: Any) -> None:
    """Return the average precision of the scores."""
    for seed in (1, 2):
        scores, targets = _scored(seed)
        expected = float(metrics.average_precision_score(targets, scores))
        ask = "Is it the AP of the scores themselves, with all their ranks?"
        check.metric(check.call(function, scores, targets), expected, name=f"AP of ranking {seed}", question=ask)

"""Lessons 10, 11 and 14: metrics."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .task import Answer, Task, number


def binary(seed: int) -> dict[str, Any]:
    """Targets and predictions whose four counts all differ, so that no two metrics agree."""
    rng = np.random.default_rng(seed)
    while True:
        hits, misses, false_alarms, rejected = counts = rng.integers(5, 60, 4)
        if len(set(counts.tolist())) == 4 and abs(misses - false_alarms) > 3 and abs(hits - rejected) > 3:
            break
    targets = torch.tensor([1] * (hits + misses) + [0] * (false_alarms + rejected))
    predictions = torch.tensor([1] * hits + [0] * misses + [1] * false_alarms + [0] * rejected)
    order = torch.tensor(rng.permutation(len(targets)))
    return {"targets": targets[order], "predictions": predictions[order]}


def counts_of(targets, predictions):
    pairs = list(zip(targets.tolist(), predictions.tolist(), strict=True))
    return [pairs.count(pair) for pair in ((1, 1), (1, 0), (0, 1), (0, 0))]


def precision_of(targets, predictions):
    hits, _, false_alarms, _ = counts_of(targets, predictions)
    return hits / (hits + false_alarms)


def recall_of(targets, predictions):
    hits, misses, _, _ = counts_of(targets, predictions)
    return hits / (hits + misses)


def f1_of(targets, predictions):
    hits, misses, false_alarms, _ = counts_of(targets, predictions)
    return 2 * hits / (2 * hits + misses + false_alarms)


def by_sklearn(metric: str, **options) -> Answer:
    import sklearn.metrics

    return lambda targets, predictions: getattr(sklearn.metrics, metric)(
        targets.numpy(), predictions.numpy(), **options
    )


def tensorwise(which: str) -> Answer:
    def run(targets, predictions):
        hits = ((targets == 1) & (predictions == 1)).sum()
        return {"precision": hits / (predictions == 1).sum(), "recall": hits / (targets == 1).sum()}[which]

    return run


def accuracy_of(targets, predictions):
    return (targets == predictions).float().mean()


FLIPPED = {"precision": precision_of, "recall": recall_of, "f1": f1_of}


def flipped(which: str) -> Answer:
    return lambda targets, predictions: FLIPPED[which](1 - targets, 1 - predictions)


PRECISION = Task(
    "precision",
    binary,
    number("precision", precision_of),
    right={
        "counts": precision_of,
        "tensors": tensorwise("precision"),
        "library": by_sklearn("precision_score"),
        "mean of hits": lambda targets, predictions: targets[predictions == 1].double().mean(),
    },
    wrong={
        "precision-recall-swapped": recall_of,
        "positive-class-flipped": flipped("precision"),
        "accuracy-instead": accuracy_of,
    },
)
RECALL = Task(
    "recall",
    binary,
    number("recall", recall_of),
    right={"counts": recall_of, "tensors": tensorwise("recall"), "library": by_sklearn("recall_score")},
    wrong={
        "precision-recall-swapped": precision_of,
        "positive-class-flipped": flipped("recall"),
        "accuracy-instead": accuracy_of,
    },
)
F1 = Task(
    "F1",
    binary,
    number("f1", f1_of),
    right={
        "counts": f1_of,
        "harmonic mean": lambda targets, predictions: (
            2 / (1 / precision_of(targets, predictions) + 1 / recall_of(targets, predictions))
        ),
        "library": by_sklearn("f1_score"),
    },
    wrong={
        "f1-arithmetic-mean": lambda targets, predictions: (
            (precision_of(targets, predictions) + recall_of(targets, predictions)) / 2
        ),
        "positive-class-flipped": flipped("f1"),
        "accuracy-instead": accuracy_of,
    },
)


def many_classes(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    targets = rng.choice(4, 300, p=[0.6, 0.25, 0.1, 0.05])
    guesses = rng.choice(4, 300)
    return {
        "targets": torch.tensor(targets),
        "predictions": torch.tensor(np.where(rng.random(300) < 0.6, targets, guesses)),
    }


def class_f1(targets, predictions):
    return [f1_of((targets == c).long(), (predictions == c).long()) for c in range(4)]


def macro_f1(targets, predictions):
    return sum(class_f1(targets, predictions)) / 4


def weighted_f1(targets, predictions):
    sizes = [int((targets == c).sum()) for c in range(4)]
    return sum(f * n for f, n in zip(class_f1(targets, predictions), sizes, strict=True)) / sum(sizes)


MACRO = Task(
    "macro F1",
    many_classes,
    number("macro f1", macro_f1),
    right={
        "by hand": macro_f1,
        "library": by_sklearn("f1_score", average="macro"),
        "tensor": lambda targets, predictions: torch.tensor(class_f1(targets, predictions)).mean(),
    },
    wrong={"micro-for-macro": accuracy_of, "weighted-for-macro": weighted_f1},
)
MICRO = Task(
    "micro F1",
    many_classes,
    number("micro f1", accuracy_of),
    right={
        "accuracy": accuracy_of,
        "library": by_sklearn("f1_score", average="micro"),
        "counts": lambda targets, predictions: (
            sum(int(t == p) for t, p in zip(targets, predictions, strict=True)) / len(targets)
        ),
    },
    wrong={"macro-for-micro": macro_f1},
)


def class_recalls(targets, predictions):
    return [float((predictions[targets == c] == c).float().mean()) for c in range(4)]


BALANCED = Task(
    "balanced accuracy",
    many_classes,
    number("balanced accuracy", lambda targets, predictions: sum(class_recalls(targets, predictions)) / 4),
    right={
        "by hand": lambda targets, predictions: sum(class_recalls(targets, predictions)) / 4,
        "library": by_sklearn("balanced_accuracy_score"),
        "numpy": lambda targets, predictions: np.mean(class_recalls(targets, predictions)),
    },
    wrong={"accuracy-for-balanced": accuracy_of},
)


def column(seed: int) -> dict[str, Any]:
    inputs = binary(seed)
    return inputs | {"predictions": inputs["predictions"][:, None]}


ONE_A_TARGET = Task(
    "accuracy of a column of predictions",
    column,
    number("accuracy", lambda targets, predictions: accuracy_of(targets, predictions.flatten())),
    right={
        "flatten": lambda targets, predictions: accuracy_of(targets, predictions.flatten()),
        "squeeze": lambda targets, predictions: float((targets == predictions.squeeze(1)).sum()) / len(targets),
        "column": lambda targets, predictions: accuracy_of(targets[:, None], predictions),
    },
    wrong={
        "column-against-row": (
            lambda targets, predictions: (targets == predictions).sum() / len(targets),
            lambda targets, predictions: (targets == predictions).float().mean(),
        ),
    },
)


def scored(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    targets = torch.tensor((rng.random(120) < 0.3).astype(int))
    scores = torch.tensor(rng.normal(0, 1, 120) + 1.5 * targets.numpy())
    return {"targets": targets, "scores": scores, "threshold": float(np.quantile(scores, rng.uniform(0.3, 0.9)))}


def recall_at(targets, scores, threshold):
    return recall_of(targets, (scores >= threshold).long())


THRESHOLD = Task(
    "recall at a threshold",
    scored,
    number("recall", recall_at),
    right={
        "compare": recall_at,
        "share": lambda targets, scores, threshold: (scores[targets == 1] >= threshold).float().mean(),
        "clip": lambda targets, scores, threshold: np.mean(scores.numpy()[targets.numpy() == 1] >= threshold),
    },
    wrong={"threshold-wrong-side": lambda targets, scores, threshold: recall_of(targets, (scores < threshold).long())},
)


def chosen(scores: Tensor, targets: Tensor) -> float:
    return max(scores.unique().tolist(), key=lambda t: f1_of(targets, (scores >= t).long()))


def two_sets(seed: int) -> dict[str, Any]:
    while True:
        one, other = scored(seed), scored(seed + 10_000)
        names = ("validation_scores", "validation_targets", "test_scores", "test_targets")
        values = (one["scores"], one["targets"], other["scores"], other["targets"])
        pooled = chosen(torch.cat(values[::2]), torch.cat(values[1::2]))
        tried = max(values[0].tolist(), key=lambda t: f1_of(values[3], (values[2] >= t).long()))
        if min(abs(chosen(*values[:2]) - other) for other in (chosen(*values[2:]), pooled, tried)) > 0.01:
            return dict(zip(names, values, strict=True))
        seed += 1


def on_validation(validation_scores, validation_targets, test_scores, test_targets):
    return chosen(validation_scores, validation_targets)


CHOOSE_THRESHOLD = Task(
    "choose a threshold",
    two_sets,
    number("threshold", on_validation, low=-10, high=10),
    right={
        "max": on_validation,
        "loop": lambda validation_scores, validation_targets, **_: best_in_loop(validation_scores, validation_targets),
        "sorted": lambda validation_scores, validation_targets, **_: torch.tensor(
            chosen(validation_scores.sort().values, validation_targets[validation_scores.argsort()])
        ),
    },
    wrong={
        "threshold-chosen-on-test": (
            lambda test_scores, test_targets, **_: chosen(test_scores, test_targets),
            lambda validation_scores, validation_targets, test_scores, test_targets: chosen(
                torch.cat([validation_scores, test_scores]), torch.cat([validation_targets, test_targets])
            ),
            lambda validation_scores, test_scores, test_targets, **_: max(
                validation_scores.unique().tolist(), key=lambda t: f1_of(test_targets, (test_scores >= t).long())
            ),
        ),
    },
)


def best_in_loop(scores, targets):
    best, reached = 0.0, -1.0
    for threshold in sorted(scores.tolist()):
        f1 = f1_of(targets, (scores >= threshold).long())
        if f1 > reached:
            best, reached = threshold, f1
    return best


def two_rates(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    rates = float(rng.uniform(0.6, 0.99)), float(rng.uniform(0.01, 0.2))
    return {"rates": rates, "base_rate": float(rng.uniform(0.001, 0.2))}


def precision_at(rates, base_rate):
    hits, false_alarms = rates[0] * base_rate, rates[1] * (1 - base_rate)
    return hits / (hits + false_alarms)


def precision_in_a_crowd(rates, base_rate):
    called = np.array(rates) * np.array([1e6 * base_rate, 1e6 - 1e6 * base_rate])
    return called[0] / called.sum()


def precision_by_odds(rates, base_rate):
    return torch.tensor(1 / (1 + rates[1] / rates[0] * (1 - base_rate) / base_rate))


PRECISION_AT = Task(
    "precision at a base rate",
    two_rates,
    number("precision", precision_at),
    right={"shares": precision_at, "a million cases": precision_in_a_crowd, "odds": precision_by_odds},
    wrong={"base-rate-forgotten": lambda rates, base_rate: rates[0] / (rates[0] + rates[1])},
)


def padded_labels(seed: int) -> dict[str, Any]:
    """Labels whose accuracies differ in whatever way they are counted."""
    rng = np.random.default_rng(seed)
    while True:
        inputs = labels_with_padding(rng)
        right = inputs["targets"] == inputs["predictions"]
        counted = right & inputs["mask"]
        values = [right.float().mean(), counted.float().mean(), counted.sum() / inputs["mask"].sum()]
        values += [(right | ~inputs["mask"]).all(1).float().mean(), right.all(1).float().mean()]
        values += [counted.all(1).float().mean(), (counted.sum(1) / inputs["mask"].sum(1)).mean()]
        if min(abs(float(a - b)) for a, b in itertools.combinations(values, 2)) > 0.001:
            return inputs


def labels_with_padding(rng: np.random.Generator) -> dict[str, Tensor]:
    batch, time = int(rng.integers(4, 9)), int(rng.integers(10, 15))
    mask = torch.arange(time) < torch.tensor(rng.integers(2, time - 2, batch))[:, None]
    targets = torch.tensor(rng.integers(0, 5, (batch, time)))
    wrong = torch.tensor(rng.random((batch, time)) < 0.15)
    wrong[0, 0] = wrong[1, 1] = True
    wrong[2:4] &= ~mask[2:4]  # two sequences without a mistake
    predictions = torch.where(wrong, (targets + 1) % 5, targets)
    padding = torch.tensor(rng.random((batch, time)) < 0.5)
    padding[2] = True  # and one of them right at its padding, too
    predictions = torch.where(mask, predictions, torch.where(padding, targets, (targets + 1) % 5))
    return {"targets": targets, "predictions": predictions, "mask": mask}


def token_accuracy(targets, predictions, mask):
    return (targets[mask] == predictions[mask]).float().mean()


def sequence_accuracy(targets, predictions, mask):
    return ((targets == predictions) | ~mask).all(1).float().mean()


TOKENS = Task(
    "accuracy of the tokens",
    padded_labels,
    number("token accuracy", token_accuracy),
    right={
        "choose": token_accuracy,
        "weigh": lambda targets, predictions, mask: ((targets == predictions) & mask).sum() / mask.sum(),
        "loop": lambda targets, predictions, mask: (
            sum(
                int(t == p)
                for t, p, m in zip(targets.flatten(), predictions.flatten(), mask.flatten(), strict=True)
                if m
            )
            / int(mask.sum())
        ),
    },
    wrong={
        "accuracy-over-padding": lambda targets, predictions, mask: accuracy_of(targets, predictions),
        "mask-above-only": lambda targets, predictions, mask: ((targets == predictions) & mask).float().mean(),
        "mean-of-sequence-means": lambda targets, predictions, mask: (
            ((targets == predictions) & mask).sum(1) / mask.sum(1)
        ).mean(),
    },
)
SEQUENCES = Task(
    "accuracy of whole sequences",
    padded_labels,
    number("sequence accuracy", sequence_accuracy),
    right={
        "all": sequence_accuracy,
        "mistakes": lambda targets, predictions, mask: (((targets != predictions) & mask).sum(1) == 0).double().mean(),
        "loop": lambda targets, predictions, mask: (
            sum(torch.equal(t[m], p[m]) for t, p, m in zip(targets, predictions, mask, strict=True)) / len(targets)
        ),
    },
    wrong={
        "tokens-for-sequences": (
            token_accuracy,
            lambda targets, predictions, mask: (((targets == predictions) & mask).sum(1) / mask.sum(1)).mean(),
        ),
        "accuracy-over-padding": lambda targets, predictions, mask: (targets == predictions).all(1).float().mean(),
        "all-under-a-mask": lambda targets, predictions, mask: ((targets == predictions) & mask).all(1).float().mean(),
    },
)


def in_batches(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    batches = []
    for size, good in ((40, 0.9), (40, 0.8), (7, 0.3)):
        targets = torch.tensor(rng.integers(0, 4, size))
        right = torch.tensor(np.arange(size) < good * size)
        batches.append((torch.where(right, targets, (targets + 1) % 4), targets))
    return {"batches": batches}


def pooled(batches):
    return accuracy_of(torch.cat([targets for _, targets in batches]), torch.cat([guess for guess, _ in batches]))


BATCHES = Task(
    "accuracy over batches",
    in_batches,
    number("accuracy", pooled),
    right={
        "pooled": pooled,
        "sums": lambda batches: sum(int((p == t).sum()) for p, t in batches) / sum(len(t) for _, t in batches),
        "weighted mean": lambda batches: np.average(
            [float(accuracy_of(t, p)) for p, t in batches], weights=[len(t) for _, t in batches]
        ),
    },
    wrong={"mean-of-batch-means": lambda batches: sum(accuracy_of(t, p) for p, t in batches) / len(batches)},
)

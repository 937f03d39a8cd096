"""Mistakes with metrics of classification: lessons 10, 11 and 14."""

from __future__ import annotations

import torch
from torch import Tensor

from .language import perplexity_by_sequence
from .mistake import Mistake

COUNTS = ("10_from_counts_to_f1", "Precision and recall")
AVERAGES = ("10_from_counts_to_f1", "Averages over classes")
PADDED = ("14_whole_sequences", "Tokens and padding")
POOLED = ("14_whole_sequences", "Averages over sequences")
BINARY = ("precision", "recall", "f1")


def _ratio(metric: str, targets: Tensor, predictions: Tensor) -> tuple[int, int]:
    """Numerator and denominator of the precision, recall or F1 of class 1."""
    hits = int(((predictions == 1) & (targets == 1)).sum())
    called, there = int((predictions == 1).sum()), int((targets == 1).sum())
    return {"precision": (hits, called), "recall": (hits, there), "f1": (2 * hits, called + there)}[metric]


def _value(metric: str, targets: Tensor, predictions: Tensor) -> float:
    above, below = _ratio(metric, targets, predictions)
    return above / below  # a metric that is not defined raises


def _accuracy(targets: Tensor, predictions: Tensor) -> float:
    return float((predictions == targets).float().mean())


def _by_class(targets: Tensor, predictions: Tensor) -> tuple[Tensor, Tensor]:
    """F1 and number of targets of each class, both (classes,)."""
    classes = torch.cat([targets, predictions]).unique()
    scores = [_value("f1", (targets == c).long(), (predictions == c).long()) for c in classes]
    return torch.tensor(scores), torch.stack([(targets == c).sum() for c in classes])


def _swapped(metric, targets, predictions):
    return _value({"precision": "recall", "recall": "precision"}[metric], targets, predictions)


def _flipped(metric, targets, predictions):
    return _value({name: name for name in BINARY}[metric], 1 - targets, 1 - predictions)


def _arithmetic(metric, targets, predictions):
    pair = [_value(name, targets, predictions) for name in ("precision", "recall")]
    return {"f1": sum(pair) / 2}[metric]


def _accuracy_instead(metric, targets, predictions):
    return _accuracy(targets, predictions) if metric in BINARY else None


def _macro(metric, targets, predictions):
    return {"micro f1": float(_by_class(targets, predictions)[0].mean())}[metric]


def _micro(metric, targets, predictions):
    return _accuracy(targets, predictions) if metric == "macro f1" else None


def _weighted(metric, targets, predictions):
    scores, counts = _by_class(targets, predictions)
    return {"macro f1": float((scores * counts).sum() / counts.sum())}[metric]


def _plain_for_balanced(metric, targets, predictions):
    return {"balanced accuracy": _accuracy(targets, predictions)}[metric]


def _other_side(metric, targets, scores, threshold):
    return _value(metric, targets, (scores < threshold).long())


def _classes_alike(metric, rates):
    return {"precision": rates[0] / sum(rates)}[metric]


def _best_threshold(scores: Tensor, targets: Tensor, tried: Tensor | None = None) -> float:
    """Return the score with the highest F1 as a threshold (score >= threshold is positive); the lowest of equals."""
    candidates = (scores if tried is None else tried).unique()
    f1 = torch.tensor([_value("f1", targets, (scores >= candidate).long()) for candidate in candidates])
    return float(candidates[f1.argmax()])


def _threshold_on_test(validation_scores, validation_targets, test_scores, test_targets):
    return _best_threshold(test_scores, test_targets)


def _threshold_on_both(validation_scores, validation_targets, test_scores, test_targets):
    scores, targets = (validation_scores, test_scores), (validation_targets, test_targets)
    return _best_threshold(torch.cat(scores), torch.cat(targets))


def _threshold_tried_on_test(validation_scores, validation_targets, test_scores, test_targets):
    return _best_threshold(test_scores, test_targets, validation_scores)


def _over_padding(targets, predictions, mask):
    return _accuracy(targets, predictions)


def _sequence_means(metric, targets, predictions, mask):
    means = ((predictions == targets) & mask).sum(1) / mask.sum(1)
    return {"token accuracy": float(means.mean())}[metric]


def _tokens(metric, targets, predictions, mask):
    return {"sequence accuracy": _accuracy(targets[mask], predictions[mask])}[metric]


def _mean_for_sequences(metric, targets, predictions, mask):
    return {"sequence accuracy": _sequence_means("token accuracy", targets, predictions, mask)}[metric]


def _exact_over_padding(metric, targets, predictions, mask):
    return {"sequence accuracy": float((predictions == targets).all(1).float().mean())}[metric]


def _all_under_mask(metric, targets, predictions, mask):
    return {"sequence accuracy": float(((predictions == targets) & mask).all(1).float().mean())}[metric]


def _batch_means(batches):
    return sum(_accuracy(targets, predictions) for predictions, targets in batches) / len(batches)


EXAMPLE = """
targets = torch.tensor([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
predictions = torch.tensor([1, 1, 1, 0, 1, 1, 1, 0, 0, 0])
hits = int(((targets == 1) & (predictions == 1)).sum())
"""

METRICS: tuple[Mistake, ...] = (
    Mistake(
        id="precision-recall-swapped",
        title="Precision and recall swapped",
        symptom="This is the other one of the two: the true positives are divided by its denominator.",
        question="What is the denominator here: the predicted positives, or the actual ones?",
        see=COUNTS,
        simulations=(_swapped,),
        example=EXAMPLE
        + """print("recall", hits / int((targets == 1).sum()), " precision", hits / int((predictions == 1).sum()))
""",
    ),
    Mistake(
        id="positive-class-flipped",
        title="The other class taken for positive",
        symptom="This is the value for the other class.",
        question="Which of the two classes are you looking for?",
        see=COUNTS,
        simulations=(_flipped,),
        example=EXAMPLE
        + """rejected = int(((targets == 0) & (predictions == 0)).sum())
print("of class 0:", rejected / int((targets == 0).sum()), " of class 1:", hits / int((targets == 1).sum()))
""",
    ),
    Mistake(
        id="accuracy-instead",
        title="Accuracy in place of the metric",
        symptom="This is the accuracy: it counts every case, true negatives included.",
        question="Which cells of the confusion matrix does the metric use?",
        see=COUNTS,
        simulations=(_accuracy_instead,),
        example="""
targets, predictions = torch.tensor([1] * 5 + [0] * 95), torch.zeros(100)
print("accuracy", (targets == predictions).float().mean().item(), " recall", 0 / 5)
""",
    ),
    Mistake(
        id="f1-arithmetic-mean",
        title="F1 as an ordinary mean",
        symptom="This is the arithmetic mean of precision and recall.",
        question="What should F1 be when precision is 1 and recall is almost 0?",
        see=("10_from_counts_to_f1", "F1"),
        simulations=(_arithmetic,),
        example="""
precision, recall = 1.0, 0.02
print("mean", (precision + recall) / 2, " F1", round(2 * precision * recall / (precision + recall), 3))
""",
    ),
    Mistake(
        id="macro-for-micro",
        title="Macro where micro was asked for",
        symptom="Every class has the same weight here, however rare it is.",
        question="Should the average be taken over classes or over cases?",
        see=AVERAGES,
        simulations=(_macro,),
        example="""
hits, called, there = torch.tensor([81, 1]), torch.tensor([92, 8]), torch.tensor([90, 10])
f1, pooled = 2 * hits / (called + there), 2 * hits.sum() / (called + there).sum()
print("every class alike", round(f1.mean().item(), 2), " every case alike", round(pooled.item(), 2))
""",
    ),
    Mistake(
        id="micro-for-macro",
        title="Micro where macro was asked for",
        symptom="Every case has the same weight here, so the largest class decides.",
        question="Should the average be taken over cases or over classes?",
        see=AVERAGES,
        simulations=(_micro,),
        example="""
targets, predictions = torch.tensor([0] * 90 + [1] * 10), torch.zeros(100)
print("micro F1 is the accuracy:", (targets == predictions).float().mean().item(), " F1 of class 1 is 0")
""",
    ),
    Mistake(
        id="weighted-for-macro",
        title="Weighted average where macro was asked for",
        symptom="Each class is weighted by its number of cases.",
        question="How much should a rare class count in this average?",
        see=AVERAGES,
        simulations=(_weighted,),
        example="""
f1, cases = torch.tensor([0.9, 0.1]), torch.tensor([90, 10])
print("weighted", ((f1 * cases).sum() / cases.sum()).item(), " macro", f1.mean().item())
""",
    ),
    Mistake(
        id="accuracy-for-balanced",
        title="Accuracy where balanced accuracy was asked for",
        symptom="This is the accuracy over all cases; the larger class decides it.",
        question="What would a model get here that always predicts the larger class?",
        see=AVERAGES,
        simulations=(_plain_for_balanced,),
        example="""
recalls, sizes = torch.tensor([1.0, 0.0]), torch.tensor([95, 5])  # a model that always says class 0
print("accuracy", ((recalls * sizes).sum() / 100).item(), " balanced", recalls.mean().item())
""",
    ),
    Mistake(
        id="threshold-wrong-side",
        title="The wrong side of the threshold",
        symptom="The cases below the threshold were predicted positive.",
        question="Does a high score speak for the positive class or against it?",
        see=("11_accuracy_paradox", "The threshold"),
        simulations=(_other_side,),
        example="""
scores, targets = torch.tensor([0.9, 0.8, 0.2, 0.1]), torch.tensor([1, 1, 0, 0])
print("accuracy", ((scores < 0.5) == targets).float().mean().item())
""",
    ),
    Mistake(
        id="threshold-chosen-on-test",
        title="The threshold that suits the test set",
        symptom="The test set was used to choose this threshold.",
        question="Which data may you choose on, if the test set has to tell how good the choice was?",
        see=("11_accuracy_paradox", "The threshold"),
        simulations=(_threshold_on_test, _threshold_on_both, _threshold_tried_on_test),
        example="""
test_scores, test_targets = torch.rand(40), torch.randint(0, 2, (40,))  # scores that know nothing
best = max(((test_scores >= t) == test_targets).float().mean().item() for t in test_scores)
print("accuracy at the best threshold of the test set:", best)
""",
    ),
    Mistake(
        id="base-rate-forgotten",
        title="Precision without the base rate",
        symptom="This is the precision if both classes had the same number of cases.",
        question="Take 100,000 cases: how many are in each class, and how many of each are predicted positive?",
        see=("11_accuracy_paradox", "Two curves and the base rate"),
        simulations=(_classes_alike,),
        example="""
recall, false_alarms = 0.8, 0.02  # shares of the positives and of the negatives that are called positive
for positives, negatives in [(500, 500), (1, 999)]:
    hits, false = recall * positives, false_alarms * negatives
    print(positives, "of 1000 are positive: precision", round(hits / (hits + false), 3))
""",
    ),
    Mistake(
        id="accuracy-over-padding",
        title="Padding counted as right answers",
        symptom="Every step of the padding was counted as a case.",
        question="Which of the compared steps belong to a sequence?",
        see=PADDED,
        simulations=(_over_padding, _exact_over_padding),
        example="""
targets, predictions = torch.zeros(2, 10), torch.zeros(2, 10)
targets[:, :2] = 1.0  # two real steps, both wrong, then padding
print("over everything", (targets == predictions).float().mean().item(), " real steps", 0.0)
""",
    ),
    Mistake(
        id="mean-of-sequence-means",
        title="Every sequence weighted equally",
        symptom="This is the mean of the sequences' accuracies, so a step of a short sequence counts more.",
        question="Should every step have the same weight, or every sequence?",
        see=POOLED,
        simulations=(_sequence_means, perplexity_by_sequence),
        example="""
right, steps = torch.tensor([1.0, 50.0]), torch.tensor([1.0, 100.0])
print("over sequences", (right / steps).mean().item(), " over steps", round((right.sum() / steps.sum()).item(), 3))
""",
    ),
    Mistake(
        id="tokens-for-sequences",
        title="Correct steps where correct sequences were asked for",
        symptom="Correct steps were counted, so a sequence that is half right still earns something.",
        question="When is a whole sequence correct?",
        see=POOLED,
        simulations=(_tokens, _mean_for_sequences),
        example="""
right = torch.tensor([[True, True, True], [True, True, False]])
print("steps", round(right.float().mean().item(), 3), " sequences", right.all(1).float().mean().item())
""",
    ),
    Mistake(
        id="all-under-a-mask",
        title="Padding that can never be right",
        symptom="A padded step counts as wrong, so a sequence with padding is never correct.",
        question="What is at the padded steps when `all` looks at them?",
        see=POOLED,
        simulations=(_all_under_mask,),
        example="""
right, mask = torch.tensor([True, True, False]), torch.tensor([True, True, False])  # two steps, then padding
print("is every step right and valid?", (right & mask).all().item(), " is every valid one?", right[mask].all().item())
""",
    ),
    Mistake(
        id="mean-of-batch-means",
        title="Every batch weighted equally",
        symptom="This is the mean of the batches' values, and the batches differ in size.",
        question="How much does a case in the small last batch count?",
        see=("15_honest_evaluation", "Batches of different sizes"),
        simulations=(_batch_means,),
        example="""
right, cases = torch.tensor([60.0, 0.0]), torch.tensor([60.0, 4.0])
print("mean of batches", (right / cases).mean().item(), " all cases", (right.sum() / cases.sum()).item())
""",
    ),
)

"""Exercises of lesson 15: honest evaluation."""

from typing import Any

import torch
from torch import nn

from .. import check
from . import origin
from .exercise import exercise

LESSON = "15_honest_evaluation"


@exercise(
    LESSON,
    "Overfitting",
    solution="predicted_epochs = 5",
    hints=("The model has 400 names to learn by heart. Does it need long to begin with that?",),
)
def turning_point(epoch: Any) -> None:
    """In which epoch is the validation loss lowest, to within three epochs?"""
    right = origin.trained(0).best_epoch
    question = "How many times does the model have to see 400 names before it knows them better than names in general?"
    check.metric(epoch, right, low=0, high=25, tolerance=3, name="epoch of the lowest loss", question=question)


@exercise(
    LESSON,
    "Overfitting",
    solution="predicted_stop = 7\npredicted_restored = 4",
    hints=(
        "Write down the lowest loss so far beside each epoch. When has it not changed three times?",
        "Nobody can restore an epoch that was never reached.",
    ),
)
def patience(stop: Any, restored: Any) -> None:
    """After which epoch does the training stop, and whose weights are restored?"""
    losses = [1.9, 1.5, 1.4, 1.45, 1.38, 1.42, 1.41, 1.44, 1.2]
    best_so_far = [losses.index(min(losses[: epoch + 1])) for epoch in range(len(losses))]
    right = next(epoch for epoch in range(len(losses)) if epoch - best_so_far[epoch] == 3)
    check.equal(stop, right, name="epoch after which it stops")
    check.equal(restored, best_so_far[right], name="restored epoch")


@exercise(
    LESSON,
    "Several seeds",
    solution="predicted_share = 0.4",
    hints=("If the sizes were equally good, which share would it be?",),
)
def smaller_wins(share: Any) -> None:
    """In which share of all pairs is the model with 16 hidden units better than the one with 32?"""
    _, sixteen, thirty_two = origin.hits()[:, origin.data().parts["fresh"]].mean(1).split(len(origin.SEEDS))
    right = (sixteen[:, None] > thirty_two).float().mean().item()
    question = "How do the two groups of eight marks overlap?"
    check.metric(share, right, tolerance=0.15, name="16 beats 32", question=question)


@exercise(
    LESSON,
    "Several seeds",
    solution="""
def standard_error_of_difference(first, second):
    return (second - first).std() / len(first) ** 0.5
""",
    hints=(
        "Seed by seed there is one difference. How far do these eight differ, and how far does their mean?",
        "The mean of n numbers varies less than one of them: by the root of n.",
    ),
)
def standard_error(function: Any) -> None:
    """Return the standard error of the mean difference of two models, paired by seed."""
    _, sixteen, thirty_two = origin.hits()[:, origin.data().parts["fresh"]].mean(1).split(len(origin.SEEDS))
    for name, pair in {
        "16 and 32 hidden units": (sixteen, thirty_two),
        "three seeds": (torch.tensor([0.5, 0.6, 0.55]), torch.tensor([0.52, 0.61, 0.6])),
    }.items():
        differences = pair[1] - pair[0]
        right = (differences - differences.mean()).square().sum().div(len(differences) - 1).sqrt().item()
        found = check.call(function, *pair)
        question = "Is this the spread of one difference, or of the mean of all?"
        check.metric(found, right / len(differences) ** 0.5, tolerance=2e-4, name=name, question=question)


@exercise(
    LESSON,
    "Choosing on validation",
    solution=(
        """
def epoch_to_restore(validation_losses, test_losses):
    return validation_losses.index(min(validation_losses))
""",
        """
def epoch_to_restore(validation_losses, test_losses):
    epochs = range(len(validation_losses))
    return min(epochs, key=lambda epoch: validation_losses[epoch])
""",
    ),
    hints=("Which of the two lists may take part in a choice?",),
)
def epoch_to_restore(function: Any) -> None:
    """Return the epoch whose weights are restored."""
    inputs = {
        "validation_losses": [1.8, 1.5, 1.42, 1.39, 1.47, 1.6, 1.7],
        "test_losses": [1.7, 1.6, 1.5, 1.5, 1.35, 1.3, 1.4],
    }
    check.equal(check.call(function, *inputs.values()), 3, name="epoch to restore", inputs=inputs)


@exercise(
    LESSON,
    "Choosing on validation",
    solution="""
def threshold_to_use(validation_scores, validation_targets, test_scores, test_targets):
    return max(
        validation_scores.tolist(),
        key=lambda threshold: origin.f1(validation_scores, validation_targets, threshold),
    )
""",
    hints=(
        "The probabilities that occur are the only thresholds worth trying.",
        "`max` takes a `key`: what should be largest?",
    ),
)
def threshold_to_use(function: Any) -> None:
    """Return the threshold with the highest F1."""
    scores, targets = origin.polish()
    validation, stand_in = origin.data().parts["validation"], origin.data().parts["fresh"][:200]
    inputs = {
        "validation_scores": scores[validation],
        "validation_targets": targets[validation],
        "test_scores": scores[stand_in],
        "test_targets": targets[stand_in],
    }
    best = max(scores[validation].tolist(), key=lambda at: origin.f1(scores[validation], targets[validation], at))
    question = "Which probabilities are tried, on which names, and what is returned?"
    check.metric(check.call(function, *inputs.values()), best, name="threshold", inputs=inputs, question=question)


@exercise(
    LESSON,
    "What a choice on the test set gives away",
    solution="predicted_points = 5",
    hints=("How far can the accuracy on 100 names be from the truth by luck, and what does the best of 24 pick?",),
)
def points_too_high(points: Any) -> None:
    """By how many points is the report too high on average, to within 2?"""
    reported, worth = origin.optimism()
    right = 100 * (reported - worth).mean().item()
    question = "What would the luckiest of 24 models with the same worth get on 100 names?"
    check.metric(points, right, high=100, tolerance=2, name="points too high", question=question)


@exercise(
    LESSON,
    "Intervals by resampling",
    solution="predicted_interval = [1, 1]",
    hints=("Draw twenty from twenty right cases. How many of them can be wrong?",),
)
def perfect_interval(interval: Any) -> None:
    """Which interval does the bootstrap give for 20 of 20?"""
    check.equal(interval, origin.bootstrap(torch.ones(20)), name="bootstrap of 20 of 20")


@exercise(
    LESSON,
    "Intervals by resampling",
    solution="""
def paired_interval(first, second):
    return origin.bootstrap(first - second)
""",
    hints=("What do you know about each name, if both models have answered for it?",),
)
def paired_interval(function: Any) -> None:
    """Return the bootstrap interval of the difference of two models on the same names."""
    test = origin.data().parts["fresh"][:200]
    first, second = origin.hits()[-1, test], origin.table_hits()[test]
    torch.manual_seed(1)
    found = check.call(function, first, second, values=2)
    torch.manual_seed(2)
    right = torch.tensor(origin.bootstrap(first - second))
    question = "Which cases does one draw take: the same for both models, or others for each?"
    for name, limit, asked in zip(("lower limit", "upper limit"), found, right.tolist(), strict=True):
        check.metric(limit, asked, low=-1, tolerance=0.02, name=name, question=question)


@exercise(
    LESSON,
    "Batches of different sizes",
    solution="predicted_mean = 0.5\npredicted_accuracy = 75 / 80",
    hints=("The first number averages two accuracies. The second one divides right names by names.",),
)
def two_accuracies(mean: Any, whole: Any) -> None:
    """What is the mean of the batches' accuracies, and what is the accuracy of all names?"""
    batches = [(torch.ones(75), torch.ones(75)), (torch.zeros(5), torch.ones(5))]
    check.metric(mean, (1 + 0) / 2, tolerance=0.006, name="mean of the two")
    check.metric(whole, 75 / 80, tolerance=0.006, name="accuracy of all 80", inputs={"batches": batches})


@exercise(
    LESSON,
    "Batches of different sizes",
    solution="""
def accuracy_over(batches):
    right = sum((predictions == targets).sum() for predictions, targets in batches)
    return right / sum(len(targets) for _, targets in batches)
""",
    hints=("Which two numbers does each batch contribute?",),
)
def accuracy_over(function: Any) -> None:
    """Return the accuracy over a list of batches."""
    rows = origin.data().parts["fresh"][:200]
    predictions, targets = origin.trained(7).best[rows].argmax(1), origin.data().countries[rows]
    batches = list(zip(predictions.split([90, 90, 20]), targets.split([90, 90, 20]), strict=True))
    right = sum(int(a == b) for a, b in zip(predictions, targets, strict=True)) / 200
    check.metric(check.call(function, batches), right, name="accuracy of all", inputs={"batches": batches})


@exercise(
    LESSON,
    "Find the bug",
    solution='restored = "last"',
    hints=("What does `state_dict()` return: numbers, or the tensors in which the optimizer goes on working?",),
)
def restored_weights(which: Any) -> None:
    """Whose weights are in the model after `load_state_dict`: the best epoch's, the last one's or the first one's?"""
    question = "Which loss of the printed ones does the restored model have?"
    check.equal(which, "last", name="weights in the model", question=question)


@exercise(
    LESSON,
    "Find the bug",
    solution=(
        """
def snapshot(model):
    return {name: weight.clone() for name, weight in model.state_dict().items()}
""",
        """
def snapshot(model):
    import copy

    return copy.deepcopy(model.state_dict())
""",
    ),
    hints=("Which operation makes a tensor with memory of its own?",),
)
def snapshot(function: Any) -> None:
    """Return the weights as they are now, whatever happens to the model later."""
    layer = nn.RNN(5, 3)
    before = {name: weight.detach().clone() for name, weight in layer.named_parameters()}
    taken = check.call(function, layer)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.add_(1)
    check.call(layer.load_state_dict, taken)
    for name, weight in layer.named_parameters():
        inputs = {"kept": before[name], "trained": before[name] + 1}
        check.close(weight, before[name], name=f"restored {name}", inputs=inputs)

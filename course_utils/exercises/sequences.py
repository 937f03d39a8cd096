"""Exercises of lesson 14: a tag for every step, and metrics for whole sequences."""

import functools
from collections import Counter
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from .. import check, datasets, plots
from ..plots.tags import runs
from .exercise import exercise

LESSON = "14_whole_sequences"
TRAINING = 1176  # addresses; the other 294 are for the test
RARE = 1  # the number that all rare words share

# Four addresses of 1, 2, 4 and 5 tokens, padded to 16 steps.
WORST_MASK = torch.arange(16) < torch.tensor([1, 2, 4, 5])[:, None]
WORST_TARGETS = torch.where(WORST_MASK, 3, 0)

SMALL_TARGETS = torch.tensor([[4, 9, 0, 0, 0, 0, 0], [5, 6, 7, 2, 0, 0, 0], [1, 2, 3, 4, 5, 6, 0]])
SMALL_PREDICTED = torch.tensor([[9, 4, 0, 0, 3, 0, 0], [5, 6, 7, 8, 3, 0, 0], [1, 2, 3, 4, 5, 6, 3]])
SMALL_LENGTHS = torch.tensor([2, 4, 6])


class Part(NamedTuple):
    """Addresses as tensors, padded with 0: words and tags (address, time), lengths (address,); and their text."""

    words: Tensor
    tags: Tensor
    lengths: Tensor
    text: list[list[str]]


class Data(NamedTuple):
    """Both parts, the name of each tag (0 is the padding's), and how many numbers the words have."""

    train: Part
    test: Part
    tag_names: list[str]
    vocabulary: int


def form(word: str) -> str:
    """Return the word in lower case, each of its digits as a 0."""
    return "".join("0" if letter.isdigit() else letter for letter in word.lower())


@functools.cache
def data() -> Data:
    """Turn the addresses into numbers; a word that occurs once in the training part gets the number 1."""
    addresses = datasets.addresses()
    order = torch.randperm(len(addresses), generator=torch.Generator().manual_seed(0)).tolist()
    shuffled = [addresses[i] for i in order]
    known = Counter(form(word) for line, _ in shuffled[:TRAINING] for word in line)
    frequent = sorted(word for word in known if known[word] > 1)
    numbers = {word: number for number, word in enumerate(frequent, start=RARE + 1)}
    names = ["padding", *sorted({tag for _, tags in addresses for tag in tags})]

    def encoded(part: list[tuple[list[str], list[str]]]) -> Part:
        words = [torch.tensor([numbers.get(form(word), RARE) for word in line]) for line, _ in part]
        tags = [torch.tensor([names.index(tag) for tag in line]) for _, line in part]
        lengths = torch.tensor([len(line) for line in tags])
        text = [line for line, _ in part]
        return Part(pad_sequence(words, batch_first=True), pad_sequence(tags, batch_first=True), lengths, text)

    return Data(encoded(shuffled[:TRAINING]), encoded(shuffled[TRAINING:]), names, len(numbers) + 2)


@functools.cache
def lookup() -> Tensor:
    """Give each word of the test addresses the tag that it had most often in training: (address=294, time=13)."""
    train, test, names, vocabulary = data()
    seen, valid = torch.zeros(vocabulary, len(names)), train.words > 0
    seen.index_put_((train.words[valid], train.tags[valid]), torch.tensor(1.0), accumulate=True)
    return seen.argmax(dim=1)[test.words]


def entities_of(tags: Tensor, lengths: Tensor) -> set[tuple[int, int, int, int]]:
    """Return all entities of a padded batch, each as address, tag, first step and the step after the last."""
    rows = [line[:n] for line, n in zip(tags.tolist(), lengths.tolist(), strict=True)]
    return {(row, *run) for row, line in enumerate(rows) for run in runs(line)}


def picture(row: int, predictions: Tensor | None = None, title: str = "") -> plots.Picture:
    """Draw a test address with its tags, and above them the predicted ones; predictions is (address=294, time=13)."""
    _, test, names, _ = data()

    def named(tags: Tensor) -> list[str]:
        return [names[tag] for tag in tags[row, : test.lengths[row]].tolist()]

    predicted = None if predictions is None else named(predictions)
    return plots.tagged(test.text[row], named(test.tags), predicted, title=title)


@exercise(
    LESSON,
    "Why both directions don't leak here",
    solution="predicted_one_way = 0\npredicted_both = 3",
    hints=(
        "Which words has each direction read when it gives the first word its scores?",
        "In a bidirectional layer the backward half of a step has read everything that comes after it.",
    ),
)
def changed_scores(one_way: Any, both: Any) -> None:
    """How many of three words get other scores when two words follow them?"""
    steps = torch.randn(1, 5, 4, generator=torch.Generator().manual_seed(0))
    for name, given, bidirectional in (("one direction", one_way, False), ("both directions", both, True)):
        layer = nn.RNN(4, 6, batch_first=True, bidirectional=bidirectional).requires_grad_(False)
        moved = (layer(steps)[0][0, :3] - layer(steps[:, :3])[0][0]).abs().amax(dim=1) > 1e-6
        question = "What has the layer read by the time it gives the first word its scores?"
        check.equal(given, int(moved.sum()), name=f"changed scores, {name}", question=question)


@exercise(
    LESSON,
    "Tokens and padding",
    solution="predicted_all = 52 / 64\npredicted_perfect = 12 / 64",
    hints=(
        "How many of the 64 steps are tokens, and how many are padding?",
        "At which steps does a model that always says 0 agree with the targets?",
    ),
)
def padded_accuracies(over_all: Any, perfect: Any) -> None:
    """Which accuracies come out when padding is counted, and when only the numerator is masked?"""
    agreed = (WORST_TARGETS == 0).float().mean().item()
    check.metric(over_all, agreed, tolerance=0.006, name="wrong at every token, all steps counted")
    masked = WORST_MASK.float().mean().item()
    check.metric(perfect, masked, tolerance=0.006, name="right at every token, numerator masked")


@exercise(
    LESSON,
    "Tokens and padding",
    solution=(
        """
def token_accuracy(predictions, targets, mask):
    return (predictions == targets)[mask].float().mean()
""",
        """
def token_accuracy(predictions, targets, mask):
    return ((predictions == targets) & mask).sum() / mask.sum()
""",
    ),
    hints=(
        "Write it as a fraction first. What do you count in the numerator, and what in the denominator?",
        "A mask can pick out elements, or be combined with another mask.",
    ),
)
def token_accuracy(function: Any) -> None:
    """Write the accuracy over tokens."""
    targets, lengths = data().test.tags, data().test.lengths
    mask = torch.arange(targets.shape[1]) < lengths[:, None]
    predicted = lookup().masked_fill(~mask, 0)
    inputs = {"metric": "token accuracy", "predictions": predicted, "targets": targets, "mask": mask}
    matches = torch.cat([(p == t)[:n] for p, t, n in zip(predicted, targets, lengths, strict=True)])
    accuracy = check.call(function, predicted, targets, mask)
    check.metric(accuracy, matches.float().mean().item(), name="accuracy over tokens", inputs=inputs)


@exercise(
    LESSON,
    "Averages over sequences",
    solution="predicted_token = 9 / 12\npredicted_mean = (0 + 3 / 4 + 1) / 3\npredicted_exact = 1 / 3",
    hints=(
        "Write down for each address how many of its tokens are right, out of how many.",
        "For the first average you add up before you divide, for the second one you divide first.",
    ),
)
def averages(token: Any, mean: Any, exact: Any) -> None:
    """Which token accuracy, mean over sequences and exact match has the small table?"""
    mask = torch.arange(7) < SMALL_LENGTHS[:, None]
    padded = {"predictions": SMALL_PREDICTED, "targets": SMALL_TARGETS, "mask": mask}
    matches = [
        (p == t)[:n].float() for p, t, n in zip(SMALL_PREDICTED, SMALL_TARGETS, SMALL_LENGTHS.tolist(), strict=True)
    ]
    inputs = {"metric": "token accuracy", **padded}
    right = torch.cat(matches).mean().item()
    check.metric(token, right, tolerance=0.006, name="token accuracy", inputs=inputs)
    right = sum(match.mean().item() for match in matches) / 3
    check.metric(mean, right, tolerance=0.006, name="mean over sequences")
    inputs = {"metric": "sequence accuracy", **padded}
    right = sum(bool(match.all()) for match in matches) / 3
    check.metric(exact, right, tolerance=0.006, name="exact match", inputs=inputs)


ST_LOUIS = 32  # its row in the test addresses


@exercise(
    LESSON,
    "Whole entities",
    solution="predicted_right = 4\npredicted_f1 = 8 / 11",
    hints=(
        "Count the boxes in each row of the picture, and the boxes that are the same in both.",
        "F1 is twice the true positives, divided by the predicted plus the actual ones.",
    ),
)
def entity_counts(right: Any, f1: Any) -> None:
    """How many predicted entities of the address are right, and what is its entity F1?"""
    row = slice(ST_LOUIS, ST_LOUIS + 1)
    actual = entities_of(data().test.tags[row], data().test.lengths[row])
    predicted = entities_of(lookup()[row], data().test.lengths[row])
    both = len(actual & predicted)
    check.equal(right, both, name="entities found", question="Which boxes agree in tag, in start and in end?")
    question = "How many entities are predicted, how many are actual, and how many are in both?"
    score = 2 * both / (len(actual) + len(predicted))
    check.metric(f1, score, tolerance=0.006, name="entity F1", question=question)


@exercise(
    LESSON,
    "Whole entities",
    solution=(
        """
def entities(tags):
    found = []
    start = 0
    for step in range(1, len(tags) + 1):
        if step == len(tags) or tags[step] != tags[start]:
            found.append((tags[start], start, step))
            start = step
    return found
""",
        """
def entities(tags):
    starts = [step for step in range(len(tags)) if step == 0 or tags[step] != tags[step - 1]]
    stops = starts[1:] + [len(tags)]
    return [(tags[start], start, stop) for start, stop in zip(starts, stops)]
""",
    ),
    hints=(
        "How can you tell, looking at one step and its neighbour, that an entity has just ended?",
        "What ends the last entity, where there is no next step?",
        "Walk through the steps and remember where the current entity began.",
    ),
)
def entities(function: Any) -> None:
    """Write a function that finds the runs of equal tags."""
    names = data().tag_names
    lines = [["Place"], ["Number", "Street", "Street", "Type"], ["Street", "Type", "Street", "Street"]]
    lines += [[names[tag] for tag in lookup()[row, : data().test.lengths[row]]] for row in range(40)]
    for number, line in enumerate(lines[:3]):
        question = "Where does each run of equal tags begin, and at which step has it ended?"
        check.equal(check.call(function, line), runs(line), name=f"entities of example {number}", question=question)
    found = [check.call(function, line) for line in lines[3:]]
    check.equal(found, [runs(line) for line in lines[3:]], name="entities of forty addresses")


@exercise(
    LESSON,
    "Whole entities",
    solution=(
        """
def entity_f1(actual, predicted):
    return 2 * len(actual & predicted) / (len(actual) + len(predicted))
""",
        """
def entity_f1(actual, predicted):
    precision = len(actual & predicted) / len(predicted)
    recall = len(actual & predicted) / len(actual)
    return 2 * precision * recall / (precision + recall)
""",
    ),
    hints=("What are the true positives, as an operation on two sets?", "Lesson 10 has F1 as a fraction of counts."),
)
def entity_f1(function: Any) -> None:
    """Write the F1 of two sets of entities."""
    actual = entities_of(data().test.tags, data().test.lengths)
    predicted = entities_of(lookup(), data().test.lengths)
    right = sum(entity in actual for entity in predicted)
    question = "Which entities are the true positives, and what do you divide by?"
    score = check.call(function, actual, predicted)
    check.metric(score, 2 * right / (len(actual) + len(predicted)), name="entity F1", question=question)


@exercise(
    LESSON,
    "Exact match and length",
    solution="predicted_length = 14",
    hints=("Move the slider of the next cell to p = 0.95 and try a few lengths.",),
)
def first_length(length: Any) -> None:
    """From which length on are fewer than half of the sequences right?"""
    right = next(n for n in range(1, 100) if 0.95**n < 0.5)
    question = "What is p to the power n there, and what is it one token earlier?"
    check.equal(length, right, name="first length", question=question)


@exercise(
    LESSON,
    "How sure is each number?",
    solution="predicted_trials = 294",
    hints=("If you know one tag of an address to be right, what do the others tell you that is new?",),
)
def independent_trials(trials: Any) -> None:
    """How many independent trials are there if the tokens of an address are right or wrong together?"""
    question = "How many coins are tossed, if each address is one coin?"
    check.equal(trials, len(data().test.lengths), name="independent trials", question=question)


@exercise(
    LESSON,
    "Find the bug",
    solution="predicted_possible = 1",
    hints=("What does `&` make of a padded step, and what does `all` make of that?",),
)
def possible_matches(addresses: Any) -> None:
    """How many addresses can the function count as right?"""
    longest = data().test.lengths == data().test.tags.shape[1]
    question = "Which addresses have no padding at all?"
    check.equal(addresses, int(longest.sum()), name="addresses that can be right", question=question)


@exercise(
    LESSON,
    "Find the bug",
    solution=(
        """
def exact_match(predictions, targets, mask):
    return ((predictions == targets) | ~mask).all(1).float().mean()
""",
        """
def exact_match(predictions, targets, mask):
    wrong = (predictions != targets) & mask
    return (wrong.sum(1) == 0).float().mean()
""",
    ),
    hints=(
        "What should a padded step say when it is asked whether it is fine?",
        "You can also look for what must not be there.",
    ),
)
def exact_match(function: Any) -> None:
    """Write the exact match, whatever is predicted at the padding."""
    few = data().test.lengths <= 8
    targets, lengths = data().test.tags[few, :8], data().test.lengths[few]
    mask = torch.arange(8) < lengths[:, None]
    predicted = lookup()[few, :8].masked_fill(~mask, 0)
    predicted[::2] += ~mask[::2]  # every second address is wrong at the padding, the others are right there
    inputs = {"metric": "sequence accuracy", "predictions": predicted, "targets": targets, "mask": mask}
    spotless = [p[:n].equal(t[:n]) for p, t, n in zip(predicted, targets, lengths, strict=True)]
    share = check.call(function, predicted, targets, mask)
    check.metric(share, sum(spotless) / len(spotless), name="exact match", inputs=inputs)

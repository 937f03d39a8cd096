"""Exercises of lesson 16: the loader, the training script and the report."""

import functools
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from .. import check, datasets, pipeline
from .exercise import exercise

LESSON = "16_from_loader_to_report"
Batch = tuple[Tensor, Tensor, Tensor]
LENGTHS = (3, 5, 2, 6)


class Summed(nn.Module):
    """Two classes from the sum of the valid frames; half of its units are dropped in training."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout, self.head = nn.Dropout(0.5), nn.Linear(5, 2)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits, (batch, class)."""
        valid = torch.arange(frames.shape[1]) < lengths[:, None]
        logits: Tensor = self.head(self.dropout((frames * valid[..., None]).sum(1)))
        return logits


@functools.cache
def few_pairs() -> list[pipeline.Pair]:
    """Return four sequences of 3, 5, 2 and 6 steps, labelled 0 to 3."""
    return [(torch.randn(length, 5), torch.tensor(label)) for label, length in enumerate(LENGTHS)]


def sorted_without_labels(pairs: list[pipeline.Pair]) -> Batch:
    """Sort the sequences and forget the labels: the bug of the lesson."""
    frames = sorted((frames for frames, _ in pairs), key=len, reverse=True)
    lengths = torch.tensor([len(one) for one in frames])
    return pad_sequence(frames, batch_first=True), lengths, torch.stack([label for _, label in pairs])


@exercise(
    LESSON,
    "Collate: from sequences to a batch",
    solution=(
        """
def collate(pairs):
    frames = [frames for frames, label in pairs]
    lengths = torch.tensor([len(one) for one in frames])
    labels = torch.stack([label for frames, label in pairs])
    return pad_sequence(frames, batch_first=True), lengths, labels
""",
        """
def collate(pairs):
    frames, labels = zip(*pairs)
    lengths = torch.tensor(list(map(len, frames)))
    return pad_sequence(frames, batch_first=True), lengths, torch.tensor(labels)
""",
    ),
    hints=(
        "`pairs` is a list. What is in each entry, and how do you get all frames out of it?",
        "Padding can't be undone: what do you have to write down before you pad?",
        "Lesson 05 has a function that pads sequences of different lengths.",
    ),
)
def collate(function: Any) -> None:
    """Return padded frames, lengths and labels."""
    pairs = few_pairs()
    frames, lengths, labels = pipeline.collate(pairs)
    batch = check.call(function, pairs, values=3)
    check.close(batch[0], frames, name="padded frames")
    check.equal(batch[1], lengths.tolist(), name="lengths", question="How many steps does each sequence have?")
    check.equal(batch[2], labels.tolist(), name="labels", question="Does every label still belong to its sequence?")


@exercise(
    LESSON,
    "The DataLoader",
    solution="predicted_batches = 7\npredicted_last = 8",
    hints=("How often does 32 fit into 200, and what is left over?",),
)
def batches_of_an_epoch(batches: Any, last: Any) -> None:
    """How many batches does an epoch have, and how large is the last one?"""
    sizes = [len(rows) for rows in torch.arange(200).split(32)]
    check.equal(batches, len(sizes), name="batches per epoch", question="Is the last, smaller batch kept?")
    check.equal(last, sizes[-1], name="size of the last batch")


@functools.cache
def speakers_of_the_first_batch() -> int:
    """Count the speakers in the first 32 utterances of the file."""
    return len(datasets.vowels().train_labels[:32].unique())


@exercise(
    LESSON,
    "Shuffling",
    solution="predicted_speakers = 2",
    hints=("There are 270 utterances of nine speakers, equally many of each. How many is that per speaker?",),
)
def speakers_in_a_batch(speakers: Any) -> None:
    """How many speakers are in the first batch of 32 without shuffling?"""
    check.equal(speakers, speakers_of_the_first_batch(), name="speakers in the first batch")


@exercise(
    LESSON,
    "A device for everything",
    solution="predicted_batch = 32\npredicted_weight = 64",
    hints=("One of the two calls returns something new, which is thrown away here. Which one?",),
)
def bits(batch: Any, weight: Any) -> None:
    """How many bits has a number of the batch, and of the weights, after `.to`?"""
    frames, layer = torch.zeros(1, 1), nn.RNN(1, 1)
    frames.to(torch.float64)
    layer.to(torch.float64)
    question = "Does `.to` change the object itself, or return a new one?"
    for name, value, tensor in (("batch", batch, frames), ("weights", weight, next(layer.parameters()))):
        check.equal(value, torch.finfo(tensor.dtype).bits, name=f"bits of the {name}", question=question)


@exercise(
    LESSON,
    "Evaluation",
    solution=(
        """
def accuracy(model, loader):
    model.eval()
    right = 0
    count = 0
    with torch.no_grad():
        for frames, lengths, labels in loader:
            right += (model(frames, lengths).argmax(1) == labels).sum().item()
            count += len(labels)
    return right / count
""",
        """
@torch.inference_mode()
def accuracy(model, loader):
    model.eval()
    hits = [model(frames, lengths).argmax(1) == labels for frames, lengths, labels in loader]
    return torch.cat(hits).float().mean().item()
""",
    ),
    hints=(
        "Which layer of the model behaves differently in training, and how do you switch it off?",
        "The last batch is smaller than the others. Count sequences, not batches.",
    ),
)
def accuracy(function: Any) -> None:
    """Return the accuracy over all sequences of a loader."""
    generator = torch.Generator().manual_seed(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = Summed().requires_grad_(False)
    frames = torch.randn(70, 6, 5, generator=generator)
    lengths = torch.full((70,), 6)
    predicted = model.eval()(frames, lengths).argmax(1)
    labels = predicted.where(torch.arange(70) < 60, 1 - predicted)  # right up to 60, and wrong in the last ten
    parts = torch.arange(70).split(32)
    loader = [(frames[rows], lengths[rows], labels[rows]) for rows in parts]
    inputs = {"batches": [(predicted[rows], labels[rows]) for rows in parts]}
    question = "Is dropout off while you measure, and does every sequence count the same?"
    actual = check.call(function, model.train(), loader)
    check.metric(actual, 60 / 70, name="accuracy over the loader", inputs=inputs, question=question)


@exercise(
    LESSON,
    "Keeping the best weights",
    solution="predicted_changed = 6",
    hints=("Does `state_dict()` copy the tensors, or does it hand you the ones that training goes on changing?",),
)
def changed_tensors(count: Any) -> None:
    """How many of the kept tensors change in the next training step?"""
    model = nn.ModuleList([nn.RNN(12, 4), nn.Linear(4, 9)])
    kept = model.state_dict()
    before = {name: tensor.clone() for name, tensor in kept.items()}
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(1)
    changed = sum(not kept[name].equal(before[name]) for name in kept)
    check.equal(count, changed, name="tensors that change", question="Whose tensors are in the dictionary?")


@exercise(
    LESSON,
    "Keeping the best weights",
    solution=(
        "def kept_weights(model):\n    return copy.deepcopy(model.state_dict())",
        """
def kept_weights(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}
""",
    ),
    hints=("A dictionary can be new while the tensors in it are still the old ones.",),
)
def kept_weights(function: Any) -> None:
    """Return weights that stay as they are while training goes on."""
    model = nn.Linear(3, 2)
    before = model.weight.detach().clone()
    kept = check.call(function, model)
    with torch.no_grad():
        model.weight.add_(1)
    inputs = {"kept": before, "trained": model.weight.detach().clone()}
    found = check.call(lambda: kept["weight"], name="kept weights")
    check.close(found, before, name="kept weights, after one more step", inputs=inputs)


@exercise(
    LESSON,
    "Saving and loading",
    solution="predicted_loaded = 0",
    hints=("A tensor is loaded where the names are the same. Compare `rnn.weight_ih_l0` with the name in the file.",),
)
def loaded_tensors(count: Any) -> None:
    """How many tensors are loaded where every name has a prefix?"""
    layer = nn.RNN(12, 4)
    saved = {f"module.{name}": tensor for name, tensor in layer.state_dict().items()}
    missing = layer.load_state_dict(saved, strict=False).missing_keys
    check.equal(count, len(layer.state_dict()) - len(missing), name="tensors loaded")


@functools.cache
def different_numbers() -> int:
    """Count the numbers that two workers draw in one epoch, each from its copy of one generator."""
    loader = DataLoader(pipeline.Noise(own_generator=True), batch_size=2, num_workers=2)
    return len({round(number, 6) for batch in loader for number in batch.tolist()})


@exercise(
    LESSON,
    "Seeds and workers",
    solution="predicted_different = 4",
    hints=(
        "Each worker gets a copy of the data set, with everything in it.",
        "How many of the eight numbers does each of the two workers draw?",
    ),
)
def numbers_of_workers(count: Any) -> None:
    """How many different numbers do two workers draw from copies of one generator?"""
    question = "Where is the generator, and what does a worker get?"
    check.equal(count, different_numbers(), name="different numbers", question=question)


@exercise(
    LESSON,
    "Find the bug",
    solution="predicted_wrong = 3",
    hints=("Write down the lengths from the longest to the shortest, and the label that each sequence had before.",),
)
def wrong_labels(count: Any) -> None:
    """How many of four sequences get the label of another one?"""
    pairs = few_pairs()
    _, lengths, labels = sorted_without_labels(pairs)
    right = [LENGTHS.index(length) for length in lengths.tolist()]
    wrong = sum(a != b for a, b in zip(labels.tolist(), right, strict=True))
    check.equal(count, wrong, name="wrong labels", question="Which sequence is first now, and which label is first?")


@exercise(
    LESSON,
    "Find the bug",
    solution=(
        """
def sorted_collate(pairs):
    pairs = sorted(pairs, key=lambda pair: len(pair[0]), reverse=True)
    return pipeline.collate(pairs)
""",
        """
def sorted_collate(pairs):
    frames, lengths, labels = pipeline.collate(pairs)
    lengths, order = lengths.sort(descending=True)
    return frames[order], lengths, labels[order]
""",
    ),
    hints=("What belongs together should be moved together.",),
)
def sorted_collate(function: Any) -> None:
    """Collate with the longest sequence first, and each label with its sequence."""
    frames, lengths, labels = pipeline.collate(few_pairs())
    order = lengths.argsort(descending=True)
    batch = check.call(function, few_pairs(), values=3)
    check.close(batch[0], frames[order], name="frames, the longest first")
    check.equal(batch[1], lengths[order].tolist(), name="lengths")
    check.equal(batch[2], labels[order].tolist(), name="labels", question="To which sequence does each label belong?")


VALIDATION_LOSSES = [0.33, 0.23, 0.37]
TEST_LOSSES = [0.31, 0.36, 0.28]


@exercise(
    LESSON,
    "The report",
    solution="predicted_run = 1",
    hints=("Which of the two lists may take part in a choice?",),
)
def run_to_ship(run: Any) -> None:
    """Which run do you ship?"""
    inputs = {"validation_losses": VALIDATION_LOSSES, "test_losses": TEST_LOSSES}
    right = VALIDATION_LOSSES.index(min(VALIDATION_LOSSES))
    check.equal(run, right, name="run to ship", inputs=inputs)

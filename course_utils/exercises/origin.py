"""The trainings that lesson 15 looks at: from the letters of a surname to its country, on 400 names."""

import copy
import functools
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

from .. import datasets, training

PARTS = {"train": 400, "validation": 300, "test": 200, "fresh": 4000}
HIDDEN_SIZES = (8, 16, 32)
SEEDS = range(8)


class Data(NamedTuple):
    """Surnames as padded numbers, their countries, and the rows of each part."""

    letters: Tensor  # (name, letter)
    lengths: Tensor  # (name)
    countries: Tensor  # (name)
    labels: list[str]
    parts: dict[str, Tensor]


class Run(NamedTuple):
    """One training: its losses by epoch, and the logits for all names with the last and with the best weights."""

    train_losses: list[float]
    validation_losses: list[float]
    last: Tensor  # (name, country)
    best: Tensor  # (name, country)

    @property
    def best_epoch(self) -> int:
        """The epoch with the lowest validation loss."""
        return self.validation_losses.index(min(self.validation_losses))


@functools.cache
def data() -> Data:
    """Draw 4900 surnames and split them into the parts of the lesson."""
    names, countries = datasets.surnames()
    drawn = torch.randperm(len(names), generator=torch.Generator().manual_seed(0))[: sum(PARTS.values())]
    labels = sorted(set(countries))
    letters = [torch.tensor([ord(letter) - 31 for letter in names[row].lower()]) for row in drawn]
    rows = torch.arange(len(drawn)).split(list(PARTS.values()))
    return Data(
        pad_sequence(letters, batch_first=True),
        torch.tensor([len(name) for name in letters]),
        torch.tensor([labels.index(countries[row]) for row in drawn]),
        labels,
        dict(zip(PARTS, rows, strict=True)),
    )


class Origin(nn.Module):
    """From the letters of a name to a logit for each country: embedding, nn.RNN, linear layer."""

    def __init__(self, hidden_size: int):
        super().__init__()
        self.embed = nn.Embedding(97, 16)
        self.rnn = nn.RNN(16, hidden_size, batch_first=True)
        self.head = nn.Linear(hidden_size, len(data().labels))

    def forward(self, rows: Tensor) -> Tensor:
        """Return the logits (row, country)."""
        letters, lengths = data().letters[rows], data().lengths[rows]
        packed = pack_padded_sequence(self.embed(letters), lengths, batch_first=True, enforce_sorted=False)
        logits: Tensor = self.head(self.rnn(packed)[1][-1])
        return logits

    def loss(self, rows: Tensor) -> Tensor:
        """Return the mean cross-entropy of the rows."""
        return cross_entropy(self(rows), data().countries[rows])


@functools.cache
def trained(seed: int, hidden_size: int = 32, epochs: int = 25) -> Run:
    """Train a model on the 400 names; a second call with the same arguments returns the same run."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    model = Origin(hidden_size)
    losses: list[float] = []
    best: dict[str, Tensor] = {}

    def after_epoch(epoch: int) -> None:
        with torch.no_grad():
            losses.append(model.loss(data().parts["validation"]).item())
        if losses[-1] == min(losses):
            best.update(copy.deepcopy(model.state_dict()))

    train_losses = training.fit(model, model.loss, PARTS["train"], epochs=epochs, after_epoch=after_epoch)
    everything = torch.arange(len(data().countries))
    with torch.no_grad():
        last = model(everything)
        model.load_state_dict(best)
        return Run(train_losses, losses, last, model(everything))


def accuracy(logits: Tensor, part: str) -> float:
    """Return the share of a part's names whose country is predicted."""
    rows = data().parts[part]
    return (logits[rows].argmax(1) == data().countries[rows]).float().mean().item()


@functools.cache
def hits() -> Tensor:
    """Return (model=24, name): 1 where a model is right; eight seeds of each hidden size."""
    runs = [trained(seed, size) for size in HIDDEN_SIZES for seed in SEEDS]
    return torch.stack([(run.best.argmax(1) == data().countries).float() for run in runs])


def bootstrap(values: Tensor, repeats: int = 1000) -> list[float]:
    """Return the middle 95% of the mean over `repeats` draws with replacement of `values` (case)."""
    draws = torch.randint(len(values), (repeats, len(values)))
    limits = values[draws].mean(1).quantile(torch.tensor([0.025, 0.975]))
    return [round(limit, 3) for limit in limits.tolist()]


def f1(scores: Tensor, targets: Tensor, threshold: float) -> float:
    """Return the F1 of predicting positive where the score reaches the threshold."""
    predicted = scores >= threshold
    return (2 * (predicted & (targets == 1)).sum() / (predicted.sum() + targets.sum())).item()


def optimism(test_names: int = 100, repeats: int = 300) -> tuple[Tensor, Tensor]:
    """Choose the best of 24 models on small test sets: what is reported, and what that model is worth."""
    fresh = data().parts["fresh"]
    torch.manual_seed(0)
    tests = torch.stack([fresh[torch.randperm(len(fresh))[:test_names]] for _ in range(repeats)])
    reported, chosen = hits()[:, tests].mean(2).max(0)
    return reported, hits()[:, fresh].mean(1)[chosen]


def optimism_by_tries(test_names: int) -> dict[str, Tensor]:
    """What is reported and what it is worth, after 1, 2, ... 24 models were tried on so many test names."""
    fresh = data().parts["fresh"]
    torch.manual_seed(0)
    shuffled = torch.randperm(len(hits()))
    tests = torch.stack([fresh[torch.randperm(len(fresh))[:test_names]] for _ in range(300)])
    reported, places = hits()[shuffled][:, tests].mean(2).cummax(0)
    worth = hits()[shuffled][:, fresh].mean(1)
    return {"what is reported": reported.mean(1), "what it is worth": worth[places].mean(1)}


@functools.cache
def table_hits() -> Tensor:
    """Return (name): 1 where the commonest country of the name's last three letters in the training set is right."""
    d = data()
    endings = [
        tuple(row[max(0, length - 3) : length].tolist()) for row, length in zip(d.letters, d.lengths, strict=True)
    ]
    commonest = _commonest(d.countries[d.parts["train"]].tolist())
    seen: dict[tuple[int, ...], list[int]] = {}
    for row in d.parts["train"].tolist():
        seen.setdefault(endings[row], []).append(int(d.countries[row]))
    predicted = [_commonest(seen[ending]) if ending in seen else commonest for ending in endings]
    return (torch.tensor(predicted) == d.countries).float()


def _commonest(labels: list[int]) -> int:
    return max(sorted(set(labels)), key=labels.count)


def polish() -> tuple[Tensor, Tensor]:
    """Return a model's probability of Poland, and whether it is Poland (name)."""
    poland = data().labels.index("Poland")
    return trained(0, 8).best.softmax(1)[:, poland], (data().countries == poland).long()

"""Exercises of lesson 07: losses, masks and the training loop."""

import copy
import functools
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from .. import check, training
from ..failure import fail
from .exercise import exercise

LESSON = "07_losses_and_masks"
LENGTHS = torch.tensor([5, 2, 4, 1, 3, 2, 5, 1])
VALID = torch.arange(5) < LENGTHS[:, None]  # (batch, time)
SERIES = torch.rand(64, 8, 1, generator=torch.Generator().manual_seed(0))
MEANS = SERIES.mean(dim=(1, 2))


class Reader(nn.Module):
    """An nn.RNN that ends in `answers` numbers for each sequence, and notes in which mode it was called."""

    def __init__(self, features: int, hidden: int, answers: int):
        super().__init__()
        self.rnn, self.head = nn.RNN(features, hidden, batch_first=True), nn.Linear(hidden, answers)
        self.modes: list[bool] = []

    def forward(self, sequences: Tensor) -> Tensor:
        """Return (batch, answers) for sequences of shape (batch, time, features)."""
        self.modes.append(self.training)
        return self.head(self.rnn(sequences)[1][-1])


def recording(model: nn.Module) -> tuple[torch.optim.SGD, list[Tensor]]:
    """Make an optimizer, and the list into which it puts the gradients of each of its steps."""
    optimizer, gradients = torch.optim.SGD(model.parameters(), lr=0.5), []

    def note(*_: object) -> None:
        parts = [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in model.parameters()]
        gradients.append(torch.cat([part.flatten() for part in parts]))

    optimizer.register_step_pre_hook(note)
    return optimizer, gradients


def reader() -> Reader:
    """Make the model of "Find the bug", with the same weights each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Reader(1, 12, 1)


def _divided(scores: Tensor) -> Tensor:
    each = cross_entropy(scores, torch.zeros(4, dtype=torch.long), reduction="none")
    none = torch.zeros(4)
    return (each * none).sum() / none.sum()


MEANS_OVER_NOTHING: dict[str, Callable[[Tensor], Tensor]] = {
    "ignore_index": lambda scores: cross_entropy(scores, torch.full((4,), -100)),
    "sum / 0": _divided,
    "sum / 0, nan_to_num": lambda scores: _divided(scores).nan_to_num(),
}


@functools.cache
def _tagged() -> tuple[Tensor, Tensor]:
    """Logits (batch=8, time=5, classes=3) and tags (batch=8, time=5)."""
    generator = torch.Generator().manual_seed(1)
    return 2 * torch.randn(8, 5, 3, generator=generator), torch.randint(3, (8, 5), generator=generator)


@exercise(
    LESSON,
    "Logits and losses",
    solution="predicted_loss = 2.197",
    hints=(
        "Which probability does each of the nine classes get?",
        "Take minus the logarithm of that probability; Python's math.log is the natural logarithm.",
    ),
)
def loss_of_a_guess(predicted: Any) -> None:
    """What is the loss of a model that gives 9 classes the same logit?"""
    right = cross_entropy(torch.zeros(1, 9), torch.tensor([0])).item()
    question = "Which probability does the right class get, and what is minus its logarithm?"
    check.metric(predicted, right, high=math.inf, tolerance=0.006, name="loss of a guess", question=question)


@exercise(
    LESSON,
    "Softmax twice",
    solution="predicted_floor = 1.461",
    hints=(
        "Which ten numbers does the loss take for logits?",
        "Apply softmax to a 1 and nine zeros: e to the power of each, divided by their sum.",
    ),
)
def lowest_loss(predicted: Any) -> None:
    """What is the loss of a perfect model with a second softmax, for 10 classes?"""
    certain = one_hot(torch.tensor([0]), 10).float()
    right = cross_entropy(certain, torch.tensor([0])).item()
    question = "Which numbers does the loss take for logits here, and what does it do with them first?"
    check.metric(predicted, right, high=math.inf, tolerance=0.006, name="lowest loss", question=question)


@exercise(
    LESSON,
    "From memory",
    solution="""
def one_pass(model, optimizer, inputs, targets, batches):
    model.train()
    losses = []
    for rows in batches:
        loss = cross_entropy(model(inputs[rows]), targets[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
""",
    hints=(
        "Say in words what happens to one batch, from its rows to the moved weights; then write a line for each.",
        "Three calls in a loop change gradients or weights: one forgets, one computes, one moves.",
        "Which mode must the model be in before the first batch, and what turns a loss into a plain number?",
    ),
)
def one_pass(function: Any) -> None:
    """Write one pass of a training loop."""
    inputs, targets = _small_task()
    batches = [torch.arange(start, start + 8) for start in range(0, 24, 8)]
    model = _fresh().eval()
    first = copy.deepcopy(model)
    optimizer, gradients = recording(model)
    losses = check.call(function, model, optimizer, inputs, targets, batches)
    _plain_numbers(losses, len(batches))
    if not all(model.modes):
        _wrong("one pass", "The model ran in evaluation mode.", "Which mode is the model in when it arrives?")
    _right_steps(gradients, losses, first, inputs, targets, batches)
    before = sum(losses) / len(losses)
    for _ in range(30):
        losses = check.call(function, model, optimizer, inputs, targets, batches)
    check.metric(sum(losses) / len(losses), high=before / 2, name=f"loss after 30 more passes (first {before:.2f})")


def _small_task() -> tuple[Tensor, Tensor]:
    """Sequences (24, 6, 3), and whether the first feature is positive on average."""
    inputs = torch.randn(24, 6, 3, generator=torch.Generator().manual_seed(2))
    return inputs, (inputs[:, :, 0].mean(dim=1) > 0).long()


def _fresh() -> Reader:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return Reader(3, 8, 2)


def _wrong(name: str, symptom: str, question: str) -> None:
    fail(name, symptom, question, None)


def _plain_numbers(losses: Any, count: int) -> None:
    if not isinstance(losses, list) or len(losses) != count:
        found = f"a list of {len(losses)}" if isinstance(losses, list) else f"a value of type {type(losses).__name__}"
        _wrong("one pass", f"Your function returned {found}; expected a list of {count} losses.", "What is collected?")
    if any(isinstance(loss, Tensor) for loss in losses):
        question = "What does a loss tensor drag along besides its number?"
        _wrong("one pass", "Your losses are tensors; expected plain numbers.", question)


def _right_steps(
    found: list[Tensor], losses: list[float], model: Reader, inputs: Tensor, targets: Tensor, batches: list[Tensor]
) -> None:
    """Compare the gradients of each step, and the losses, with those of a loop that is right."""
    if not found:
        _wrong("one pass", "No weight has moved.", "Which call moves the weights?")
    if len(found) != len(batches):
        symptom = f"The optimizer made {len(found)} steps; expected one for each of {len(batches)} batches."
        _wrong("one pass", symptom, "What belongs inside the loop, and what after it?")
    optimizer, right = recording(model)
    right_losses = []
    for number, rows in enumerate(batches):
        loss = cross_entropy(model(inputs[rows]), targets[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        right_losses.append(loss.item())
        _right_gradient(number, found[number], right[number], torch.stack(right).sum(dim=0))
    check.close(torch.tensor(losses), torch.tensor(right_losses), name="losses of the batches")


def _right_gradient(number: int, given: Tensor, right: Tensor, summed: Tensor) -> None:
    if torch.allclose(given, right, atol=1e-5):
        return
    question = "Which calls come between the loss of a batch and the step, and in which order?"
    what = "not that of this batch's mean loss"
    if not given.any():
        what = "zero"
    elif torch.allclose(given, summed, atol=1e-5):
        what = f"the sum over {number + 1} batches"
        question = "backward() adds to the gradients that are there. What is there when it is called?"
    _wrong("one pass", f"At step {number} the gradient is {what}.", question)


@exercise(
    LESSON,
    "Training mode and evaluation mode",
    solution="predicted_survivor = 4",
    hints=("How many of eight ones survive on average, and what must each be for the sum to stay 8?",),
)
def surviving_one(predicted: Any) -> None:
    """What does dropout with 0.75 make of a 1 that survives?"""
    right = nn.Dropout(0.75)(torch.ones(1000)).max().item()
    question = "Which share survives, and by what must each survivor be multiplied to make up for the others?"
    check.metric(predicted, right, high=math.inf, name="surviving one", question=question)


@exercise(
    LESSON,
    "The class axis",
    solution=(
        """
def tagger_loss(logits, targets):
    return cross_entropy(logits.transpose(1, 2), targets)
""",
        """
def tagger_loss(logits, targets):
    return cross_entropy(logits.flatten(0, 1), targets.flatten())
""",
    ),
    hints=(
        "Name the axes of both tensors. Which shapes does the loss want?",
        "One method swaps two axes and leaves each number with its case; `view` doesn't.",
    ),
)
def tagger_loss(function: Any) -> None:
    """Write the mean loss of all steps of a tagger."""
    logits, targets = _tagged()
    inputs = {"metric": "loss", "logits": logits, "targets": targets}
    single = [cross_entropy(logits[b, t], targets[b, t]).item() for b in range(8) for t in range(5)]
    loss = check.call(function, logits, targets, inputs=inputs)
    check.metric(loss, sum(single) / len(single), high=math.inf, name="loss of the tagger", inputs=inputs)


@exercise(
    LESSON,
    "Masks in the loss",
    solution=(
        """
def masked_loss(logits, targets, mask):
    each = cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    return (each * mask).sum() / mask.sum().clamp(min=1)
""",
        """
def masked_loss(logits, targets, mask):
    ignored = targets.masked_fill(~mask, -100)
    total = cross_entropy(logits.transpose(1, 2), ignored, reduction="sum")
    return total / mask.sum().clamp(min=1)
""",
    ),
    hints=(
        'What does `cross_entropy(..., reduction="none")` give you, and in which shape?',
        "Which number is the denominator, and what should it be when no step is valid?",
    ),
)
def masked_loss(function: Any) -> None:
    """Write the mean loss of the valid steps."""
    logits, targets = _tagged()
    padded = targets.masked_fill(~VALID, 0)
    inputs = {"metric": "loss", "logits": logits, "targets": padded, "mask": VALID}
    total = sum(
        cross_entropy(logits[b, :n], padded[b, :n], reduction="sum").item() for b, n in enumerate(LENGTHS.tolist())
    )
    learned = logits.clone().requires_grad_()
    loss = check.call(function, learned, padded, VALID, inputs=inputs)
    check.metric(loss, total / 23, high=math.inf, name="loss of 23 valid steps", inputs=inputs)
    _can_be_learned_from(loss, learned, "gradient of that loss")
    nothing = {"metric": "loss", "logits": logits, "targets": torch.full_like(targets, -100)}
    learned = logits.clone().requires_grad_()
    loss = check.call(function, learned, padded, VALID & False)
    check.metric(loss, 0.0, high=math.inf, name="loss of no step", inputs=nothing)
    _can_be_learned_from(loss, learned, "gradient where no step is valid")


def _can_be_learned_from(loss: Any, logits: Tensor, name: str) -> None:
    """Check that the loss has a finite gradient."""
    if isinstance(loss, Tensor) and loss.requires_grad:
        loss.backward()
        if logits.grad is not None and bool(logits.grad.isfinite().all()):
            return
    symptom = "The number is right, but the logits get no finite gradient from it."
    question = "Is your loss still a tensor that knows where it came from, and is no 0 / 0 on its way?"
    fail(name, symptom, question, (LESSON, "Masks in the loss"))


@exercise(
    LESSON,
    "Find the bug",
    solution="predicted_difference = (32, 32)",
    hints=("Write (32, 1) above (32), aligned at the right. Which axis is stretched in each?",),
)
def shape_of_difference(predicted: Any) -> None:
    """Which shape does a column minus a row have?"""
    difference = torch.zeros(32, 1) - torch.zeros(32)
    check.shape(predicted, difference, name="shape of the difference", batch=32, column=1)


@exercise(
    LESSON,
    "Find the bug",
    solution=(
        """
def squared_error(predictions, targets):
    return ((predictions.squeeze(1) - targets) ** 2).mean()
""",
        """
def squared_error(predictions, targets):
    return ((predictions - targets.unsqueeze(1)) ** 2).mean()
""",
    ),
    hints=(
        "Which of the two tensors has an axis too many or too few? Either can be changed.",
        "If you drop an axis, say which one: a batch may hold a single row.",
    ),
)
def squared_error(function: Any) -> None:
    """Write the squared error of predictions (batch, 1) and targets (batch)."""
    generator = torch.Generator().manual_seed(4)
    guesses, some = torch.rand(32, 1, generator=generator), MEANS[:32]
    inputs = {"metric": "mse", "predictions": guesses, "targets": some}
    right = sum((guesses[i, 0] - some[i]).item() ** 2 for i in range(32)) / 32
    error = check.call(function, guesses, some, inputs=inputs)
    question = "Which numbers are averaged, and how many are there?"
    check.metric(error, right, high=math.inf, name="squared error", inputs=inputs, question=question)
    if not isinstance(check.call(function, guesses.requires_grad_(), some), Tensor):
        _wrong("squared error", "Your function returns a plain number.", "On what is backward() called?")
    model = reader()
    with torch.random.fork_rng(devices=[]):
        check.call(training.fit, model, lambda rows: function(model(SERIES[rows]), MEANS[rows]), 64, epochs=100)
    share = (model(SERIES).std() / MEANS.std()).item()
    check.metric(share, low=0.7, high=1.3, name="spread of a trained model's answers, divided by that of the means")

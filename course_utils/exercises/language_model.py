"""Exercises of lesson 09: a character language model."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .. import characters, check
from .exercise import exercise

LESSON = "09_language_model"
SYMBOLS = len(characters.SYMBOLS)
SPELLERS = (6, 19, 2)  # seeds of models whose names depend on more than the last character
INPUTS, TARGETS = characters.pairs(["lee", "van der berg", "o'hara", "ng", "kowalski"])


class Model(nn.Module):
    """What the lesson's model does, with fresh weights, large enough for its guesses to depend on the state."""

    def __init__(self, seed: int):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.embedding = nn.Embedding(SYMBOLS, 8)
            self.rnn = nn.RNN(8, 16, batch_first=True)
            self.head = nn.Linear(16, SYMBOLS)
        with torch.no_grad():
            self.rnn.get_parameter("weight_hh_l0").mul_(5)
            self.head.bias[characters.PADDING] = -100.0
        self.requires_grad_(False)

    def forward(self, inputs: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return logits (name, time, symbol) and the state."""
        output, state = self.rnn(self.embedding(inputs), state)
        return self.head(output), state


@exercise(
    LESSON,
    "The next character",
    solution='predicted_inputs = ".lee"\npredicted_targets = "lee."',
    hints=(
        "What has the model read when it guesses the first letter? And what should it say after the last one?",
        "Both texts have four characters.",
    ),
)
def pair_for_lee(inputs: Any, targets: Any) -> None:
    """What does the model read, and what must it predict, for the name lee?"""
    check.equal(inputs, ".lee", name="inputs for lee", question="What comes in at the very first step?")
    check.equal(
        targets,
        "lee.",
        name="targets for lee",
        inputs={"stream": ".lee."},
        question="Which character comes right after each one that is read?",
    )


@exercise(
    LESSON,
    "Perplexity",
    solution="predicted_perplexity = 4",
    hints=(
        "Turn each probability into 'one in how many'. Which kind of mean fits numbers that are multiplied?",
        "Multiply the three numbers. Which number, three times as a factor, gives the same product?",
    ),
)
def perplexity_by_hand(predicted: Any) -> None:
    """What is the perplexity for the probabilities 1/2, 1/4 and 1/8?"""
    right = float(torch.tensor([1 / 2, 1 / 4, 1 / 8]).log().mean().neg().exp())
    check.metric(
        predicted,
        right,
        low=1.0,
        high=float("inf"),
        tolerance=0.01,
        name="perplexity by hand",
        question="Are probabilities of characters that follow each other added or multiplied?",
    )


@exercise(
    LESSON,
    "Perplexity",
    solution=(
        """
def perplexity(logits, targets):
    losses = F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=0)
    return losses.exp()
""",
        """
def perplexity(logits, targets):
    valid = targets != 0
    return F.cross_entropy(logits[valid], targets[valid]).exp()
""",
    ),
    hints=(
        "Start from the loss of lesson 07. Which steps must not count?",
        "The loss is a mean of natural logarithms. What undoes a natural logarithm?",
    ),
)
def perplexity(function: Any) -> None:
    """Return the perplexity over all characters that aren't padding."""
    for seed in (0, 1):
        logits, _ = Model(seed)(INPUTS)
        logits = logits.clone()
        logits[..., 0] = torch.linspace(-3, 3, INPUTS.shape[1])  # the padding is neither sure nor impossible
        right = float(F.cross_entropy(logits.transpose(1, 2), TARGETS, ignore_index=0).exp())
        inputs = {"metric": "perplexity", "logits": logits, "targets": TARGETS, "mask": TARGETS != 0}
        value = check.call(function, logits, TARGETS)
        check.metric(
            value,
            right,
            low=1.0,
            high=float("inf"),
            tolerance=1e-3,
            name=f"perplexity of model {seed}",
            inputs=inputs,
            question="Over which steps is your mean taken, and what did you do with it afterwards?",
        )


@exercise(
    LESSON,
    "Baselines",
    solution="predicted_uniform = 30",
    hints=("If all characters are equally likely, one in how many guesses is right?",),
)
def uniform(predicted: Any) -> None:
    """What is the perplexity of a model that gives each of the 30 characters the same probability?"""
    check.metric(
        predicted,
        float(SYMBOLS - 1),
        low=1.0,
        high=float("inf"),
        tolerance=0.01,
        name="uniform perplexity",
        question="Which probability does each character get? Turn it into 'one in how many'.",
    )


@exercise(
    LESSON,
    "Temperature",
    solution="predicted_ratio = 16",
    hints=(
        "The logits of a and b differ by log 4. By how much do they differ once both are divided by 0.5?",
        "A difference that doubles is a ratio that is squared.",
    ),
)
def colder(predicted: Any) -> None:
    """How many times as likely as b is a at temperature 0.5?"""
    logits = torch.tensor([4.0, 1.0]).log() / 0.5
    ratio = float(logits.softmax(0)[0] / logits.softmax(0)[1])
    check.metric(
        predicted,
        ratio,
        low=0.0,
        high=float("inf"),
        tolerance=0.01,
        name="ratio at temperature 0.5",
        question="What happens to a difference of logits when both are divided by a half?",
    )


@exercise(
    LESSON,
    "Names that it invents",
    solution=(
        """
def most_likely_name(model):
    spelled, state = "", None
    symbol = characters.indices(".")
    while len(spelled) < 20:
        logits, state = model(symbol[None], state)
        symbol = logits[0, -1].argmax()[None]
        if characters.text(symbol) == ".":
            break
        spelled = spelled + characters.text(symbol)
    return spelled
""",
        """
def most_likely_name(model):
    text = "."
    while len(text) <= 20:
        logits, _ = model(characters.indices(text)[None])
        best = characters.SYMBOLS[logits[0, -1].argmax()]
        if best == ".":
            break
        text = text + best
    return text[1:]
""",
    ),
    hints=(
        "What does the model need besides the last character to know where in the name it is?",
        "Either hand its state back to it, or let it read the whole name again at every step.",
    ),
)
def most_likely_name(function: Any) -> None:
    """Return the name in which each character is the most probable one, at most 20 characters long."""
    for seed in SPELLERS:
        model = Model(seed)
        check.equal(
            check.call(function, model),
            _spelled(model),
            name=f"name spelled by model {seed}",
            question="At which character does your name begin to differ, and what had the model read by then?",
        )


@exercise(
    LESSON,
    "Targets that are the inputs",
    solution="predicted_copy = 1",
    hints=("With what probability does a model that copies well predict its own input?",),
)
def copied(predicted: Any) -> None:
    """Near which whole number is the perplexity of a model that only has to copy?"""
    check.metric(
        predicted,
        1.0,
        low=0.0,
        high=float("inf"),
        tolerance=0.01,
        name="perplexity of a copy",
        question="How surprised is somebody who is asked to repeat what was just said?",
    )


@exercise(
    LESSON,
    "Perplexity over padding",
    solution="predicted_padded = 3",
    hints=(
        "The loss at a valid step is log 9 on average, and 0 in the padding. What is the mean over all steps?",
        "Half of log 9 is the logarithm of which number?",
    ),
)
def half_padding(predicted: Any) -> None:
    """What is the perplexity over all steps, if half are valid with perplexity 9 and the rest are certain?"""
    losses = torch.tensor([9.0, 1.0]).log()
    check.metric(
        predicted,
        float(losses.mean().exp()),
        low=1.0,
        high=float("inf"),
        tolerance=0.01,
        name="perplexity with padding",
        question="Is it the perplexities that are averaged, or their logarithms?",
    )


@exercise(
    LESSON,
    "Find the bug",
    solution=(
        """
def logits_of(model, batches):
    found = []
    for batch in batches:
        logits, _ = model(batch)
        found.append(logits)
    return torch.cat(found)
""",
        """
def logits_of(model, batches):
    return torch.cat([model(batch)[0] for batch in batches])
""",
    ),
    hints=("Which names has the model read when it begins the second batch? Which of them should it know?",),
)
def logits_of(function: Any) -> None:
    """Return the logits for all names of several batches, (names, time, symbols)."""
    model = Model(0)
    batches = list(INPUTS[:4].split(2))
    right = torch.cat([model(batch)[0] for batch in batches])
    value = check.call(function, model, batches)
    check.close(value, right, name="logits of two batches", inputs={"layer": model, "unrelated": batches})


def _spelled(model: Model) -> str:
    text = "."
    while len(text) <= 20:
        best = characters.SYMBOLS[int(model(characters.indices(text)[None])[0][0, -1].argmax())]
        if best == ".":
            break
        text += best
    return text[1:]

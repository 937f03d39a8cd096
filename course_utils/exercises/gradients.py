"""Exercises of lesson 08: gradients through time, clipping, chunks and gates; and the models that it trains."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd import grad
from torch.nn.functional import cross_entropy, one_hot
from torch.nn.utils.rnn import pack_sequence

from .. import check, datasets, plots
from ..failure import fail
from .exercise import exercise

LESSON = "08_gradients_and_gates"

# -- gradients over time ----------------------------------------------------------------------------------------


def rotation(features: int, hidden: int, batch_first: bool = True, scale: float = 1.0) -> nn.RNN:
    """Make an nn.RNN without biases whose recurrent weight turns a state and makes it `scale` times as long."""
    layer = nn.RNN(features, hidden, bias=False, batch_first=batch_first)
    nn.init.orthogonal_(layer.get_parameter("weight_hh_l0"), gain=scale)
    return layer


def gradient_by_step(layer: Any, size: float = 0.03) -> Tensor:
    """Return how much the last of 30 outputs depends on each input step: (time,), the mean over 20 sequences."""
    inputs = (size * torch.randn(20, 30, layer.input_size)).requires_grad_()
    (slopes,) = grad(layer(inputs)[0][:, -1].sum(), inputs)
    return slopes.norm(dim=2).mean(dim=0)


def gradient_picture(scale: float, input_size: float) -> plots.Picture:
    """Draw the gradient by step, for a rotation of this scale and for an ordinary nn.RNN."""
    torch.manual_seed(0)
    rotated = gradient_by_step(rotation(32, 32, scale=scale), input_size).log10()
    usual = gradient_by_step(nn.RNN(32, 32, batch_first=True), input_size).log10()
    numbers = f"At step 0, scale {scale}: 10 to the {rotated[0]:.1f}; new nn.RNN: 10 to the {usual[0]:.1f}."
    return plots.lines(
        {f"rotation times {scale}": rotated, "a new nn.RNN": usual},
        title="How far back does the gradient of the last output reach?",
        x_label="input step",
        y_label="log10 of the gradient's norm",
        alt=f"The gradient by input step. {numbers}",
    )


def reach(kind: Callable[..., Any]) -> float:
    """Return the gradient at step 0 divided by that at step 29: the middle one of 5 new layers."""
    shares = []
    for seed in range(5):
        torch.manual_seed(seed)
        by_step = gradient_by_step(kind(4, 32, batch_first=True), size=1.0)
        shares.append(by_step[0] / by_step[-1])
    return torch.stack(shares).median().item()


# -- models that the lesson trains ------------------------------------------------------------------------------


class Run(NamedTuple):
    """What a training leaves behind: the accuracy on the test set, and the norm of each gradient before clipping."""

    accuracy: float
    norms: list[float]


def speaker_run(
    seed: int, optimizer_of: Callable[..., torch.optim.Optimizer], lr: float, limit: float | None, epochs: int = 15
) -> Run:
    """Train the speaker model of lesson 07, with the gradients clipped to the limit if there is one."""
    vowels, labels = datasets.vowels(), datasets.vowels().train_labels
    torch.manual_seed(seed)
    model = nn.ModuleList([nn.RNN(12, 32), nn.Linear(32, 9)])

    def logits(sequences: list[Tensor]) -> Tensor:
        return model[1](model[0](pack_sequence(sequences, enforce_sorted=False))[1][-1])

    optimizer, norms = optimizer_of(model.parameters(), lr=lr), []
    for _ in range(epochs):
        for rows in torch.randperm(270).split(30):
            loss = cross_entropy(logits([vowels.train[i] for i in rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            norms.append(nn.utils.clip_grad_norm_(model.parameters(), math.inf if limit is None else limit).item())
            optimizer.step()
    with torch.no_grad():
        correct = logits(vowels.test).argmax(dim=1) == vowels.test_labels
    return Run(correct.float().mean().item(), norms)


def echo_accuracy(size: int, seed: int) -> float:
    """Train a layer in chunks of `size` steps to repeat the symbol from three steps ago; test it on new streams."""
    torch.manual_seed(seed)
    rnn, head = nn.RNN(4, 16, batch_first=True), nn.Linear(16, 4)
    optimizer = torch.optim.Adam([*rnn.parameters(), *head.parameters()], 0.01)
    for _ in range(10 * size):
        symbols, state = torch.randint(4, (32, 24)), None
        inputs, answers = one_hot(symbols, 4).float(), symbols.roll(3, dims=1)
        answers[:, :3] = -100  # no symbol came before these
        for chunk, wanted in zip(inputs.split(size, dim=1), answers.split(size, dim=1), strict=True):
            output, state = rnn(chunk, state)
            state = state.detach()
            loss = cross_entropy(head(output).flatten(0, 1), wanted.flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    symbols = torch.randint(4, (200, 24))
    with torch.no_grad():
        predicted = head(rnn(one_hot(symbols, 4).float())[0]).argmax(dim=2)
    return (predicted[:, 3:] == symbols[:, :-3]).float().mean().item()


def first_symbol(count: int) -> tuple[Tensor, Tensor]:
    """Thirty symbols of four, (count, 30, 4), and the first of each."""
    symbols = torch.randint(4, (count, 30))
    return one_hot(symbols, 4).float(), symbols[:, 0]


def marked_symbol(count: int) -> tuple[Tensor, Tensor]:
    """Thirty symbols of four with a mark at one of the first ten, (count, 30, 5), and the marked one of each."""
    symbols, marked = torch.randint(4, (count, 30)), torch.randint(10, (count,))
    marks = one_hot(marked, 30).unsqueeze(2)
    return torch.cat([one_hot(symbols, 4), marks], dim=2).float(), symbols[torch.arange(count), marked]


class Recaller(nn.Module):
    """A layer with 32 hidden units that says a symbol after the last step, with the sequences that it learns from."""

    N_TRAIN, N_TEST = 640, 300

    def __init__(self, kind: Callable[..., Any], task: Callable[[int], tuple[Tensor, Tensor]]):
        super().__init__()
        self.inputs, self.answers = task(self.N_TRAIN + self.N_TEST)
        self.layer, self.head = kind(self.inputs.shape[2], 32, batch_first=True), nn.Linear(32, 4)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the logits after the last step, (batch, 4)."""
        return self.head(self.layer(inputs)[0][:, -1])

    def loss(self, rows: Tensor) -> Tensor:
        """Return the loss of a batch, as `training.fit` wants it."""
        return cross_entropy(self(self.inputs[rows]), self.answers[rows])

    @torch.no_grad()
    def accuracy(self) -> float:
        """Return the share of right answers on the sequences that are not trained on."""
        predicted = self(self.inputs[self.N_TRAIN :]).argmax(dim=1)
        return (predicted == self.answers[self.N_TRAIN :]).float().mean().item()


# -- exercises --------------------------------------------------------------------------------------------------


@exercise(
    LESSON,
    "Gradients over time",
    solution="predicted_power = 9",
    hints=(
        "Which number is multiplied with itself, and how often?",
        "Ten halvings make a number about a thousand times smaller.",
    ),
)
def power_of_ten(predicted: Any) -> None:
    """By which power of ten does a gradient shrink, halved 29 times?"""
    right = round(-29 * math.log10(0.5))
    check.equal(predicted, right, name="power of ten", question="Which number is multiplied, and how many times?")


@exercise(
    LESSON,
    "Clipping",
    solution="predicted_gradient = 0.6",
    hints=("How long is a vector with the entries 3 and 4?", "Both entries are divided by the same number."),
)
def clipped_gradient(predicted: Any) -> None:
    """What is a gradient of 3, beside one of 4, after clipping to a norm of 1?"""
    parts = [nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))]
    (3 * parts[0] + 4 * parts[1]).sum().backward()
    nn.utils.clip_grad_norm_(parts, 1.0)
    right, question = parts[0].grad, "How long is the vector of all gradients together?"
    assert right is not None
    check.metric(predicted, right.item(), high=math.inf, tolerance=1e-3, name="clipped gradient", question=question)


@exercise(
    LESSON,
    "Truncated backpropagation",
    solution="""
def carried(state):
    return state.detach()
""",
    hints=("What should the next chunk get, and what should stay behind?",),
)
def carried(function: Any) -> None:
    """Write what goes from a chunk into the next."""
    torch.manual_seed(0)
    layer, stream = nn.RNN(4, 6, batch_first=True), torch.randn(2, 15, 4)

    def in_chunks(layer: nn.RNN, stream: Tensor, carry: Any) -> Tensor:
        state, outputs = None, []
        for chunk in stream.split(5, dim=1):
            output, state = layer(chunk, state)
            output.sum().backward()
            outputs.append(output.detach())
            state = carry(state)
        return torch.cat(outputs, dim=1)

    check.call(function, torch.zeros(1, 2, 6))
    inputs = {"layer": layer, "batch": stream, "chunk": 5}
    chunks = check.call(in_chunks, layer, stream, function, name="three chunks")
    check.close(chunks, layer(stream)[0].detach(), name="three chunks and one pass", inputs=inputs)


@exercise(
    LESSON,
    "Truncated backpropagation",
    solution="predicted_steps = 5",
    hints=("Number the steps of the chunk from 0 to 7. Where is the answer of step 0?",),
)
def answers_in_a_chunk(predicted: Any) -> None:
    """At how many of 8 steps is the symbol from three steps ago in the same chunk?"""
    right = sum(step - 3 >= 0 for step in range(8))
    question = "Which is the first step whose answer, three steps earlier, is in the chunk?"
    check.equal(predicted, right, name="steps with their answer in the chunk", question=question)


@exercise(
    LESSON,
    "RNN beside GRU and LSTM",
    solution="predicted_gru = 3648\npredicted_lstm = 4864",
    hints=("Count the new content of the state as one set of weights, and add the gates.",),
)
def parameter_counts(gru: Any, lstm: Any) -> None:
    """How many parameters do a GRU and an LSTM have?"""
    for value, kind, name in ((gru, nn.GRU, "parameters of the GRU"), (lstm, nn.LSTM, "parameters of the LSTM")):
        right = sum(weight.numel() for weight in kind(4, 32).parameters())
        check.equal(value, right, name=name, question="How many sets of weights does it have, the gates' included?")


@exercise(
    LESSON,
    "RNN beside GRU and LSTM",
    solution=(
        """
def last_logits(layer, head, batch):
    output, _ = layer(batch)
    return head(output[:, -1])
""",
        """
def last_logits(layer, head, batch):
    _, state = layer(batch)
    h = state[0] if isinstance(state, tuple) else state
    return head(h[-1])
""",
    ),
    hints=(
        "Which of the two things that a layer returns looks the same for all three kinds?",
        "For one direction and without padding, where else is the state after the last step?",
    ),
)
def last_logits(function: Any) -> None:
    """Write the logits of the last step, for an nn.RNN, a GRU and an LSTM."""
    torch.manual_seed(1)
    batch, head = torch.randn(4, 7, 5), nn.Linear(6, 3)
    for kind in (nn.RNN, nn.GRU, nn.LSTM):
        layer = kind(5, 6, batch_first=True)
        right = head(layer(batch)[0][:, -1]).detach()
        logits = check.call(function, layer, head, batch)
        check.close(logits, right, name=f"logits of an nn.{kind.__name__}")


@exercise(
    LESSON,
    "A gate that starts open",
    solution="predicted_share = 0.56",
    hints=("The share is multiplied once for each step.",),
)
def share_kept(predicted: Any) -> None:
    """Which share of c is left after 29 steps at 98%?"""
    exact, rounded = torch.tensor(4.0).sigmoid().item() ** 29, 0.98**29
    middle = (exact + rounded) / 2  # 98% is rounded, and either number may be used
    question = "What happens to the share at each step, and how many steps are there?"
    check.metric(predicted, middle, tolerance=0.03, name="share of c after 29 steps", question=question)


@exercise(
    LESSON,
    "Find the bug",
    solution="predicted_weight = -2",
    hints=("In which line does the weight move, and what is its gradient then?",),
)
def weight_after_the_bug(predicted: Any) -> None:
    """Where is a weight of 0 after a step that clips too late?"""
    weight = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    (20 * weight).backward()
    optimizer.step()
    question = "Which line moves the weight, and what is the gradient at that moment?"
    check.metric(predicted, weight.item(), low=-math.inf, high=math.inf, name="weight", question=question)


@exercise(
    LESSON,
    "Find the bug",
    solution="""
def clipped_step(optimizer, loss, parameters, limit):
    optimizer.zero_grad()
    loss.backward()
    norm = nn.utils.clip_grad_norm_(parameters, limit)
    optimizer.step()
    return norm.item()
""",
    hints=(
        "When does the gradient exist, and when is it used? The clipping belongs between the two.",
        "What does the clipping call return?",
    ),
)
def clipped_step(function: Any) -> None:
    """Write a step of the optimizer with a clipped gradient, which returns the norm from before."""
    weights = [nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))]
    optimizer = torch.optim.SGD(weights, lr=0.1)
    for number in (1, 2):  # a gradient of (12, 16), and in the second step one that was not zeroed would show
        loss = (12 * weights[0] + 16 * weights[1]).sum()
        norm = check.call(_on_originals(function, optimizer, loss, weights), name="clipped_step")
        if isinstance(norm, Tensor):
            fail("norm", "You have a tensor; expected a plain number.", "Which method makes a number of it?", None)
        question = "Which gradients are there at the moment when they are clipped?"
        name = f"norm before clipping, step {number}"
        check.metric(norm, 20.0, high=math.inf, tolerance=1e-3, name=name, question=question)
        moved = torch.cat([weight.detach() for weight in weights])
        check.close(moved, number * torch.tensor([-0.06, -0.08]), name=f"weights after step {number}")


def _on_originals(function: Any, *arguments: Any) -> Callable[[], Any]:
    """A call without arguments: `check.call` would copy the weights, and the optimizer would move the originals."""
    return lambda: function(*arguments, 1.0)

"""Exercises of lesson 17: ten programs, and a probe of one's own."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from .. import check, museum, toy
from .exercise import exercise

LESSON = "17_bug_museum"
EXHIBITS = {
    number: f"Exhibit {number} · {title}"
    for number, title in enumerate(
        (
            "Who is speaking?",
            "Two states for each sequence",
            "The longest first",
            "Two directions without packing",
            "A loss that stays high",
            "A tagger of addresses",
            "Two layers in a list",
            "A forecast at every month",
            "One direction without packing",
            "A fresh start",
        ),
        start=1,
    )
}
ALARM = "What does each probe change, and how far does that change travel in this program?"

LENGTHS = torch.tensor([3, 5, 2, 6])
PADDED = torch.randn(4, 7, 5) * (torch.arange(7) < LENGTHS[:, None])[..., None]  # (batch=4, time=7, feature=5)
ONE_WAY = nn.RNN(5, 3, batch_first=True).requires_grad_(False)
TWO_WAY = nn.RNN(5, 3, batch_first=True, bidirectional=True).requires_grad_(False)


def final_of_each(layer: nn.RNN, batch: Tensor, lengths: Tensor) -> Tensor:
    """Read each sequence alone and return its final state, (batch, hidden)."""
    return torch.stack([layer(row[:n])[1][0] for row, n in zip(batch, lengths, strict=True)])


def read_at_lengths(layer: nn.RNN, batch: Tensor, lengths: Tensor) -> Tensor:
    """Read the padded batch and return the output at the last valid step; of two directions, each where it ends."""
    output, hidden = layer(batch)[0], layer.hidden_size
    forward = output[torch.arange(len(batch)), lengths - 1, :hidden]
    return torch.cat([forward, output[:, 0, hidden:]], dim=1)


def check_alarm(answer: Any, number: int, program: Any, batch: Tensor, lengths: Tensor | None = None) -> None:
    """Check which probe rings."""
    check.equal(answer, museum.alarm(program, batch, lengths), name=f"exhibit {number}, alarm", question=ALARM)


def check_final_states(function: Any, number: int) -> None:
    """Check a function that returns the final state of each padded sequence."""
    inputs = {"layer": ONE_WAY, "batch": PADDED, "lengths": LENGTHS}
    actual = check.call(function, ONE_WAY, PADDED, LENGTHS, name=f"exhibit {number}, fixed", inputs=inputs)
    check.close(actual, final_of_each(ONE_WAY, PADDED, LENGTHS), name=f"exhibit {number}, fixed", inputs=inputs)


# -- Room 1 -----------------------------------------------------------------------------------------------------


@exercise(
    LESSON,
    EXHIBITS[1],
    solution='predicted_alarm = "samples_mix"',
    hints=(
        "The data is (utterance, time, feature). Along which axis does this layer step?",
        "Whatever the layer has read before can move an output. What has it read before an utterance?",
    ),
)
def alarm_1(answer: Any) -> None:
    """Which probe rings for the layer of exhibit 1?"""
    check_alarm(answer, 1, museum.Reader(nn.RNN(12, 32), answers=9), museum.voices().test[:5])


@exercise(
    LESSON,
    EXHIBITS[1],
    solution="fixed_layer = nn.RNN(12, 32, batch_first=True)",
    hints=("Which argument tells the layer how the data is laid out?",),
)
def layer_of_1(layer: Any) -> None:
    """Make the layer that exhibit 1 needs."""
    some = museum.voices().test[:5]
    check.layer(layer, name="exhibit 1, sizes", input_size=12, hidden_size=32)
    alone = torch.stack([layer(one)[0] for one in some])
    check.close(layer(some)[0], alone, name="exhibit 1, fixed", inputs={"layer": layer, "batch": some})


@exercise(
    LESSON,
    EXHIBITS[2],
    solution="predicted_numbers = [0, 1, 10, 11]",
    hints=(
        "Write all twelve numbers in the order in which they are stored. Where does `view` cut?",
        "`view` moves no number. It only draws new borders between them.",
    ),
)
def given_to_sequence_0(numbers: Any) -> None:
    """Which four numbers does the program give to sequence 0?"""
    h_n = toy.labelled(batch=2, time=3, features=2)
    question = "In which order does `h_n` store its numbers?"
    check.equal(numbers, h_n.view(3, 2, 2)[0].flatten(), name="exhibit 2, sequence 0", question=question)


@exercise(
    LESSON,
    EXHIBITS[2],
    solution=(
        "def side_by_side(h_n):\n    return h_n.transpose(0, 1)",
        "def side_by_side(h_n):\n    return torch.stack(list(h_n), dim=1)",
    ),
    hints=("You want another order of the axes. Which functions of torch move axes instead of cutting?",),
)
def side_by_side(function: Any) -> None:
    """Return both states of each sequence together, (batch, directions, hidden)."""
    states = nn.RNN(5, 3, bidirectional=True).requires_grad_(False)(torch.randn(7, 4, 5))[1]
    by_sequence = torch.stack([states[:, i] for i in range(4)])  # (batch=4, directions=2, hidden=3)
    actual = check.call(function, states, name="exhibit 2, fixed")
    check.close(actual, by_sequence, name="exhibit 2, fixed", inputs={"batch": states})


# -- Room 2 -----------------------------------------------------------------------------------------------------


@exercise(
    LESSON,
    EXHIBITS[3],
    solution="predicted_row = 2",
    hints=(
        "Sort 3, 5, 2, 6 from the longest to the shortest. Where does the 3 end up?",
        "In the picture, look along the row of input 0.",
    ),
)
def row_of_sequence_0(row: Any) -> None:
    """In which row of the result is the state of sequence 0?"""
    order = LENGTHS.argsort(descending=True).tolist()
    question = "Which axis of the picture says what was changed?"
    check.equal(row, order.index(0), name="exhibit 3, row", question=question)


@exercise(
    LESSON,
    EXHIBITS[3],
    solution=(
        """
def final_states(layer, batch, lengths):
    packed = pack_padded_sequence(batch, lengths, batch_first=True, enforce_sorted=False)
    return layer(packed)[1][-1]
""",
        """
def final_states(layer, batch, lengths):
    lengths, order = lengths.sort(descending=True)
    packed = pack_padded_sequence(batch[order], lengths, batch_first=True)
    return layer(packed)[1][-1][order.argsort()]
""",
    ),
    hints=(
        "Packing can do the sorting for you, and undo it. Which argument asks for that?",
        "If you sort by hand, every row has to go back to where it came from.",
    ),
)
def final_states(function: Any) -> None:
    """Return the final state of each sequence, in the order of the batch."""
    check_final_states(function, 3)


@exercise(
    LESSON,
    EXHIBITS[4],
    solution='predicted_alarm = "reads_padding"',
    hints=(
        "Follow each direction separately: where does it begin, and where is it read?",
        "What has the backward direction read before it reaches the last valid step?",
    ),
)
def alarm_4(answer: Any) -> None:
    """Which probe rings for two directions, each read where it ends?"""
    check_alarm(answer, 4, lambda batch, lengths: read_at_lengths(TWO_WAY, batch, lengths), PADDED, LENGTHS)


# -- Room 3 -----------------------------------------------------------------------------------------------------


@exercise(
    LESSON,
    EXHIBITS[5],
    solution="predicted_loss = 0",
    hints=("Cross-entropy is minus the logarithm of the probability of the right class. How large is it here?",),
)
def loss_of_the_certain(loss: Any) -> None:
    """What should the loss be for logits that are certain and right?"""
    inputs = {"logits": 100 * torch.eye(9), "targets": torch.arange(9)}
    right = nn.functional.cross_entropy(inputs["logits"], inputs["targets"]).item()
    question = "Which probability does the right class have, and what is its logarithm?"
    check.metric(
        loss,
        right,
        high=float("inf"),
        tolerance=0.005,
        name="exhibit 5, certain and right",
        inputs=inputs,
        question=question,
    )


@exercise(
    LESSON,
    EXHIBITS[6],
    solution="predicted_accuracy = 14 / 17",
    hints=("How many of the 17 positions does the program count as right?",),
)
def accuracy_of_three(accuracy: Any) -> None:
    """Which accuracy does an address of three wrong tags get?"""
    actual = torch.tensor([1, 2, 3] + 14 * [0])
    said = torch.tensor([4, 4, 4] + 14 * [0])
    check.metric(accuracy, (actual == said).double().mean().item(), tolerance=0.005, name="exhibit 6, three words")


@exercise(
    LESSON,
    EXHIBITS[6],
    solution=(
        """
def token_accuracy(predictions, tags):
    words = tags > 0
    return (predictions == tags)[words].float().mean()
""",
        """
def token_accuracy(predictions, tags):
    words = tags > 0
    return ((predictions == tags) & words).sum() / words.sum()
""",
    ),
    hints=(
        "Which positions are words? Count those in the numerator and in the denominator.",
        "Every word counts the same, in a long address and in a short one.",
    ),
)
def token_accuracy(function: Any) -> None:
    """Return the share of words whose predicted tag is right."""
    tags, names = museum.tags()
    one_tag = torch.where(tags > 0, names.index("StreetName"), 0)
    second_word = one_tag * (torch.arange(tags.shape[1]) == 1)
    for name, said in (("one tag", one_tag), ("second words", second_word)):
        right = ((said == tags) & (tags > 0)).sum().item() / (tags > 0).sum().item()
        inputs = {"metric": "token accuracy", "predictions": said, "targets": tags, "mask": tags > 0}
        actual = check.call(function, said, tags, name=f"exhibit 6, {name}")
        check.metric(actual, right, name=f"exhibit 6, {name}", inputs=inputs)


# -- Room 4 -----------------------------------------------------------------------------------------------------


def layers_of_7() -> list[nn.RNN]:
    """Return the two layers of exhibit 7."""
    return [nn.RNN(12, museum.HIDDEN, batch_first=True), nn.RNN(museum.HIDDEN, museum.HIDDEN, batch_first=True)]


def n_parameters(model: nn.Module) -> int:
    """Count the numbers that an optimizer of this model gets."""
    return sum(weight.numel() for weight in model.parameters())


@exercise(
    LESSON,
    EXHIBITS[7],
    solution="predicted_count = 32 * 9 + 9",
    hints=(
        "Print the model: which of its layers does it list?",
        "The optimizer gets `model.parameters()`. Count the weights and biases of what is listed.",
    ),
)
def parameters_of_7(count: Any) -> None:
    """How many numbers does the optimizer of exhibit 7 get?"""
    question = "Which attributes does a model search for layers?"
    check.equal(count, n_parameters(museum.Stack(layers_of_7())), name="exhibit 7, parameters", question=question)


@exercise(
    LESSON,
    EXHIBITS[7],
    solution=(
        "fixed_layers = nn.ModuleList([nn.RNN(12, 32, batch_first=True), nn.RNN(32, 32, batch_first=True)])",
        "fixed_layers = nn.Sequential(nn.RNN(12, 32, batch_first=True), nn.RNN(32, 32, batch_first=True))",
    ),
    hints=("torch has a list of its own for layers. What is it called?",),
)
def registered_layers(layers: Any) -> None:
    """Give the two layers in a container that the model knows."""
    found = list(check.call(lambda: layers, name="exhibit 7, fixed"))
    for number, layer in enumerate(found):
        sizes = {"input_size": 32 if number else 12, "hidden_size": 32, "batch_first": True}
        check.layer(layer, name=f"exhibit 7, layer {number}", **sizes)
    right = n_parameters(museum.Stack(nn.ModuleList(layers_of_7())))  # type: ignore[arg-type]
    question = "Which container tells a model about the layers in it?"
    check.equal(n_parameters(museum.Stack(layers)), right, name="exhibit 7, parameters", question=question)


@exercise(
    LESSON,
    EXHIBITS[8],
    solution='predicted_alarm = "sees_future"',
    hints=("At a step in the middle: which months has each of the two directions read?",),
)
def alarm_8(answer: Any) -> None:
    """Which probe rings for a forecaster with two directions?"""
    model = museum.Reader(nn.RNN(1, 32, batch_first=True, bidirectional=True), answers=1)
    check_alarm(answer, 8, model, museum.sea().test[:3, :-1])


@exercise(
    LESSON,
    EXHIBITS[9],
    solution='predicted_alarm = "none"',
    hints=(
        "The layer does walk into the padding. Has it, when it reaches the step that is read?",
        "Which steps can move the output at the last valid step?",
    ),
)
def alarm_9(answer: Any) -> None:
    """Which probe rings for one direction, read at the last valid step?"""
    check_alarm(answer, 9, lambda batch, lengths: read_at_lengths(ONE_WAY, batch, lengths), PADDED, LENGTHS)


@exercise(
    LESSON,
    EXHIBITS[9],
    solution=(
        """
def final_states(layer, batch, lengths):
    output, _ = layer(batch)
    return output[torch.arange(len(batch)), lengths - 1]
""",
        """
def final_states(layer, batch, lengths):
    packed = pack_padded_sequence(batch, lengths, batch_first=True, enforce_sorted=False)
    return layer(packed)[1][-1]
""",
    ),
    hints=("Read one sequence alone, without any padding, and compare its final state with the program's row.",),
)
def final_states_again(function: Any) -> None:
    """Return the final state of each sequence, packed or not."""
    check_final_states(function, 9)


@exercise(
    LESSON,
    EXHIBITS[10],
    solution='predicted_alarm = "repeats"',
    hints=("Call the program twice on the same batch. Which line does something different the second time?",),
)
def alarm_10(answer: Any) -> None:
    """Which probe rings where the start is random?"""

    def program(batch: Tensor) -> Tensor:
        output: Tensor = ONE_WAY(batch, torch.randn(1, len(batch), 3))[0]
        return output

    check_alarm(answer, 10, program, PADDED)


# -- Room 5 -----------------------------------------------------------------------------------------------------

Predict = Callable[[list[Tensor]], Tensor]


def apart(sequences: list[Tensor]) -> Tensor:
    """Read each sequence alone: a model that pays no attention to the others."""
    return torch.stack([ONE_WAY(sequence)[1][-1] for sequence in sequences])


def packed(sequences: list[Tensor]) -> Tensor:
    """Pad and pack."""
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    batch = pad_sequence(sequences, batch_first=True)
    packed = pack_padded_sequence(batch, lengths, batch_first=True, enforce_sorted=False)
    output, lengths = pad_packed_sequence(ONE_WAY(packed)[0], batch_first=True)
    return output[torch.arange(len(sequences)), lengths - 1]


def rounded(sequences: list[Tensor]) -> Tensor:
    """Sound, but each size of a batch rounds its own way."""
    return apart(sequences) + 1e-7 * len(sequences)


def last_column(sequences: list[Tensor]) -> Tensor:
    """Pad to the longest of the batch and read the last step."""
    output: Tensor = ONE_WAY(pad_sequence(sequences, batch_first=True))[0]
    return output[:, -1]


def softmax_down(sequences: list[Tensor]) -> Tensor:
    """Softmax along the batch."""
    return apart(sequences).softmax(dim=0)


def batch_statistics(sequences: list[Tensor]) -> Tensor:
    """Subtract the mean of the batch."""
    states = apart(sequences)
    return states - states.mean(dim=0)


def still_sorted(sequences: list[Tensor]) -> Tensor:
    """Sort by length, and leave the answers in that order."""
    return apart(sorted(sequences, key=len, reverse=True))


SOUND: dict[str, Predict] = {
    "a model that reads each sequence alone": apart,
    "a model that packs": packed,
    "a sound model that rounds": rounded,
}
FAULTY: dict[str, Predict] = {
    "a model that pads to the longest and reads the last step": last_column,
    "a model with a softmax along the batch": softmax_down,
    "a model that subtracts the mean of the batch": batch_statistics,
    "a model that leaves its answers sorted": still_sorted,
}


@exercise(
    LESSON,
    "Room 5: A probe of your own",
    solution=(
        """
def company_matters(predict, sequences):
    together = predict(sequences)
    alone = torch.cat([predict([sequence]) for sequence in sequences])
    return not torch.allclose(together, alone, atol=1e-5)
""",
        """
def company_matters(predict, sequences):
    together = predict(sequences)
    for row, sequence in enumerate(sequences):
        moved = (predict([sequence])[0] - together[row]).abs().max()
        if moved > 1e-4:
            return True
    return False
""",
    ),
    hints=(
        "Ask the model about a sequence twice, in different company. What is the smallest company there is?",
        "A batch of one is a list with one sequence in it.",
        "Two sound answers can differ in the seventh digit. How do you compare numbers up to rounding?",
    ),
)
def company_matters(function: Any) -> None:
    """Say whether the answer for a sequence depends on what else is in its batch."""
    sequences = [torch.randn(length, 5) for length in (3, 5, 2, 6)]
    question = "In whose company did your probe ask about each sequence, and how did it compare the answers?"
    for models, right in ((FAULTY, True), (SOUND, False)):
        for name, predict in models.items():
            check.equal(check.call(function, predict, sequences), right, name=name, question=question)


@exercise(
    LESSON,
    "The exit",
    solution="sound_exhibit = 9",
    hints=("Where did the right answer change nothing?",),
)
def sound_one(number: Any) -> None:
    """Which exhibit is correct?"""
    alone = final_of_each(ONE_WAY, PADDED, LENGTHS)
    assert torch.allclose(read_at_lengths(ONE_WAY, PADDED, LENGTHS), alone, atol=1e-6)
    question = "At which exhibit did the right answer change nothing?"
    check.equal(number, 9, name="the correct exhibit", question=question)

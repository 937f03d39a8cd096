"""A first RNN that does something: it guesses from which of four countries a surname comes, letter by letter."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from . import datasets, plots, training

COUNTRIES = ["Finland", "Italy", "Netherlands", "Poland"]
LETTERS = "abcdefghijklmnopqrstuvwxyz '-"  # their places, from 1 on, are what the model reads; 0 is padding
PER_COUNTRY = 370


def numbers(name: str) -> Tensor:
    """Return the letters of a name as int64 numbers (time,); what is no letter of ours is left out."""
    places = [1 + LETTERS.index(letter) for letter in name.lower() if letter in LETTERS]
    if not places:
        raise ValueError(f"first_rnn: a name of letters a to z, not {name!r}.")
    return torch.tensor(places)


def train(model: nn.Module, epochs: int = 12) -> nn.Module:
    """Train the model on 370 surnames of each country: after every letter it should say the right one.

    Parameters
    ----------
    model : takes letters (batch, time) and returns logits (batch, time, 4).
    """
    surnames = datasets.surnames()
    chosen: list[tuple[str, int]] = []
    for index, country in enumerate(COUNTRIES):
        names = [name for name, home in zip(surnames.names, surnames.countries, strict=True) if home == country]
        spread = torch.linspace(0, len(names) - 1, PER_COUNTRY).long().tolist()  # the names are sorted
        chosen += [(names[place], index) for place in spread]
    letters = nn.utils.rnn.pad_sequence([numbers(name) for name, _ in chosen], batch_first=True)
    targets = torch.tensor([index for _, index in chosen])[:, None].expand(letters.shape)
    targets = torch.where(letters > 0, targets, -100)  # padding does not count

    def loss_of(rows: Tensor) -> Tensor:
        return cross_entropy(model(letters[rows]).transpose(1, 2), targets[rows])

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # faster for a model this small
    training.fit(model, loss_of, len(chosen), epochs=epochs, lr=0.005)
    torch.set_num_threads(threads)
    return model


def opinions(model: nn.Module, name: str) -> Tensor:
    """Return the model's probabilities after each letter of a name, (time, 4)."""
    with torch.no_grad():
        found: Tensor = model(numbers(name)[None])[0].softmax(dim=-1)
    return found


def picture(model: nn.Module, name: str) -> plots.Picture:
    """Draw what the model thinks after each letter of a name."""
    found = opinions(model, name)
    read = [letter for letter in name if letter.lower() in LETTERS]
    best = COUNTRIES[int(found[-1].argmax())]
    drawn = plots.lines(
        {country: found[:, index] for index, country in enumerate(COUNTRIES)},
        title=f"Where does the name {name} come from?",
        x_label="letters read so far",
        y_label="probability",
        marks=True,
        alt=f"Four lines over the letters of {name}, one for each country; at the end {best} is highest.",
    )
    drawn.figure.axes[0].set_xticks(range(len(read)), read)
    drawn.figure.axes[0].set_ylim(-0.03, 1.03)
    return drawn

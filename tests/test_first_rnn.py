"""The network of lesson 00: how it reads a name, and that it learns, whatever the rounding."""

import pytest
import torch
from torch import nn

from course_utils import first_rnn
from lesson import ROUNDING


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.letters = nn.Embedding(30, 16)
        self.rnn = nn.RNN(16, 64, batch_first=True)
        self.countries = nn.Linear(64, 4)

    def forward(self, letters):
        return self.countries(self.rnn(self.letters(letters))[0])


def test_a_name_is_read_letter_by_letter_and_what_is_no_letter_is_left_out():
    assert first_rnn.numbers("Ab-z").tolist() == [1, 2, 29, 26]
    assert first_rnn.numbers("Ümit").tolist() == first_rnn.numbers("mit").tolist()
    with pytest.raises(ValueError, match="a name of letters"):
        first_rnn.numbers("123")


@pytest.mark.parametrize("seed", [0, 1])
def test_it_learns_whatever_the_seed_and_the_rounding(seed, monkeypatch):
    if seed:
        for kind in (torch.optim.Adam, torch.optim.SGD):
            monkeypatch.setattr(kind, "step", kind.step)
        exec(ROUNDING, {})
    torch.manual_seed(seed)
    model = first_rnn.train(Reader())
    for name, country in (("Rossi", "Italy"), ("van der Berg", "Netherlands"), ("Virtanen", "Finland")):
        found = first_rnn.opinions(model, name)
        assert found.shape == (len(name), 4)
        assert first_rnn.COUNTRIES[found[-1].argmax()] == country
    assert "Italy is highest" in first_rnn.picture(model, "Rossi").alt

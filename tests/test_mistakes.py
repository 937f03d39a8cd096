"""The catalogue: every entry is complete, its pointer exists, and its ways compute wrong values."""

import re

import pytest
import torch
from torch import nn

from course_utils import data
from course_utils.mistakes import BY_ID, CATALOGUE, diagnose
from notebooks import LESSONS, cells_of

IDS = [mistake.id for mistake in CATALOGUE]


def names_of(value, **given) -> list[str]:
    def same(way):
        return torch.is_tensor(way) and way.shape == value.shape and torch.allclose(way, value)

    return [mistake.id for mistake in diagnose(given, same)]


def test_ids_are_unique_and_in_kebab_case():
    assert len(BY_ID) == len(CATALOGUE)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in IDS)


@pytest.mark.parametrize("mistake", CATALOGUE, ids=IDS)
def test_each_mistake_is_a_sentence_a_question_and_a_pointer_to_a_section(mistake):
    assert mistake.symptom.endswith(".")
    assert mistake.question.endswith("?")
    assert mistake.ways
    lesson, section = mistake.read
    (notebook,) = (path for path in LESSONS if path.stem == lesson)
    headings = [
        line.lstrip("# ") for cell in cells_of(notebook) for line in cell.source.splitlines() if "# " in line[:5]
    ]
    assert section in headings


@pytest.mark.parametrize("seed", range(20))
def test_values_are_named_on_sizes_of_every_kind(seed):
    torch.manual_seed(seed)
    s = data.sizes(seed)
    batch = torch.randn(s.batch, s.time, s.features)
    both = nn.RNN(s.features, s.hidden, s.layers, batch_first=True, bidirectional=True)
    plain = nn.RNN(s.features, s.hidden)
    output, h_n = both(batch)
    assert names_of(output[:, -1], layer=both, batch=batch) == ["last-output-both-directions"]
    assert names_of(h_n[-1], layer=both, batch=batch) == ["last-state-one-direction"]
    assert names_of(plain(batch)[0], layer=plain, batch=batch) == ["forgot-batch-first"]
    assert names_of(batch.reshape(s.time, s.batch, -1), batch=batch) == ["reshape-to-swap"]
    swapped = plain(batch.view(s.time, s.batch, -1))[0].reshape(s.batch, s.time, -1)
    assert names_of(swapped, layer=plain, batch=batch) == ["reshape-to-swap"]
    right = plain(batch.transpose(0, 1))[0].transpose(0, 1)
    assert names_of(right, layer=plain, batch=batch) == []


def test_a_way_that_cannot_be_computed_is_passed_over():
    assert diagnose({"layer": "no layer", "batch": torch.ones(2)}, lambda way: True) == []

"""Six real data sets, small enough to train on in seconds; nothing is downloaded.

README.md in this folder says of each where it comes from, how it was made, and what is wrong with it.
"""

from __future__ import annotations

import gzip
import json
import zlib
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

__all__ = ["DatasetError", "addresses", "co2", "el_nino", "spam", "surnames", "vowels"]

FOLDER = Path(__file__).parent


class DatasetError(Exception):
    """A file of this folder is missing or damaged; every loader can raise it."""


class Vowels(NamedTuple):
    train: list[Tensor]
    train_labels: Tensor
    test: list[Tensor]
    test_labels: Tensor


class Messages(NamedTuple):
    texts: list[str]
    labels: Tensor


class Months(NamedTuple):
    values: Tensor
    first_year: int
    first_month: int


class Weeks(NamedTuple):
    values: Tensor
    dates: list[date]

    def monthly(self) -> Months:
        """Average the weeks of each month; a month without any is interpolated between its neighbours."""
        first, last = self.dates[0], self.dates[-1]
        month = torch.tensor([12 * (day.year - first.year) + day.month - first.month for day in self.dates])
        size = 12 * (last.year - first.year) + last.month - first.month + 1
        there = ~self.values.isnan()
        counts = month[there].bincount(minlength=size)
        means = torch.zeros(size).index_add(0, month[there], self.values[there]) / counts
        for gap in (counts == 0).nonzero().flatten().tolist():
            after = next(later for later in range(gap, size) if counts[later])
            means[gap] = means[gap - 1] + (means[after] - means[gap - 1]) / (after - gap + 1)
        return Months(means, first.year, first.month)


class Names(NamedTuple):
    names: list[str]
    countries: list[str]


def vowels() -> Vowels:
    """Load utterances of two vowels by nine speakers, to tell who speaks.

    270 utterances to train on and 370 to test, each (time, 12) float32 with 7 to 29 steps: twelve coefficients of
    the voice, without unit. Labels are int64, 0 to 8; 30 of each in train, 24 to 88 in test.
    Kudo, Toyama and Shimbo 1999, Japanese Vowels, UCI, doi 10.24432/C5NS47, CC BY 4.0. Raises DatasetError.
    """
    series: dict[str, list[Tensor]] = {"train": [], "test": []}
    labels: dict[str, list[int]] = {"train": [], "test": []}
    for part, speaker, frames in _records("vowels"):
        series[part].append(torch.tensor(frames))
        labels[part].append(speaker)
    return Vowels(series["train"], torch.tensor(labels["train"]), series["test"], torch.tensor(labels["test"]))


def spam() -> Messages:
    """Text messages of about 2005, in English: 4404 texts and int64 labels of shape (4404,), 1 for spam (541).

    Duplicates are still inside. Numbers of four or more digits are zeros, except for prices in pounds, and messages
    that a class should not read are left out.
    Almeida and Gomez Hidalgo 2011, SMS Spam Collection, UCI, doi 10.24432/C5CC84, CC BY 4.0. Raises DatasetError.
    """
    labels, texts = zip(*_records("spam"), strict=True)
    return Messages(list(texts), torch.tensor(labels))


def el_nino() -> Months:
    """Temperature of the sea off Peru, the mean of each month in degrees Celsius.

    732 float32 values of shape (732,), from January 1950 to December 2010, none missing.
    NOAA, ERSST v3b, region Nino 1+2, public domain. Raises DatasetError.
    """
    years = _records("el_nino")
    return Months(torch.tensor([value for _, values in years for value in values]), years[0][0], 1)


def co2() -> Weeks:
    """Carbon dioxide in the air at Mauna Loa, the mean of each week in parts per million.

    2284 float32 values of shape (2284,), NaN in the 59 weeks without one, and the Saturdays to which they belong,
    from 29 March 1958 to 29 December 2001. `co2().monthly()` makes 526 months of them, five of these filled in.
    Keeling and Whorf 2004, public domain. Raises DatasetError.
    """
    days, values = zip(*_records("co2"), strict=True)
    filled = [float("nan") if value is None else value for value in values]
    return Weeks(torch.tensor(filled), [date.fromisoformat(day) for day in days])


def addresses() -> list[tuple[list[str], list[str]]]:
    """Addresses in the USA: for each its tokens and as many tags, such as StreetName or ZipCode.

    1470 addresses with 10,229 tokens and 28 tags; no address is there twice, and names of recipients are left out.
    The usaddress project, MIT License, Copyright 2014 The Atlanta Journal Constitution. Raises DatasetError.
    """
    return [(tokens, tags) for tokens, tags in _records("addresses")]


def surnames() -> Names:
    """Surnames in ASCII, and for each one the country, of twelve, whose list it is from.

    10,187 names, none of them in two countries' lists; 3795 are from Poland, 187 from Czechia; sorted by country.
    The Faker project, MIT License, Copyright 2012 Daniele Faraglia. Raises DatasetError.
    """
    names, countries = zip(*_records("surnames"), strict=True)
    return Names(list(names), list(countries))


def _records(name: str) -> list[Any]:
    path = FOLDER / f"{name}.json.gz"
    try:
        records: list[Any] = json.loads(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, zlib.error, ValueError):
        raise DatasetError(
            f"{path}: missing or damaged; unpack the course's archive again, or run `git checkout {path}`."
        ) from None
    return records

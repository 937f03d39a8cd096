"""The six data sets: what is promised of them, and that nothing is in them that should not be."""

import hashlib
import re
import runpy
import shutil
import subprocess
import sys
from collections import Counter
from datetime import date, timedelta

import pytest
import torch

from course_utils import datasets
from notebooks import ROOT

README = (datasets.FOLDER / "README.md").read_text(encoding="utf-8")
SECTIONS = {part.split("\n", 1)[0]: part for part in README.split("\n## ")[1:]}
FILES = sorted(path.name for path in datasets.FOLDER.glob("*.gz"))
LOADERS = [name for name in datasets.__all__ if name != "DatasetError"]
SCREEN = runpy.run_path(str(ROOT / "tools" / "sms_screen.py"))


def test_each_loader_has_its_file_and_each_file_its_section():
    assert [f"{name}.json.gz" for name in LOADERS] == FILES
    assert sorted(SECTIONS) == FILES


@pytest.mark.parametrize("name", FILES)
def test_the_readme_tells_the_checksum_licence_citation_and_flaws(name):
    (checksum,) = re.findall(r"\*\*SHA-256:\*\* `(\w+)`", SECTIONS[name])
    assert checksum == hashlib.sha256((datasets.FOLDER / name).read_bytes()).hexdigest()
    (licence,) = re.findall(r"\*\*Licence:\*\* (.*)", SECTIONS[name])
    assert re.match(r"CC BY 4\.0|public domain|MIT License, Copyright \(c\) \d{4}", licence)
    for heading in ("What", "Source", "Citation", "Made from", "Flaws"):
        assert re.search(rf"\*\*{heading}:\*\* \S", SECTIONS[name]), heading


@pytest.mark.parametrize("name", LOADERS)
def test_each_docstring_tells_licence_and_error(name):
    text = getattr(datasets, name).__doc__
    assert re.search(r"CC BY 4\.0|public domain|MIT License", text)
    assert "Raises DatasetError" in text


@pytest.mark.parametrize("name", FILES)
def test_packed_files_hold_no_time_and_no_name(name):
    header = (datasets.FOLDER / name).read_bytes()[:10]
    assert header[3:8] == bytes(5)


def test_vowels():
    data = datasets.vowels()
    assert (len(data.train), len(data.test)) == (270, 370)
    everything = data.train + data.test
    assert {series.shape[1] for series in everything} == {12}
    assert {series.dtype for series in everything} == {torch.float32}
    assert (min(map(len, everything)), max(map(len, everything)), max(map(len, data.train))) == (7, 29, 26)
    assert all(series.isfinite().all() and series.abs().max() < 3 for series in everything)
    assert data.train_labels.dtype == data.test_labels.dtype == torch.int64
    assert data.train_labels.bincount().tolist() == [30] * 9
    assert data.test_labels.bincount().tolist() == [31, 35, 88, 44, 29, 24, 40, 50, 29]


def test_spam_counts_and_duplicates():
    texts, labels = datasets.spam()
    assert (len(texts), labels.shape, labels.dtype) == (4404, (4404,), torch.int64)
    assert (labels.sum().item(), set(labels.tolist())) == (541, {0, 1})
    assert len(set(texts)) == len(set(zip(texts, labels.tolist(), strict=True))) == 4080
    assert all(text.strip() for text in texts)


def test_no_telephone_number_and_no_mail_address_is_left():
    for text in datasets.spam().texts:
        assert not [run for run in re.findall(r"£?\d{4,}", text) if run[0] != "£" and run.strip("0")], text
        assert not [run for run in re.findall(r"£(\d{5,})", text) if run.strip("0")], text
        assert not [run for run in re.findall(r"\d(?:[ .()+-]{0,2}\d){6,}", text) if re.search("[1-9]", run)], text
        assert not re.search(r"[a-wyz]@ ?\w+\.(com|co|edu)", text), text


def test_numbers_of_four_digits_still_give_spam_away():
    texts, labels = datasets.spam()
    found = torch.tensor([bool(re.search(r"\d{4,}", text)) for text in texts])
    right = (found & (labels == 1)).sum().item()
    assert right / found.sum().item() > 0.95
    assert right / labels.sum().item() > 0.8


def test_no_rude_word_is_left_and_the_screen_would_find_one():
    is_rude = SCREEN["IS_RUDE"]
    assert [text for text in datasets.spam().texts if is_rude.search(text)] == []
    assert is_rude.search("Well, DAMN it")
    assert not is_rude.search("Good night; the brand new Essex class in Arsenal's cocktail bar")


def test_the_screen_masks_without_changing_the_length():
    masked = SCREEN["masked"]
    assert masked("Call 0871-872-9755 or 87121, win £5000 in 2005") == "Call 0000-000-0000 or 00000, win £5000 in 0000"
    assert masked("mail jo.doe@mail.com &lt;#&gt;") == "mail xxxxxx@mail.com <#>"
    assert masked("150p/msg, 18+, 3.50") == "150p/msg, 18+, 3.50"


def test_el_nino():
    data = datasets.el_nino()
    assert (data.values.shape, data.values.dtype) == ((732,), torch.float32)
    assert (data.first_year, data.first_month) == (1950, 1)
    assert data.values.isfinite().all()
    assert 18 < data.values.min() < data.values.max() < 30
    assert data.values[0].item() == pytest.approx(23.11)
    by_month = data.values.view(-1, 12).mean(0)
    assert (by_month.argmax(), by_month.argmin()) == (2, 8)  # warmest in March, coldest in September


def test_co2():
    values, dates = datasets.co2()
    assert (values.shape, values.dtype, len(dates)) == ((2284,), torch.float32, 2284)
    assert values.isnan().sum() == 59
    assert (dates[0], dates[-1]) == (date(1958, 3, 29), date(2001, 12, 29))
    assert {later - day for day, later in zip(dates, dates[1:], strict=False)} == {timedelta(weeks=1)}
    assert 313 <= values[~values.isnan()].min() < values[~values.isnan()].max() < 374
    assert 54 < values[-52:].nanmean() - values[:52].nanmean() < 57


def test_co2_monthly():
    weeks = datasets.co2()
    months = weeks.monthly()
    assert (months.values.shape, months.values.dtype, months.first_year, months.first_month) == (
        (526,),
        torch.float32,
        1958,
        3,
    )
    of = [12 * (day.year - 1958) + day.month - 3 for day in weeks.dates]
    known = {month: [] for month in range(526)}
    for month, value in zip(of, weeks.values.tolist(), strict=True):
        known[month] += [value] if value == value else []
    empty = [month for month in known if not known[month]]
    assert empty == [3, 7, 71, 72, 73]  # the last three: February to April 1964
    for month in known.keys() - empty:
        assert months.values[month].item() == pytest.approx(sum(known[month]) / len(known[month]), abs=1e-3)
    assert torch.allclose(months.values[70:75].diff(), months.values[70:72].diff(), atol=1e-3)


def test_addresses():
    data = datasets.addresses()
    assert len(data) == len({(tuple(tokens), tuple(tags)) for tokens, tags in data}) == 1470
    assert all(len(tokens) == len(tags) >= 1 for tokens, tags in data)
    tags = Counter(tag for _, tags in data for tag in tags)
    assert (tags.total(), len(tags)) == (10_229, 28)
    assert "Recipient" not in tags
    assert not [token for tokens, _ in data for token in tokens if not token or re.search(r"\s|@|(?i:attn|c/o)", token)]


def test_surnames():
    names, countries = datasets.surnames()
    assert len(names) == len(countries) == len(set(names)) == 10_187
    assert all(re.fullmatch(r"[A-Za-z' -]{2,22}", name) for name in names)
    by_country = Counter(countries)
    assert len(by_country) == 12
    assert (by_country["Poland"], by_country["Czechia"]) == (3795, 187)
    assert dict(zip(names, countries, strict=True))["Kowalski"] == "Poland"


@pytest.mark.parametrize("damage", ["gone", "cut", "one bit", "empty", "no gzip"])
@pytest.mark.parametrize("name", LOADERS)
def test_a_damaged_file_is_named_with_its_remedy_in_one_line(name, damage, tmp_path, monkeypatch):
    path = tmp_path / f"{name}.json.gz"
    shutil.copy(datasets.FOLDER / path.name, path)
    content = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "one bit":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    else:
        path.write_bytes(b"version 1\n" if damage == "no gzip" else b"")
    monkeypatch.setattr(datasets, "FOLDER", tmp_path)
    with pytest.raises(datasets.DatasetError) as raised:
        getattr(datasets, name)()
    message = str(raised.value)
    assert message.startswith(f"{path}: missing or damaged; ")
    assert "unpack the course's archive again" in message
    assert "\n" not in message
    assert raised.value.__suppress_context__


def test_loaders_bring_in_neither_pandas_nor_the_network():
    source = f"import sys; from course_utils import datasets as d; [getattr(d, n)() for n in {LOADERS}]"
    run = subprocess.run(
        [sys.executable, "-c", f"{source}; print(*sorted(sys.modules))"], capture_output=True, text=True
    )
    assert run.stderr == ""
    assert not {"pandas", "requests", "urllib3", "sklearn"} & set(run.stdout.split())

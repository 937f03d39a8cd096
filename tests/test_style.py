"""Words that no native writer would use here; docs/style.md says what to write instead."""

import ast
import re

import pytest

from notebooks import LESSONS, ROOT, cells_of

BANNED = re.compile(
    r"""\bstands?\b(?!-|\s(?:for|out|still|in\sfor)\b) | \banew\b | \bmend(?:s|ed|ing)?\b | \bhangs?\son\b | \bshall\b
    | \bputs?\sout\b | \bputting\sout\b | \bgiv(?:e|es|en|ing)\sout\b | \bsee\sto\sit\b | \bhidden\snumbers?\b
    | \bnumbers?\sto\slearn\b | \bin\sthe\shead\b | \bholds?\sfor\ssound\b | \blet\sin\son\b | \bcomes?\sof\sit\b
    | \bis\sno\suse\b | \bwhat\sbecomes\sof\b""",
    re.I | re.X,
)

QUOTED = re.compile(r"`[^`]*`|```.*?```|\]\([^)]*\)", re.S)
FILES = [
    *LESSONS,
    *sorted((ROOT / "notebooks").rglob("*.toml")),
    ROOT / "notebooks" / "glossary.md",
    ROOT / "README.md",
]
FILES += (
    sorted(ROOT.glob("docs/*.md")) + sorted(ROOT.glob("source/*/*.ipynb")) + sorted(ROOT.glob("course_utils/**/*.py"))
)


def prose(path):
    """What a reader sees of the file: text of notebooks and pages, strings of code."""
    if path.suffix == ".ipynb":
        return "\n".join(QUOTED.sub("", cell.source) for cell in cells_of(path) if cell.cell_type == "markdown")
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return QUOTED.sub("", text)
    strings = [node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant)]
    return "\n".join(QUOTED.sub("", string) for string in strings if isinstance(string, str))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_banned_words(path):
    if path.name == "style.md":
        return
    lines = [line.strip() for line in prose(path).splitlines() if BANNED.search(line)]
    assert lines == []


def test_the_search_finds_what_it_bans():
    for text in (
        "In it stands a name.",
        "Mend it.",
        "It hangs on the seed.",
        "What is put out?",
        "It puts out 3.",
        "anew",
    ):
        assert BANNED.search(text)
    assert not BANNED.search("h_n stands for the last hidden state; a standard amendment recommended")

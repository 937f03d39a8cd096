"""Flashcards come from the glossary, for every lesson."""

import re

import pytest

from course_utils import cards
from course_utils.widgets import FOLDER as FILES_OF_WIDGETS
from course_utils.widgets import MIME
from notebooks import LESSONS, ROOT, cells_of

FOLDER = ROOT / "notebooks"


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_every_lesson_has_terms_shows_them_as_cards_and_links_to_the_glossary(path):
    terms = cards.load(path.stem, FOLDER)
    assert len(terms) >= 4
    assert all(meaning.endswith(".") for meaning in terms.values())
    sources = [cell.source for cell in cells_of(path)]
    assert f'cards.show("{path.stem}")' in "\n".join(sources)
    assert "(glossary.md" in "\n".join(sources)


def test_a_term_is_explained_once():
    terms = re.findall(r"^\*\*(.+?)\*\*:", (FOLDER / "glossary.md").read_text(), re.M)
    assert sorted(terms) == sorted(set(terms))


def test_cards_are_a_list_of_definitions_where_no_kernel_runs():
    bundle = cards.Cards({"a < b": "what `x` is."})._repr_mimebundle_()
    assert bundle["text/html"] == "<dl><dt>a &lt; b</dt><dd>what <code>x</code> is.</dd></dl>"
    assert MIME in bundle


def test_showing_cards_displays_the_terms_of_the_lesson(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    monkeypatch.chdir(FOLDER)
    cards.show("02_shapes")
    assert list(shown[0].terms) == list(cards.load("02_shapes"))


def test_nothing_of_a_widget_is_loaded_from_elsewhere():
    for file in [*FILES_OF_WIDGETS.glob("*.js"), *FILES_OF_WIDGETS.glob("*.css")]:
        assert not re.search(r"https?:|//cdn|@import|url\(|^import ", file.read_text(), re.M), file


def test_a_missing_glossary_and_a_lesson_without_terms_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="run the lesson from its own folder"):
        cards.load("02_shapes", tmp_path)
    (tmp_path / "glossary.md").write_text("## 02_shapes\n\nno terms\n")
    with pytest.raises(ValueError, match="no terms under the heading '02_shapes'"):
        cards.load("02_shapes", tmp_path)

"""No topic of the course is without a cell, and the README lists every lesson."""

import pytest

from notebooks import LESSONS, ROOT, cells_of
from overview import topics

CELLS = {f"{path.stem}/{cell.id}" for path in LESSONS for cell in cells_of(path)}


@pytest.mark.parametrize("topic", topics())
def test_every_topic_has_its_cells(topic):
    places = topics()[topic]
    assert places
    assert set(places) <= CELLS


def test_every_lesson_stands_in_the_readme_and_teaches_some_topic():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [path.stem for path in LESSONS if f"(notebooks/{path.name})" not in readme] == []
    taught = {place.split("/")[0] for places in topics().values() for place in places}
    assert {path.stem for path in LESSONS} - taught <= {"00_start_here", "17_bug_museum"}

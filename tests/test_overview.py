"""No topic of the course is without a cell, and the README lists every lesson."""

import pytest

from notebooks import LESSONS, PLANNED, ROOT, cells_of
from overview import topics

CELLS = {f"{path.stem}/{cell.id}" for path in LESSONS for cell in cells_of(path)}


@pytest.mark.parametrize("topic", topics())
def test_every_topic_has_its_cells(topic):
    places = [place for place in topics()[topic] if place.split("/")[0] not in PLANNED]
    assert set(places) <= CELLS
    assert places or all(place.split("/")[0] in PLANNED for place in topics()[topic])


def test_every_lesson_stands_in_the_readme_and_teaches_some_topic():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [path.stem for path in LESSONS if f"(notebooks/{path.name})" not in readme] == []
    taught = {place.split("/")[0] for places in topics().values() for place in places}
    assert {path.stem for path in LESSONS} - taught <= {"00_start_here", "13_bug_museum"}

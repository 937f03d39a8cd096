"""The second class, graded in one run like the first: all get what they deserve, and nothing comes out or goes wrong."""

import contextlib
import io
import json
import os
import re
import shutil
import site
from html.parser import HTMLParser
from pathlib import Path

import pytest
from second_class import MARK, ONLY, SECOND_ATTACKS, SECOND_ODDITIES
from test_hostile import Class, assert_gone, students_processes

from notebooks import NAME, ROOT, cells_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs Debian's package bubblewrap"),
]
EVERYBODY = SECOND_ATTACKS | SECOND_ODDITIES
REFUSED = {name for name, attack in EVERYBODY.items() if attack.refused}
READ = [name for name in EVERYBODY if name not in REFUSED]
LEFT_IN_TMP = Path("/tmp/unrolled-second")


class Page(HTMLParser):
    """The words that a page shows, and what in it a browser would run or load."""

    def __init__(self, page: str):
        super().__init__()
        self.words: list[str] = []
        self.active: list[str] = []
        self.inside = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.inside = tag if tag in ("script", "style") else ""
        for name, value in attributes:
            address = re.sub(r"\s", "", value or "").lower()
            loads = tag in ("iframe", "base", "meta", "form", "object", "embed", "link") or name in ("src", "srcdoc")
            loads = loads and not address.startswith("data:image/")  # no browser runs what is in a picture
            if name.startswith("on") or loads or address.startswith(("javascript:", "data:text")):
                self.active.append(f"{tag} {name}={value}")

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self.inside:
            self.active.append(data)


def hidden_lines() -> list[str]:
    """The lines of the source's hidden tests that say something and are not in the released notebook."""
    released = "\n".join(cell.source for cell in cells_of(ROOT / "release" / NAME / f"{NAME}.ipynb"))
    lines = []
    for cell in cells_of(ROOT / "source" / NAME / f"{NAME}.ipynb"):
        for hidden in re.findall(r"### BEGIN HIDDEN TESTS\n(.*?)### END HIDDEN TESTS", cell.source, re.DOTALL):
            lines += [line.strip() for line in hidden.splitlines()]
    return [line for line in lines if len(line) >= 16 and line not in released]


def outputs(graded: Class, student: str) -> str:
    """What the student's own cells and answers put out."""
    notebook = json.loads(graded.course.notebook("autograded", NAME, student).read_text())
    return json.dumps([cell.get("outputs") for cell in notebook["cells"]], ensure_ascii=False)


@pytest.fixture(scope="module")
def terminal() -> io.StringIO:
    return io.StringIO()


@pytest.fixture(scope="module")
def graded(tmp_path_factory, terminal) -> Class:
    LEFT_IN_TMP.unlink(missing_ok=True)
    with contextlib.redirect_stdout(terminal), contextlib.redirect_stderr(terminal):
        return Class(tmp_path_factory.mktemp("second"), EVERYBODY)


def test_there_are_enough_of_each_family():
    families = [attack.family for attack in SECOND_ATTACKS.values()]
    assert len(families) >= 32
    assert set(families) == {"drop", "lie", "take", "break", "batch", "exhaust", "leak"}
    assert len(SECOND_ODDITIES) >= 32
    assert len(EVERYBODY) == len(SECOND_ATTACKS) + len(SECOND_ODDITIES)


@pytest.mark.parametrize("student", SECOND_ATTACKS)
def test_an_attack_gets_what_its_honest_part_deserves(student, graded):
    assert graded.points(student) == SECOND_ATTACKS[student].points, graded.log(student)


@pytest.mark.parametrize("student", SECOND_ODDITIES)
def test_an_honest_oddity_gets_every_point(student, graded):
    assert graded.points(student) == SECOND_ODDITIES[student].points, graded.log(student)


def test_the_plain_honest_get_every_point(graded):
    assert [graded.points(sample.student) for sample in graded.honest] == [20.0] * 4


def test_only_what_cannot_be_read_is_refused(graded):
    assert set(graded.summary.refused) == REFUSED
    for student in REFUSED:
        assert len(graded.log(student)["refused"].splitlines()) == 1


def test_nobody_is_left_ungraded(graded):
    assert set(graded.rows) == EVERYBODY.keys() | {sample.student for sample in graded.honest}
    for student, row in graded.rows.items():
        assert not [task for task, result in row.items() if result.review and task != "explain-equal-sizes"], student


@pytest.mark.parametrize("student", READ)
def test_no_hidden_test_is_on_any_page(student, graded):
    shown = "".join(Page(graded.page(student)).words)
    assert hidden_lines()
    assert not [line for line in hidden_lines() if line in shown]
    assert "BEGIN HIDDEN" not in shown


@pytest.mark.parametrize("student", EVERYBODY)
def test_a_page_runs_and_loads_nothing_of_the_student(student, graded):
    assert not [part for part in Page(graded.page(student)).active if MARK in part]


def test_no_canary_is_touched(graded):
    graded.assert_canaries_untouched()
    assert not LEFT_IN_TMP.exists()
    assert not [folder for folder in site.getsitepackages() if Path(folder, "second_owned.pth").exists()]


def test_nothing_is_found_outside(graded):
    assert graded.listener.received == []
    assert "CONNECTED" not in outputs(graded, "a-call-out")
    assert ONLY not in outputs(graded, "a-takes")
    for student in ("a-files-read", "a-links-out", "a-escape"):
        assert "HIDDEN" not in outputs(graded, student)
        assert "canary" not in re.sub(r"'?/[\w/.-]*canary", "", outputs(graded, student))


def test_the_instructors_terminal_gets_no_commands(graded, terminal):
    assert "\x1b]" not in terminal.getvalue()
    assert "\x1b[2J" not in terminal.getvalue()


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives each student a user of its own")
def test_no_process_is_left(graded):
    assert_gone(students_processes())


def test_nobody_holds_up_the_class_by_more_than_the_limits(graded):
    """The limits end whoever does not come to an end; the grader's own deadline is never needed."""
    assert graded.summary.failed == []

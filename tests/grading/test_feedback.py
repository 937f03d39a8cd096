"""Odd but honest notebooks all the way through: points, the gradebook, feedback pages, and the lines on the screen."""

import copy
import json
import os
import shutil
from datetime import datetime

import pytest
from bs4 import BeautifulSoup

from course_utils.grading.course import Course
from course_utils.grading.feedback import feedback
from course_utils.grading.grade import Options, grade
from course_utils.grading.release import release
from course_utils.grading.report import report
from course_utils.grading.runtime.backend import close_backends
from course_utils.grading.sample import fill_in, load
from notebooks import NAME, ROOT

RIGHT = next(s for s in load(ROOT / "samples" / NAME) if s.student == "sample-right-library-calls")
TASK, ESSAY = "swap-axes", "explain-equal-sizes"
UNSAFE = shutil.which("bwrap") is None
EVIL_NAME = "<img src=x onerror=alert(1)>.ipynb"


def cell_of(notebook, name):
    return next(cell for cell in notebook["cells"] if cell["id"] == name)


def new_cell(kind, source, **more):
    return {"cell_type": kind, "id": "new", "metadata": {}, "source": source} | more


def insert(notebook, name, *cells, after=True):
    at = notebook["cells"].index(cell_of(notebook, name)) + after
    notebook["cells"][at:at] = cells


def delete(notebook, *names):
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] not in names]


def split(notebook):
    first = cell_of(notebook, TASK)
    second = copy.deepcopy(first) | {"id": "half"}
    lines = first["source"].split("\n")
    first["source"], second["source"] = lines[0], "\n".join(lines[1:])
    insert(notebook, TASK, second)


def better_copy(notebook):
    cell = cell_of(notebook, TASK)
    insert(notebook, TASK, copy.deepcopy(cell) | {"id": "copy"})
    cell["source"] = "def time_first(batch):\n    return batch"


def retyped(notebook):
    answer = new_cell("code", cell_of(notebook, TASK)["source"], outputs=[], execution_count=None)
    insert(notebook, f"{TASK}-task", answer)
    delete(notebook, TASK)


def bare(notebook):
    for cell in notebook["cells"]:
        cell["metadata"] = {}


def as_text(notebook):
    cell_of(notebook, TASK)["cell_type"] = "markdown"


def marks(notebook):
    source = cell_of(notebook, TASK)["source"]
    cell_of(notebook, TASK)["source"] = "### BEGIN HIDDEN TESTS\n" + source + "\n### BEGIN SOLUTION"
    insert(notebook, TASK, new_cell("markdown", "### BEGIN HIDDEN TESTS"))


def many_outputs(notebook):
    cell_of(notebook, TASK)["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * (28 << 20)}]


def pasted_picture(notebook):
    cell_of(notebook, ESSAY)["source"] += "\n![shot](attachment:image.png) a < b, $x_1 < 2$"
    cell_of(notebook, ESSAY)["attachments"] = {"image.png": {"image/png": "bm8gcGljdHVyZQ=="}}


def words_elsewhere(notebook):
    insert(notebook, ESSAY, new_cell("markdown", "My own words."))
    delete(notebook, ESSAY)


CHANGES = {
    "split": split, "better-copy": better_copy, "retyped": retyped, "bare": bare, "as-text": as_text, "marks": marks,
    "many-outputs": many_outputs, "pasted-picture": pasted_picture, "words-elsewhere": words_elsewhere,
    "browser-name": lambda notebook: None, "evil-name": lambda notebook: None,
}  # fmt: skip
NAMES = {"browser-name": f"{NAME.upper()} (1).ipynb", "evil-name": EVIL_NAME}


class OddClass:
    def __init__(self, folder):
        self.course = Course(folder)
        shutil.copy(ROOT / "nbgrader_config.py", folder)
        shutil.copytree(ROOT / "source", folder / "source")
        release(self.course, NAME)
        right = fill_in(RIGHT, self.course.notebook("release", NAME))
        for student, change in CHANGES.items():
            notebook = json.loads(right)
            for cell in notebook["cells"]:
                cell["source"] = "".join(cell["source"])
            change(notebook)
            self.hand_in(student, json.dumps(notebook), NAMES.get(student))
        self.hand_in("no-file", right, "ps.txt")
        self.hand_in("linked", right)
        os.link(self.course.notebook("submitted", NAME, "linked"), folder / "twin")
        for name in (os.fsdecode(b"n\xfcll"), "<b>bold"):
            self.hand_in(name, right)
        self.lines: dict[str, list[str]] = {}
        self.summary = grade(self.course, NAME, Options(unsafe=UNSAFE), self.lines.__setitem__)
        close_backends()
        self.done, self.failed = feedback(self.course, NAME)
        self.rows = report(self.course, NAME)

    def hand_in(self, student, text, name=None):
        path = self.course.notebook("submitted", NAME, student)
        path.parent.mkdir(parents=True)
        (path.with_name(name) if name else path).write_text(text)

    def page(self, student) -> BeautifulSoup:
        path = self.course.root / "feedback" / student / NAME / f"{NAME}.html"
        return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@pytest.fixture(scope="module")
def odd(tmp_path_factory) -> OddClass:
    return OddClass(tmp_path_factory.mktemp("odd"))


@pytest.mark.parametrize("student", CHANGES)
def test_an_odd_notebook_gets_every_point_and_a_page(odd, student):
    assert sum(result.points for result in odd.rows[student].values()) == 20
    assert odd.rows[student][ESSAY].review
    assert student in odd.done


def test_everybody_else_has_a_line_and_the_class_goes_on(odd):
    assert sorted(odd.summary.graded) == sorted(CHANGES)
    assert (odd.summary.refused, odd.summary.failed) == (["no-file"], ["linked"])
    log = odd.course.root / "autograded" / "linked" / NAME / "log.txt"
    assert odd.failed == {"linked": f"not graded; see {log}, then run `course grade {NAME}` again"}
    assert "hard link); replace it by a copy" in odd.lines["linked"][0]
    assert "linked" not in odd.rows
    told = odd.course.unexpected_entries("submitted", NAME)
    assert [line.split("submitted/")[1][:20] for line in told] == ["<b>bold: rename it, ", "n_ll: rename it, wit"]


@pytest.mark.parametrize(
    ("student", "note"),
    [
        ("split", f"{TASK}: split into 2 cells; joined"),
        ("retyped", f"{TASK}: answered in a new cell; taken from there"),
        ("words-elsewhere", f"{ESSAY}: answered in a new cell; taken from there"),
        ("as-text", f"{TASK}: was made a markdown cell; run as code"),
        ("browser-name", f"read from {NAME.upper()} (1).ipynb, because there is no {NAME}.ipynb"),
        ("evil-name", f"read from _img src_x onerror_alert(1)_.ipynb, because there is no {NAME}.ipynb"),
        ("no-file", f"Not graded: there is no {NAME}.ipynb; hand in the notebook under this name."),
    ],
)
def test_student_and_instructor_are_told_how_a_notebook_was_read(odd, student, note):
    assert note in [item.get_text() for item in odd.page(student).find(id="notebook").find_all("li")]
    assert any(note.removeprefix("Not graded: ") in line for line in odd.lines[student])


def test_an_ordinary_page_says_nothing_about_reading(odd):
    assert "How your notebook was read" not in odd.page("many-outputs").get_text()


def test_the_pages_show_words_and_no_html_of_a_students(odd):
    page = odd.page("pasted-picture").get_text()
    assert "a < b, $x_1 < 2$" in page
    assert "[picture left out" in page
    assert "My own words." in odd.page("words-elsewhere").get_text()
    assert odd.page("evil-name").find(id="notebook").find_all(onerror=True) == []
    assert "BEGIN\N{NO-BREAK SPACE}HIDDEN TESTS" in odd.page("marks").get_text()


BAD_TIMES = dict(zip(CHANGES, ("1709294400000", "0001-01-01 00:00:00 UTC", "x /etc/passwd", None), strict=False))


def test_a_time_that_is_missing_or_absurd_is_told_and_lifts_no_penalty(odd):
    assert [line for line in odd.course.unexpected_entries("submitted", NAME) if "timestamp" in line] == []
    with odd.course.gradebook() as gradebook:
        gradebook.find_assignment(NAME).duedate = datetime(2026, 11, 1)
        for student in BAD_TIMES:
            gradebook.find_submission(NAME, student).timestamp = datetime(2026, 11, 2, 12)
        gradebook.db.commit()
    for student, text in ({"as-text": "2026-11-02 13:00 Europe/Berlin"} | BAD_TIMES).items():
        if text is not None:
            odd.course.notebook("submitted", NAME, student).with_name("timestamp.txt").write_text(text)
    lines = odd.course.unexpected_entries("submitted", NAME)
    grade(odd.course, NAME, Options(unsafe=UNSAFE, force=True))
    close_backends()
    with odd.course.gradebook() as gradebook:
        for student in ("as-text", *BAD_TIMES):
            assert gradebook.find_submission(NAME, student).timestamp == datetime(2026, 11, 2, 12)
    for student, text in BAD_TIMES.items():
        (line,) = [line for line in lines if f"/{student}/" in line]
        assert ("missing" if text is None else f"{text!r} is not a time") in line
        assert "whether it is late is unknown, an earlier penalty stays (due 2026-11-01 00:00" in line
    assert not any("as-text" in line for line in lines)

"""One class of attackers, honest oddities and plain honest students, graded in one run: all get what they deserve."""

import hashlib
import json
import os
import shutil
import socket
import threading
import time
from pathlib import Path

import pytest
from attacks import ATTACKS, HONEST_ANSWERS, Attack
from oddities import ODDITIES

from course_utils.grading.course import CONFIG, Course
from course_utils.grading.feedback import feedback
from course_utils.grading.grade import Options, grade
from course_utils.grading.recorder import DONE
from course_utils.grading.release import release
from course_utils.grading.report import report
from course_utils.grading.runtime.limits import Limits
from course_utils.grading.sample import Sample, hand_in, load
from notebooks import NAME, ROOT

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs Debian's package bubblewrap")
LIMITS = Limits(cell_seconds=2.0, total_seconds=40.0, memory_mib=800, file_mib=16)


class Class:
    """The course folder with everybody's submission in it, canaries around it, and the run."""

    def __init__(self, folder: Path, everybody: dict[str, Attack]):
        self.canaries = folder / "home"
        self.course = Course(folder / "course")
        self.course.root.mkdir()
        self.canaries.mkdir()
        shutil.copy(ROOT / CONFIG, self.course.root)
        shutil.copytree(ROOT / "source", self.course.root / "source")
        (self.canaries / "secret").write_text("canary")
        (self.course.root / "canary").write_text("canary")
        release(self.course, NAME)
        self.honest = [sample for sample in load(ROOT / "samples" / NAME) if "right" in sample.student]
        hand_in(self.course, self.honest)
        self.listener = Listener()
        for name, attack in everybody.items():
            self.submit(name, attack)
        self.before = fingerprint(self.course.root / "submitted", self.course.root / "source")
        self.told: list[str] = []
        self.summary = grade(self.course, NAME, Options(limits=LIMITS), lambda student, lines: self.told.extend(lines))
        feedback(self.course, NAME)
        self.rows = report(self.course, NAME)

    def submit(self, student: str, attack: Attack) -> None:
        answers = HONEST_ANSWERS | attack.answers
        hand_in(self.course, [Sample(student=student, about="", answers=answers)])
        path = self.course.notebook("submitted", NAME, student)
        notebook = json.loads(path.read_text())
        if attack.code:
            words = {"course": str(self.course.root), "port": str(self.listener.port), "home": str(self.canaries)}
            code = attack.code
            for word, value in words.items():
                code = code.replace("{" + word + "}", value)
            own = {
                "cell_type": "code",
                "id": "own",
                "metadata": {},
                "outputs": [],
                "execution_count": None,
                "source": code,
            }
            notebook["cells"].insert(2, own)
        if attack.notebook:
            attack.notebook(notebook)
        path.write_text(json.dumps(notebook))
        if attack.folder:
            attack.folder(path, self.course.root)

    def points(self, student: str) -> float:
        return sum(result.points for result in self.rows[student].values())

    def page(self, student: str) -> str:
        return (self.course.root / "feedback" / student / NAME / f"{NAME}.html").read_text()

    def log(self, student: str) -> dict:
        return json.loads((self.course.root / "autograded" / student / NAME / DONE).read_text())

    def assert_canaries_untouched(self) -> None:
        assert (self.canaries / "secret").read_text() == "canary"
        assert (self.course.root / "canary").read_text() == "canary"
        assert sorted(path.name for path in self.canaries.iterdir()) == ["secret"]
        assert fingerprint(self.course.root / "submitted", self.course.root / "source") == self.before
        assert {path.name for path in self.course.root.iterdir()} == {
            CONFIG,
            "source",
            "release",
            "submitted",
            "autograded",
            "feedback",
            "gradebook.db",
            "canary",
            "exchange",
        }


class Listener:
    """A server that no submission may reach."""

    def __init__(self):
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.received: list[bytes] = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            connection, _ = self.server.accept()
            self.received.append(connection.recv(100))


def fingerprint(*folders: Path) -> dict[str, str]:
    files = {}
    for folder in folders:
        for parent, _, names in os.walk(folder):
            for name in names:
                path = Path(parent, name)
                regular = path.is_file() and not path.is_symlink()
                files[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest() if regular else "special"
    return files


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> Class:
    for name in ("unrolled-shadow", "unrolled-pickle", "unrolled-canary"):
        Path("/tmp", name).unlink(missing_ok=True)
    return Class(tmp_path_factory.mktemp("hostile"), ATTACKS | ODDITIES)


def test_there_are_enough_of_each_family():
    families = [attack.family for attack in ATTACKS.values()]
    assert len(families) >= 100
    assert set(families) == {"drop", "lie", "take", "break", "batch", "exhaust", "leak", "neighbour"}
    assert len(ODDITIES) >= 12


@pytest.mark.parametrize("student", ATTACKS)
def test_an_attack_gets_what_its_honest_part_deserves(student, graded):
    assert graded.points(student) == ATTACKS[student].points, graded.log(student)


@pytest.mark.parametrize("student", ODDITIES)
def test_an_honest_oddity_gets_every_point(student, graded):
    assert graded.points(student) == ODDITIES[student].points, graded.log(student)


def test_the_plain_honest_get_every_point(graded):
    assert [graded.points(sample.student) for sample in graded.honest] == [20.0] * 4


def test_what_cannot_be_read_is_refused_with_a_line_for_student_and_instructor(graded):
    assert set(graded.summary.refused) == {name for name, attack in ATTACKS.items() if attack.refused}
    for student in graded.summary.refused:
        why = graded.log(student)["refused"]
        assert len(why.splitlines()) == 1
        assert "Not graded: " in graded.page(student)


def test_nobody_is_left_ungraded(graded):
    everybody = ATTACKS.keys() | ODDITIES.keys() | {sample.student for sample in graded.honest}
    assert set(graded.rows) == everybody
    for row in graded.rows.values():
        assert not [task for task, result in row.items() if result.review and task != "explain-equal-sizes"]


def test_no_canary_is_touched(graded):
    assert_gone(students_processes())  # then none is left that could touch something later
    graded.assert_canaries_untouched()
    assert not [
        name for name in os.listdir("/tmp") if name in ("unrolled-shadow", "unrolled-pickle", "unrolled-canary")
    ]


def test_nothing_came_through_the_network(graded):
    assert graded.listener.received == []
    notebook = json.loads(graded.course.notebook("autograded", NAME, "network").read_text())
    told = "".join(str(cell.get("outputs")) for cell in notebook["cells"])
    assert "unreachable" in told
    assert "CONNECTED" not in told


def students_processes() -> set[tuple[str, str]]:
    """(pid, start time) of every process that runs behind the wall, in a process namespace within bubblewrap's."""
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            status = Path("/proc", pid, "status").read_text()
            if len(status.partition("NSpid:")[2].partition("\n")[0].split()) >= 3:
                found.add((pid, Path("/proc", pid, "stat").read_text().rsplit(")", 1)[1].split()[19]))
        except OSError:
            continue
    return found


def assert_gone(processes: set[tuple[str, str]]) -> None:
    """Other tests may have students just now, but these end; one that was left behind does not."""
    for _ in range(600):
        processes &= students_processes()
        if not processes:
            return
        time.sleep(0.2)
    raise AssertionError(f"still there: {processes}")


def test_no_process_is_left(graded):
    assert_gone(students_processes())


def test_nobody_gets_hold_of_a_neighbour_or_of_the_machine(graded):
    for student in ATTACKS:
        path = graded.course.notebook("autograded", NAME, student)
        if path.exists():
            cells = json.loads(path.read_text())["cells"]
            assert "GOT" not in "".join(str(cell.get("outputs")) for cell in cells), student


@pytest.mark.parametrize("student", [name for name, attack in ATTACKS.items() if attack.family == "leak"])
def test_no_control_characters_reach_a_log_or_a_page(student, graded):
    log = graded.course.root / "autograded" / student / NAME / DONE
    for text in (log.read_text(), graded.page(student), "\n".join(graded.told)):
        assert not set(text.replace("\\u001b", "\x1b")) & {"\x1b", "\x07"}


@pytest.mark.parametrize("student", [name for name, attack in ATTACKS.items() if not attack.refused])
def test_no_hidden_test_is_on_any_page_or_in_any_output(student, graded):
    page = graded.page(student)
    assert "BEGIN HIDDEN" not in page
    assert "s = toy.sizes()" not in page
    assert "<script>alert" not in page
    assert "onerror=alert" not in page.replace("&lt;img src=x onerror=alert", "")


@pytest.mark.parametrize(
    "student", ["read-files", "read-gradebook", "read-history", "read-memory", "read-frames", "read-proc"]
)
def test_a_snooper_finds_nothing(student, graded):
    notebook = json.loads(graded.course.notebook("autograded", NAME, student).read_text())
    seen = [
        text
        for cell in notebook["cells"]
        if "-check" not in cell["id"]
        for text in [json.dumps(cell.get("outputs", ""))]
    ]
    assert not [text for text in seen if "### BEGIN" in text or "alone" in text or "steps" in text]


def test_nobody_holds_up_the_class_by_more_than_the_limits(graded):
    """Whoever does not come to an end is ended by the limits; the grader's own deadline is never needed."""
    assert graded.summary.failed == []
    assert "loop-in-an-answer" in graded.summary.timed_out
    assert not {sample.student for sample in graded.honest} & {*graded.summary.timed_out, *graded.summary.died}

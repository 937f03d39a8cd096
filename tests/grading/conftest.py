"""A small course in a folder of its own, and the sample class graded once for all tests."""

import shutil
from pathlib import Path

import pytest

from course_utils.grading import trial
from course_utils.grading.course import CONFIG, Course
from course_utils.grading.feedback import feedback
from course_utils.grading.grade import Options, RunSummary, grade
from course_utils.grading.release import release
from course_utils.grading.runtime import backend
from course_utils.grading.runtime.limits import Limits
from course_utils.grading.sample import Sample, hand_in, load, sample_course
from notebooks import NAME, ROOT


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """What has passed on this machine is noted for these tests only."""
    trial.CACHE = tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module", autouse=True)
def fork_servers_of_the_file():
    yield
    backend.close_backends()


@pytest.fixture(autouse=True)
def fork_servers_stay(request, monkeypatch):
    """A run ends its fork servers, whose start takes longer than most tests: here they stay until the file's end."""
    if request.node.get_closest_marker("ends_fork_servers") is None:
        for module in ("grade", "doctor"):
            monkeypatch.setattr(f"course_utils.grading.{module}.close_backends", close_what_did_not_start)


def close_what_did_not_start():
    if any(shared.started.done() and shared.started.exception() for shared in backend._shared.values()):
        backend.close_backends()


@pytest.fixture
def course(tmp_path) -> Course:
    """The course with its source and configuration, nothing released."""
    shutil.copy(ROOT / CONFIG, tmp_path)
    shutil.copytree(ROOT / "source", tmp_path / "source")
    return Course(tmp_path)


@pytest.fixture(scope="session")
def released_once(tmp_path_factory) -> Course:
    folder = tmp_path_factory.mktemp("released")
    shutil.copy(ROOT / CONFIG, folder)
    shutil.copytree(ROOT / "source", folder / "source")
    release(Course(folder), NAME)
    return Course(folder)


@pytest.fixture
def released(released_once, tmp_path) -> Course:
    """The course with its assignment released, in a folder of the test's own."""
    shutil.copytree(released_once.root, tmp_path, dirs_exist_ok=True)
    return Course(tmp_path)


class SampleClass:
    """The whole way through, once: release, hand in, grade, feedback."""

    def __init__(self, folder: Path):
        self.samples: list[Sample] = load(ROOT / "samples" / NAME)
        self.course, _ = sample_course(Course(ROOT), folder)
        release(self.course, NAME)
        self.handed_in = hand_in(self.course, self.samples)
        self.seen: list[str] = []
        self.options = Options(limits=Limits(cell_seconds=5.0), unsafe=shutil.which("bwrap") is None)
        self.summary: RunSummary = grade(
            self.course, NAME, self.options, lambda student, lines: self.seen.append(student)
        )
        self.pages, self.failed = feedback(self.course, NAME)


@pytest.fixture(scope="session")
def sample_class(tmp_path_factory) -> SampleClass:
    return SampleClass(tmp_path_factory.mktemp("class") / "demo")

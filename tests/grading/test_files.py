"""A submission's file: under which names and in which states it is read, and what is said where it is not."""

import os
import subprocess
import sys

import pytest

from course_utils.grading.runtime import files
from course_utils.grading.runtime.errors import NotReadError
from course_utils.grading.runtime.files import MAX_BYTES, read_file, shown_name
from course_utils.grading.runtime.reading import RefusedError


@pytest.fixture
def path(tmp_path):
    """Where submitted/zoe/ps/ps.ipynb should be; its folder exists."""
    path = tmp_path / "submitted" / "zoe" / "ps" / "ps.ipynb"
    path.parent.mkdir(parents=True)
    return path


def refusal(path, kind=RefusedError) -> str:
    with pytest.raises(kind) as refused:
        read_file(path)
    assert len(str(refused.value).splitlines()) == 1
    assert "zoe" in str(refused.value) or "ps" in str(refused.value)
    return str(refused.value)


def test_a_regular_file_is_read(path):
    path.write_bytes(b"{}")
    assert read_file(path) == files.SubmittedFile(b"{}", [])


@pytest.mark.parametrize(
    "name", ["ps (1).ipynb", "ps-Copy1.ipynb", "PS.ipynb", "ps.IPYNB", "Ps - Copy (2).ipynb", "homework.ipynb"]
)
def test_the_only_notebook_is_taken_under_any_name(path, name):
    path.with_name(name).write_bytes(b"{}")
    path.with_name(".ipynb_checkpoints").mkdir()
    path.with_name("data.csv").write_bytes(b"")
    note = f"read from {name}, because there is no ps.ipynb"
    assert read_file(path) == files.SubmittedFile(b"{}", [note], {"data.csv": b""})


def test_of_several_notebooks_the_one_with_the_name_is_read_and_its_copies_are_told(path):
    for name in ("ps.ipynb", "ps (1).ipynb", "other.ipynb"):
        path.with_name(name).write_text(name)
    assert read_file(path) == files.SubmittedFile(b"ps.ipynb", ["not read: ps (1).ipynb, beside ps.ipynb"])
    path.unlink()
    assert refusal(path) == "there is no ps.ipynb but 2 other notebooks; hand in the notebook under this name."


def test_regular_files_beside_the_notebook_are_read_and_nothing_else(path, tmp_path):
    path.write_bytes(b"{}")
    (tmp_path / "secret").write_text("secret")
    (path.parent / "data").mkdir()
    (path.parent / "data" / "a.csv").write_text("1,2")
    path.with_name("helper.py").write_text("x = 1")
    path.with_name("soft").symlink_to(tmp_path / "secret")
    path.with_name("folder").symlink_to(tmp_path)
    os.link(tmp_path / "secret", path.with_name("hard"))
    os.mkfifo(path.with_name("pipe"))
    for name in (".hidden", "timestamp.txt", "old.IPYNB"):
        path.with_name(name).write_text("x")
    assert read_file(path) == files.SubmittedFile(b"{}", [], {"helper.py": b"x = 1", "data/a.csv": b"1,2"})


def test_files_beside_the_notebook_are_bounded(path, monkeypatch):
    path.write_bytes(b"{}")
    for number in range(5):
        path.with_name(f"{number}").write_bytes(b"x" * 10)
    for limit, value in (("MAX_FILES", 3), ("MAX_BESIDE", 39)):
        with monkeypatch.context() as patched:
            patched.setattr(files, limit, value)
            read = read_file(path)
        assert sorted(read.beside) == ["0", "1", "2"]
        assert read.notes == ["files beside the notebook: only the first 3 were taken"]
    monkeypatch.setattr(files, "MAX_ENTRIES", 2)
    assert sorted(read_file(path).beside) == ["0", "1"]


def test_a_name_shows_no_html_and_no_terminal_codes(path):
    path.with_name("<img src=x onerror=alert(1)>\x1b[31m.ipynb").write_bytes(b"{}")
    (note,) = read_file(path).notes
    assert note == "read from _img src_x onerror_alert(1)___31m.ipynb, because there is no ps.ipynb"
    assert shown_name(os.fsdecode(b"\xff<\x1b>")) == "____"


def test_what_is_no_regular_file_is_refused(path, tmp_path):
    assert refusal(path) == "there is no ps.ipynb; hand in the notebook under this name."
    path.symlink_to(tmp_path / "secret")
    (tmp_path / "secret").write_text("{}")
    assert "ps.ipynb is a link or not a regular file" in refusal(path)
    path.unlink()
    os.mkfifo(path)  # nobody writes: opening it must not wait
    assert "ps.ipynb is not a regular file" in refusal(path)
    path.unlink()
    path.mkdir()
    assert "ps.ipynb is a folder" in refusal(path)


@pytest.mark.parametrize("linked", ["zoe", "zoe/ps"])
def test_no_folder_of_the_students_may_be_a_link(path, linked):
    folder = path.parents[2] / linked
    folder.rename(path.parents[3] / "real")
    folder.symlink_to(path.parents[3] / "real")
    assert "is a link or not a folder" in refusal(path)


def test_a_file_of_absurd_size_is_refused_without_reading_it(path):
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert refusal(path) == "ps.ipynb has 100 MiB, over 100; clear its outputs."


def test_a_hard_link_is_not_read_and_costs_nobody_points(path, tmp_path):
    (tmp_path / "secret").write_text("{}")
    os.link(tmp_path / "secret", path)
    assert "hard link); replace it by a copy" in refusal(path, NotReadError)


def test_a_file_that_changes_while_it_is_read_is_read_again(path, monkeypatch):
    path.write_bytes(b"{}")
    stats = iter(range(10))

    def changing(opened):
        info = list(os_fstat(opened))
        info[8] = next(stats) // changing.often  # the time of the last change
        return os.stat_result(info, {"st_mtime_ns": info[8]})

    os_fstat = os.fstat
    monkeypatch.setattr(files.os, "fstat", changing)
    changing.often = 3  # the first two calls differ from each other only once
    assert read_file(path).data == b"{}"
    stats, changing.often = iter(range(10)), 1
    assert "changes while it is read" in refusal(path, NotReadError)


UNREADABLE = """
import os, sys, pathlib
from course_utils.grading.runtime.files import read_file
if os.getuid() == 0:
    os.setgid(65534), os.setuid(65534)
try:
    read_file(pathlib.Path(sys.argv[1]))
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize("denied", ["zoe/ps/ps.ipynb", "zoe/ps", "zoe"])
def test_what_may_not_be_read_is_told_and_costs_nobody_points(denied, path, tmp_path):
    path.write_bytes(b"{}")
    for folder in (tmp_path, *list(tmp_path.parents)[:2]):
        folder.chmod(0o755)
    target = path.parents[2] / denied
    target.chmod(0)
    try:
        ran = subprocess.run([sys.executable, "-c", UNREADABLE, path], capture_output=True, text=True, check=True)
    finally:
        target.chmod(0o755)
    line = "NotReadError submitted/zoe/ps/ps.ipynb: Permission denied; make it readable, then grade again.\n"
    assert ran.stdout == line

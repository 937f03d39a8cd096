"""The command `course`: what it says and how it exits, for right and for wrong use."""

import shutil

import pytest

from course_utils.grading import cli, doctor
from course_utils.grading.sample import Sample, hand_in
from course_utils.grading.verbs import VERBS
from notebooks import NAME, ROOT

BROKEN = {
    "empty": b"",
    "not-json": b"this is no notebook",
    "bad-utf8": b'{"cells": "\xff\xfe"}',
    "foreign": b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
}


def course(folder, *arguments: str) -> int:
    return cli.main(["--course", str(folder), *arguments])


@pytest.mark.parametrize("verb", ["release", "grade", "feedback", "report", "doctor"])
def test_an_unknown_assignment_is_named_with_the_known_ones(verb, course, capsys):
    assert cli.main(["--course", str(course.root), verb, "ps9"]) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("course: ")
    assert "ps9.ipynb: no such assignment; choose one of: ps1_shapes." in error


@pytest.mark.parametrize("verb", ["release", "grade", "feedback", "report"])
def test_a_folder_without_a_course_says_what_to_do(verb, tmp_path, capsys):
    assert course(tmp_path, verb, NAME) == 1
    assert "go to the course folder or name it with --course" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("verb", "remedy"),
    [
        ("grade", "run `course release ps1_shapes` first"),
        ("feedback", "run `course grade ps1_shapes` first"),
        ("report", "run `course grade ps1_shapes` first"),
    ],
)
def test_a_step_too_early_names_the_step_before(verb, remedy, course, capsys):
    assert cli.main(["--course", str(course.root), verb, NAME]) == 1
    assert remedy in capsys.readouterr().err


def test_grading_without_submissions_says_where_they_belong(course, capsys):
    assert cli.main(["--course", str(course.root), "release", NAME]) == 0
    assert cli.main(["--course", str(course.root), "grade", NAME]) == 1
    assert "submitted: no STUDENT/ps1_shapes in it" in capsys.readouterr().err


def test_unreadable_notebooks_are_refused_and_stop_nobody_else(course, capsys):
    assert cli.main(["--course", str(course.root), "release", NAME]) == 0
    hand_in(course, [Sample(student="zoe", about="", answers={})])
    for student, content in BROKEN.items():
        path = course.notebook("submitted", NAME, student)
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    assert cli.main(["--course", str(course.root), "grade", NAME]) == 0
    printed = capsys.readouterr()
    refused = [line for line in printed.err.splitlines() if ": refused, " in line]
    assert sorted(line.split(":")[0] for line in refused) == sorted(BROKEN)
    assert printed.out.splitlines()[-1].startswith("1 graded, 4 refused")
    assert cli.main(["--course", str(course.root), "report", NAME]) == 0


def test_strays_and_names_that_are_patterns_are_named_and_passed_over(course, capsys):
    assert cli.main(["--course", str(course.root), "release", NAME]) == 0
    hand_in(
        course,
        [Sample(student=name, about="", answers={}) for name in ("zoe", "Zoë Müller", "O'Brien, Pat", "a[b]", "*")],
    )
    (course.root / "submitted" / "ann").mkdir()
    (course.root / "submitted" / "notes.txt").write_text("x")
    (course.root / "submitted" / "bob" / NAME).mkdir(parents=True)
    (course.root / "submitted" / "bob" / NAME / "ps1_shapes (1).ipynb").write_text("{}")
    unsafe = [] if shutil.which("bwrap") else ["--unsafe"]
    assert cli.main(["--course", str(course.root), "grade", NAME + "/", *unsafe]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[-1].startswith("3 graded, 1 refused")
    for words in (
        "ann: no ps1_shapes/ in it",
        "notes.txt: no ps1_shapes/ in it",
        "a[b]: rename it",
        "*: rename it",
        "bob: refused, the notebook has no cells; open it in JupyterLab",
    ):
        assert words in printed.err
    for verb in ("feedback", "report"):
        assert cli.main(["--course", str(course.root), verb, NAME]) == 0
    assert "Zoë Müller" in capsys.readouterr().out


def test_a_lost_gradebook_is_written_again(course, capsys):
    unsafe = [] if shutil.which("bwrap") else ["--unsafe"]
    assert cli.main(["--course", str(course.root), "release", NAME]) == 0
    hand_in(course, [Sample(student="zoe", about="", answers={})])
    assert cli.main(["--course", str(course.root), "grade", NAME, *unsafe]) == 0
    course.gradebook_file.unlink()
    assert cli.main(["--course", str(course.root), "report", NAME]) == 1
    assert "gradebook.db: missing" in capsys.readouterr().err
    assert not course.gradebook_file.exists()
    assert cli.main(["--course", str(course.root), "release", NAME]) == 0
    assert cli.main(["--course", str(course.root), "grade", NAME, *unsafe]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("1 graded")
    assert cli.main(["--course", str(course.root), "report", NAME]) == 0


def test_a_broken_configuration_and_a_closed_folder_are_one_line(course, capsys, monkeypatch):
    config = course.root / "nbgrader_config.py"
    text = config.read_text()
    config.write_text(text + "\nc.x = undefined\n")
    assert cli.main(["--course", str(course.root), "release", NAME]) == 1
    assert "nbgrader_config.py: NameError: name 'undefined' is not defined" in capsys.readouterr().err
    config.write_text(text)

    def closed(*arguments, **options):
        raise PermissionError(13, "Permission denied", "/course/release")

    monkeypatch.setattr("course_utils.grading.release.release", closed)
    assert cli.main(["--course", str(course.root), "release", NAME]) == 1
    assert (
        capsys.readouterr().err
        == "course: /course/release: Permission denied; check permissions and disk, then run it again.\n"
    )


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main([verb, "--help"])
    assert left.value.code == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert VERBS[verb].help in printed
    for flags, settings in VERBS[verb].arguments:
        assert flags[-1] in printed
        assert settings["help"] in printed


def test_wrong_usage_exits_with_2():
    for arguments in ([], ["grade"], ["mark", NAME]):
        with pytest.raises(SystemExit) as left:
            cli.main(arguments)
        assert left.value.code == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["grade", NAME, "--jobs", "0"], "--jobs: expected a whole number from 1 to 256, got '0'"),
        (["grade", NAME, "--jobs", "-1"], "--jobs: expected a whole number from 1 to 256, got '-1'"),
        (["grade", NAME, "--jobs", "many"], "--jobs: expected a whole number from 1 to 256, got 'many'"),
        (["grade", NAME, "--student", ""], "--student: expected a name, got an empty one"),
        (["grade", NAME, "--task", " "], "--task: expected a name, got an empty one"),
        (["grade", "/"], "assignment: expected a name, got an empty one"),
        (["--course", "no-such-folder", "grade", NAME], "--course: 'no-such-folder' is not a folder"),
        (["grade"], "the following arguments are required: assignment"),
    ],
)
def test_a_wrong_argument_is_one_line(arguments, words, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    assert left.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert "--help`" in line


@pytest.mark.parametrize("verb", ["release", "grade", "doctor"])
@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("c.Limits.cell_seconds = '20'", "c.Limits.cell_seconds must be a number, got '20'"),
        ("c.Limits.restarts = 1.5", "c.Limits.restarts must be an integer, got 1.5"),
        ("c.Limits.total_seconds = 0", "c.Limits.total_seconds must be over 0"),
        ("c.Limits.tea = 1", "c.Limits.tea is an unknown limit; choose one of cell_seconds, "),
    ],
)
def test_a_wrong_limit_is_one_line_that_names_file_and_setting(verb, setting, words, released, capsys):
    course = released
    hand_in(course, [Sample(student="zoe", about="", answers={})])
    config = course.root / "nbgrader_config.py"
    config.write_text(f"{config.read_text()}\n{setting}\n")
    assert cli.main(["--course", str(course.root), verb, NAME]) == 1
    printed = capsys.readouterr()
    (line,) = [line for line in (printed.err + printed.out).splitlines() if "c.Limits" in line]
    assert f"{config}: {words}" in line
    assert not course.notebook("autograded", NAME, "zoe").parent.exists()


def test_an_interrupted_run_says_that_nothing_is_lost(course, capsys, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("course_utils.grading.release.release", interrupted)
    assert cli.main(["--course", str(course.root), "release", NAME]) == 130
    assert capsys.readouterr().err == "course: interrupted; progress is saved; run it again to resume.\n"


def test_doctor_is_content_with_this_machine(capsys):
    assert course(ROOT, "doctor", NAME) == 0
    printed = capsys.readouterr().out
    assert "✗" not in printed
    assert "release of ps1_shapes: as its source builds it" in printed


def test_doctor_gives_a_remedy_for_each_thing_that_is_wrong(course, capsys, monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda name: "missing")
    monkeypatch.setattr(doctor, "FREE_GIB", 10**6)
    monkeypatch.setattr(doctor, "EXTENSIONS", ("formgrader", "no_such_extension"))
    monkeypatch.setattr(doctor.sys, "version_info", type("V", (tuple,), {"major": 3, "minor": 9, "micro": 1})((3, 9)))
    (course.root / "autograded").write_text("a file where a folder belongs")
    assert cli.main(["--course", str(course.root), "doctor", NAME]) == 1
    lines = capsys.readouterr().out.splitlines()
    wrong = [i for i, line in enumerate(lines) if line.startswith("✗")]
    assert all(lines[i + 1].startswith("    remedy: ") for i in wrong)
    text = "\n".join(lines)
    for words in (
        "✗ Python 3.11: 3.9.1",
        "pip install -c constraints.txt torch",
        "jupyter server extension enable nbgrader.server_extensions.no_such_extension",
        "GiB free",
        "autograded: File exists",
        "course release ps1_shapes",
    ):
        assert words in text

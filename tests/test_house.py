"""Promises of the repository as a whole: pins, borders between the two sides, what the README says."""

import importlib
import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import yaml

import course_utils
from notebooks import LESSONS, ROOT, cells_of

PINS = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().split())
MAKEFILE = (ROOT / "Makefile").read_text()
FACE = sorted(path for path in (ROOT / "course_utils").rglob("*.py") if "grading" not in path.parts)


def python(source: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)


def test_conda_installs_exactly_what_make_installs():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    packages = environment["dependencies"]
    (by_pip,) = (entry["pip"] for entry in packages if isinstance(entry, dict))
    (by_make,) = re.findall(r"^INSTALL := (.*)$", MAKEFILE, re.M)
    assert " ".join(by_pip) == by_make
    assert [entry for entry in packages if isinstance(entry, str)] == ["python=3.11", "pip"]


def test_every_package_that_the_project_names_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = project["dependencies"] + [name for extra in project["optional-dependencies"].values() for name in extra]
    pinned = {name.lower().replace("_", "-"): version for name, version in PINS.items()}
    for requirement in named:
        name, _, version = requirement.partition("==")
        assert pinned[name] == (version or pinned[name])


def test_what_is_installed_here_is_what_is_pinned():
    wrong = {}
    for name, pin in PINS.items():
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # an extra that is not installed here
        version = found.version.split("+")[0]
        if version != pin and "_vendor" not in str(found.locate_file("")):  # setuptools carries copies of its own
            wrong[name] = (version, pin)
    assert wrong == {}


def test_the_face_is_sorted_small_and_complete():
    assert course_utils.__all__ == sorted(course_utils.__all__)
    assert len(course_utils.__all__) <= 12
    for name in course_utils.__all__:
        assert importlib.import_module(f"course_utils.{name}").__doc__


def test_importing_the_face_is_silent_and_brings_in_nothing_that_grades():
    loaded = python(
        "import sys; from course_utils import check, datasets, plots, probe, quiz, toy; print(*sorted(sys.modules))"
    )
    assert loaded.stderr == ""
    modules = set(loaded.stdout.split())
    assert not [name for name in modules if name.startswith(("course_utils.grading", "nbgrader", "nbformat"))]
    assert not modules & {"IPython", "matplotlib.pyplot", "anywidget", "sqlalchemy", "rich"}


def test_the_face_and_the_notebooks_never_mention_the_grading_side():
    for file in FACE:
        assert not re.search(r"^\s*(from|import) .*grading", file.read_text(), re.M), file
    for path in [*LESSONS, *ROOT.glob("source/*/*.ipynb")]:
        assert not [cell.id for cell in cells_of(path) if "grading" in cell.source and cell.cell_type == "code"]


def test_the_command_is_installed():
    """The script that pip writes beside the interpreter, as a user calls it."""
    run = subprocess.run([Path(sys.executable).with_name("course"), "--help"], capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    assert all(re.search(rf"^ +{verb}\b", run.stdout, re.M) for verb in ("release", "grade", "feedback", "report"))


def test_every_make_target_that_a_text_names_exists():
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.M))
    for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / ".ci" / "run"]:
        named = set(re.findall(r"^(?:    )?make ([a-z-]+)|`make ([a-z-]+)`", path.read_text(), re.M))
        assert {a or b for a, b in named} <= targets, path


def test_make_help_prints_every_target_with_what_it_does():
    (targets,) = re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.M)
    assert set(targets.split()) == set(re.findall(r"^([a-z-]+):", MAKEFILE, re.M))
    printed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert sorted(re.findall(r"^([a-z-]+) +\S", printed, re.M)) == sorted(targets.split())


def test_the_package_brings_its_data_and_its_annotations_along(tmp_path):
    shutil.copytree(ROOT / "course_utils", tmp_path / "course_utils", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    build = "from setuptools.build_meta import build_wheel; build_wheel('.')"
    subprocess.run([sys.executable, "-c", build], cwd=tmp_path, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    assert {"course_utils/py.typed", "course_utils/datasets/spam.json.gz", "course_utils/widgets/quiz.js"} <= set(
        zipfile.ZipFile(wheel).namelist()
    )


def test_every_file_that_the_readme_links_to_exists():
    for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
            assert (path.parent / link).exists(), (path, link)


def test_ci_runs_the_readmes_test_command():
    for path in (ROOT / ".ci" / "run", ROOT / "README.md"):
        assert re.search(r"make test(?![\w-])", path.read_text()), path


def test_generated_and_private_folders_stay_out_of_git():
    ignored = ["submitted/a/b", "feedback/a", "autograded/a/b.ipynb", "gradebook.db", "demo/x", ".venv/x", "dist/x"]
    run = subprocess.run(["git", "check-ignore", *ignored], cwd=ROOT, capture_output=True, text=True)
    assert run.stdout.split() == ignored


def test_every_pointer_names_a_section_of_a_lesson():
    headings = {
        (path.stem, line.lstrip("# "))
        for path in LESSONS
        for cell in cells_of(path)
        for line in cell.source.splitlines()
        if line.startswith("#")
    }
    notebooks = [*LESSONS, *ROOT.glob("source/*/*.ipynb")]
    texts = [file.read_text() for file in FACE] + [cell.source for path in notebooks for cell in cells_of(path)]
    pointers = {pair for text in texts for pair in re.findall(r'\("(\d\d_\w+)", "([^"]+)"\)', text)}
    assert len(pointers) >= 8
    assert pointers <= headings

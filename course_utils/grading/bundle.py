"""What students get: one archive with the lessons, the released assignments and the student's side of the package."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from .course import Course
from .errors import CourseError
from .release import is_current

NAME = "unrolled-students"
CONTENTS = (
    "notebooks/[0-9]*.ipynb",
    "notebooks/glossary.md",
    "notebooks/quizzes/*.toml",
    "course_utils/plots/*.py",
    "course_utils/exercises/*.py",
    "course_utils/widgets/*.*",
    "release/**/*",
    "course_utils/*.py",
    "course_utils/py.typed",
    "course_utils/datasets/*",
    "course_utils/mistakes/*.py",
    "constraints.txt",
    "environment.yml",
    "pyproject.toml",
    "nbgrader_config.py",
    "LICENSE",
    "docs/mistakes.md",
    "docs/students.md",
)


def bundle(course: Course) -> Path:
    """Write dist/unrolled-students.zip; its README is docs/students.md.

    Raises
    ------
    CourseError : something is missing, or a release is not what its source builds.
    """
    files = [path for pattern in CONTENTS for path in sorted(course.root.glob(pattern)) if path.is_file()]
    files = [
        path for path in files if not any(part.startswith((".", "~")) for part in path.relative_to(course.root).parts)
    ]
    missing = [pattern for pattern in CONTENTS if "*" not in pattern and not (course.root / pattern).is_file()]
    if missing:
        raise CourseError(f"{course.root / missing[0]}: missing; make the bundle from a complete checkout.")
    for source in sorted(course.root.glob("source/*/")):
        if not is_current(course, source.name):
            raise CourseError(
                f"{course.root / 'release' / source.name}: not current; run `course release {source.name}`."
            )
    archive = course.root / "dist" / f"{NAME}.zip"
    archive.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in files:
            name = "README.md" if path.name == "students.md" else path.relative_to(course.root)
            text = path.read_bytes()
            if path.name == "pyproject.toml":  # the command `course` stays with the instructor
                text = re.sub(rb"\[project\.scripts\]\n.*\n\n", b"", text)
            packed.writestr(f"{NAME}/{name}", text)
    return archive

"""What students get: one archive with the lessons, the released assignments and the student's side of the package."""

from __future__ import annotations

import zipfile
from pathlib import Path

from .course import Course, CourseError

NAME = "unrolled-students"
CONTENTS = (
    "notebooks/*.ipynb",
    "notebooks/quizzes/*.toml",
    "release/*/*",
    "course_utils/*.py",
    "constraints.txt",
    "environment.yml",
    "pyproject.toml",
    "LICENSE",
)


def bundle(course: Course) -> Path:
    """Write dist/unrolled-students.zip; its README is docs/students.md. Raises CourseError if something is missing."""
    files = [path for pattern in CONTENTS for path in sorted(course.root.glob(pattern)) if path.is_file()]
    missing = [pattern for pattern in CONTENTS if "*" not in pattern and not (course.root / pattern).is_file()]
    if missing:
        raise CourseError(f"{course.root / missing[0]}: missing; make the bundle from a complete checkout.")
    archive = course.root / "dist" / f"{NAME}.zip"
    archive.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.write(course.root / "docs" / "students.md", f"{NAME}/README.md")
        for path in files:
            packed.write(path, f"{NAME}/{path.relative_to(course.root)}")
    return archive

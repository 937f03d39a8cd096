"""The files of an assignment beside its notebook: data and helper modules that cells open and import."""

from __future__ import annotations

from pathlib import Path

from .errors import CourseError

MOST_FILES, MOST_MIB = 200, 32
SKIPPED = (".ipynb_checkpoints", "__pycache__")


def attached_files(notebook: Path) -> dict[str, bytes]:
    """The content of every file in the notebook's folder but notebooks and hidden ones, by its path in there.

    Raises
    ------
    CourseError
        There are more files, or more bytes, than travel with each submission.
    """
    folder, files, size = notebook.parent, dict[str, bytes](), 0
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        hidden = any(part in SKIPPED or part.startswith(".") for part in inside.parts)
        if hidden or path.suffix in (".ipynb", ".pyc") or not path.is_file():
            continue
        size += path.stat().st_size
        if len(files) >= MOST_FILES or size > MOST_MIB << 20:
            raise CourseError(
                f"{path}: an assignment can have {MOST_FILES} files of {MOST_MIB} MiB in all; have cells make the data."
            )
        files[inside.as_posix()] = path.read_bytes()
    return files

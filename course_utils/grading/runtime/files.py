"""Opens a submitted notebook: a regular file in regular folders, read once, whoever else writes there meanwhile."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .errors import NotReadError
from .reading import RefusedError

# With outputs. The largest honest one seen had 28 MiB; four are in memory at a time.
MAX_BYTES = 100 * 2**20
MAX_ENTRIES = 1000  # looked at
MAX_FILES, MAX_BESIDE = 50, 10 * 2**20  # of files beside the notebook, and their bytes in all
ATTEMPTS = 3
COPY = re.compile(r"(?:[ _]*\(\d+\)|[ _-]*copy[ _]*\d*(?:[ _]*\(\d+\))?|[ _-]*kopie)+$", re.IGNORECASE)
OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True)
class SubmittedFile:
    """The bytes of a submission, and what student and instructor should know of the file they came from."""

    data: bytes
    notes: list[str] = field(default_factory=list)
    beside: dict[str, bytes] = field(default_factory=dict)  # the student's helper and data files


def read_file(path: Path) -> SubmittedFile:
    """Read submitted/STUDENT/ASSIGNMENT/ASSIGNMENT.ipynb, or the only notebook there if it has another name.

    Raises
    ------
    RefusedError
        What was handed in is no notebook file.
    NotReadError
        It cannot be read for a reason that need not be the student's.
    """
    try:
        folder = _folder(path.parent)
        try:
            name, notes = _choice(path.name, os.listdir(folder))
            beside, left_out = _beside(folder)
            return SubmittedFile(_content(folder, name), notes + left_out, beside)
        finally:
            os.close(folder)
    except FileNotFoundError:
        raise RefusedError(f"there is no {path.name}; hand in the notebook under this name.") from None
    except OSError as error:
        where = shown_name(str(Path(*path.parts[-4:])))
        raise NotReadError(f"{where}: {error.strerror or error}; make it readable, then grade again.") from None


def _beside(folder: int) -> tuple[dict[str, bytes], list[str]]:
    """Regular files in the submission that its cells may open or import, and a note on what was left out."""
    found: dict[str, bytes] = {}
    room = MAX_BESIDE
    for path, opened in _regular_files(folder):
        size = os.fstat(opened).st_size
        if len(found) >= MAX_FILES or size > room:
            return found, [f"files beside the notebook: only the first {len(found)} were taken"]
        with os.fdopen(opened, "rb", closefd=False) as file:
            found[path] = file.read(size)  # no more, even if it grows meanwhile
        room -= size
    return found, []


def _regular_files(folder: int) -> Iterator[tuple[str, int]]:
    """Path and open descriptor of each file beside the notebook, without links; of a bounded number of entries."""
    seen = 0
    for parent, folders, names, descriptor in os.fwalk(".", dir_fd=folder):
        if seen > MAX_ENTRIES:
            return
        folders[:] = sorted(name for name in folders if name[0] not in "._")[:MAX_FILES]
        seen += len(folders)
        for name in sorted(names):
            seen += 1
            if seen > MAX_ENTRIES:
                return
            if name[0] == "." or name.lower().endswith(".ipynb") or name == "timestamp.txt":
                continue
            try:
                opened = os.open(name, OPEN, dir_fd=descriptor)
            except OSError as error:
                if error.errno in (errno.ELOOP, errno.ENXIO):  # a link or a socket
                    continue
                raise
            try:
                info = os.fstat(opened)  # of what is open, whatever the name leads to by now
                if stat.S_ISREG(info.st_mode) and info.st_nlink == 1:
                    yield os.path.normpath(os.path.join(parent, name)).encode("utf-8", "replace").decode(), opened
            finally:
                os.close(opened)


def shown_name(name: str) -> str:
    """A file's name as any page or terminal may show it: its unusual characters replaced by _."""
    return re.sub(r"[^\w ()./+-]", "_", name.encode("utf-8", "replace").decode())[:100]


def _folder(path: Path) -> int:
    """A descriptor of the submission's folder, reached without following a link in the student's part."""
    submitted = os.open(path.parent.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        student = _opened(path.parent.name, submitted)
    finally:
        os.close(submitted)
    try:
        return _opened(path.name, student)
    finally:
        os.close(student)


def _opened(name: str, above: int) -> int:
    try:
        return os.open(name, OPEN | os.O_DIRECTORY, dir_fd=above)
    except NotADirectoryError:
        raise RefusedError(f"{shown_name(name)} is a link or not a folder; hand in the notebook itself.") from None


def _choice(wanted: str, entries: list[str]) -> tuple[str, list[str]]:
    """The entry to read, and a note if it has another name than the one that was asked for."""
    notebooks = sorted(entry for entry in entries if entry.lower().endswith(".ipynb") and entry[0] != ".")
    others = [name for name in notebooks if name != wanted]
    if wanted in entries:
        copies = [name for name in others if _stem(name) == _stem(wanted)]
        return wanted, [f"not read: {shown_name(name)}, beside {wanted}" for name in copies]
    if len(others) == 1:
        return others[0], [f"read from {shown_name(others[0])}, because there is no {wanted}"]
    found = f" but {len(others)} other notebooks" if others else ""
    raise RefusedError(f"there is no {wanted}{found}; hand in the notebook under this name.")


def _stem(name: str) -> str:
    return COPY.sub("", name[: -len(".ipynb")]).casefold()


def _content(folder: int, name: str) -> bytes:
    shown = shown_name(name)
    for _ in range(ATTEMPTS):
        try:
            opened = os.open(name, OPEN, dir_fd=folder)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO):
                raise RefusedError(f"{shown} is a link or not a regular file; hand in the notebook itself.") from None
            raise
        try:
            before = os.fstat(opened)
            _check(shown, before)
            with os.fdopen(opened, "rb", closefd=False) as file:
                data = file.read(MAX_BYTES + 1)
            after = os.fstat(opened)
        finally:
            os.close(opened)
        if (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, len(data)):
            return data
    raise NotReadError(f"{shown}: changes while it is read; grade again when nobody writes to it.")


def _check(shown: str, info: os.stat_result) -> None:
    if not stat.S_ISREG(info.st_mode):
        what = "a folder" if stat.S_ISDIR(info.st_mode) else "not a regular file"
        raise RefusedError(f"{shown} is {what}; hand in the notebook itself.")
    if info.st_nlink > 1:
        raise NotReadError(
            f"{shown}: has another name elsewhere (a hard link); replace it by a copy, then grade again."
        )
    if info.st_size > MAX_BYTES:
        raise RefusedError(f"{shown} has {info.st_size >> 20} MiB, over {MAX_BYTES >> 20}; clear its outputs.")

"""Memory and processes of a submission as a whole: a cgroup (version 2) for each, where the system gives us one."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from .limits import MIB, Limits

ROOT = Path("/sys/fs/cgroup")
CONTROLLERS = "+memory +pids"
REMOVAL_SECONDS = 5.0


def scope_command() -> list[str]:
    """The start of a command line that gets a cgroup of its own from systemd; empty where that cannot be had."""
    command = ["systemd-run", "--scope", "--quiet", "--collect", "--property=Delegate=yes"]
    if os.geteuid() != 0:
        command.insert(1, "--user")
    if not (ROOT / "cgroup.controllers").exists() or shutil.which("systemd-run") is None:
        return []
    try:
        tried = subprocess.run([*command, "true"], capture_output=True, timeout=30)
    except subprocess.TimeoutExpired:
        return []
    return [] if tried.returncode else [*command, "--"]


class Cgroups:
    """Makes and removes cgroups beside that of a fork server.

    Attributes
    ----------
    missing : str
        Why there are none; empty where there are.
    """

    def __init__(self, pid: int):
        self.missing = ""
        self.made = 0
        self.left: list[Path] = []
        self.folder, self.server = ROOT, ROOT
        try:
            self.folder = _folder_of(pid)
            self.server = self.folder / f"unrolled-{pid}"
            self.server.mkdir()
            _move(_family(pid), self.server)
            (self.folder / "cgroup.subtree_control").write_text(CONTROLLERS)
        except OSError as error:
            self.missing = f"{error.filename or self.folder}: {error.strerror}"
            with contextlib.suppress(OSError):
                _move(_family(pid), self.folder)
                self.server.rmdir()

    @contextlib.contextmanager
    def group(self, limits: Limits) -> Iterator[list[int]]:
        """A cgroup for one submission: the descriptor through which a process enters it, or none."""
        if self.missing:
            yield []
            return
        self.made += 1
        folder = self.server.with_name(f"{self.server.name}-{self.made}")
        folder.mkdir()
        try:
            (folder / "memory.max").write_text(str((limits.memory_mib + limits.file_mib) * MIB))
            (folder / "memory.oom.group").write_text("1")
            (folder / "pids.max").write_text(str(limits.processes + 1))  # one more waits for the others
            with contextlib.suppress(FileNotFoundError):  # a kernel that counts no swap
                (folder / "memory.swap.max").write_text("0")
            entrance = os.open(folder / "cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
            try:
                yield [entrance]
            finally:
                os.close(entrance)
        finally:
            self.left.append(folder)
            self._remove()

    def close(self) -> None:
        """Remove all; the fork server has ended."""
        if not self.missing:
            self.left.append(self.server)
            ends = time.monotonic() + REMOVAL_SECONDS
            while self.left and time.monotonic() < ends:
                self._remove()
                time.sleep(0.01)

    def _remove(self) -> None:
        """End what is left in them; a cgroup whose processes are still on their way out is removed the next time."""
        for folder in list(self.left):
            with contextlib.suppress(OSError, ValueError):
                if folder != self.server:
                    (folder / "cgroup.kill").write_text("1")
                folder.rmdir()
            if not folder.exists() and folder in self.left:
                self.left.remove(folder)


def _folder_of(pid: int) -> Path:
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        if line.startswith("0::") and (ROOT / "cgroup.controllers").exists():
            return ROOT / line.removeprefix("0::").lstrip("/")
    raise OSError(0, "no cgroup of version 2", str(ROOT))


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(part for child in children for part in _family(int(child)))]


def _move(pids: list[int], folder: Path) -> None:
    for pid in pids:
        (folder / "cgroup.procs").write_text(str(pid))

"""Bytes in, bytes out: a submission and the assignment's kit become a graded notebook, scores and a log.

A worker touches no database and no shared folder, so any `concurrent.futures.Executor` can run it anywhere.
"""

from __future__ import annotations

import atexit
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from . import wire
from .examine import Job
from .intake import Refused, rebuild
from .kit import Kit
from .sandbox import REMEDY, UBUNTU, Limits, NoIsolation, environment, outer_command


@dataclass
class Result:
    """What one submission came to. `scores` has every graded cell that needs no human."""

    scores: dict[str, float]
    notebook: str
    mistakes: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    blank: list[str] = field(default_factory=list)
    refused: str = ""
    seed: int = 0
    seconds: float = 0.0

    def comment(self, answer: str) -> str | None:
        """What nbgrader shows at an answer: why nothing was graded, or that there was nothing."""
        return f"Not graded: {self.refused}" if self.refused else "No response." if answer in self.blank else None


def grade_bytes(
    submission: bytes | str, kit: Kit, limits: Limits, unsafe: bool = False, seed: int | None = None
) -> Result:
    """Grade one submission. A `str` in place of the bytes is the reason why it could not even be read."""
    started = time.monotonic()
    seed = secrets.randbits(31) if seed is None else seed
    try:
        if isinstance(submission, str):
            raise Refused(submission)
        intake = rebuild(submission, kit.cells)
    except Refused as refused:
        scores = dict.fromkeys(kit.points, 0.0)
        blank = [cell.id for cell in kit.cells if cell.role == "answer"]
        return Result(scores, kit.notebook(kit.released(), {}, seed), blank=blank, refused=str(refused), seed=seed)
    job = Job(intake.cells, kit.interface, seed, limits, secrets.randbelow(10_000))
    findings = warm(unsafe).examine(job)
    scores = {name: points if findings["passed"].get(name) else 0.0 for name, points in kit.points.items()}
    mistakes = {name: found for name, found in findings["mistakes"].items() if found}
    notebook = kit.notebook(intake.cells, findings["outputs"], seed)
    blank = [cell.id for cell in intake.cells if cell.role == "answer" and cell.text.strip() == cell.shown.strip()]
    seconds = round(time.monotonic() - started, 3)
    return Result(scores, notebook, mistakes, intake.notes, findings["events"], blank, seed=seed, seconds=seconds)


class Warm:
    """The two warm processes of a worker: students' behind the wall, the examiners' outside it."""

    def __init__(self, unsafe: bool):
        self.folder = tempfile.TemporaryDirectory(prefix="unrolled-")
        mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        python = [sys.executable, "-P", "-m", "course_utils.grading.warm"]
        role = "student-unsafe" if unsafe else "student"
        command = [*python, role, str(theirs.fileno())]
        self.students = _start(command if unsafe else outer_command(command), self.folder.name, theirs)
        self.control, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.examiners = _start(
            [*python, "examiner", str(control.fileno()), str(mine.fileno())], self.folder.name, control, mine
        )
        for channel, process in ((mine, self.students), (self.control, self.examiners)):
            if channel.recv(16) != b"ready":
                self.close()
                raise NoIsolation(
                    f"a warm process did not start (exit status {process.returncode}): {REMEDY}; {UBUNTU}."
                )
        mine.close()

    def examine(self, job: Job) -> dict[str, Any]:
        """Have the job done in forks of the warm processes; what was reached counts even if it breaks off."""
        channel, theirs = socket.socketpair()
        socket.send_fds(self.control, [b"{}"], [theirs.fileno()])
        theirs.close()
        findings: Any = {"outputs": {}, "passed": {}, "mistakes": {}, "events": []}
        with channel:
            channel.settimeout(job.limits.total_seconds + 30)
            wire.send(channel, job.frame())
            try:
                while (frame := wire.decode(wire.receive(channel))) != "end":
                    findings = frame
            except (EOFError, OSError) as error:
                findings["events"].append(f"the examination broke off: {type(error).__name__}")
        return findings

    def close(self) -> None:
        for process in (self.examiners, self.students):
            process.send_signal(signal.SIGKILL)
            process.wait()
        self.folder.cleanup()


_warm: dict[tuple[int, bool], Warm] = {}
_starting = threading.Lock()


def warm(unsafe: bool) -> Warm:
    """This process's warm processes, started when they are first needed; all its threads share them."""
    key = (os.getpid(), unsafe)
    with _starting:
        if key not in _warm:
            _warm[key] = Warm(unsafe)
        return _warm[key]


@atexit.register
def close_warm() -> None:
    """End this process's warm processes and with them whatever they have forked."""
    for key in [key for key in _warm if key[0] == os.getpid()]:
        _warm.pop(key).close()


def _start(command: list[str], folder: str, *passed: socket.socket) -> subprocess.Popen:
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=[channel.fileno() for channel in passed],
        env=os.environ | environment(folder),
        cwd=folder,
        start_new_session=True,
    )
    passed[0].close()
    return process


def plain(result: Result) -> str:
    """The result without its notebook, as JSON."""
    return json.dumps({name: value for name, value in vars(result).items() if name != "notebook"}, indent=1)

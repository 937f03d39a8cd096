"""The warm processes of this machine: started once, shared by all jobs, ended with the grader."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import Future
from typing import Any

from . import wire
from .faults import NoIsolation
from .job import Job
from .sandbox import REMEDY, UBUNTU, environment, outer_command


class BrokenWarm(RuntimeError):
    """The warm processes are gone, through no fault of a submission."""


class Warm:
    """The two warm processes of a worker: students' behind the wall, the examiners' outside it."""

    def __init__(self, unsafe: bool):
        self.ended = False
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
        """Have the job done in forks of the warm processes.

        An examination that breaks off is done once more. What it reaches then counts, unless it was not the
        submission that ended it but the warm processes themselves that are gone: that raises BrokenWarm.
        """
        findings = self._examined(job)
        return self._examined(job) if "broken" in findings else findings

    def _examined(self, job: Job) -> dict[str, Any]:
        channel, theirs = socket.socketpair()
        findings: Any = {"outputs": {}, "passed": {}, "mistakes": {}, "tiers": {}, "events": []}
        with channel:
            channel.settimeout(job.limits.total_seconds + 30)
            try:
                with theirs:
                    socket.send_fds(self.control, [b"{}"], [theirs.fileno()])
                wire.send(channel, job.frame())
                while (frame := wire.decode(wire.receive(channel))) != "end":
                    findings = frame
            except (EOFError, OSError) as error:
                if self.ended:
                    raise RuntimeError("the grader has ended") from None
                if self.examiners.poll() is not None or self.students.poll() is not None:
                    raise BrokenWarm("a warm process has ended") from None
                findings["events"].append(f"the examination broke off: {type(error).__name__}")
                if not isinstance(error, TimeoutError):  # what took all its time is not given it again
                    findings["broken"] = True
        return findings

    def close(self) -> None:
        for process in (self.examiners, self.students):
            process.send_signal(signal.SIGKILL)
            process.wait()
        self.folder.cleanup()


_warm: dict[tuple[int, bool], tuple[Future[Warm], threading.Event]] = {}
_starting = threading.Lock()


def warm(unsafe: bool) -> Warm:
    """This process's warm processes, started when they are first needed; all its threads share them."""
    return start_early(unsafe).result()


def start_early(unsafe: bool) -> Future[Warm]:
    """Begin to start the warm processes unless they are there; whoever needs them then waits less."""
    key = (os.getpid(), unsafe)
    with _starting:
        if key not in _warm:
            _warm[key] = Future(), threading.Event()
            threading.Thread(target=_keep, args=(unsafe, *_warm[key]), daemon=True).start()
    return _warm[key][0]


def _keep(unsafe: bool, started: Future[Warm], ended: threading.Event) -> None:
    """Start them and stay: for the kernel, "parent" means the thread that has started a process."""
    try:
        started.set_result(Warm(unsafe))
    except BaseException as error:
        started.set_exception(error)
    ended.wait()


@atexit.register
def close_warm(for_good: bool = True) -> None:
    """End this process's warm processes and with them whatever they have forked; who waits for them gives up."""
    for key in [key for key in _warm if key[0] == os.getpid()]:
        started, ended = _warm.pop(key)
        with contextlib.suppress(Exception):
            started.result().ended = for_good
            started.result().close()
        ended.set()


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

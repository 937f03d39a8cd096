"""The door of this package: a backend takes a job and returns what an examination found.

A backend keeps two fork servers: one forks the processes that run students' code, the other forks the examiners
that hold the tests. They are started once, serve all jobs of this machine, and end with the grader.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import Future

from ..errors import NoIsolationError
from . import codec
from .cgroups import Cgroups, scope_command
from .errors import ExaminationError, ForkServerDied
from .findings import Findings
from .job import Job
from .sandbox import REMEDY, UBUNTU, environment, outer_command

PATIENCE = 30.0  # seconds beyond a submission's own time, for the examiner itself
PING_SECONDS = 10.0


class Backend:
    """Examines jobs in forks of two fork servers; its subclasses say how students' code runs."""

    role = ""

    def __init__(self) -> None:
        self.ended = False
        self.folder = tempfile.TemporaryDirectory(prefix="unrolled-")
        self._pinging = threading.Lock()
        self.students_control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        python = [sys.executable, "-P", "-m", "course_utils.grading.runtime.forkserver"]
        students = self.command([*python, self.role, str(theirs.fileno())])
        self.students = _start(students, self.folder.name, theirs)
        self.control, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        fds = [str(control.fileno()), str(self.students_control.fileno())]
        self.examiners = _start([*python, "examiner", *fds], self.folder.name, control, self.students_control)
        for channel, process in ((self.students_control, self.students), (self.control, self.examiners)):
            if channel.recv(16) != b"ready":
                self.close()
                raise NoIsolationError(
                    f"a fork server did not start (exit status {process.returncode}): {REMEDY}; {UBUNTU}."
                )
        self.cgroups = Cgroups(self.students.pid)

    def command(self, python: list[str]) -> list[str]:
        """The command line that starts the fork server of the students."""
        raise NotImplementedError

    def examine(self, job: Job) -> Findings:
        """Have the job done in forks of the fork servers.

        Raises
        ------
        ForkServerDied
            A fork server ended meanwhile. Nothing that was found counts; ask a new backend.
        ExaminationError
            The examination broke off twice, took too long, or failed by itself.
        """
        findings = self._examine_in_group(job) or self._examine_in_group(job)
        if findings is None:
            raise ExaminationError("the examination broke off twice")
        if (findings.failure or findings.events) and not self.is_alive():
            raise ForkServerDied("a fork server ended during the examination")
        if findings.failure:
            last = findings.failure.strip().splitlines()[-1]
            raise ExaminationError(f"the examination failed: {last[:300]}", findings.failure)
        return findings

    def _examine_in_group(self, job: Job) -> Findings | None:
        with self.cgroups.group(job.limits) as entrance:
            return self._examine_once(job, entrance)

    def _examine_once(self, job: Job, entrance: list[int]) -> Findings | None:
        """The findings; None where the examination broke off although both fork servers are alive."""
        seconds = job.limits.total_seconds + PATIENCE
        ends = time.monotonic() + seconds
        request = json.dumps({"memory_mib": job.limits.memory_mib}).encode()
        channel, theirs = socket.socketpair()
        with channel:  # closing it ends the examiner, whatever it does
            channel.settimeout(seconds)
            try:
                with theirs:
                    socket.send_fds(self.control, [request], [theirs.fileno(), *entrance])
                codec.send(channel, job.to_bytes())
                return Findings.from_bytes(codec.receive(channel, ends))
            except TimeoutError:
                raise ExaminationError(f"the examination took over {seconds:g} s") from None
            except (EOFError, OSError):
                if self.ended:
                    raise ExaminationError("the grader has ended") from None
                if not self.is_alive():
                    raise ForkServerDied("a fork server has ended") from None
                return None

    def is_alive(self) -> bool:
        """Whether both fork servers still answer. A student's process may be seen to die before its server is."""
        with self._pinging:  # no timeout on the sockets themselves: it would be shared with the examiners
            try:
                for channel in (self.students_control, self.control):
                    channel.sendall(b"ping")
                    readable, _, _ = select.select([channel], [], [], PING_SECONDS)
                    if not readable or channel.recv(16) != b"pong":
                        return False
            except (OSError, ValueError):  # ValueError: closed here meanwhile
                return False
        return True

    def close(self) -> None:
        """End both fork servers and with them whatever they have forked."""
        for process in (self.examiners, self.students):
            process.send_signal(signal.SIGKILL)
            process.wait()
        self.control.close()
        self.students_control.close()
        self.folder.cleanup()
        if hasattr(self, "cgroups"):
            self.cgroups.close()


class BubblewrapBackend(Backend):
    """Students' code runs behind bubblewrap."""

    role = "student"

    def command(self, python: list[str]) -> list[str]:
        return [*scope_command(), *outer_command(python)]


class UnsafeBackend(Backend):
    """Students' code runs with the rights of the grader: only for a class that you trust."""

    role = "student-unsafe"

    def command(self, python: list[str]) -> list[str]:
        return python


class _Shared:
    """A backend and the thread that keeps it: for the kernel, "parent" means the thread that started a process."""

    def __init__(self, unsafe: bool):
        self.started: Future[Backend] = Future()
        self.released = threading.Event()
        threading.Thread(target=self._keep, args=(unsafe,), daemon=True).start()

    def _keep(self, unsafe: bool) -> None:
        try:
            self.started.set_result(UnsafeBackend() if unsafe else BubblewrapBackend())
        except BaseException as error:
            self.started.set_exception(error)
        self.released.wait()

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.started.result().close()
        self.released.set()

    def end(self) -> None:
        with contextlib.suppress(Exception):
            self.started.result().ended = True
        self.close()


_shared: dict[tuple[int, bool], _Shared] = {}
_lock = threading.Lock()


def start_backend(unsafe: bool) -> Future[Backend]:
    """Begin to start this process's backend unless it is there; whoever needs it then waits less."""
    with _lock:
        key = (os.getpid(), unsafe)
        if key not in _shared:
            _shared[key] = _Shared(unsafe)
        return _shared[key].started


def shared_backend(unsafe: bool) -> Backend:
    """This process's backend, started when it is first needed; all its threads share it."""
    return start_backend(unsafe).result()


def discard(backend: Backend) -> None:
    """Close a backend whose fork servers have died; the next call of `shared_backend` starts another."""
    with _lock:
        for key, shared in list(_shared.items()):
            if shared.started.done() and not shared.started.exception() and shared.started.result() is backend:
                _shared.pop(key).close()


@atexit.register
def close_backends() -> None:
    """End this process's backends; examinations that still run raise ExaminationError."""
    with _lock:
        for key in [key for key in _shared if key[0] == os.getpid()]:
            _shared.pop(key).end()


def _start(command: list[str], folder: str, *passed: socket.socket) -> subprocess.Popen[bytes]:
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

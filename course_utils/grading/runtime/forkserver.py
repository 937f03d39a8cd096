"""Fork servers: torch, numpy, matplotlib and IPython are imported once, then each submission is a fork.

Run as `python -m course_utils.grading.runtime.forkserver ROLE FD …`. The role `student` forks processes that run a
student's cells; the role `examiner` forks processes that hold the tests and decide. Neither starts a thread before a
fork. A control socket takes a request with file descriptors, or "ping", which is answered with "pong".
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot  # noqa: F401 - imported for the forks
import numpy  # noqa: F401
import torch
import torch.testing
from torch import nn

from course_utils import check, plots, probe, quiz, toy  # noqa: F401

from . import codec, sandbox, syscalls
from .forks import Forks
from .limits import Limits


def import_early() -> None:
    """Touch what a first use would import; serial work only, for a fork must find a single thread."""
    torch.set_num_threads(1)
    layer = nn.RNN(2, 3, batch_first=True)
    optimizer = torch.optim.Adam(layer.parameters())
    layer(torch.zeros(1, 2, 2))[0].sum().backward()
    optimizer.step()
    torch.testing.assert_close(torch.ones(1), torch.ones(1))
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise SystemExit(f"fork server: {threads} threads before the first fork; a child could hang.")
    gc.collect()
    gc.freeze()  # what is shared by all forks stays shared


def serve_students(control: socket.socket, unsafe: bool) -> None:
    """Fork a student's process for each request: JSON limits and number, with the channel, the lifeline and
    the entrance to a cgroup, where there is one."""
    from .shell import make_shell
    from .student import Student

    if not unsafe:
        syscalls.program()  # built once, for all forks
    shell = make_shell()

    def student(request: dict[str, Any], *fds: int) -> None:
        channel, lifeline = (socket.socket(fileno=fd) for fd in fds[:2])
        limits = Limits(**request["limits"])
        try:
            for entrance in fds[2:]:
                _enter(entrance)
            pid = _fork_alone() if unsafe else sandbox.enclose(limits, request["number"])
        except Exception as error:  # before any code of the student's: the examiner must not blame the student
            codec.send(channel, codec.encode(f"{type(error).__name__}: {error}"))
            raise
        if pid == 0:
            lifeline.close()
            control.close()
            sys.stdin = open(os.devnull, "r+")  # noqa: SIM115 - for as long as the process lives
            for stream in (0, 1, 2):  # what the student's code writes there would reach the instructor's terminal
                os.dup2(sys.stdin.fileno(), stream)
            codec.send(channel, codec.encode("ready"))
            Student(channel, shell, limits.output_bytes, request["seed"]).serve()
            os._exit(0)
        channel.close()
        _hold(pid, lifeline, limits.total_seconds, unsafe)

    _serve(control, student)


def _fork_alone() -> int:
    """Fork; the child leads a process group of its own."""
    pid = os.fork()
    if pid == 0:
        os.setsid()
    return pid


def _enter(entrance: int) -> None:
    """Move this process into a cgroup; whatever it forks is born there."""
    os.write(entrance, b"0")
    os.close(entrance)


def serve_examiners(control: socket.socket, students: socket.socket) -> None:
    """Fork an examiner for each request: JSON limits, with the channel on which it gets its job and the entrance to a
    cgroup for the student's process, where there is one."""
    from .examiner import serve_job

    def examine(request: dict[str, Any], channel: int, *group: int) -> None:
        sandbox.limit_memory(request["memory_mib"])
        serve_job(socket.socket(fileno=channel), students, group)

    _serve(control, examine, watched=True)


def _serve(control: socket.socket, work: Callable[..., None], watched: bool = False) -> None:
    """Fork for each request. With `watched`, a fork ends when the other end of its first descriptor is closed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps
    forks = Forks()
    control.sendall(b"ready")
    while True:
        forks.watch_until_readable(control)
        message, fds, _, _ = socket.recv_fds(control, 65536, 4)
        if not message:
            return
        if message == b"ping":
            control.sendall(b"pong")
            continue
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            ctypes.CDLL(None).prctl(sandbox.PR_SET_PDEATHSIG, sandbox.SIGKILL)
            try:
                forks.forget()
                work(json.loads(message), *fds)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
        if watched:
            forks.add(pid, os.dup(fds[0]))
        for fd in fds:
            os.close(fd)


def _hold(pid: int, lifeline: socket.socket, seconds: float, unsafe: bool) -> None:
    """Wait until the student's process ends, the lifeline is let go, or time is up; then nothing of it is left."""
    pidfd = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    poll.register(lifeline, select.POLLIN | select.POLLHUP)
    poll.poll(int((seconds + 5) * 1000))
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL) if unsafe else signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    os.waitpid(pid, 0)


def main(role: str, *fds: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the business of the one who asked
    import_early()
    sockets = [socket.socket(fileno=int(fd)) for fd in fds]
    if role == "examiner":
        serve_examiners(*sockets)
    else:
        serve_students(sockets[0], unsafe=role == "student-unsafe")


if __name__ == "__main__":
    main(*sys.argv[1:])

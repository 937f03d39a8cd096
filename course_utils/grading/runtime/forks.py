"""The forks of a fork server that end when whoever asked for them is gone."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket


class Forks:
    """Processes, each with a channel; a process is killed when the other end of its channel is closed."""

    def __init__(self) -> None:
        self.poll = select.poll()
        self.pairs: dict[int, tuple[int, int]] = {}  # (pidfd, channel) by each of the two

    def add(self, pid: int, channel: int) -> None:
        """Watch a child that was just forked; `channel` is closed here when the child has ended."""
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:  # it has ended already
            os.close(channel)
            return
        self.pairs[pidfd] = self.pairs[channel] = pidfd, channel
        self.poll.register(pidfd, select.POLLIN)
        self.poll.register(channel, select.POLLRDHUP)

    def watch_until_readable(self, control: socket.socket) -> None:
        """Wait for a message on `control`; meanwhile end those whose channel is closed, and forget who has ended."""
        self.poll.register(control, select.POLLIN)
        while True:
            ready = [fd for fd, _ in self.poll.poll()]
            for fd in ready:
                if fd in self.pairs:
                    self._end(*self.pairs[fd])
            if control.fileno() in ready:
                return

    def forget(self) -> None:
        """In a child: hold no channel of another one."""
        for pidfd, channel in set(self.pairs.values()):
            os.close(pidfd)
            os.close(channel)
        self.pairs.clear()

    def _end(self, pidfd: int, channel: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        for fd in (pidfd, channel):
            self.poll.unregister(fd)
            os.close(fd)
            del self.pairs[fd]

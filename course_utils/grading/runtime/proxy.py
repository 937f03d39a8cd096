"""The student's process as an examiner sees it: started, asked, and started again when it has died.

What the student has made arrives as data, or as a `Proxy` whose calls are carried out on the student's side.
"""

from __future__ import annotations

import builtins
import contextlib
import json
import socket
import time
from dataclasses import asdict
from typing import Any, NoReturn

from . import codec
from .findings import Event, Fate
from .job import Cell, Job

GRACE = 2.0  # seconds between the timer inside the student's process and the end of that process


class StudentProcessDied(ConnectionError):
    """The student's process has ended, by itself or because it did not answer in time."""


class CallTimeout(TimeoutError):
    """A call into the student's code was stopped by the timer inside; its process goes on."""


class StudentClient:
    """Starts the student's process, asks it, and starts it again.

    Attributes
    ----------
    events : list of Event
        What has happened to the process or its time, in order; the examiner takes them from here.
    cell : str
        The id of the cell on whose behalf questions are asked.
    is_dead : bool
        The process has ended and was not started again yet.
    is_over : bool
        It will not be started again: time or restarts are used up.
    """

    def __init__(self, job: Job, students: socket.socket):
        self.job, self.students = job, students
        self.events: list[Event] = []
        self.cell = ""
        self.is_dead = self.is_over = False
        self._done: list[Cell] = []
        self._restarts, self._asked = job.limits.restarts, 0
        self._ends = time.monotonic() + job.limits.total_seconds

    def start(self) -> None:
        self.channel, theirs = socket.socketpair()
        self.lifeline, held = socket.socketpair()
        request = {"limits": asdict(self.job.limits), "number": self.job.number}
        socket.send_fds(self.students, [json.dumps(request).encode()], [theirs.fileno(), held.fileno()])
        theirs.close()
        held.close()
        self.is_dead = False

    def end(self) -> None:
        self.channel.close()
        self.lifeline.close()

    def restart(self) -> None:
        """A new process that runs again what has run before; over when time or restarts are used up."""
        self.end()
        self._restarts -= 1
        if not self.is_over and self._restarts >= 0:
            self.start()
            with contextlib.suppress(StudentProcessDied):
                for cell in self._done:
                    self.ask("run", cell.text)
        self.is_over = self.is_over or self.is_dead
        if self.is_over:
            self.events.append(Event(self.cell, Fate.NOT_RESTARTED))

    def run(self, cell: Cell) -> list[Any]:
        """Run a cell and return its outputs; it is run again in a new process unless it ended the old one."""
        match self.ask("run", cell.text):
            case [list(outputs), bool(is_late)]:
                if is_late:
                    self.events.append(Event(cell.id, Fate.CELL_TIMEOUT, self.job.limits.cell_seconds))
                self._done.append(cell)
                return outputs
        self._died(Fate.UNREADABLE_ANSWER)

    def ask(self, verb: str, *arguments: Any) -> Any:
        """One question and its answer; errors of the student's code are raised here as their built-in type."""
        if self.is_dead:
            raise StudentProcessDied("the process has ended")
        left = self._ends - time.monotonic()
        if left <= 0:
            self.is_over = True
            self._died(Fate.TOTAL_TIMEOUT, self.job.limits.total_seconds)
        seconds = min(self.job.limits.cell_seconds, left)
        match self._exchange(seconds, verb, arguments):
            case ["ok", value]:
                return value
            case ["timeout"]:
                self.events.append(Event(self.cell, Fate.CELL_TIMEOUT, seconds))
                raise CallTimeout(f"took over {seconds:.3g} s")
            case ["error", str(name), str(message), str(line)]:
                raise _builtin(name, f"{message} ({line})" if line else message)
        self._died(Fate.UNREADABLE_ANSWER)

    def _exchange(self, seconds: float, verb: str, arguments: tuple[Any, ...]) -> Any:
        self._asked += 1
        request = [verb, seconds, self.job.seed + self._asked, *arguments]
        try:
            self.channel.settimeout(seconds + GRACE)
            codec.send(self.channel, codec.encode(request, _number_of))
            return codec.decode(codec.receive(self.channel), self._proxy)
        except TimeoutError:
            self._died(Fate.NO_ANSWER, seconds)
        except (EOFError, OSError):
            self._died(Fate.PROCESS_DIED)
        except codec.CodecError as error:
            self._died(Fate.UNREADABLE_ANSWER, detail=str(error))

    def _died(self, fate: Fate, seconds: float = 0.0, detail: str = "") -> NoReturn:
        self.is_dead = True
        event = Event(self.cell, fate, seconds, detail)
        self.events.append(event)
        raise StudentProcessDied(str(event).removeprefix(f"{self.cell}: ")) from None

    def _proxy(self, number: int, name: str) -> Proxy:
        return Proxy(self, number, name)


class Proxy:
    """An object that stays with the student: it can be called and looked into, never compared or believed."""

    __slots__ = ("_name", "_number", "_client")

    def __init__(self, client: StudentClient, number: int, name: str):
        self._client, self._number, self._name = client, number, name

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        answer = self._client.ask("call", self, list(arguments), keywords)
        if not isinstance(answer, list) or len(answer) != 2 or not isinstance(answer[1], str):
            raise codec.CodecError("not the answer to a call")
        print(answer[1], end="")
        return answer[0]

    @property
    def __name__(self) -> str:
        return self._name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._client.ask("attribute", self, name)

    def __eq__(self, other: object) -> bool:
        raise TypeError(f"an object of the student's ({self._name}) cannot be compared; call it, or ask for data.")

    def __bool__(self) -> bool:
        raise TypeError(
            f"an object of the student's ({self._name}) is neither true nor false; call it, or ask for data."
        )

    __hash__ = None  # type: ignore[assignment]


def _number_of(value: Any) -> int:
    if isinstance(value, Proxy):
        return value._number
    raise codec.CodecError(f"a test cannot hand a value of type {type(value).__name__} to the student.")


def _builtin(name: str, message: str) -> Exception:
    kind = getattr(builtins, name, None)
    if isinstance(kind, type) and issubclass(kind, Exception) and kind is not UnicodeDecodeError:
        with contextlib.suppress(TypeError):
            return kind(message)
    return RuntimeError(f"{name[:80]}: {message}")

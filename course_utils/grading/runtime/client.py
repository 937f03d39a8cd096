"""The student's process as an examiner sees it: started, asked, and started again when it has died."""

from __future__ import annotations

import builtins
import json
import socket
import time
import weakref
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NoReturn

import torch
from torch import Tensor

from . import codec
from .changes import take_over
from .findings import Event, Fate
from .gradients import followed
from .handover import Handover
from .job import Cell, Job
from .kinds import MAX_FRAME, CodecError
from .modules import BY_NAME
from .proxy import Proxy, proxy_class
from .seeds import ForwardedSeeds
from .text import MAX_NAME, one_line, printable

_input = builtins.input
START_SECONDS = 60.0
MAX_HELD = 4 * MAX_FRAME  # bytes of parameters that are kept for a test
GRACE = 2.0  # seconds between the timer inside the student's process and the end of that process


STUDENTS = "raised in the submission"


def is_students(error: BaseException) -> bool:
    """Whether an error was raised in the student's process."""
    return STUDENTS in getattr(error, "__notes__", ())


class StudentProcessDied(ConnectionError):
    """The student's process has ended, by itself or because it did not answer in time."""


class StudentNotStarted(RuntimeError):
    """The student's process could not be started: the grader's failure."""


class CallTimeout(TimeoutError):
    """A call into the student's code was stopped by the timer inside; its process goes on."""


class StudentClient:
    """Starts the student's process, asks it, and starts it again.

    Attributes
    ----------
    events : list of Event
        What has happened to the process or its time, in order.
    cell : str
        The id of the cell on whose behalf questions are asked.
    is_dead : bool
        The process has ended and was not started again yet.
    is_over : bool
        It will not be started again: time or restarts are used up.
    """

    def __init__(self, job: Job, students: socket.socket, group: Sequence[int] = ()):
        self.job, self.students, self.group = job, students, group  # group: the entrance to a cgroup
        self.events: list[Event] = []
        self.cell = ""
        self.is_dead = self.is_over = False
        self.seeds = ForwardedSeeds()
        self.handover = Handover()
        self._done: list[tuple[Any, ...]] = []
        self._restarts = job.limits.restarts
        self._ends = time.monotonic() + job.limits.total_seconds
        self._exceptions: dict[str, type[Exception]] = {}

    def start(self) -> None:
        self.channel, theirs = socket.socketpair()
        self.lifeline, held = socket.socketpair()
        seed = self.job.seed_for("student")
        request = {"limits": asdict(self.job.limits), "number": self.job.number, "seed": seed}
        fds = [theirs.fileno(), held.fileno(), *self.group]
        socket.send_fds(self.students, [json.dumps(request).encode()], fds)
        theirs.close()
        held.close()
        self._expect_ready()
        self.is_dead = False
        self._copies: dict[int, tuple[weakref.ref[Tensor], int, bool]] = {}
        self._held: deque[Tensor] = deque(maxlen=1000)  # a test may let go of a parameter that it has changed
        self._sent: list[Tensor] = []
        self._arrived: list[tuple[Tensor, int]] = []
        self._input: Any = None
        self._is_stale = False  # a copy lacks the gradient that its original has
        for files, mode in ((self.job.own_files, 0o644), (self.job.files, 0o444)):
            if files:
                self.ask("files", files, mode)

    def _expect_ready(self) -> None:
        """Until the process says that it is ready, no code of the student's runs: what fails is not the student's."""
        try:
            told = codec.decode(codec.receive(self.channel, time.monotonic() + START_SECONDS))
        except (OSError, EOFError) as error:
            told = f"{type(error).__name__}: {error}"
        if told != "ready":
            raise StudentNotStarted(f"the process for the student's code did not start: {one_line(told)}")

    def end(self) -> None:
        self.channel.close()
        self.lifeline.close()

    def restart(self) -> None:
        """A new process that runs again what has run before; over when time or restarts are used up."""
        self.end()
        self._restarts -= 1
        if not self.is_over and self._restarts >= 0:
            try:
                self.start()
                for arguments in self._done:
                    self.ask("run", *arguments)
            except StudentProcessDied:
                pass
        self.is_over = self.is_over or self.is_dead
        if self.is_over:
            self.events.append(Event(self.cell, Fate.NOT_RESTARTED))

    def run(self, cell: Cell, text: str | None = None, seed: int | None = None) -> list[Any]:
        """Run a cell and return its outputs; it is run again in a new process unless it ended the old one."""
        arguments = (cell.text if text is None else text, seed)
        match self.ask("run", *arguments):
            case [list(outputs), bool(is_late)]:
                if is_late:
                    self.events.append(Event(cell.id, Fate.CELL_TIMEOUT, self.job.limits.cell_seconds))
                self._done.append(arguments)
                return outputs
        self._died(Fate.UNREADABLE_ANSWER)

    def call(self, function: Proxy, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        """Call a function of the student's; what it changes in its arguments is changed here too."""
        self.forward_input(None if builtins.input is _input else builtins.input)
        match self.ask("call", function, arguments, keywords):
            case [result, str(printed), changed, int(number)]:
                print(printable(printed, self.job.limits.output_bytes), end="")
                sent, arrived = self._sent, self._arrived
                if isinstance(changed, list) and len(changed) == 2:
                    take_over(arguments, changed[0])
                    take_over(keywords, changed[1])
                return followed(self, result, arrived, sent, number) if arrived else result
        self._died(Fate.UNREADABLE_ANSWER)

    def ask(self, verb: str, *arguments: Any) -> Any:
        """One question and its answer; errors of the student's code are raised here as their built-in type."""
        if self.is_dead:
            raise StudentProcessDied("the process has ended")
        self._push_changes()
        left = self._ends - time.monotonic()
        if left <= 0:
            self.is_over = True
            self._died(Fate.TOTAL_TIMEOUT, self.job.limits.total_seconds)
        seconds = min(self.job.limits.cell_seconds, left)
        match self._exchange(seconds, [verb, seconds, self.seeds.take(), *arguments]):
            case ["ok", value]:
                if self._is_stale:
                    self.pull_gradients()
                return value
            case ["timeout"]:
                self.events.append(Event(self.cell, Fate.CELL_TIMEOUT, seconds))
                raise CallTimeout(f"took over {seconds:.3g} s")
            case ["error", list(names), str(message), str(line)] if all(isinstance(name, str) for name in names):
                message = printable(message)
                error = self.exception_class(names)(f"{message} ({one_line(line, 300)})" if line else message)
                error.add_note(STUDENTS)
                raise error
        self._died(Fate.UNREADABLE_ANSWER)

    def _exchange(self, seconds: float, request: list[Any]) -> Any:
        """Send a request, serve what the student's code calls back meanwhile, and return the answer."""
        self._sent, self._arrived = [], []
        frame = codec.encode(request, self)  # outside of `try`: what a test cannot hand over is not the student's fault
        ends = time.monotonic() + seconds + GRACE
        try:
            self.channel.settimeout(seconds + GRACE)
            codec.send(self.channel, frame)
            while True:
                answer = codec.decode(codec.receive(self.channel, ends), self)
                if not (isinstance(answer, list) and answer[:1] == ["callback"]):
                    return answer
                reply = self.handover.serve(answer[1:])
                codec.send(self.channel, codec.encode(reply, self))
        except CallTimeout:
            raise
        except TimeoutError:
            self._died(Fate.NO_ANSWER, seconds)
        except StudentProcessDied:
            raise
        except (EOFError, OSError):
            self._died(Fate.PROCESS_DIED)
        except CodecError as error:
            self._died(Fate.UNREADABLE_ANSWER, detail=one_line(error, 200))

    def _died(self, fate: Fate, seconds: float = 0.0, detail: str = "") -> NoReturn:
        self.is_dead = True
        event = Event(self.cell, fate, seconds, detail)
        self.events.append(event)
        raise StudentProcessDied(str(event).removeprefix(f"{self.cell}: ")) from None

    def exception_class(self, names: Sequence[str]) -> type[Exception]:
        """The class to raise for one of the student's: a built-in one, or one of its own that extends it."""
        builtin = next((kind for name in names if (kind := _builtin_exception(name))), RuntimeError)
        name = one_line(names[0], MAX_NAME) if names else "Exception"
        if _builtin_exception(name):
            return builtin
        if name not in self._exceptions:
            self._exceptions[name] = type(name, (builtin,), {})
        return self._exceptions[name]

    def forward_input(self, function: Any) -> None:
        """Have `input` in the student's process call this function; None for its own."""
        if function is not self._input:
            self._input = function
            self.ask("set_input", function)

    # Handles of the codec.

    def number_of(self, value: Any) -> tuple[str, int]:
        if isinstance(value, Proxy):
            return "student", value._number
        return "examiner", self.handover.number_of(value)

    def value_of(self, owner: str, number: int, name: str, kind: str) -> Any:
        if owner == "examiner":
            return self.handover.value_of(number)
        if kind == "exception":
            return self.exception_class(name.split(","))
        own, *parents = name.split(",")
        stock = next((parent for parent in [own, *parents] if parent in BY_NAME), "")
        return proxy_class(own, kind, stock)(self, number, own)

    def number_of_tensor(self, tensor: Tensor) -> int | None:
        self._sent.append(tensor)
        return None

    def receive_tensor(self, tensor: Tensor, number: int | None, has_gradient: bool) -> Tensor:
        if number is None:
            return tensor
        known = self._copies.get(number)
        copy = known[0]() if known else None
        if copy is not None and copy.shape == tensor.shape:
            with torch.no_grad():
                copy.copy_(tensor)
            tensor = copy
        elif isinstance(tensor, torch.nn.Parameter):
            self._hold(tensor)
        self._is_stale |= has_gradient != (tensor.grad is not None)
        self._copies[number] = (weakref.ref(tensor), tensor._version, tensor.grad is not None)
        self._arrived.append((tensor, number))
        return tensor

    def _hold(self, parameter: Tensor) -> None:
        """Keep a copy until changes are sent back, the newest ones if they are large."""
        self._held.append(parameter)
        while sum(held.nbytes for held in self._held) > MAX_HELD:
            self._held.popleft()

    # Gradients and weights of the student's modules.

    def pull_gradients(self) -> None:
        """Give the copies of the student's parameters the gradients that the originals have by now."""
        live = {
            number: copy for number, (ref, _, _) in self._copies.items() if (copy := ref()) is not None and copy.is_leaf
        }
        self._is_stale = False
        if not live:
            return
        gradients = self.ask("gradients", list(live))
        if not isinstance(gradients, list) or len(gradients) != len(live):
            self._died(Fate.UNREADABLE_ANSWER)
        for (number, copy), gradient in zip(live.items(), gradients, strict=True):
            if gradient is None or (isinstance(gradient, Tensor) and gradient.shape == copy.shape):
                copy.grad = None if gradient is None else gradient.detach()
                self._copies[number] = (weakref.ref(copy), copy._version, copy.grad is not None)

    def _push_changes(self) -> None:
        """Send back copies that a test has changed, as `optimizer.step()` and `zero_grad()` do."""
        changes = []
        for number, (ref, version, had_gradient) in list(self._copies.items()):
            copy = ref()
            if copy is None:
                del self._copies[number]
            elif copy.is_leaf and (copy._version != version or (had_gradient and copy.grad is None)):
                self._copies[number] = (ref, copy._version, copy.grad is not None)
                changes.append([number, copy.detach(), copy.grad])
        if changes:
            self.ask("assign", changes)


def _builtin_exception(name: str) -> type[Exception] | None:
    kind = getattr(builtins, name, None)
    constructible = kind not in (UnicodeDecodeError, UnicodeEncodeError, UnicodeTranslateError, BaseExceptionGroup)
    return kind if isinstance(kind, type) and issubclass(kind, Exception) and constructible else None

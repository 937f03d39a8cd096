"""Apart from the student: holds the tests, asks the student's process for values and calls, and decides.

No code and no choice of the student's runs here. What the student has made arrives as data, or as a `Proxy`
whose calls are carried out on the other side. A test has passed when its cell ran to its end.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import io
import json
import random
import socket
import time
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy
import torch

from ..verdict import CheckFailed
from . import wire
from .intake import Cell
from .job import Job

GRACE = 2.0  # seconds between the timer inside the student's process and the end of that process


class Gone(ConnectionError):
    """The student's process has ended, by itself or because it did not answer in time."""


@dataclass
class Findings:
    """What came of it: outputs by cell, verdicts by test, and how the student's process fared."""

    outputs: dict[str, list] = field(default_factory=dict)
    passed: dict[str, bool] = field(default_factory=dict)
    mistakes: dict[str, list[str]] = field(default_factory=dict)
    tiers: dict[str, int] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)


def examine(channel: socket.socket, students: socket.socket) -> None:
    """Read a job from `channel`, examine, and send the findings back as they stand after every test."""
    job = Job.of(wire.receive(channel))
    examination = Examination(job, students)
    for _ in examination.steps():
        wire.send(channel, wire.encode(asdict(examination.findings)))
    wire.send(channel, wire.encode("end"))


class Examination:
    """Goes through the cells in order: the student's to the student, the tests here."""

    def __init__(self, job: Job, students: socket.socket):
        self.job, self.findings = job, Findings()
        self.student = Remote(job, students)
        self.scope: dict[str, Any] = {"__name__": "__main__"}

    def steps(self):
        """Yield after each test, so that what was reached so far is never lost."""
        self.student.start()
        for cell in self.job.cells:
            if cell.kind != "code":
                continue
            if cell.role == "test":
                self.test(cell)
                yield
            else:
                if cell.role == "instructor":
                    exec(compile(cell.text, cell.id, "exec"), self.scope)
                self.findings.outputs[cell.id] = self.run(cell)
        self.student.end()
        yield

    def run(self, cell: Cell) -> list:
        """Run a cell in the student's process; one that ends the process is left out when it is started again."""
        if self.student.over:
            return []
        try:
            answer = self.student.run(cell)
        except Gone as gone:
            self.restart(cell, str(gone))
            return [_error("Ended", str(gone))]
        match answer:
            case [outputs, bool(late)]:
                if late:
                    self.findings.events.append(f"{cell.id}: took over {self.job.limits.cell_seconds:g} s")
                return _checked(outputs)
        return []

    def test(self, cell: Cell) -> None:
        seed = self.job.seed + sum(map(ord, cell.id))
        random.seed(seed)
        numpy.random.seed(seed % 2**32)
        torch.manual_seed(seed)
        printed, raised = io.StringIO(), None
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            try:
                if self.student.over:
                    raise TimeoutError("the time or the restarts of this submission are used up")
                self.scope.update(self.names(cell))
                exec(compile(cell.text, "a test", "exec"), self.scope)
            except Exception as error:
                raised = error
        if self.student.slow:
            self.findings.events.append(f"{cell.id}: {self.student.slow}")
            self.student.slow = ""
        if self.student.gone:
            self.restart(cell, self.student.gone)
        self.findings.passed[cell.id] = raised is None
        self.findings.mistakes[cell.id] = list(getattr(raised, "mistakes", ()))
        if isinstance(raised, CheckFailed):
            self.findings.tiers[cell.id] = raised.tier
        self.findings.outputs[cell.id] = _test_outputs(printed.getvalue()[: self.job.limits.output_bytes], raised)

    def restart(self, cell: Cell, why: str) -> None:
        self.findings.events.append(f"{cell.id}: {why}")
        self.student.restart()
        if self.student.over:
            self.findings.events.append(f"not started again: {self.student.gone or 'the restarts are used up'}")

    def names(self, cell: Cell) -> dict[str, Any]:
        """The student's values for the names that this test uses."""
        used = {node.id for node in ast.walk(ast.parse(cell.text)) if isinstance(node, ast.Name)}
        wanted = [name for name in self.job.interface if name in used]
        for name in wanted:
            self.scope.pop(name, None)
        bound = self.student.ask("bound", wanted) if wanted else []
        if not isinstance(bound, list):
            raise wire.WireError("not a list of names")
        values = {name: self.student.ask("get", name) for name in wanted if name in bound}
        for name, value in values.items():
            if isinstance(value, Proxy):
                value._name = name  # the test's name for it, not the student's
        return values


class Remote:
    """The student's process as seen from here: started, asked, started again."""

    def __init__(self, job: Job, students: socket.socket):
        self.job, self.students = job, students
        self.done: list[Cell] = []
        self.left, self.over, self.gone, self.slow = job.limits.restarts, False, "", ""
        self.asked, self.ends = 0, time.monotonic() + job.limits.total_seconds

    def start(self) -> None:
        self.channel, theirs = socket.socketpair()
        self.leash, held = socket.socketpair()
        request = {"limits": asdict(self.job.limits), "number": self.job.number}
        socket.send_fds(self.students, [json.dumps(request).encode()], [theirs.fileno(), held.fileno()])
        theirs.close()
        held.close()
        self.gone = ""

    def end(self) -> None:
        self.channel.close()
        self.leash.close()

    def restart(self) -> None:
        """A new process that runs again what has run before; over when that is used up."""
        self.end()
        self.left -= 1
        self.over = self.over or self.left < 0
        if not self.over:
            self.start()
            with contextlib.suppress(Gone):
                for cell in self.done:
                    self.ask("run", cell.text)
            self.over = bool(self.gone)

    def run(self, cell: Cell) -> Any:
        outputs = self.ask("run", cell.text)
        self.done.append(cell)
        return outputs

    def ask(self, verb: str, *arguments: Any) -> Any:
        """One question and its answer; errors of the student's code are raised here as their built-in type."""
        if self.gone:
            raise Gone(self.gone)
        self.asked += 1
        seed, left = self.job.seed + self.asked, self.ends - time.monotonic()
        seconds = min(self.job.limits.cell_seconds, left)
        if left <= 0:
            self.over, self.gone = True, f"took over {self.job.limits.total_seconds:g} s in all"
            raise Gone(self.gone)
        try:
            self.channel.settimeout(seconds + GRACE)
            wire.send(self.channel, wire.encode([verb, seconds, seed, *arguments], _number_of))
            answer = wire.decode(wire.receive(self.channel), self._proxy)
        except TimeoutError:
            self.gone = f"no answer within {seconds:.3g} s, ended"
            raise Gone(self.gone) from None
        except (EOFError, OSError):
            self.gone = "the process ended"
            raise Gone(self.gone) from None
        except wire.WireError as error:
            self.gone = f"an answer that cannot be read ({error})"
            raise Gone(self.gone) from None
        match answer:
            case ["ok", value]:
                return value
            case ["error", str(name), str(message), str(line)]:
                if name == "TimeoutError" and message.startswith("took over"):
                    self.slow = message.rstrip(".")
                raise _builtin(name, f"{message} ({line})" if line else message)
        self.gone = "an answer that cannot be read"
        raise Gone(self.gone)

    def _proxy(self, number: int, name: str) -> Proxy:
        return Proxy(self, number, name)


class Proxy:
    """An object that stays with the student: it can be called and looked into, never compared or believed."""

    __slots__ = ("_name", "_number", "_remote")

    def __init__(self, remote: Remote, number: int, name: str):
        self._remote, self._number, self._name = remote, number, name

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        answer = self._remote.ask("call", self, list(arguments), keywords)
        if not isinstance(answer, list) or len(answer) != 2 or not isinstance(answer[1], str):
            raise wire.WireError("not the answer to a call")
        print(answer[1], end="")
        return answer[0]

    @property
    def __name__(self) -> str:
        return self._name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._remote.ask("attribute", self, name)

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
    raise wire.WireError(f"a test cannot hand a value of type {type(value).__name__} to the student.")


def _builtin(name: str, message: str) -> Exception:
    kind = getattr(builtins, name, None)
    if isinstance(kind, type) and issubclass(kind, Exception) and kind is not UnicodeDecodeError:
        with contextlib.suppress(TypeError):
            return kind(message)
    return RuntimeError(f"{name[:80]}: {message}")


def _test_outputs(printed: str, raised: Exception | None) -> list:
    """What the test printed, then the panel, or the error without a line of the test."""
    outputs = [{"output_type": "stream", "name": "stdout", "text": printed}] if printed else []
    if isinstance(raised, CheckFailed):
        outputs.append({"output_type": "display_data", "data": {"text/html": raised.html(), "text/plain": str(raised)}})
        line = f"{type(raised).__name__}: {raised.name} (see the panel above)"
        return [*outputs, _error(type(raised).__name__, str(raised), line)]
    if raised is not None:
        name, message = type(raised).__name__, str(raised)[:1000]
        return [*outputs, _error(name, message)]
    return outputs


def _error(name: str, message: str, line: str | None = None) -> dict:
    return {"output_type": "error", "ename": name, "evalue": message, "traceback": [line or f"{name}: {message}"]}


def _checked(outputs: Any) -> list:
    """The outputs of a student's cell, as far as they have the form of outputs."""
    kept = []
    for output in outputs if isinstance(outputs, list) else []:
        match output:
            case {"output_type": "stream", "text": str(text)}:
                kept.append({"output_type": "stream", "name": "stdout", "text": text})
            case {"output_type": ("display_data" | "execute_result") as kind, "data": dict(data)}:
                plain = {m: v for m, v in data.items() if m in ("text/plain", "image/png") and isinstance(v, str)}
                kept.append({"output_type": kind, "data": plain})
            case {"output_type": "error", "ename": str(name), "evalue": str(value), "traceback": list(lines)}:
                lines = [line for line in lines if isinstance(line, str)]
                kept.append({"output_type": "error", "ename": name, "evalue": value, "traceback": lines})
    return kept

"""Apart from the student: holds the tests, asks the student's process for values and calls, and decides.

No code and no choice of the student's runs here. A test has passed when its cell ran to its end.
"""

from __future__ import annotations

import ast
import contextlib
import io
import random
import socket
import traceback
from typing import Any

import numpy
import torch

from ...verdict import CheckFailed
from . import codec
from .findings import Findings, Output, Verdict
from .job import Cell, Job
from .proxy import Proxy, StudentClient, StudentProcessDied


def serve_job(channel: socket.socket, students: socket.socket) -> None:
    """Read a job from `channel`, examine it, and send the findings back, or the traceback of why there are none."""
    job = Job.from_bytes(codec.receive(channel))
    try:
        findings = Examination(job, students).findings()
    except Exception:
        findings = Findings(failure=traceback.format_exc())
    codec.send(channel, findings.to_bytes())


class Examination:
    """Goes through the cells in order: the student's to the student, the tests here."""

    def __init__(self, job: Job, students: socket.socket):
        self.job, self.outputs = job, dict[str, list[Output]]()
        self.verdicts: dict[str, Verdict] = {}
        self.student = StudentClient(job, students)
        self.scope: dict[str, Any] = {"__name__": "__main__"}

    def findings(self) -> Findings:
        self.student.start()
        for cell in self.job.cells:
            if cell.kind == "code":
                self.student.cell = cell.id
                if cell.role == "test":
                    self.test(cell)
                else:
                    if cell.role == "instructor":
                        exec(compile(cell.text, cell.id, "exec"), self.scope)
                    self.outputs[cell.id] = self.run(cell)
        self.student.end()
        return Findings(self.outputs, self.verdicts, self.student.events)

    def run(self, cell: Cell) -> list[Output]:
        """Run a cell in the student's process; one that ends the process is left out when it is started again."""
        if self.student.is_over:
            return []
        try:
            return _checked(self.student.run(cell))
        except StudentProcessDied as died:
            self.student.restart()
            return [_error("Ended", str(died))]

    def test(self, cell: Cell) -> None:
        seed = self.job.seed + sum(map(ord, cell.id))
        random.seed(seed)
        numpy.random.seed(seed % 2**32)
        torch.manual_seed(seed)
        printed, raised = io.StringIO(), None
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            try:
                if self.student.is_over:
                    raise TimeoutError("the time or the restarts of this submission are used up")
                self.scope.update(self.names(cell))
                exec(compile(cell.text, "a test", "exec"), self.scope)
            except Exception as error:
                raised = error
        if self.student.is_dead and not self.student.is_over:
            self.student.restart()
        level = raised.hint_level if isinstance(raised, CheckFailed) else None
        self.verdicts[cell.id] = Verdict(raised is None, list(getattr(raised, "mistakes", ())), level)
        self.outputs[cell.id] = _test_outputs(printed.getvalue()[: self.job.limits.output_bytes], raised)

    def names(self, cell: Cell) -> dict[str, Any]:
        """The student's values for the names that this test uses."""
        used = {node.id for node in ast.walk(ast.parse(cell.text)) if isinstance(node, ast.Name)}
        wanted = [name for name in self.job.interface if name in used]
        for name in wanted:
            self.scope.pop(name, None)
        bound = self.student.ask("bound", wanted) if wanted else []
        if not isinstance(bound, list):
            raise codec.CodecError("not a list of names")
        values = {name: self.student.ask("get", name) for name in wanted if name in bound}
        for name, value in values.items():
            if isinstance(value, Proxy):
                value._name = name  # the test's name for it, not the student's
        return values


def _test_outputs(printed: str, raised: Exception | None) -> list[Output]:
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


def _error(name: str, message: str, line: str | None = None) -> Output:
    return {"output_type": "error", "ename": name, "evalue": message, "traceback": [line or f"{name}: {message}"]}


def _checked(outputs: Any) -> list[Output]:
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

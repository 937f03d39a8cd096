"""Apart from the student: holds the tests, asks the student's process for values and calls, and decides.

No code and no choice of the student's runs here. A test has passed when its cell ran to its end.
"""

from __future__ import annotations

import builtins
import contextlib
import inspect
import io
import os
import socket
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from ...verdict import CheckFailed
from . import codec
from .client import StudentClient, StudentProcessDied, is_students
from .code import execute, line_of, names_bound, names_used
from .findings import Findings, Output, Verdict
from .handover import CannotCross
from .job import Cell, Job
from .kinds import CodecError
from .names import used_words
from .outputs import checked, error_output, test_outputs
from .proxy import Proxy, source_of
from .text import one_line

_input = builtins.input


def serve_job(channel: socket.socket, students: socket.socket, group: Sequence[int] = ()) -> None:
    """Read a job from `channel`, examine it, and send the findings back, or the traceback of why there are none."""
    job = Job.from_bytes(codec.receive(channel))
    with tempfile.TemporaryDirectory() as folder:
        try:
            _prepare(job, Path(folder))
            findings = Examination(job, students, group).findings()
        except BaseException:
            findings = Findings(failure=traceback.format_exc())
    codec.send(channel, findings.to_bytes())


def _prepare(job: Job, folder: Path) -> None:
    """A folder with the assignment's files, where tests open and import them."""
    for name, content in (job.files | job.test_files).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    inspect.getsource = source_of  # type: ignore[assignment]


class Examination:
    """Goes through the cells in order: the student's to the student, the tests here."""

    def __init__(self, job: Job, students: socket.socket, group: Sequence[int] = ()):
        self.job = job
        self.outputs: dict[str, list[Output]] = {}
        self.verdicts: dict[str, Verdict] = {}
        self.student = StudentClient(job, students, group)
        self.student.seeds.watch()
        self.scope: dict[str, Any] = {"__name__": "__main__"}
        self.shown_tests: list[Cell] = []

    def findings(self) -> Findings:
        self.student.start()
        with contextlib.suppress(Exception):
            execute(self.job.imports, "imports", self.scope)
        for cell in self.job.cells:
            if cell.kind == "code":
                self.student.cell = cell.id
                step = {"test": self.test, "instructor": self.instruct}.get(cell.role, self.run)
                self.outputs[cell.id] = step(cell)
        self.student.end()
        return Findings(self.outputs, self.verdicts, self.student.events)

    def run(self, cell: Cell) -> list[Output]:
        """Run a cell of the student's; where it uses what a test above binds, the visible part of that test first."""
        used = used_words(cell.text)  # not parsed: it is untrusted, and IPython's transformer takes minutes for some
        for test in [test for test in self.shown_tests if used & set(_names_bound(test.shown))]:
            self.shown_tests.remove(test)
            self.run_there(test, test.shown)
        return self.run_there(cell)

    def run_there(self, cell: Cell, text: str | None = None, seed: int | None = None) -> list[Output]:
        """Run a cell in the student's process; one that ends the process is left out when it is started again."""
        if self.student.is_over:
            return []
        try:
            return checked(self.student.run(cell, text, seed))
        except StudentProcessDied as died:
            self.student.restart()
            return [error_output("Ended", str(died))]

    def instruct(self, cell: Cell) -> list[Output]:
        """Run an instructor's cell on both sides, from one seed: there for its outputs, here for the tests.

        An error is an output, as in Jupyter: often it is the student's, whose function the cell calls.
        """
        seed = None if "seed" in cell.text else self.job.seed_for(cell.id)
        outputs = self.run_there(cell, seed=seed)
        self.student.seeds.seed_here(self.job.seed_for(cell.id))
        with self.captured(), contextlib.suppress(Exception):
            self.scope.update(self.names(cell))
            execute(cell.text, cell.id, self.scope)
        self.revive()
        return outputs

    def test(self, cell: Cell) -> list[Output]:
        self.student.seeds.seed_here(self.job.seed_for(cell.id))
        raised: Exception | None = None
        with self.captured() as printed:
            try:
                if self.student.is_over:
                    raise TimeoutError("the time or the restarts of this submission are used up")
                self.scope.update(self.names(cell))
                execute(cell.text, "a test", self.scope)
            except Exception as error:
                if isinstance(error, MemoryError) and not is_students(error):
                    raise  # of this process, so it says nothing about the answer
                raised = error
            except CannotCross as error:
                raise CannotCross(f"{cell.id}, line {line_of(error, 'a test')}: {error}") from None
        self.revive()
        self.shown_tests.append(cell)
        level = raised.hint_level if isinstance(raised, CheckFailed) else None
        mistakes = list(getattr(raised, "mistakes", ()))
        self.verdicts[cell.id] = Verdict(raised is None, mistakes, level, _told(raised))
        return test_outputs(printed.getvalue()[: self.job.limits.output_bytes], raised)

    def revive(self) -> None:
        if self.student.is_dead and not self.student.is_over:
            self.student.restart()

    @contextlib.contextmanager
    def captured(self) -> Iterator[io.StringIO]:
        """What is printed here, and an `input` that a test replaces reaches the student's process too."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            try:
                yield printed
            finally:
                builtins.input = _input
                torch.set_default_dtype(torch.float32)

    def names(self, cell: Cell) -> dict[str, Any]:
        """The student's values for the names that this cell uses."""
        used = names_used(cell.text)
        wanted = [name for name in self.job.interface if name in used]
        for name in wanted:
            self.scope.pop(name, None)
        bound, dtype = self.student.ask("bound", wanted) if wanted else ([], torch.float32)
        if not isinstance(bound, list) or dtype not in (torch.float32, torch.float64):
            raise CodecError("not a list of names and a dtype")
        torch.set_default_dtype(dtype)  # in one kernel the test's tensors would be of the student's default, too
        values = {name: self.student.ask("get", name) for name in wanted if name in bound}
        for name, value in values.items():
            if isinstance(value, Proxy):
                value._name = name  # the test's name for it, not the student's
        return values


def _names_bound(text: str) -> list[str]:
    try:
        return names_bound(text)
    except Exception:
        return []


def _told(raised: Exception | None) -> str:
    if raised is None:
        return ""
    line = line_of(raised, "a test")
    place = f"line {line}: " if line else ""
    return one_line(f"{place}{type(raised).__name__}: {raised}", 400)

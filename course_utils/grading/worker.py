"""Bytes in, bytes out: a submission and the assignment become a graded notebook, scores and a log.

A worker touches no database and no shared folder, so any `concurrent.futures.Executor` can run it anywhere.
"""

from __future__ import annotations

import json
import secrets
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from types import MappingProxyType

from ..verdict import NotAttempted
from .assignment import AssignmentSpec, digest_of
from .errors import CourseError
from .runtime.backend import discard, shared_backend
from .runtime.errors import ExaminationError, ForkServerDied
from .runtime.findings import Event, Findings, Output
from .runtime.job import Cell, Job
from .runtime.limits import Limits
from .runtime.reading import RefusedError
from .runtime.sanitize import sanitize
from .runtime.text import one_line

ATTEMPTS = 3  # with new fork servers, where they have died


@dataclass
class Result:
    """What one submission came to.

    Attributes
    ----------
    scores : dict
        Points of every graded cell that needs no human.
    mistakes, hint_levels : dict
        The diagnosis by test: the ids that were named, and how many hints were shown.
    errors : dict
        What each failed test has raised, with its line.
    broken : dict
        The error of each instructor cell that has raised one.
    not_attempted : list
        The tests that found a placeholder instead of an answer.
    text : str
        Names the text of the student's cells, whatever else a notebook holds.
    refused : str
        Why the submission cannot be read; it gets 0 points for that.
    notes : list
        How the submission was read where it differs from an honest copy of the release; the student's page has them.
    failed : str
        Why it could not be graded, through no fault of the student; then nothing else here counts.
    details : str
        The traceback of a failure.
    """

    scores: dict[str, float] = field(default_factory=dict)
    notebook: str = ""
    mistakes: dict[str, list[str]] = field(default_factory=dict)
    hint_levels: dict[str, int] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    not_attempted: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    blank: list[str] = field(default_factory=list)
    refused: str = ""
    failed: str = ""
    details: str = ""
    text: str = ""
    seed: int = 0
    seconds: float = 0.0

    @classmethod
    def of_failure(cls, error: Exception, seed: int = 0) -> Result:
        """What says why a submission could not be graded."""
        message = str(error) if isinstance(error, ExaminationError) else f"{type(error).__name__}: {error}"
        details = getattr(error, "details", "") or "".join(traceback.format_exception(error))
        return cls(failed=one_line(message, 300) or type(error).__name__, details=details, seed=seed)

    def comment(self, answer: str) -> str | None:
        """What nbgrader shows at an answer: why nothing was graded, or that there was nothing."""
        return f"Not graded: {self.refused}" if self.refused else "No response." if answer in self.blank else None

    def to_json(self) -> str:
        """All but the notebook."""
        plain = asdict(self)
        plain["events"] = [str(event) for event in self.events]
        del plain["notebook"]
        return json.dumps(plain, indent=1)


def grade_bytes(
    submission: bytes | str,
    spec: AssignmentSpec,
    limits: Limits,
    unsafe: bool = False,
    seed: int | None = None,
    notes: Sequence[str] = (),
    files: Mapping[str, bytes] = MappingProxyType({}),
) -> Result:
    """Grade one submission. A `str` in place of the bytes is the reason why it could not even be read;
    `notes` say what is odd about its file, `files` came beside it.

    Whatever goes wrong in here is this submission's alone: it comes back as a result that has `failed`.

    Raises
    ------
    CourseError
        No submission can be graded on this machine, for instance because nothing isolates it.
    """
    seed = secrets.randbits(31) if seed is None else seed
    try:
        return _graded(submission, spec, limits, unsafe, seed, list(notes), dict(files))
    except CourseError:
        raise
    except Exception as error:
        return Result.of_failure(error, seed)


def _graded(
    submission: bytes | str,
    spec: AssignmentSpec,
    limits: Limits,
    unsafe: bool,
    seed: int,
    notes: list[str],
    files: dict[str, bytes],
) -> Result:
    started = time.monotonic()
    try:
        if isinstance(submission, str):
            raise RefusedError(submission)
        sanitized = sanitize(submission, spec.cells, spec.ids, spec.unlocked)
    except RefusedError as refused:
        scores = dict.fromkeys(spec.points, 0.0)
        blank = [cell.id for cell in spec.cells if cell.role == "answer" or cell.id in spec.written]
        notebook = spec.notebook(spec.released(), {}, seed, [f"Not graded: {refused}"])
        return Result(scores, notebook, blank=blank, refused=str(refused), seed=seed)
    notes += map(str, sanitized.notes)
    job = Job(
        sanitized.cells,
        spec.interface,
        seed,
        limits,
        secrets.randbelow(10_000),
        spec.imports,
        spec.files,
        spec.test_files,
        files,
    )
    findings = _examined(job, unsafe)
    missing = [name for name in spec.points if name not in findings.verdicts]
    if missing:
        raise ExaminationError(f"the examination ended before the test {missing[0]}")
    verdicts = findings.verdicts
    return Result(
        scores={name: points if verdicts[name].passed else 0.0 for name, points in spec.points.items()},
        notebook=spec.notebook(sanitized.cells, findings.outputs, seed, notes, sanitized.pictures),
        mistakes={name: verdict.mistakes for name, verdict in verdicts.items() if verdict.mistakes},
        hint_levels={n: v.hint_level for n, v in verdicts.items() if v.hint_level is not None},
        errors={name: verdict.error for name, verdict in verdicts.items() if verdict.error},
        broken=_broken(sanitized.cells, findings),
        not_attempted=[name for name in verdicts if _is_open(findings.outputs.get(name, []))],
        notes=notes,
        events=findings.events,
        blank=sanitized.blank,
        text=digest_of(json.dumps([[c.id, c.text] for c in sanitized.cells if c.role in ("answer", "added")])),
        seed=seed,
        seconds=round(time.monotonic() - started, 3),
    )


def _broken(cells: list[Cell], findings: Findings) -> dict[str, str]:
    return {
        cell.id: one_line(f"{output.get('ename')}: {output.get('evalue')}", 300)
        for cell in cells
        if cell.role == "instructor"
        for output in findings.outputs.get(cell.id, [])
        if output["output_type"] == "error"
    }


def _is_open(outputs: list[Output]) -> bool:
    return any(output.get("ename") == NotAttempted.__name__ for output in outputs)


def _examined(job: Job, unsafe: bool) -> Findings:
    for attempt in range(1, ATTEMPTS + 1):
        backend = shared_backend(unsafe)
        try:
            return backend.examine(job)
        except ForkServerDied:
            discard(backend)
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable")

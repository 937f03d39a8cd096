"""Bytes in, bytes out: a submission and the assignment's kit become a graded notebook, scores and a log.

A worker touches no database and no shared folder, so any `concurrent.futures.Executor` can run it anywhere.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass, field

from .intake import Refused, rebuild
from .job import Job
from .kit import Kit
from .pool import BrokenWarm, close_warm, warm
from .sandbox import Limits


@dataclass
class Result:
    """What one submission came to. `scores` has every graded cell that needs no human.

    `mistakes` and `tiers` are the diagnosis by test: the ids that were named, and how many hints were shown.
    """

    scores: dict[str, float]
    notebook: str
    mistakes: dict[str, list[str]] = field(default_factory=dict)
    tiers: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    blank: list[str] = field(default_factory=list)
    refused: str = ""
    seed: int = 0
    seconds: float = 0.0

    def comment(self, answer: str) -> str | None:
        """What nbgrader shows at an answer: why nothing was graded, or that there was nothing."""
        return f"Not graded: {self.refused}" if self.refused else "No response." if answer in self.blank else None


def grade_bytes(
    submission: bytes | str, kit: Kit, limits: Limits, unsafe: bool = False, seed: int | None = None
) -> Result:
    """Grade one submission. A `str` in place of the bytes is the reason why it could not even be read."""
    started = time.monotonic()
    seed = secrets.randbits(31) if seed is None else seed
    try:
        if isinstance(submission, str):
            raise Refused(submission)
        intake = rebuild(submission, kit.cells)
    except Refused as refused:
        scores = dict.fromkeys(kit.points, 0.0)
        blank = [cell.id for cell in kit.cells if cell.role == "answer"]
        return Result(scores, kit.notebook(kit.released(), {}, seed), blank=blank, refused=str(refused), seed=seed)
    job = Job(intake.cells, kit.interface, seed, limits, secrets.randbelow(10_000))
    try:
        findings = warm(unsafe).examine(job)
    except BrokenWarm:
        close_warm(for_good=False)
        findings = warm(unsafe).examine(job)
    scores = {name: points if findings["passed"].get(name) else 0.0 for name, points in kit.points.items()}
    mistakes = {name: found for name, found in findings["mistakes"].items() if found}
    notebook = kit.notebook(intake.cells, findings["outputs"], seed)
    blank = [cell.id for cell in intake.cells if cell.role == "answer" and cell.text.strip() == cell.shown.strip()]
    seconds = round(time.monotonic() - started, 3)
    found = {"mistakes": mistakes, "tiers": findings["tiers"], "events": findings["events"]}
    return Result(scores, notebook, **found, notes=intake.notes, blank=blank, seed=seed, seconds=seconds)


def plain(result: Result) -> str:
    """The result without its notebook, as JSON."""
    return json.dumps({name: value for name, value in vars(result).items() if name != "notebook"}, indent=1)

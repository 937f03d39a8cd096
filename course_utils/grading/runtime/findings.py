"""What an examination found out, as plain data: all that the rest of grading sees of a submission that ran."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

Output = dict[str, Any]  # one output of a cell, in the form of nbformat


class Fate(StrEnum):
    """What happened to a student's process, or to its time."""

    CELL_TIMEOUT = "cell timeout"  # stopped by the timer inside; the process goes on
    NO_ANSWER = "no answer"  # killed, for it did not even react to the timer
    PROCESS_DIED = "process died"
    UNREADABLE_ANSWER = "unreadable answer"
    TOTAL_TIMEOUT = "total timeout"
    NOT_RESTARTED = "not restarted"

    @property
    def is_timeout(self) -> bool:
        return self in (Fate.CELL_TIMEOUT, Fate.NO_ANSWER, Fate.TOTAL_TIMEOUT)


_WORDS = {
    Fate.CELL_TIMEOUT: "took over {seconds:.3g} s",
    Fate.NO_ANSWER: "no answer within {seconds:.3g} s, ended",
    Fate.PROCESS_DIED: "the process ended",
    Fate.UNREADABLE_ANSWER: "an answer that cannot be read",
    Fate.TOTAL_TIMEOUT: "took over {seconds:.3g} s in all",
    Fate.NOT_RESTARTED: "not started again",
}


@dataclass(frozen=True)
class Event:
    """Something that happened while a cell ran. `seconds` is the limit that was passed, where there was one."""

    cell: str
    fate: Fate
    seconds: float = 0.0
    detail: str = ""

    def __str__(self) -> str:
        words = _WORDS[self.fate].format(seconds=self.seconds)
        return f"{self.cell}: {words}" + (f" ({self.detail})" if self.detail else "")


@dataclass(frozen=True)
class Verdict:
    """What a test decided.

    `mistakes` are ids of the catalogue, `hint_level` is how many hints were shown, `error` is what the test raised,
    with its line.
    """

    passed: bool
    mistakes: list[str] = field(default_factory=list)
    hint_level: int | None = None
    error: str = ""


@dataclass
class Findings:
    """Outputs by cell, verdicts by test, and how the student's process fared.

    `failure` is the traceback of the examiner's own failure; with one, no verdict counts.
    """

    outputs: dict[str, list[Output]] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    failure: str = ""

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Findings:
        plain = json.loads(data)
        verdicts = {name: Verdict(**verdict) for name, verdict in plain["verdicts"].items()}
        events = [Event(**event | {"fate": Fate(event["fate"])}) for event in plain["events"]]
        return cls(plain["outputs"], verdicts, events, plain["failure"])

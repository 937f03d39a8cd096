"""What an examiner needs to know of one submission, as it travels to it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from . import codec
from .limits import Limits

Role = Literal["answer", "added", "instructor", "test"]


@dataclass(frozen=True)
class Cell:
    """A cell to run or show. `id` is the grade_id; a cell that the student added has the role "added"."""

    id: str
    role: Role
    kind: str  # code or markdown
    text: str  # as it runs: a test with its hidden part
    shown: str = ""  # as it was released


@dataclass(frozen=True)
class Job:
    """One submission to examine.

    `interface` has the names that the source's solutions bind: the only ones that tests ask the student for.
    `number` chooses the user that the student's code runs as, where each submission has a user of its own.
    """

    cells: list[Cell]
    interface: list[str]
    seed: int
    limits: Limits
    number: int

    def to_bytes(self) -> bytes:
        return codec.encode(asdict(self))

    @classmethod
    def from_bytes(cls, frame: bytes) -> Job:
        plain = codec.decode(frame)
        cells = [Cell(**cell) for cell in plain.pop("cells")]
        return cls(cells=cells, limits=Limits(**plain.pop("limits")), **plain)

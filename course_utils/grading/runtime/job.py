"""What an examiner needs to know of one submission, as it travels to it."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
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

    `interface` has the names that the source's solutions bind: the only ones that tests ask the student for;
    `imports` has the import statements of those solutions. `files` are put into the student's folder, read-only, and
    beside the tests; `test_files` are beside the tests only, `own_files` are the student's.
    `number` chooses the user that the student's code runs as, where each submission has a user of its own.
    """

    cells: list[Cell]
    interface: list[str]
    seed: int
    limits: Limits
    number: int
    imports: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    test_files: dict[str, bytes] = field(default_factory=dict)
    own_files: dict[str, bytes] = field(default_factory=dict)

    def seed_for(self, purpose: str) -> int:
        """A seed for one purpose, from which the job's own cannot be computed."""
        return int.from_bytes(hashlib.sha256(f"{self.seed}:{purpose}".encode()).digest()[:4]) >> 1

    def to_bytes(self) -> bytes:
        return codec.encode(asdict(self))

    @classmethod
    def from_bytes(cls, frame: bytes) -> Job:
        plain = codec.decode(frame)
        cells = [Cell(**cell) for cell in plain.pop("cells")]
        return cls(cells=cells, limits=Limits(**plain.pop("limits")), **plain)

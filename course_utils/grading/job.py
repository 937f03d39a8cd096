"""What an examiner needs to know of one submission, as it travels from the worker to it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from . import wire
from .intake import Cell
from .sandbox import Limits


@dataclass
class Job:
    """What an examiner needs to know of one submission."""

    cells: list[Cell]
    interface: list[str]  # the names that the source's solutions bind: the only ones asked of the student
    seed: int
    limits: Limits
    number: int

    def frame(self) -> bytes:
        return wire.encode(asdict(self))

    @classmethod
    def of(cls, frame: bytes) -> Job:
        plain = wire.decode(frame)
        cells = [Cell(**cell) for cell in plain.pop("cells")]
        return cls(cells=cells, limits=Limits(**plain.pop("limits")), **plain)

"""What one submission may use; the one place where limits are set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """What one submission may use. `c.Limits` in nbgrader_config.py changes them.

    Raises
    ------
    ValueError
        A limit is unknown, not a number of the right type, or not positive; the message names it.
    """

    cell_seconds: float = 20.0  # for one cell of the student, or one call from a test
    total_seconds: float = 180.0  # for the whole submission
    memory_mib: int = 1500  # address space beyond what the fork server has
    processes: int = 64
    file_mib: int = 64  # of a file, and of each folder that can be written to
    output_bytes: int = 100_000  # of one cell
    restarts: int = 3  # after a cell or call has ended the process

    def __post_init__(self) -> None:
        for field in fields(self):
            value, whole = getattr(self, field.name), field.type == "int"
            if type(value) not in ((int,) if whole else (int, float)):
                raise ValueError(f"{field.name} must be {'an integer' if whole else 'a number'}, got {value!r}")
            if not 0 < value < 2**31 and not (field.name == "restarts" and value == 0):
                raise ValueError(f"{field.name} must be over 0 and under 2**31, got {value!r}")

    @classmethod
    def from_config(cls, wanted: Mapping[str, object]) -> Limits:
        """The defaults, changed by what a configuration says."""
        known = [field.name for field in fields(cls)]
        for name in wanted:
            if name not in known:
                raise ValueError(f"{name} is an unknown limit; choose one of {', '.join(known)}")
        return cls(**wanted)  # type: ignore[arg-type]  # __post_init__ checks the types

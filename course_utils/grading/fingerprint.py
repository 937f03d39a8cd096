"""What a grade depends on beside the submission and the assignment: the code that grades, and the packages."""

from __future__ import annotations

import functools
import hashlib
import platform
import sysconfig
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
GRADING = Path(__file__).resolve().parent
DECIDING = ("assignment.py", "worker.py")  # of grading/ itself; its other modules only carry files and results


@functools.cache
def engine_fingerprint() -> str:
    """Changes with the code of checks and engine, with Python, and with the installed packages."""
    digest = hashlib.sha256(platform.python_version().encode())
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.parent != GRADING or path.name in DECIDING:
            digest.update(f"\n{path.relative_to(PACKAGE)}\n".encode() + path.read_bytes())
    for place in sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}):
        digest.update("\n".join(sorted(entry.name for entry in Path(place).glob("*.dist-info"))).encode())
    return digest.hexdigest()

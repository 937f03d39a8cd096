"""Is this machine fit to run the course? Each finding comes with its remedy."""

from __future__ import annotations

import importlib.metadata
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .course import Course, CourseError
from .errors import NoIsolationError
from .release import is_current
from .runtime.backend import close_backends, shared_backend
from .runtime.job import Cell, Job
from .runtime.limits import Limits
from .runtime.sandbox import REMEDY, UBUNTU
from .trial import try_assignment

FREE_GIB = 2
EXTENSIONS = ("formgrader", "validate_assignment", "assignment_list")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `remedy` is only of use where `fine` is False."""

    what: str
    fine: bool
    seen: str
    remedy: str


def diagnose(course: Course, assignment: str | None = None) -> list[Finding]:
    """Look at Python, packages, nbgrader's extensions, folders and disk, and at one assignment if it is named."""
    findings = [_python(), *_packages(), _extensions(), *_folders(course.root), _disk(course.root)]
    findings += _walls(course)
    if assignment:
        course.check_assignment(assignment)
    return findings + (_assignment(course, assignment) if assignment else [])


def _python() -> Finding:
    version = sys.version_info
    seen = f"{version.major}.{version.minor}.{version.micro}"
    return Finding("Python 3.11", version[:2] == (3, 11), seen, "recreate the environment with Python 3.11")


def _packages() -> list[Finding]:
    """torch and nbgrader import and have the pinned version."""
    found = []
    for line in importlib.metadata.requires("unrolled") or []:
        name, _, pin = line.partition(";")[0].partition("==")
        if pin:
            version = _version(name)
            fine = version.split("+")[0] == pin
            found.append(Finding(f"{name} {pin}", fine, version, f"pip install -c constraints.txt {name}"))
    return found


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _extensions() -> Finding:
    command = [sys.executable, "-m", "jupyter", "server", "extension", "list"]
    listing = subprocess.run(command, capture_output=True, text=True)
    lines = (listing.stdout + listing.stderr).splitlines()
    off = [name for name in EXTENSIONS if not any(name in line and "enabled" in line for line in lines)]
    remedy = "; ".join(
        f"jupyter server extension enable nbgrader.server_extensions.{name} --sys-prefix" for name in off
    )
    return Finding("nbgrader in JupyterLab", not off, f"not enabled: {', '.join(off)}" if off else "enabled", remedy)


def _folders(root: Path) -> list[Finding]:
    findings = []
    for folder in (root, *(root / step for step in ("release", "submitted", "autograded", "feedback", "exchange"))):
        try:
            folder.mkdir(exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                fine, seen = True, "writable"
        except OSError as error:
            fine, seen = False, error.strerror or type(error).__name__
        findings.append(Finding(f"folder {folder}", fine, seen, f"give yourself write access to {folder}"))
    return findings


def _disk(root: Path) -> Finding:
    free = shutil.disk_usage(root).free / 2**30
    return Finding(f"{FREE_GIB} GiB of free disk", free >= FREE_GIB, f"{free:.1f} GiB free", f"free space on {root}")


PROBE = """
import ctypes, os, pathlib, socket
libc = ctypes.CDLL(None)
def tried(what, action):
    try:
        if action() is not False: print("BROKEN OUT:", what)
    except OSError:
        pass
def leave(path):
    open(path, "w").close()
    os.remove(path)
course, home, port = {course!r}, {home!r}, {port}
tried("saw the course", lambda: os.listdir(course + "/source"))
tried("wrote to the course", lambda: leave(course + "/unrolled-probe"))
tried("saw the home folder", lambda: len(os.listdir(home)) > 2)
tried("wrote to the system", lambda: leave("/usr/unrolled-probe"))
tried("reached the network", lambda: socket.create_connection(("127.0.0.1", port), timeout=1))
tried("saw other processes", lambda: len([p for p in os.listdir("/proc") if p.isdigit()]) > 3)
tried("became root", lambda: os.setuid(0) or open("/etc/shadow"))
tried("made a user namespace", lambda: libc.unshare(0x10000000) == 0)
tried("reached the kernel's own sockets", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW))
tried("has no filter of system calls", lambda: "Seccomp:\\t2" not in open("/proc/self/status").read())
tried("is in the process group of others", lambda: os.getpgid(0) != os.getpid())
tried("saw a keyring of others", lambda: len(open("/proc/keys").read().splitlines()) > 1)
tried("saw terminals of others", lambda: os.listdir("/dev/pts") != ["ptmx"])
print("end")
"""


def _walls(course: Course) -> list[Finding]:
    try:
        return [_isolation(course), _memory()]
    finally:
        close_backends()


def _memory() -> Finding:
    """Whether memory is limited for a submission as a whole; grading works without."""
    try:
        missing = shared_backend(unsafe=False).cgroups.missing
    except NoIsolationError as none:
        missing = str(none)
    seen = f"only each process of it ({missing})" if missing else "yes, by a cgroup"
    return Finding("memory limit of a submission as a whole", True, seen, "")


def _isolation(course: Course) -> Finding:
    """Run a probe as a student's code would run, and see what it gets hold of."""
    what, remedy = "isolation of submissions", f"{REMEDY}; {UBUNTU}"
    with socket.create_server(("127.0.0.1", 0)) as server:
        words = {"course": str(course.root), "home": str(Path.home()), "port": server.getsockname()[1]}
        cell = Cell("probe", "answer", "code", PROBE.format(**words))
        try:
            job = Job([cell], [], 0, Limits(), 0)
            outputs = shared_backend(unsafe=False).examine(job).outputs.get("probe", [])
        except NoIsolationError as missing:
            return Finding(what, False, str(missing), remedy)
    told = "".join(output.get("text", "") for output in outputs).splitlines()
    escapes = [line.removeprefix("BROKEN OUT: ") for line in told if line.startswith("BROKEN OUT")]
    fine = told[-1:] == ["end"] and not escapes
    seen = "a probe could not break out" if fine else f"a probe {', '.join(escapes) or 'did not run'}"
    return Finding(what, fine, seen, remedy)


def _assignment(course: Course, assignment: str) -> list[Finding]:
    """Whether the release is current, and what the engine says of its solution and of the blank notebook."""
    what, remedy = f"release of {assignment}", f"course release {assignment}"
    try:
        if not is_current(course, assignment):
            return [Finding(what, False, "missing, or not what its source builds", remedy)]
        current = Finding(what, True, "as its source builds it", remedy)
    except CourseError as error:
        return [Finding(what, False, str(error), "fix the source")]
    try:
        return [current, Finding(f"trial of {assignment}", True, try_assignment(course, assignment), "")]
    except CourseError as error:
        return [current, Finding(f"trial of {assignment}", False, str(error), f"fix it, then {remedy}")]
    finally:
        close_backends()

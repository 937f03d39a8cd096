"""The wall around a student's process: bubblewrap outside, namespaces, limits and lost privileges inside.

A warm process that has imported torch runs under bubblewrap: no network, read-only system, no home, no
course. For each submission it forks a child that shuts itself in further with `enclose`: an own process
tree that dies as a whole, own throw-away folders, limits, and no privilege to undo any of it.
"""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import sys
from pathlib import Path

from ..errors import NoIsolationError
from . import syscalls
from .limits import MIB, Limits

NOBODY = 65534
FIRST_UID, USERS = 200_000, 10_000  # as root, each submission gets a user of its own
WORK = "/student"  # the throw-away folder in which a student's code runs

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x08000000, 0x20000000, 0x40000000
CLONE_NEWUSER = 0x10000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 1 << 14, 1 << 18
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
SIGKILL = 9

REMEDY = "install Debian's package bubblewrap, or pass --unsafe for a class that you trust"
UBUNTU = "on Ubuntu 24.04 bubblewrap also needs an AppArmor profile that allows it user namespaces"


def outer_command(python: list[str]) -> list[str]:
    """The command line that runs `python` behind bubblewrap. Raises NoIsolationError where there is none."""
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise NoIsolationError(f"no bubblewrap on this machine: {REMEDY}.")
    syscalls.program()  # raises here, where it can be told
    package = Path(__file__).resolve().parents[2]
    trees = [Path(sys.prefix), Path(sys.base_prefix), package]
    command = [bwrap, "--die-with-parent", "--new-session", "--clearenv"]
    command += ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    for tree in ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32"):
        if os.path.islink(tree):
            command += ["--symlink", os.readlink(tree), tree]
        elif os.path.isdir(tree):
            command += ["--ro-bind", tree, tree]
    for part in ("/etc/ld.so.cache", "/etc/localtime", "/etc/fonts", "/etc/alternatives"):
        command += ["--ro-bind-try", part, part]
    if not any(tree.is_relative_to("/tmp") for tree in trees):  # a folder on top would hide them
        command += ["--tmpfs", "/tmp"]
    for tree in trees:
        for parent in list(tree.parents)[-2::-1]:
            command += ["--perms", "0755", "--dir", str(parent)]  # bubblewrap's own would be closed to other users
        command += ["--ro-bind", str(tree), str(tree)]
    command += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/dev/shm", "--tmpfs", WORK, "--chdir", WORK]
    for name, value in environment(WORK).items():
        command += ["--setenv", name, value]
    if os.geteuid() == 0 and has_users():
        capabilities = ("SYS_ADMIN", "SETUID", "SETGID", "KILL", "SETPCAP", "CHOWN")
    else:
        command += ["--unshare-user", "--uid", "0", "--gid", "0"]
        capabilities = ("SYS_ADMIN", "SETPCAP", "SETFCAP")
    for capability in capabilities:
        command += ["--cap-add", f"CAP_{capability}"]
    return [*command, "--remount-ro", "/dev", "--remount-ro", "/", "--", *python]


def environment(folder: str) -> dict[str, str]:
    """What a warm process sees of the environment: one thread, `folder` for a home, nothing of the instructor's.

    It says that nbgrader is grading, as stock does, so checks show all their hints at once.
    """
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    folders = dict.fromkeys(("HOME", "TMPDIR", "MPLCONFIGDIR", "IPYTHONDIR", "XDG_CACHE_HOME"), folder)
    plain = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "OMP_WAIT_POLICY": "passive", "USER": "student"}
    notebook = {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "NBGRADER_EXECUTION": "autograde"}
    return threads | folders | plain | notebook


def has_users() -> bool:
    """Whether this process, where it is root, could give each submission a user of its own."""
    ranges = [tuple(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines()]
    return any(first <= FIRST_UID and first + count >= FIRST_UID + USERS for first, _, count in ranges)


def enclose(limits: Limits, number: int) -> int:
    """In a fresh child behind bubblewrap: shut it in and fork; the grandchild returns 0, the child its pid.

    The grandchild is the first process of a tree of its own: when it ends, the kernel ends all that it started.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    _call(libc.unshare, CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNET)
    _call(libc.mount, b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    for folder in filter(os.path.ismount, (WORK, "/tmp", "/dev/shm")):
        options = f"size={limits.file_mib}m,nr_inodes=4096,mode=1777".encode()
        _call(libc.mount, b"tmpfs", folder.encode(), b"tmpfs", MS_NOSUID | MS_NODEV, options)
    terminals = b"newinstance,ptmxmode=0666,mode=620"  # those of bubblewrap are the same for all submissions
    _call(libc.mount, b"devpts", b"/dev/pts", b"devpts", MS_NOSUID | MS_NOEXEC, terminals)
    pid = os.fork()
    if pid:
        return pid
    libc.prctl(PR_SET_PDEATHSIG, SIGKILL)
    os.setsid()  # kill(0, …) is for the group
    _call(libc.mount, b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, None)
    os.chdir(WORK)
    Path("/proc/self/oom_score_adj").write_text("1000")  # where memory runs out, this goes first
    restrict(limits)
    _drop_privileges(libc, number)
    syscalls.join_own_keyring(libc)
    syscalls.load(libc)
    return 0


def limit_memory(mib: int) -> None:
    """Let this process have no more address space than it has now and `mib` MiB."""
    most = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + mib * MIB
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def restrict(limits: Limits) -> None:
    """The limits that the kernel keeps for each process."""
    limit_memory(limits.memory_mib)
    seconds = int(limits.total_seconds) + 1
    for what, most in (
        (resource.RLIMIT_NPROC, limits.processes),
        (resource.RLIMIT_FSIZE, limits.file_mib * MIB),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_CORE, 1),  # see syscalls
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(what, (most, most))


def _drop_privileges(libc: ctypes.CDLL, number: int) -> None:
    own_user = has_users()
    if not own_user:
        _enter_user_namespace(libc)
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    if own_user:
        user = FIRST_UID + number % USERS
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3 of the call, this process
    _call(libc.capset, ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))
    _call(libc.prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(PR_SET_PDEATHSIG, SIGKILL)  # the change of user has cleared it


def _enter_user_namespace(libc: ctypes.CDLL) -> None:
    """Where there is one user for all, the kernel counts the processes of each user namespace apart.

    The mounts belong to the namespace outside: no capability in this one is one over them.
    """
    _call(libc.unshare, CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{NOBODY} 0 1"), ("gid_map", f"{NOBODY} 0 1")):
        Path("/proc/self", name).write_text(text)


def _call(function, *arguments) -> None:
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise NoIsolationError(f"{function.__name__}: {os.strerror(number)}; {UBUNTU}.")

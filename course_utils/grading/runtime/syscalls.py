"""The system calls that a student's process may not make: a seccomp filter, built once and loaded by each fork."""

from __future__ import annotations

import ctypes
import errno
import functools
import tempfile
from types import ModuleType

from ..errors import NoIsolationError

LIBRARY = "install Debian's package libseccomp2"

NAMESPACES = "unshare setns"
FILE_SYSTEMS = """
    mount umount2 pivot_root chroot fsopen fsconfig fsmount fspick open_tree move_mount mount_setattr
    name_to_handle_at open_by_handle_at quotactl swapon swapoff fanotify_init fanotify_mark
"""
OTHER_PROCESSES = "ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd process_madvise move_pages migrate_pages"
KERNEL = """
    bpf perf_event_open userfaultfd personality modify_ldt vmsplice remap_file_pages init_module finit_module
    delete_module kexec_load kexec_file_load reboot syslog acct iopl ioperm settimeofday clock_settime clock_adjtime
    adjtimex sethostname setdomainname vhangup
"""
SHARED_WITH_OTHERS = "keyctl add_key request_key inotify_init inotify_init1 io_setup"  # counted for each user
BEYOND_THE_LIMITS = """
    memfd_create memfd_secret shmget shmat shmctl semget semop semctl msgget msgsnd msgrcv msgctl
    io_uring_setup io_uring_enter io_uring_register
"""
DENIED = " ".join((NAMESPACES, FILE_SYSTEMS, OTHER_PROCESSES, KERNEL, SHARED_WITH_OTHERS, BEYOND_THE_LIMITS)).split()

NEW_NAMESPACES = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)  # of clone
TERMINAL_INPUT = (0x5412, 0x541C)  # of ioctl: TIOCSTI and TIOCLINUX type into a terminal
HIGHEST_FAMILY = 10  # of socket: AF_UNIX, AF_INET and AF_INET6 are allowed
OTHER_FAMILIES = (0, 3, 4, 5, 6, 7, 8, 9)

F_SETPIPE_SZ = 1031  # what a user's pipes may hold is counted for all of them together
RLIMIT_CORE = 4  # a size of 0 would not keep a crash from the program that the system runs for crashes; 1 does

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
KEYCTL_JOIN_SESSION_KEYRING = 1


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


@functools.cache
def program() -> bytes:
    """The filter as instructions for the kernel.

    Raises
    ------
    NoIsolationError
        There is no libseccomp, or one that does not know these calls.
    """
    seccomp = _library()
    try:
        rules = seccomp.SyscallFilter(seccomp.ALLOW)
        refuse, absent = seccomp.ERRNO(errno.EPERM), seccomp.ERRNO(errno.ENOSYS)
        for name in DENIED:
            rules.add_rule(refuse, name)
        rules.add_rule(absent, "clone3")  # its flags cannot be filtered; libc then calls clone
        for flag in NEW_NAMESPACES:
            rules.add_rule(refuse, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
        for request in TERMINAL_INPUT:
            rules.add_rule(refuse, "ioctl", seccomp.Arg(1, seccomp.MASKED_EQ, 0xFFFFFFFF, request))
        rules.add_rule(refuse, "fcntl", seccomp.Arg(1, seccomp.MASKED_EQ, 0xFFFFFFFF, F_SETPIPE_SZ))
        core = seccomp.MASKED_EQ, 0xFFFFFFFF, RLIMIT_CORE
        rules.add_rule(refuse, "setrlimit", seccomp.Arg(0, *core))
        rules.add_rule(refuse, "prlimit64", seccomp.Arg(1, *core), seccomp.Arg(2, seccomp.NE, 0))
        rules.add_rule(refuse, "socket", seccomp.Arg(0, seccomp.GT, HIGHEST_FAMILY))
        for family in OTHER_FAMILIES:
            rules.add_rule(refuse, "socket", seccomp.Arg(0, seccomp.EQ, family))
        with tempfile.TemporaryFile() as file:
            rules.export_bpf(file)
            file.seek(0)
            return file.read()
    except (ValueError, OSError) as error:
        raise NoIsolationError(f"no filter of system calls ({error}): {LIBRARY} of version 2.5 or later.") from None


def load(libc: ctypes.CDLL) -> None:
    """From here on the filter holds for this process and all that it starts."""
    instructions = program()
    filter_ = _Program(len(instructions) // 8, instructions)
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filter_), 0, 0) != 0:
        raise NoIsolationError(f"the kernel takes no filter of system calls ({_reason()}).")


def join_own_keyring(libc: ctypes.CDLL) -> None:
    """Leave the keyring of the grader's session for a fresh one."""
    seccomp = _library()
    number = seccomp.resolve_syscall(seccomp.system_arch(), "keyctl")
    if libc.syscall(number, KEYCTL_JOIN_SESSION_KEYRING, None) < 0 and ctypes.get_errno() != errno.ENOSYS:
        raise NoIsolationError(f"no keyring for a submission ({_reason()}).")


def _library() -> ModuleType:
    try:
        import pyseccomp
    except (ImportError, RuntimeError) as error:
        raise NoIsolationError(f"no filter of system calls ({error}): {LIBRARY}.") from None
    return pyseccomp  # type: ignore[no-any-return]


def _reason() -> str:
    return errno.errorcode.get(ctypes.get_errno(), "unknown")

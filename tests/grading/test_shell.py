"""What a cell of a student shows, and that everyday habits end neither the cell nor the process."""

import json
import re
import shutil
from typing import Any

import pytest

from course_utils.grading.runtime.backend import shared_backend
from course_utils.grading.runtime.capture import MAX_LINES, MAX_OUTPUTS, OutputCapture
from course_utils.grading.runtime.findings import Event, Fate, Findings
from course_utils.grading.runtime.job import Cell, Job
from course_utils.grading.runtime.limits import Limits

UNSAFE = shutil.which("bwrap") is None
Outputs = list[dict[str, Any]]


def run(*texts: str, **limits: float) -> Findings:
    cells = [Cell(f"cell-{n}", "answer", "code", text) for n, text in enumerate(texts)]
    return shared_backend(UNSAFE).examine(Job(cells, [], 1, Limits(**limits), 0))


def shown(*texts: str, **limits: float) -> Outputs:
    """The outputs of the last of the cells."""
    return run(*texts, **limits).outputs[f"cell-{len(texts) - 1}"]


def printed(outputs: Outputs) -> str:
    return "".join(output.get("text", "") for output in outputs)


def error(outputs: Outputs) -> dict[str, Any]:
    (found,) = [output for output in outputs if output["output_type"] == "error"]
    return found


# Errors


def test_an_error_shows_the_students_lines_and_none_of_the_graders():
    found = error(shown("def f():\n    return 1 / 0", "f()"))
    assert (found["ename"], found["evalue"]) == ("ZeroDivisionError", "division by zero")
    assert found["traceback"][:5] == [
        "Traceback (most recent call last):",
        "  Cell In[2], line 1",
        "    f()",
        "  Cell In[1], line 2, in f",
        "    return 1 / 0",
    ]
    assert "course_utils" not in str(found)


@pytest.mark.parametrize(
    "code",
    [
        "def f(): return f()\nf()",
        "import sys\nsys.setrecursionlimit(5000)\ndef f(): return g()\ndef g(): return f()\nf()",
        "class A:\n    def __repr__(self): return repr(self)\nA()",
        "class A:\n    def __str__(self): return str(self)\nprint(A())",
        "class A:\n    def __getattr__(self, name): return getattr(self, name)\nA().x",
    ],
)
def test_a_deep_recursion_is_an_output_of_a_few_lines(code):
    findings = run(code, "print('goes on')")
    found = error(findings.outputs["cell-0"])
    assert found["ename"] == "RecursionError"
    assert len(found["traceback"]) <= MAX_LINES
    assert "RecursionError: maximum recursion depth exceeded" in found["traceback"][-1]
    assert printed(findings.outputs["cell-1"]) == "goes on\n"
    assert findings.events == []


@pytest.mark.parametrize(
    ("code", "name", "message"),
    [
        ("class E(Exception):\n    def __str__(self): 1 / 0\nraise E", "E", "(its text cannot be shown)"),
        ("class E(Exception):\n    def __str__(self): raise SystemExit\nraise E", "E", "(its text cannot be shown)"),
        ("class E(Exception):\n    def __str__(self): return 3\nraise E", "E", "(its text cannot be shown)"),
        ("class E(Exception):\n    def _render_traceback_(self): raise KeyboardInterrupt\nraise E", "E", ""),
        ("raise BaseException('x')", "BaseException", "x"),
        ("raise GeneratorExit", "GeneratorExit", ""),
        ("raise KeyboardInterrupt('x')", "KeyboardInterrupt", "x"),
        ("raise ExceptionGroup('two', [ValueError(1), TypeError(2)])", "ExceptionGroup", "two (2 sub-exceptions)"),
        ("import sys; sys.exit(3)", "SystemExit", "3"),
        ("def (", "SyntaxError", "invalid syntax"),
        ("  x = 1\n y = 2", "IndentationError", "unexpected indent (Cell In[2], line 1)"),
    ],
)
def test_no_error_ends_the_process(code, name, message):
    findings = run("kept = 3", code, "kept")
    found = error(findings.outputs["cell-1"])
    assert found["ename"] == name
    assert message in found["evalue"]
    assert findings.outputs["cell-2"][0]["data"]["text/plain"] == "3"
    assert findings.events == []


def test_a_missing_module_is_told_as_such():
    (found,) = shown("import no_such_module.part")
    told = "No module named 'no_such_module': 'no_such_module' is not installed where submissions are graded"
    assert found["evalue"] == told
    assert found["traceback"][-1] == f"ModuleNotFoundError: {told}"
    assert "not installed" not in str(shown("import torch.no_such_part"))


# Time


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "import time\ntime.sleep(60)",
        "import asyncio\nawait asyncio.sleep(60)",
        "import time\ntry:\n    time.sleep(60)\nexcept BaseException:\n    time.sleep(60)",
        "import time\nclass A:\n    def __repr__(self): time.sleep(60)\nA()",
        "!sleep 60",
    ],
)
def test_a_cell_over_time_keeps_its_outputs_and_says_which_limit_it_passed(code):
    findings = run(f"print('before')\n{code}", "print('goes on')", cell_seconds=1.0)
    outputs = findings.outputs["cell-0"]
    told = "this cell ran longer than 1 s, the limit for grading, and was stopped"
    assert printed(outputs) == "before\n"
    assert error(outputs)["evalue"] == told
    assert error(outputs)["traceback"][-1] == f"CellTimeout: {told}"
    assert findings.events == [Event("cell-0", Fate.CELL_TIMEOUT, 1.0)]
    assert printed(findings.outputs["cell-1"]) == "goes on\n"


def test_an_error_named_like_a_timeout_is_none():
    assert run("raise TimeoutError('mine')").events == []


def test_a_cell_that_was_stopped_does_not_go_on_in_the_next():
    waits = "import asyncio\nawait asyncio.sleep(1.3)\nprint('too late')"
    findings = run(waits, "import asyncio\nawait asyncio.sleep(0.5)\nprint('next')", cell_seconds=1.0)
    assert [event.cell for event in findings.events] == ["cell-0"]
    assert printed(findings.outputs["cell-1"]) == "next\n"


# Bounds


def test_many_displays_are_cut_with_a_note():
    findings = run("for i in range(5000): display(i)\nprint('end')", "print('goes on')")
    outputs = findings.outputs["cell-0"]
    assert len(outputs) == MAX_OUTPUTS + 1
    assert "output cut: a cell shows up to 100 kB of text and 500 outputs" in outputs[-1]["text"]
    assert printed(findings.outputs["cell-1"]) == "goes on\n"
    assert findings.events == []


def test_much_text_is_cut_with_a_note_and_the_error_after_it_is_kept():
    outputs = shown("print('x' * 10**7)\n1 / 0", output_bytes=5000)
    assert outputs[0]["text"] == "x" * 5000
    assert "output cut: a cell shows up to 5 kB" in outputs[1]["text"]
    assert error(outputs)["ename"] == "ZeroDivisionError"


def test_pictures_have_a_limit_of_their_own():
    draw = "import matplotlib.pyplot as plt\nfor _ in range(4):\n    plt.plot([1, 2]); plt.show()"
    outputs = shown(draw, output_bytes=5000)
    assert [list(output.get("data", "")) for output in outputs[:-1]] == [["text/plain", "image/png"]] * 2
    assert "output cut" in outputs[-1]["text"]


def test_of_a_progress_bar_the_last_state_is_shown():
    assert printed(shown("for i in range(50_000): print('\\r', i, end='')\nprint()")) == " 49999\n"
    bar = "from tqdm.auto import tqdm\nfor _ in tqdm(range(3), mininterval=0): pass"
    assert re.fullmatch(r"100%\|█+\| 3/3 \[.*\]\s*", printed(shown(bar)))


def test_colours_are_left_out():
    assert printed(shown("print('\\x1b[31mred\\x1b[0m')")) == "red\n"


def test_a_capture_takes_in_no_more_than_it_shows():
    capture = OutputCapture(100)
    for _ in range(10_000):
        capture.write("0123456789")
        capture.show("display_data", {"text/plain": "y" * 100, "text/html": "<b>"})
        capture.error("E", "x" * 10_000, ["z" * 10_000] * 1000)
    assert len(json.dumps(capture.outputs)) < 1_000_000


# Streams


def test_streams_are_files_and_take_what_other_programs_write():
    code = """
import os, subprocess, sys
print('one')
subprocess.run(['echo', 'two'], stdout=sys.stdout, check=True)
print('three')
os.write(1, b'four\\n')
sys.stdout.buffer.write('fünf\\n'.encode())
sys.stdout.writelines(['six\\n', 'seven\\n'])
os.system('echo eight')
print('nine', file=sys.__stdout__)
"""
    assert printed(shown(code)).split() == ["one", "two", "three", "four", "fünf", "six", "seven", "eight", "nine"]


def test_a_stream_has_what_programs_ask_of_a_file():
    code = """
import faulthandler, io, sys
assert isinstance(sys.stdout, io.TextIOBase)
assert (sys.stdout.encoding, sys.stderr.errors, sys.stdout.fileno(), sys.stderr.fileno()) == ('utf-8', 'replace', 1, 2)
assert sys.stdout.writable() and not sys.stdout.isatty() and not sys.stdout.closed
sys.stdout.reconfigure(line_buffering=True)
faulthandler.enable()
print('fine')
"""
    assert printed(shown(code)) == "fine\n"


@pytest.mark.parametrize(
    "code",
    [
        "import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer)\nprint('before')",
        "import os, sys\nprint('before')\nsys.stdout = sys.stderr = None",
        "import os, sys\nprint('before')\nsys.stdout.close(); os.close(1); os.close(2)",
        "import sys\nprint('before')\nsys.stdout = open('log.txt', 'w')\nprint('into the file')",
        "import sys\nprint('before')\ndel sys.stdout",
    ],
)
def test_a_cell_that_replaced_its_stream_changes_nothing_for_the_next(code):
    findings = run(code, "import os\nprint('after'); os.system('echo sub')")
    assert printed(findings.outputs["cell-0"]) == "before\n"
    assert printed(findings.outputs["cell-1"]) == "after\nsub\n"


def test_whoever_kept_a_stream_of_an_earlier_cell_can_still_write():
    keep = "import logging, sys\nlogging.getLogger().addHandler(logging.StreamHandler())\nold = sys.stdout"
    assert printed(shown(keep, "logging.warning('logged')\nprint('printed', file=old)")) == "logged\nprinted\n"


def test_a_fork_has_no_stream_in_common_with_another():
    assert printed(shown("import os\nos.system('echo mine')")) == "mine\n"
    assert printed(shown("print('next')")) == "next\n"


# What is shown


@pytest.mark.parametrize(
    "choose",
    [
        "%matplotlib inline",
        "%matplotlib notebook",
        "%matplotlib widget",
        "%matplotlib qt",
        "%pylab inline",
        "import matplotlib\nmatplotlib.use('TkAgg')",
        "import matplotlib\nmatplotlib.use('module://ipympl.backend_nbagg')",
        "import matplotlib.pyplot\nmatplotlib.pyplot.switch_backend('Qt5Agg')",
        "import matplotlib\nmatplotlib.rcParams['backend'] = 'MacOSX'",
        "",
    ],
)
def test_a_figure_is_shown_whatever_backend_was_chosen(choose):
    outputs = shown(f"{choose}\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()")
    assert "image/png" in outputs[-1]["data"]


def test_displays_are_shown_cleared_and_replaced():
    assert [output["data"]["text/plain"] for output in shown("display(1)\n2")] == ["1", "2"]
    clear = "from IPython.display import clear_output\n"
    assert printed(shown(f"{clear}print(1)\nclear_output()\nprint(2)")) == "2\n"
    assert printed(shown(f"{clear}print(1)\nclear_output(wait=True)")) == "1\n"
    (output,) = shown("handle = display(1, display_id=True)\nhandle.update(2)")
    assert output["data"] == {"text/plain": "2"}
    many = "handle = display(1, display_id=True)\nfor i in range(3000): handle.update(i)"
    assert [output["data"] for output in shown(many, output_bytes=100)] == [{"text/plain": "2999"}]
    image = "import matplotlib.pyplot as plt\nfrom IPython.display import Image\nplt.savefig('a.png'); plt.close()\n"
    assert "image/png" in shown(f"{image}display(Image('a.png'))")[0]["data"]


def test_a_helper_file_can_be_imported_right_after_it_was_written():
    cells = [
        "try:\n    import helper\nexcept ImportError: pass",
        "%%writefile helper.py\nx = 7",
        "import helper\nhelper.x",
    ]
    assert shown(*cells)[0]["data"]["text/plain"] == "7"


def test_where_nobody_is_there_it_says_so():
    assert error(shown("input('name? ')"))["evalue"] == "nobody answers input() where submissions are graded"
    assert "exit() does nothing" in printed(shown("exit()"))
    assert "nothing is installed" in printed(shown("!pip install torch"))


def test_the_last_values_have_names():
    assert [output["data"]["text/plain"] for output in shown("_", "3", "_ + 1\n", "[_, In[1], Out[2]]")] == [
        "[4, '_', 3]"
    ]


def test_tasks_run_as_in_a_kernel_and_asyncio_run_too():
    task = "import asyncio\nasync def f(): return 5\ntask = asyncio.create_task(f())"
    assert shown(task, "await task")[0]["data"]["text/plain"] == "5"
    assert shown("import asyncio\nasync def f(): return 6\nasyncio.run(f())")[0]["data"]["text/plain"] == "6"


def test_what_a_cell_sets_in_the_interpreter_does_not_reach_the_graders_own_work():
    cell = """
import gc, sys, warnings
import numpy as np, torch
gc.disable(); sys.setrecursionlimit(120); sys.setprofile(lambda *_: print('profiled')); sys.settrace(lambda *_: None)
warnings.simplefilter('error'); np.seterr(all='raise'); torch.set_default_dtype(torch.float64)
"""
    assert printed(shown(cell, "print('fine')")) == "fine\n"

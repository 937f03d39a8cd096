"""`make bench`: grading a class with ours and with stock nbgrader, whole processes, in one interleaved run.

Two made-up assignments of ten code cells and six tests: *light* (a few tensor operations) and *ordinary* (about a
second of training). CPU seconds are the machine's, read from /proc/stat around each run, so keep it quiet meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from course_utils.grading.course import CONFIG, Course
from course_utils.grading.release import release

ROOT = Path(__file__).resolve().parents[1]
TICKS = os.sysconf("SC_CLK_TCK")
SETUP = "import torch\nfrom torch import nn\nfrom course_utils import check"
LIGHT = [f"def task{n}(layer, x):\n    return layer(x)[0].sum(1) + {n}" for n in range(3)]
TRAIN = """
def task{n}(x):
    torch.manual_seed(0)
    layer, head = nn.RNN(8, 24, batch_first=True), nn.Linear(24, 1)
    optimizer = torch.optim.Adam([*layer.parameters(), *head.parameters()], lr=0.01)
    for _ in range({epochs}):
        optimizer.zero_grad()
        loss = (head(layer(x)[0][:, -1]) ** 2).mean()
        loss.backward()
        optimizer.step()
    return loss.detach()
""".strip()


@dataclass
class Assignment:
    """A made-up assignment: the answers, and tests that call each answer twice."""

    name: str
    answers: list[str]
    tests: list[str]

    def notebook(self) -> nbformat.NotebookNode:
        cells = [_cell("setup", SETUP, locked=True)]
        for n, (answer, test) in enumerate(zip(self.answers, self.tests, strict=True)):
            head, body = answer.split("\n", 1)
            text = f"{head}\n    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION"
            cells.append(_cell(f"task{n}", text, solution=True))
            cells += [_cell(f"task{n}-check-{part}", test, grade=True, locked=True, points=1) for part in "ab"]
        kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
        return new_notebook(cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})


def _cell(name: str, text: str, **marks) -> nbformat.NotebookNode:
    plain = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3, "grade_id": name}
    return new_code_cell(text, id=name, metadata={"nbgrader": plain | marks})


def assignments(epochs: int) -> list[Assignment]:
    call = "layer, x = nn.RNN(8, 16, batch_first=True), torch.randn(32, 50, 8)\n"
    call += "check.close(check.call(task{n}, layer, x), layer(x)[0].sum(1) + {n})"
    light = Assignment("light", LIGHT, [call.format(n=n) for n in range(3)])
    call = "loss = check.call(task{n}, torch.randn(16, 20, 8))\ncheck.metric(loss, low=0, high=10)"
    answers = [TRAIN.format(n=n, epochs=epochs) for n in range(3)]
    return [light, Assignment("ordinary", answers, [call.format(n=n) for n in range(3)])]


def make_course(folder: Path, assignment: Assignment, students: int) -> Course:
    folder.mkdir(parents=True)
    shutil.copy(ROOT / CONFIG, folder)
    course = Course(folder)
    source = course.notebook("source", assignment.name)
    source.parent.mkdir(parents=True)
    nbformat.write(assignment.notebook(), source)
    release(course, assignment.name)
    answered = nbformat.read(course.notebook("release", assignment.name), 4)
    for cell in answered.cells:
        if cell.id in {f"task{n}" for n in range(3)}:
            cell.source = assignment.answers[int(cell.id[-1])]
    for number in range(students):
        path = course.notebook("submitted", assignment.name, f"student-{number:04}")
        path.parent.mkdir(parents=True)
        nbformat.write(answered, path)
    return course


def otter(course: Course, assignment: Assignment, program: str) -> tuple[float, float]:
    """`otter run` on one submission, with the same calls as tests; the program is of an environment of its own."""
    folder = course.root / "otter"
    (folder / "tests").mkdir(parents=True, exist_ok=True)
    plain = {
        "light": [
            "layer, x = nn.RNN(8, 16, batch_first=True), torch.randn(32, 50, 8)",
            "assert torch.allclose(task{n}(layer, x), layer(x)[0].sum(1) + {n}, atol=1e-4)",
        ],
        "ordinary": ["assert 0 <= float(task{n}(torch.randn(16, 20, 8))) <= 10"],
    }
    for n in range(3):
        for part in "ab":
            code = "".join(f">>> {line}\n" for line in plain[assignment.name]).format(n=n)
            suite = {"cases": [{"code": code, "hidden": False, "locked": False}], "scored": True, "type": "doctest"}
            suite |= {"setup": "", "teardown": ""}
            test = {"name": f"task{n}{part}", "points": 1, "suites": [suite]}
            (folder / "tests" / f"task{n}{part}.py").write_text(f"OK_FORMAT = True\ntest = {test!r}\n")
    cells = [
        new_code_cell(SETUP.replace("from course_utils import check", "")),
        *map(new_code_cell, assignment.answers),
    ]
    nbformat.write(new_notebook(cells=cells), folder / "submission.ipynb")
    subprocess.run(
        [program, "generate", "-t", "tests", "-o", "grader.zip"], cwd=folder, check=True, capture_output=True
    )
    times = timed([program, "run", "-a", "grader.zip", "submission.ipynb", "--no-logo"], folder)
    results = json.loads((folder / "results.json").read_text())["tests"]
    if sum(entry["score"] for entry in results if entry.get("max_score")) != 6:
        raise SystemExit(f"benchmarks: otter gave {results}")
    return times


def busy() -> float:
    """CPU seconds that the machine has spent on anything, all cores together."""
    times = [int(part) for part in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    return (sum(times[:3]) + sum(times[5:8])) / TICKS


def timed(command: list[str], folder: Path) -> tuple[float, float]:
    """Wall and CPU seconds of a whole process."""
    wall, cpu = time.monotonic(), busy()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.monotonic() - wall, busy() - cpu


def ours(course: Course, name: str) -> tuple[float, float]:
    shutil.rmtree(course.root / "autograded", ignore_errors=True)
    return timed([sys.executable, "-m", "course_utils.grading.cli", "grade", name, "--jobs", "2"], course.root)


def stock(course: Course, name: str) -> tuple[float, float]:
    shutil.rmtree(course.root / "autograded", ignore_errors=True)
    return timed([sys.executable, "-m", "nbgrader", "autograde", name, "--force"], course.root)


def cells_alone(assignment: Assignment, times: int) -> float:
    """CPU seconds of the answers and tests of one submission, run in one warm process on one core."""
    code = "\n".join([SETUP, *assignment.answers])
    tests = "\n".join(test for test in assignment.tests for _ in "ab")
    script = f"""
import contextlib, io, time, torch
torch.set_num_threads(1)
scope = {{}}
exec({code!r}, scope)
for turn in range({times} + 1):
    if turn == 1: start = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        exec({tests!r}, scope)
print((time.process_time() - start) / {times})
"""
    return float(subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout)


def private_memory() -> str:
    """Private memory of this grader's warm processes and of a fork at work, in MiB."""
    from course_utils.grading.runtime.backend import shared_backend
    from course_utils.grading.runtime.job import Cell, Job
    from course_utils.grading.runtime.limits import Limits

    code = "print(open('/proc/self/smaps_rollup').read())"
    job = Job([Cell("a", "answer", "code", code)], [], 0, Limits(), 0)
    text = shared_backend(unsafe=False).examine(job).outputs["a"][0]["text"]
    fork = sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private")) / 1024
    warms = [shared_backend(unsafe=False).examiners.pid]
    sizes = [_private(pid) for pid in warms]
    return f"a student's fork {fork:.0f} MiB, the warm examiner {sizes[0]:.0f} MiB (shared with all its forks)"


def _private(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private")) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--light", type=int, default=200, help="size of the light class (default 200)")
    parser.add_argument("--ordinary", type=int, default=40, help="size of the ordinary class (default 40)")
    parser.add_argument("--stock", type=int, default=5, help="how many stock nbgrader grades in each turn (default 5)")
    parser.add_argument("--turns", type=int, default=3, help="turns of ours and stock, interleaved (default 3)")
    parser.add_argument(
        "--sizes", type=int, nargs="*", default=[10, 100, 1000], help="light classes for the cost a submission"
    )
    parser.add_argument("--epochs", type=int, default=200, help="training steps a call in the ordinary class")
    parser.add_argument("--otter", metavar="FILE", help="the program otter of another environment: a third column")
    options = parser.parse_args()
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for assignment, students in zip(assignments(options.epochs), (options.light, options.ordinary), strict=True):
            compare(folder / assignment.name, assignment, students, options)
        light = assignments(options.epochs)[0]
        for size in options.sizes:
            wall, cpu = ours(make_course(folder / f"size-{size}", light, size), light.name)
            print(
                f"light class of {size:5}: {wall:6.1f} s, {wall / size:.3f} s and {cpu / size:.3f} CPU s a submission"
            )
        print(f"private memory: {private_memory()}")


def compare(folder: Path, assignment: Assignment, students: int, options) -> None:
    alone = cells_alone(assignment, 20 if assignment.name == "light" else 3)
    full, few = (
        make_course(folder / "ours", assignment, students),
        make_course(folder / "stock", assignment, options.stock),
    )
    if options.otter:
        otters = [otter(few, assignment, options.otter) for _ in range(3)]
        wall, cpu = (statistics.median(column) for column in zip(*otters, strict=True))
        print(f"otter run, {assignment.name}: {wall:.2f} s, {cpu:.2f} CPU s a submission (median of 3)")
    rows = []
    for _ in range(options.turns):
        rows.append((*ours(full, assignment.name), *stock(few, assignment.name)))
    wall, cpu, stock_wall, stock_cpu = (statistics.median(column) for column in zip(*rows, strict=True))
    mine, mine_cpu, theirs, theirs_cpu = (
        wall / students,
        cpu / students,
        stock_wall / options.stock,
        stock_cpu / options.stock,
    )
    print(f"{assignment.name}: {students} submissions with ours, {options.stock} with stock nbgrader and extrapolated;")
    print(f"  medians of {options.turns} interleaved turns, start-up included in both")
    print(f"  the cells alone, warm, one core: {alone:.3f} CPU s a submission")
    print(f"  stock nbgrader: {theirs:.2f} s, {theirs_cpu:.2f} CPU s a submission")
    print(f"  ours:           {mine:.3f} s, {mine_cpu:.3f} CPU s a submission; the class in {wall:.1f} s")
    ratios = [row[2] / options.stock / (row[0] / students) for row in rows]
    print(f"  ratio of wall time: {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})")
    beyond, over = mine_cpu - alone, mine / (alone / 2)
    print(f"  CPU beyond the cells' own: {beyond:.3f} s; wall time over the cells' CPU on two cores: {over:.2f}")


if __name__ == "__main__":
    main()

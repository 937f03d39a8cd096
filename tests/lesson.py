"""A lesson with what is known about it: tests/lessons/NAME.toml has its claims, and wrong answers with their names.

A claim is a quote from a cell and the expression that makes it true, run right after that cell. Shape comments behind
assignments and Markdown texts "`name` is (axis=4, ...)" are claims by themselves.
"""

from __future__ import annotations

import ast
import builtins
import functools
import importlib
import re
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from course_utils import progress
from course_utils.exercises.exercise import Exercise
from notebooks import ROOT, execute

AXES = r"\((?:[\w*\\]+=\d+(?:, )?)+\)"
COMMENT = re.compile(rf"^\s*(\w+(?:, \w+)*) = .*  # ({AXES}(?:, {AXES})*)$")
SENTENCE = re.compile(rf"`(\w+)` is ({AXES})")

# A lesson must not need the network: whoever asks for an address beyond this machine gets an error.
OFFLINE = """
import socket as _socket
_known = _socket.getaddrinfo
def _refuse(host, *rest, **more):
    if host in ("localhost", "127.0.0.1", "::1", None, ""):
        return _known(host, *rest, **more)
    raise OSError(f"a lesson asked the network for {host}")
_socket.getaddrinfo = _refuse
"""

# Another machine rounds differently: here each step of an optimizer is off by a few of the last digits of a float32.
ROUNDING = """
import torch as _torch
def _rounded(plain):
    def step(self, *args, **more):
        if not hasattr(self, "_noise"):
            self._noise = _torch.Generator().manual_seed(0)
        result = plain(self, *args, **more)
        with _torch.no_grad():
            for weight in (weight for group in self.param_groups for weight in group["params"]):
                weight.mul_(1 + 2e-7 * _torch.randn(weight.shape, generator=self._noise))
        return result
    return step
for _kind in (_torch.optim.Adam, _torch.optim.SGD):
    _kind.step = _rounded(_kind.step)
"""


@functools.cache
def facts(stem: str) -> dict:
    """`claim`: a list of cell, quote and what holds; `given`: the same where a sentence only states or computes numbers
    of its own, which no run of the lesson can refute; `wrong`: a list of cell, answer and mistake.
    """
    path = ROOT / "tests" / "lessons" / f"{stem}.toml"
    return {"claim": [], "given": [], "wrong": []} | tomllib.loads(path.read_text(encoding="utf-8"))


@functools.cache
def executed(path: Path) -> tuple[list[NotebookNode], float]:
    """The cells of the lesson as it is, run with its claims asserted; and the seconds that its processor needed."""
    notebook = with_claims(path)
    notebook.cells.append(new_code_cell("import time as _time\nprint(_time.process_time())", id="seconds"))
    *cells, clock = run(notebook, path.parent)
    return cells, float(clock.outputs[0].text)


@functools.cache
def answered(path: Path) -> list[NotebookNode]:
    """The exercises of the lesson, run with right and wrong answers."""
    return run(with_answers(path), path.parent)


def with_answers(path: Path) -> NotebookNode:
    """The set-up cell and the cells of the exercises, each with its first solution.

    Nothing else runs, because a kernel may start anywhere: an exercise needs no cell but the first. Before each come
    copies with the wrong answers, called NAME-wrong-NUMBER, and with the other solutions, called NAME-way-NUMBER.
    """
    notebook = nbformat.read(path, 4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    notebook.cells = code[:1]
    for cell in code[1:]:
        for name in progress.EXERCISE.findall(cell.source):
            first, *others = exercises_of(path)[name].solutions
            notebook.cells += [*wrong_copies(path, cell)]
            notebook.cells += [alone(solved(cell.source, way), f"{cell.id}-way-{n}") for n, way in enumerate(others)]
            notebook.cells.append(alone(solved(cell.source, first), cell.id))
    return notebook


def wrong_copies(path: Path, cell: NotebookNode) -> Iterator[NotebookNode]:
    """The cell with each of its wrong answers."""
    for number, wrong in enumerate(facts(path.stem)["wrong"]):
        if wrong["cell"] == cell.id:
            source = filled(cell.source, wrong["answer"])
            yield new_code_cell(source, id=f"{cell.id}-wrong-{number}", metadata={"tags": ["raises-exception"]})


def alone(source: str, name: str) -> NotebookNode:
    """A cell that forgets afterwards what it has defined, so that no later one can need it."""
    names = {part for node in ast.parse(source).body for part in bound(node).strip("()").split(", ")}
    forget = ", ".join(sorted(part for part in names if part.isidentifier()))
    return new_code_cell(f"{source}\ndel {forget}", id=name)


def with_claims(path: Path) -> NotebookNode:
    """The lesson with a code cell of assertions behind every cell that claims something."""
    notebook = nbformat.read(path, 4)
    cells = []
    for cell in notebook.cells:
        pattern = COMMENT if cell.cell_type == "code" else SENTENCE
        claims = [claim for line in cell.source.splitlines() for claim in shape_claims(line, pattern)]
        claims += [f"assert {c['holds']}, {c['quote']!r}" for c in stated(path) if c["cell"] == cell.id]
        cells.append(cell)
        if claims:
            cells.append(new_code_cell("\n".join(claims), id=f"{cell.id}-claims"))
    notebook.cells = cells
    return notebook


def stated(path: Path) -> list[dict[str, str]]:
    """Claims and givens of the lesson."""
    return facts(path.stem)["claim"] + facts(path.stem)["given"]


def only_repeats(holds: str) -> bool:
    """Whether the expression takes nothing from the lesson or the course: numbers and Python alone."""
    tree = ast.parse(f"({holds})", mode="eval")
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    own = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    own |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return names - own <= vars(builtins).keys() - {"__import__"}


def shape_claims(line: str, pattern: re.Pattern) -> list[str]:
    found = []
    for names, shapes in pattern.findall(line):
        pairs = zip(names.split(", "), re.findall(AXES, shapes), strict=True)
        found += [f"assert tuple({name}.shape) == {_numbers(shape)}, {line!r}" for name, shape in pairs]
    return found


def filled(source: str, answers: dict[str, str]) -> str:
    """The cell with code in place of dots: a name's value, or for "return" everything from there to the end."""
    for name, value in answers.items():
        old = "    return ..." if name == "return" else f"{name} = ..."
        assert old in source, (old, source)
        if name != "return":
            new = f"{name} = {value}"
        elif "return" in value:
            new = textwrap.indent(value.strip("\n"), "    ")
        else:
            new = f"    return {value}"
        source = source.replace(old, new, 1)
    return source


def module_of(path: Path) -> ModuleType | None:
    """The module in which the exercises of the lesson are declared, as its first code cell imports it."""
    names = re.findall(r"^from course_utils.exercises import (\w+) as exercises$", source_of(path), re.M)
    return importlib.import_module(f"course_utils.exercises.{names[0]}") if names else None


def exercises_of(path: Path) -> dict[str, Exercise]:
    """The exercises that are declared for the lesson, by name, in their order."""
    found = vars(module_of(path) or ModuleType("none")).values()
    return {part.name: part for part in found if isinstance(part, Exercise)}


def declared(path: Path) -> dict[str, tuple[str, ...]]:
    """Name of each exercise of the lesson -> its solutions."""
    return {name: exercise.solutions for name, exercise in exercises_of(path).items()}


def source_of(path: Path) -> str:
    """All code of the lesson."""
    return "\n".join(cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code")


def solved(source: str, solution: str) -> str:
    """The cell with the solution's functions and values in place of its own of the same names."""
    lines = source.splitlines()
    new = {bound(node): ast.get_source_segment(solution, node) for node in ast.parse(solution).body}
    for node in reversed(ast.parse(source).body):
        code = new.pop(bound(node), None)
        if code is not None:
            lines[node.lineno - 1 : node.end_lineno] = code.splitlines()
    assert not new, f"the cell has no {', '.join(map(str, new))}"
    return "\n".join(lines)


def bound(node: ast.stmt) -> str:
    """The name that the statement binds, or its text."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return node.name
    return ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node)


LEVEL_MINUTES = {"Easy": 2, "Medium": 4, "Hard": 8}


def minutes(path: Path) -> int:
    """How long a reader takes: 130 words a minute, one a code cell, some for each exercise, 6 for quiz and cards."""
    cells = nbformat.read(path, 4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    exercises = sum(LEVEL_MINUTES[level] for level in re.findall(r"\*\*(Easy|Medium|Hard)\.\*\*", text))
    code = sum(cell.cell_type == "code" for cell in cells)
    return round(len(text.split()) / 130 + code + exercises + 6)


def run(notebook: NotebookNode, folder: Path, before: str = "") -> list[NotebookNode]:
    """The cells after the run; code `before` runs first, in the same kernel."""
    notebook.cells.insert(0, new_code_cell(OFFLINE + before, id="offline"))
    resources = {"metadata": {"path": str(folder)}}
    return execute(notebook, resources=resources, extra_arguments=["--log-level=ERROR"])[1:]


def outputs(cells: list[NotebookNode], kind: str) -> list[NotebookNode]:
    return [output for cell in cells for output in cell.get("outputs", []) if output.output_type == kind]


def _numbers(axes: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"=(\d+)", axes))

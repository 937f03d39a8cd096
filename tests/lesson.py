"""A lesson with what is known about it: tests/lessons/NAME.toml says which claims hold and which answers are right.

A claim is a quote from a cell and the expression that makes it true, run right after that cell. Shape comments behind
assignments and Markdown texts "`name` is (axis=4, ...)" are claims by themselves.
"""

from __future__ import annotations

import functools
import re
import textwrap
import tomllib
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

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
    """`claim`: a list; `answers`: cell -> name -> code; `wrong`: a list of cell, answer and mistake."""
    path = ROOT / "tests" / "lessons" / f"{stem}.toml"
    return {"claim": [], "answers": {}, "wrong": []} | tomllib.loads(path.read_text(encoding="utf-8"))


@functools.cache
def executed(path: Path) -> tuple[list[NotebookNode], float]:
    """The cells of the lesson as it is, run with its claims asserted; and the seconds that its processor needed."""
    notebook = with_claims(path)
    notebook.cells.append(new_code_cell("import time as _time\nprint(_time.process_time())", id="seconds"))
    *cells, clock = run(notebook, path.parent)
    return cells, float(clock.outputs[0].text)


@functools.cache
def answered(path: Path) -> list[NotebookNode]:
    """The cells of the lesson run with right answers; before each, copies of the cell with the wrong ones."""
    return run(with_answers(path), path.parent)


def with_answers(path: Path) -> NotebookNode:
    """The lesson with right answers; before each cell, copies of it with the wrong ones, called NAME-wrong-NUMBER."""
    notebook = nbformat.read(path, 4)
    cells = []
    for cell in notebook.cells:
        for number, wrong in enumerate(facts(path.stem)["wrong"]):
            if wrong["cell"] == cell.id:
                source = filled(cell.source, wrong["answer"])
                cells.append(
                    new_code_cell(source, id=f"{cell.id}-wrong-{number}", metadata={"tags": ["raises-exception"]})
                )
        cell.source = filled(cell.source, facts(path.stem)["answers"].get(cell.id, {}))
        cells.append(cell)
    notebook.cells = cells
    return notebook


def with_claims(path: Path) -> NotebookNode:
    """The lesson with a code cell of assertions behind every cell that claims something."""
    notebook = nbformat.read(path, 4)
    cells = []
    for cell in notebook.cells:
        pattern = COMMENT if cell.cell_type == "code" else SENTENCE
        claims = [claim for line in cell.source.splitlines() for claim in shape_claims(line, pattern)]
        claims += [f"assert {c['holds']}, {c['quote']!r}" for c in facts(path.stem)["claim"] if c["cell"] == cell.id]
        cells.append(cell)
        if claims:
            cells.append(new_code_cell("\n".join(claims), id=f"{cell.id}-claims"))
    notebook.cells = cells
    return notebook


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


def run(notebook: NotebookNode, folder: Path, before: str = "") -> list[NotebookNode]:
    """The cells after the run; code `before` runs first, in the same kernel."""
    notebook.cells.insert(0, new_code_cell(OFFLINE + before, id="offline"))
    resources = {"metadata": {"path": str(folder)}}
    return execute(notebook, resources=resources, extra_arguments=["--log-level=ERROR"])[1:]


def outputs(cells: list[NotebookNode], kind: str) -> list[NotebookNode]:
    return [output for cell in cells for output in cell.get("outputs", []) if output.output_type == kind]


def _numbers(axes: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"=(\d+)", axes))

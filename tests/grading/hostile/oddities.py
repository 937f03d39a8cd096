"""Honest submissions that do what honest people do; each deserves all of its points."""

from __future__ import annotations

from collections.abc import Callable

from attacks import HONEST_ANSWERS, Attack


def odd(code: str = "", **more) -> Attack:
    return Attack("honest", code, **more)


def above(code: str, **more) -> Attack:
    """A habit in the very cell of an answer, so that whatever it raises costs that answer."""
    answer = HONEST_ANSWERS["swap-axes"]
    return odd(answers={"swap-axes": f"{code}\n{answer}"}, **more)


def cells(*texts: str) -> Callable[[dict], None]:
    """Added cells, in order, above the first answer."""

    def add(notebook: dict) -> None:
        notebook["cells"][2:2] = [
            {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": text}
            for text in texts
        ]

    return add


def crlf(notebook: dict) -> None:
    for cell in notebook["cells"]:
        text = "".join(cell["source"]) if isinstance(cell["source"], list) else cell["source"]
        cell["source"] = text.replace("\n", "\r\n")


def reordered(notebook: dict) -> None:
    """Jupyter lets one move an answer cell; here the last answer stands first."""
    places = [i for i, cell in enumerate(notebook["cells"]) if cell["id"] == "swap-axes"]
    notebook["cells"].insert(3, notebook["cells"].pop(places[0]))


def split_answer(notebook: dict) -> None:
    """A helper in a cell of its own, before the answer that uses it."""
    index = next(i for i, cell in enumerate(notebook["cells"]) if cell["id"] == "swap-axes")
    helper = {
        "cell_type": "code",
        "metadata": {},
        "source": "def helper(x):\n    return x.movedim(0, 1)",
        "outputs": [],
    }
    notebook["cells"][index]["source"] = "def time_first(batch):\n    return helper(batch)"
    notebook["cells"].insert(index, helper)


def minor_4(notebook: dict) -> None:
    notebook["nbformat_minor"] = 4
    for cell in notebook["cells"]:
        cell.pop("id")


def many_notes(notebook: dict) -> None:
    notebook["cells"] += [{"cell_type": "markdown", "metadata": {}, "source": "my notes"}] * 50


ODDITIES: dict[str, Attack] = {
    "warns": odd("import warnings\nwarnings.warn('careful')\nnn.RNN(2, 2, dropout=0.5)"),
    "scratch-cells": odd("a = 1\nb = a + 1\nprint(b)\nb"),
    "failing-scratch-cell": odd("1 / 0"),
    "syntax-error-in-scratch": odd("def ("),
    "prints-heavily": odd("for i in range(5000): print('epoch', i, 'loss', 0.1)"),
    "figures": odd(
        "import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nplt.show()\nplt.figure(); plt.hist([1, 2, 2])"
    ),
    "inline-magic": odd("%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\n%time sum(range(10))"),
    "own-classes": odd(
        "class Swapper(nn.Module):\n    def forward(self, x): return x.transpose(0, 1)",
        answers={"swap-axes": "time_first = Swapper()"},
    ),
    "early-exit": odd(
        "", notebook=lambda nb: nb["cells"].append({"cell_type": "code", "metadata": {}, "source": "exit()"})
    ),
    "hard-exit-at-the-end": odd(
        "",
        notebook=lambda nb: nb["cells"].append(
            {"cell_type": "code", "metadata": {}, "source": "import os; os._exit(0)"}
        ),
    ),
    "input-left-in": odd("name = input('your name? ')"),
    "non-ascii": odd("größe = 3\n変数 = größe\nprint('naïve ✓ 😀', 変数)"),
    "crlf": odd("x = 1", notebook=crlf),
    "cells-moved": odd("", notebook=reordered),
    "helper-cell": odd("", notebook=split_answer),
    "old-minor": odd("", notebook=minor_4),
    "many-notes": odd("", notebook=many_notes),
    "more-threads": odd("torch.set_num_threads(2)\nx = torch.randn(300, 300)\nfor _ in range(20): x = (x @ x).tanh()"),
    "trains-a-model": odd("""
torch.manual_seed(0)
layer, head = nn.RNN(3, 8, batch_first=True), nn.Linear(8, 1)
optimizer = torch.optim.Adam([*layer.parameters(), *head.parameters()], lr=0.01)
x = torch.randn(16, 10, 3); y = x.sum((1, 2))[:, None]
for _ in range(30):
    optimizer.zero_grad(); loss = ((head(layer(x)[0][:, -1]) - y) ** 2).mean(); loss.backward(); optimizer.step()
print(loss.item())
"""),
    "writes-files": odd(
        "open('notes.txt', 'w').write('x')\nassert open('notes.txt').read() == 'x'\ntorch.save(torch.ones(3), 'a.pt')"
    ),
    "uses-threads": odd("import threading\nt = threading.Thread(target=print, args=('hi',)); t.start(); t.join()"),
    "catches-everything": odd("try:\n    1 / 0\nexcept:\n    pass"),
    "random-seeds": odd("import random, numpy as np\nrandom.seed(1); np.random.seed(1); torch.manual_seed(1)"),
    "async": odd("import asyncio\nawait asyncio.sleep(0.01)"),
    "shell-escape": odd("!echo hello"),
    # What a kernel does and a plain IPython does not.
    "inline-above-an-answer": above("%matplotlib inline\nimport matplotlib.pyplot as plt"),
    "notebook-backend": above(
        "%matplotlib notebook\n%matplotlib widget\nget_ipython().run_line_magic('matplotlib', 'qt')"
    ),
    "pylab-inline": above("%pylab inline\n%gui qt\n%config InlineBackend.figure_format = 'retina'"),
    "backend-with-a-screen": above(
        "import matplotlib\nmatplotlib.use('TkAgg')\nimport matplotlib.pyplot as plt\n"
        "plt.switch_backend('Qt5Agg'); plt.ion(); plt.style.use('ggplot'); plt.plot([1, 2]); plt.show(block=False)"
    ),
    "backend-in-settings": above(
        "import matplotlib.pyplot as plt\nplt.rcParams['backend'] = 'MacOSX'\nplt.plot([1]); plt.pause(0.001)"
    ),
    "deep-recursion": odd("def f(n): return f(n + 1)\nf(0)"),
    "mutual-recursion": odd("import sys\nsys.setrecursionlimit(5000)\ndef f(): return g()\ndef g(): return f()\nf()"),
    "recursion-in-repr": odd("class A:\n    def __repr__(self): return repr(self)\nA()"),
    "error-without-text": odd("class E(Exception):\n    def __str__(self): raise ValueError('no text')\nraise E()"),
    "error-that-exits": odd("class E(Exception):\n    def __str__(self): raise SystemExit\nraise E()"),
    "error-with-its-own-traceback": odd(
        "class E(Exception):\n    def _render_traceback_(self): raise KeyboardInterrupt\nraise E()"
    ),
    "error-of-any-kind": odd("try:\n    raise BaseException('x')\nfinally:\n    raise GeneratorExit"),
    "many-displays": above("for i in range(5000): display(i)"),
    "many-errors": above(
        "for i in range(1500):\n    try: 1 / 0\n    except ZeroDivisionError: get_ipython().showtraceback()"
    ),
    "much-text": above("print('x' * 5_000_000)\nfor i in range(20_000): print('\\r', i, end='')"),
    "helper-module": odd(
        answers={"swap-axes": "from helper import time_first"},
        notebook=cells("%%writefile helper.py\n" + HONEST_ANSWERS["swap-axes"]),
    ),
    "stdout-is-a-file": above(
        "import faulthandler, logging, subprocess, sys\n"
        "sys.stdout.writelines(['a', 'b']); sys.stdout.reconfigure(encoding='utf-8'); sys.stdout.buffer.write(b'x')\n"
        "assert sys.stdout.errors and sys.stdout.encoding and sys.stdout.fileno() >= 0\n"
        "subprocess.run(['echo', 'x'], stdout=sys.stdout, stderr=sys.stderr, check=True)\n"
        "faulthandler.enable(); logging.basicConfig(level=10); logging.warning('x'); print('x', file=sys.__stderr__)"
    ),
    "stdout-replaced": above(
        "import io, os, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding='utf-8')\nprint('x')\n"
        "sys.stderr.close(); sys.stderr = open(os.devnull, 'w')\nos.close(2)"
    ),
    "old-stream-kept": odd(
        notebook=cells(
            "import logging, sys, threading\nlogging.getLogger().addHandler(logging.StreamHandler())\nold = sys.stdout",
            "logging.warning('later'); print('later', file=old)\n"
            "def late():\n    for i in range(300): time.sleep(0.005); print(i)\n"
            "import time; threading.Thread(target=late, daemon=True).start()",
        )
    ),
    "usual-imports": above(
        "import numpy as np, pandas as pd\nfrom tqdm.auto import tqdm\nfrom tqdm.notebook import trange\n"
        "for i in tqdm(range(3)): pass\nfor i in trange(3): pass\ndisplay(pd.DataFrame({'a': [1]}))"
    ),
    "missing-module": odd("import tensorflow_of_my_own"),
    "installs": above("!pip install torch\n%pip install -q einops\n%conda install numpy\n!pip3 install x"),
    "usual-magics": above(
        "%load_ext autoreload\n%autoreload 2\n%timeit -n1 -r1 1 + 1\n%time x = 1\n%env A=1\n%who\n%history\n"
        "%precision 3\n%store x\n%xmode Plain\ntorch.nn.RNN?\nlen??\n%prun 1"
    ),
    "cell-magics": odd(
        notebook=cells(
            "%%time\nx = 1",
            "%%capture out\nprint(1)",
            "%%html\n<b>x</b>",
            "%%bash\necho 1",
            "%%timeit -n1 -r1\n1",
            "%%unheard-of\nx",
            "%unheard_of",
            "%debug",
            "breakpoint()",
        )
    ),  # fmt: skip
    "reset": above("x = 1\n%reset -f\nimport torch\nfrom torch import nn"),
    "tasks": above("import asyncio\nasync def f(): return 1\nt = asyncio.create_task(f())\nassert await t == 1"),
    "asyncio-run": above("import asyncio\nasync def f(): return 1\nassert asyncio.run(f()) == 1"),
    "rich-displays": above(
        "from IPython.display import Audio, HTML, Image, Latex, Markdown, clear_output, update_display\n"
        "import numpy as np\ndisplay(HTML('<b>x</b>'), Markdown('x'), Latex('$x$'), Audio(np.zeros(9), rate=8000))\n"
        "clear_output(wait=True)\nh = display(1, display_id=True); h.update(2)\n"
        "import matplotlib.pyplot as plt\nplt.plot([1]); plt.savefig('a.png'); display(Image('a.png'), plt.gcf())"
    ),
    "widgets": above(
        "import ipywidgets\nfrom ipywidgets import interact\n@interact(x=(0, 3))\ndef show(x=1): print(x)\n"
        "out = ipywidgets.Output()\nwith out: print(1)\ndisplay(ipywidgets.IntSlider())"
    ),
    "leaves": above("exit()\nquit(0)\nexit"),
    "leaves-hard": odd("import sys\nsys.exit(1)"),
    "other-folder": above("import os\nos.makedirs('sub', exist_ok=True)\n%cd sub\nos.rmdir('../sub')"),
    "warnings-are-errors": above(
        "import warnings\nimport numpy as np\nwarnings.simplefilter('error')\nnp.seterr(all='raise')"
    ),
    "own-alarm": above(
        "import signal, time\ndef stop(*_): raise TimeoutError\nsignal.signal(signal.SIGALRM, stop)\nsignal.setitimer(signal.ITIMER_REAL, 0.01)\n"
        "try:\n    time.sleep(1)\nexcept TimeoutError: pass"
    ),
    "worker-processes": above(
        "import multiprocessing\nfrom torch.utils.data import DataLoader\ndef double(x): return 2 * x\n"
        "assert sum(len(b) for b in DataLoader(range(8), num_workers=2)) == 8\n"
        "with multiprocessing.Pool(2) as pool: assert pool.map(double, [1, 2]) == [2, 4]"
    ),
    "torch-settings": above(
        "torch.set_default_dtype(torch.float64); torch.set_default_device('cpu')\n"
        "torch.use_deterministic_algorithms(True); torch.set_num_interop_threads(1); torch.set_printoptions(precision=2)\n"
        "torch.autograd.set_detect_anomaly(True)"
    ),
    "no-gradients": above("torch.set_grad_enabled(False)"),
    "compiled": above(
        "@torch.compile\ndef f(x): return x + 1\nf(torch.ones(2)); torch.compile(nn.Linear(2, 2), mode='x')"
    ),
    "shadows": odd(
        "list = [1]; str = 'x'; sum = 0; input = 1; max = 2; len_ = len; type = 3; id = 4; dict = {}; open = 5; int = 6\n"
        "check = 7; isinstance = 8; getattr = 9; Exception = 10; print = lambda *a, **k: None"
    ),
    "star-imports": above("from math import *\nfrom random import *\nfrom numpy import *"),
    "patches-print": above(
        "import builtins\nold_print = print\nbuiltins.print = lambda *a, **k: old_print('>', *a, **k)\nprint(1)"
    ),
    "script-habits": above(
        "import argparse, getpass, pickle\nfrom dataclasses import dataclass\n@dataclass\nclass Own:\n    x: int = 1\n"
        "assert pickle.loads(pickle.dumps(Own())) == Own()\nargparse.ArgumentParser().parse_known_args()\n"
        "getpass.getuser()\nif __name__ != '__main__': raise SystemExit"
    ),
    "interpreter-settings": above(
        "import gc, sys\ngc.disable(); sys.setprofile(lambda *_: None); sys.settrace(lambda *_: None)\n"
        "sys.setrecursionlimit(150); sys.excepthook = sys.displayhook = None; sys.path[:] = sys.path[1:]"
    ),
    "odd-characters": above("x = 1\n\f\nif x:\n\ty = '" + "a" * 20_000 + "'\nprint('\\ud800 \\x00 \\x1b[31m', y[:9])"),
    "history-names": above("In, Out, _, __, _i, _ih, _oh; 5;"),
    "shell-settings": above(
        "from IPython.core.interactiveshell import InteractiveShell\nInteractiveShell.ast_node_interactivity = 'all'\n1\n2"
    ),
    "failing-events": above("get_ipython().events.register('post_run_cell', lambda *_: 1 / 0)"),
}

"""Honest submissions that do what honest people do; each deserves all of its points."""

from __future__ import annotations

from attacks import Attack


def odd(code: str = "", **more) -> Attack:
    return Attack("honest", code, **more)


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
}

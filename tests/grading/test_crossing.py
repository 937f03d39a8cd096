"""What tests of every course do, across the wall: each of these passes in one kernel, and passes here."""

import shutil

import pytest

from course_utils.grading.runtime.backend import shared_backend
from course_utils.grading.runtime.errors import ExaminationError
from course_utils.grading.runtime.findings import Fate, Findings
from course_utils.grading.runtime.job import Cell, Job
from course_utils.grading.runtime.limits import Limits

UNSAFE = shutil.which("bwrap") is None
SETUP = "import torch\nfrom torch import nn"


def examine(*cells: tuple[str, str], interface: str = "f", **more) -> Findings:
    """Cells as (role, text); the setup cell comes first, and tests are called test-1, test-2, …"""
    made = [Cell("setup", "instructor", "code", SETUP)]
    made += [Cell(f"{role}-{n}", role, "code", text, text) for n, (role, text) in enumerate(cells, start=1)]
    job = Job(made, interface.split(), more.pop("seed", 1), more.pop("limits", Limits()), 0, **more)
    return shared_backend(UNSAFE).examine(job)


def errors(answer: str, test: str, **more) -> list[str]:
    findings = examine(("answer", answer), ("test", test), **more)
    return [verdict.error for verdict in findings.verdicts.values() if not verdict.passed]


MODEL = """
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(2, 3, batch_first=True)
        self.head = nn.Linear(3, 1)
        self.dropout = nn.Dropout(0.5)
    def forward(self, x):
        return self.head(self.dropout(self.rnn(x)[0][:, -1]))
"""

PASSES = {
    "a function of the test's": (
        "def f(g, x):\n    return g(x) + 1",
        "assert f(lambda x: 2 * x, 3) == 7\ndef square(x):\n    return x * x\nassert f(square, 3) == 10",
    ),
    "a function that calls back into the student's": (
        "def f(g, n):\n    return g(f, n - 1) if n else 0",
        "assert f(lambda again, n: again(lambda a, m: 5, n) + 1, 2) == 6",
    ),
    "an error of the test's function": (
        "def f(g):\n    try:\n        g()\n    except KeyError as error:\n        return 'caught'",
        "def g():\n    raise KeyError('x')\nassert f(g) == 'caught'",
    ),
    "an object of the test's class": (
        "def f(account):\n    account.deposit(5)\n    return account.balance",
        "class Account:\n    balance = 1\n    def deposit(self, n):\n        self.balance += n\n"
        "account = Account()\nassert f(account) == 6\nassert account.balance == 6",
    ),
    "a loader of the test's": (
        "def f(loader):\n    return sum(len(x) for x, in loader)",
        "from torch.utils.data import DataLoader, TensorDataset\n"
        "assert f(DataLoader(TensorDataset(torch.zeros(10, 2)), batch_size=4)) == 10",
    ),
    "a generator of the test's": ("def f(g):\n    return list(g)", "assert f(i * i for i in range(3)) == [0, 1, 4]"),
    "nn.Sequential": (
        "def f(model, x):\n    return model(x)",
        "model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))\nx = torch.ones(4, 2)\n"
        "assert torch.allclose(f(model, x), model(x))",
    ),
    "a model class of the test's": (
        "def f(model, x):\n    model.eval()\n    return model(x), sum(p.numel() for p in model.parameters())",
        MODEL + "model, x = Model(), torch.ones(4, 5, 2)\ny, n = f(model, x)\n"
        "assert torch.allclose(y, model(x)) and not model.training\nassert n == sum(p.numel() for p in model.parameters())",
    ),
    "in-place changes": (
        "def f(items, table, t, layer):\n    items.append(4); items[0] = 9; table['a'] += 1; t.mul_(2)\n"
        "    nn.init.zeros_(layer.weight)",
        "items, table, t, layer = [1, 2], {'a': 1}, torch.ones(3), nn.Linear(2, 1)\nf(items, table, t, layer)\n"
        "assert items == [9, 2, 4] and table == {'a': 2} and t.sum() == 6 and layer.weight.abs().sum() == 0",
    ),
    "the student trains a layer of the test's": (
        "def f(layer, x, y):\n    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)\n"
        "    for _ in range(20):\n        optimizer.zero_grad(); loss = ((layer(x) - y) ** 2).mean(); loss.backward(); optimizer.step()",
        "layer, x = nn.Linear(1, 1), torch.linspace(-1, 1, 8)[:, None]\nbefore = ((layer(x) - 3 * x) ** 2).mean()\n"
        "f(layer, x, 3 * x)\nassert ((layer(x) - 3 * x) ** 2).mean() < before",
    ),
    "parameters of the student's module": (
        MODEL + "f = Model",
        "model = f()\nassert isinstance(model, nn.Module)\nassert sum(p.numel() for p in model.parameters()) == 25\n"
        "assert {n for n, _ in model.named_parameters()} >= {'head.weight'}\nassert 'rnn.weight_ih_l0' in model.state_dict()\n"
        "model.eval()\nassert not model.training\nassert model.train().training\nassert model.head.out_features == 1",
    ),
    "gradients of the student's module": (
        MODEL + "f = Model",
        "model = f().eval()\nx = torch.ones(4, 5, 2, requires_grad=True)\nloss = model(x).pow(2).mean()\nloss.backward()\n"
        "assert model.head.weight.grad.abs().sum() > 0\nassert all(p.grad is not None for p in model.parameters())\n"
        "assert x.grad.shape == x.shape and x.grad.abs().sum() > 0\n"
        "model.zero_grad()\nassert all(p.grad is None for p in model.parameters())",
    ),
    "the test sets the weights of the student's module": (
        MODEL + "f = Model",
        "model = f().eval()\nwith torch.no_grad():\n    for p in model.parameters():\n        p.fill_(0.0)\n"
        "    for name, p in model.named_parameters():\n        if name == 'head.bias':\n            p += 3\n"
        "assert model(torch.ones(4, 5, 2)).tolist() == [[3.0]] * 4",
    ),
    "a gradient by autograd.grad": (
        MODEL + "f = Model",
        "model = f().eval()\nx = torch.ones(4, 5, 2, requires_grad=True)\n"
        "(g,) = torch.autograd.grad(model(x)[0].sum(), x)\nassert g[0].abs().sum() > 0 and g[1:].abs().sum() == 0",
    ),
    "the test trains the student's module": (
        MODEL + "f = Model",
        "torch.manual_seed(0)\nmodel = f().eval()\noptimizer = torch.optim.SGD(model.parameters(), lr=0.05)\n"
        "x, y = torch.ones(4, 5, 2), torch.full((4, 1), 2.0)\nlosses = []\n"
        "for _ in range(15):\n    optimizer.zero_grad()\n    loss = ((model(x) - y) ** 2).mean()\n    loss.backward()\n"
        "    optimizer.step()\n    losses.append(loss.item())\nassert losses[-1] < 0.5 * losses[0], losses",
    ),
    "the student's own exception": (
        "class TooShort(ValueError):\n    pass\ndef f(x):\n    raise TooShort('no')",
        "try:\n    f(1)\nexcept TooShort as error:\n    assert 'no' in str(error)\nelse:\n    raise AssertionError\n"
        "try:\n    f(1)\nexcept ValueError:\n    pass",
        "f TooShort",
    ),
    "a patched input": (
        "def f():\n    return int(input('n? ')) + 1",
        "from unittest import mock\nwith mock.patch('builtins.input', return_value='3'):\n    assert f() == 4\n"
        "import builtins\nbuiltins.input = lambda prompt='': '7'\nassert f() == 8",
    ),
    "what the function prints": (
        "def f():\n    print('hello')",
        "import io, contextlib\nwith contextlib.redirect_stdout(io.StringIO()) as out:\n    f()\nassert out.getvalue() == 'hello\\n'",
    ),
    "docstring, signature and source": (
        "def f(a, b=2, *, c=None):\n    '''Adds.'''\n    return sum([a, b])",
        "import inspect\nassert f.__doc__ == 'Adds.' and f.__name__ == 'f' and callable(f)\n"
        "assert str(inspect.signature(f)) == '(a, b=2, *, c=None)'\nassert 'sum(' in inspect.getsource(f)\nassert not callable(3)",
    ),
    "a matplotlib Axes": (
        "import matplotlib.pyplot as plt\ndef f():\n    fig, ax = plt.subplots()\n    ax.plot([1, 2], [3, 4], label='a')\n"
        "    ax.set_title('T'); ax.legend()\n    return ax",
        "ax = f()\nassert ax.get_title() == 'T' and len(ax.lines) == 1\nassert ax.lines[0].get_xydata().tolist() == [[1, 3], [2, 4]]\n"
        "assert [t.get_text() for t in ax.get_legend().get_texts()] == ['a']",
    ),
    "values of many kinds": (
        "import collections, fractions, typing\nP = collections.namedtuple('P', 'x y')\n"
        "class Q(typing.NamedTuple):\n    n: int\n"
        "def f(what):\n    return {'counter': collections.Counter('aab'), 'default': collections.defaultdict(list, a=[1]), 'named': P(1, 2),\n"
        "     'Named': Q(3), 'range': range(3), 'zip': zip([1], [2]), 'map': map(str, [1]), 'gen': (i for i in range(3)),\n"
        "     'keys': {'a': 1}.keys(), 'fraction': fractions.Fraction(1, 2), 'max': torch.ones(2, 2).max(dim=1), 'deque': collections.deque([1])}[what]",
        "assert f('counter') == {'a': 2, 'b': 1} and f('default')['a'] == [1]\nassert f('named') == (1, 2) and f('named').y == 2 and f('Named').n == 3\n"
        "assert list(f('range')) == [0, 1, 2] and list(f('zip')) == [(1, 2)] and list(f('map')) == ['1']\n"
        "assert sum(f('gen')) == 3 and next(f('gen')) == 0 and 'a' in f('keys') and list(f('keys')) == ['a'] and len(f('keys')) == 1\n"
        "assert f('fraction') * 2 == 1 and f('max').indices.tolist() == [0, 0] and list(f('deque')) == [1]",
    ),
    "a generator without an end": (
        "def f():\n    n = 0\n    while True:\n        yield n\n        n += 1",
        "g = f()\nassert [next(g) for _ in range(3)] == [0, 1, 2]",
    ),
    "a dataclass": (
        "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\ndef f():\n    return P(3)",
        "assert f().x == 3",
    ),
    "a tensor subclass": (
        "class T(torch.Tensor):\n    pass\ndef f():\n    return torch.ones(2).as_subclass(T)",
        "assert torch.equal(f(), torch.ones(2))",
    ),
    "a layer with its own constructor": (
        "class Sized(nn.RNN):\n    def __init__(self, n):\n        super().__init__(n, 2 * n, batch_first=True)\n        self.note = 'mine'\ndef f():\n    return Sized(2)",
        "assert isinstance(f(), nn.RNN) and f().hidden_size == 4",
    ),
    "float64 by default": (
        "torch.set_default_dtype(torch.float64)\ndef f(x):\n    return nn.Linear(2, 1)(x.double())",
        "assert f(torch.ones(3, 2)).dtype == torch.float64",
    ),
    "await": ("async def f():\n    return 3", "async def g():\n    return 3\nassert await g() == 3"),
    "a magic": ("%matplotlib inline\ndef f():\n    return 3", "%matplotlib inline\nassert f() == 3"),
    "a timed test": ("def f():\n    return 3", "%%time\nx = f()\nassert x == 3"),
    "a timed line": ("def f():\n    return 3", "%timeit -n 1 -r1 f()\n%time x = f()\nassert x == 3"),
    "an import of the solution": ("import math\ndef f():\n    return math.pi", "assert f() == math.pi"),
    "a class handed over": ("def f(kind):\n    return kind(2, 3)", "assert f(nn.GRU).hidden_size == 3"),
}  # fmt: skip


@pytest.mark.parametrize("name", PASSES)
def test_it_passes_as_in_one_kernel(name):
    answer, test, *interface = PASSES[name]
    imports = "import math" if "math.pi" in test else ""
    assert errors(answer, test, interface=interface[0] if interface else "f", imports=imports) == []


WRONG = {
    "nothing changed in place": ("def f(items):\n    pass", "items = [1]\nf(items)\nassert items == [1, 2]"),
    "no gradient": (
        "class M(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.w = nn.Parameter(torch.ones(1))\n"
        "    def forward(self, x):\n        return (self.w * x).detach()\nf = M",
        "y = f()(torch.ones(2))\nassert y.requires_grad",
    ),
    "another exception": ("def f():\n    raise KeyError('x')", "try:\n    f()\nexcept ValueError:\n    pass"),
    "an object that equals everything": (
        "class Liar:\n    def __eq__(self, other):\n        return True\ndef f():\n    return Liar()",
        "assert f() == 3",
    ),
    "a wrong title": (
        "import matplotlib.pyplot as plt\ndef f():\n    ax = plt.subplots()[1]\n    ax.set_title('U')\n    return ax",
        "assert f().get_title() == 'T'",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_fails_with_its_line(name):
    (error,) = errors(*WRONG[name])
    assert error.startswith("line ")


def test_what_cannot_cross_is_the_tests_fault_whatever_the_test_catches():
    with pytest.raises(ExaminationError, match="test-2, line 3: a test cannot hand a value of type builtins.module"):
        errors("def f(x):\n    return x", "import math\ntry:\n    f(math)\nexcept BaseException:\n    raise")
    with pytest.raises(ExaminationError, match="cannot hand"):
        errors("def f(x):\n    return x", "import math\ntry:\n    f(math)\nexcept Exception:\n    pass")


def test_a_locked_cell_uses_what_the_student_defined():
    findings = examine(
        ("answer", "def f(n):\n    return n + 1"),
        ("instructor", "value = f(1)\nprint(value)"),
        ("test", "assert value == 2"),
    )
    assert findings.verdicts["test-3"].passed
    assert findings.outputs["instructor-2"][0]["text"] == "2\n"


def test_an_error_in_a_locked_cell_is_an_output_and_the_rest_goes_on():
    findings = examine(
        ("answer", "def f(n):\n    return n / 0"),
        ("instructor", "print(f(1))"),
        ("test", "assert callable(f)"),
    )
    assert findings.outputs["instructor-2"][0]["ename"] == "ZeroDivisionError"
    assert findings.verdicts["test-3"].passed
    assert findings.events == []


def test_a_cell_of_the_students_uses_a_variable_of_the_test_above():
    findings = examine(
        ("answer", "def f(n):\n    return n + 1"),
        ("test", "result = f(1)\nassert result == 2"),
        ("added", "print(result)"),
    )
    assert findings.outputs["added-3"][0]["text"] == "2\n"


def test_files_are_beside_tests_and_students_cells():
    findings = examine(
        ("instructor", "import helper\nrows = open('data/rows.csv').read().split()"),
        ("answer", "def f():\n    return helper.double(len(rows)), open('data/rows.csv').read()"),
        ("test", "assert f() == (helper.double(len(rows)), 'a b')\nassert open('key.txt').read() == '42'"),
        ("added", "import os; print(os.path.exists('key.txt'))\nopen('data/rows.csv', 'w')"),
        files={"data/rows.csv": b"a b", "helper.py": b"def double(n):\n    return 2 * n"},
        test_files={"key.txt": b"42"},
    )
    assert findings.verdicts["test-3"].error == ""
    assert findings.outputs["added-4"][0]["text"] == "False\n"
    assert findings.outputs["added-4"][1]["ename"] == "PermissionError"


def test_a_seed_in_one_cell_is_felt_in_the_next_and_a_tests_seed_in_the_students_function():
    cells = [
        ("answer", "torch.manual_seed(5)"),
        ("answer", "x = torch.rand(2)\ndef f():\n    return torch.rand(2)"),
        ("test", "here = torch.Generator().manual_seed(5)\nassert torch.equal(x, torch.rand(2, generator=here))"),
        ("test", "torch.manual_seed(0)\na = f()\ntorch.manual_seed(0)\nassert torch.equal(a, torch.rand(2))"),
        ("test", "assert not torch.equal(f(), f())"),
    ]
    verdicts = examine(*cells, interface="f x").verdicts.values()
    assert [verdict.error for verdict in verdicts] == ["", "", ""]


def test_a_setup_cell_draws_the_same_data_on_both_sides_and_leaves_the_students_seed_alone():
    cells = [
        ("answer", "torch.manual_seed(5)"),
        ("instructor", "import random\ndata = torch.rand(3), random.random()"),
        ("answer", "def f():\n    return data\nx = torch.rand(1)"),
        ("test", "assert torch.equal(f()[0], data[0]) and f()[1] == data[1]"),
        ("test", "assert torch.equal(x, torch.rand(1, generator=torch.Generator().manual_seed(5)))"),
    ]
    verdicts = examine(*cells, interface="f x").verdicts.values()
    assert [verdict.error for verdict in verdicts] == ["", ""]


def test_a_restarted_process_sees_the_same_random_numbers():
    cells = [
        ("answer", "x = torch.rand(1).item(); print(x)"),
        ("added", "import os; os._exit(0)"),
        ("answer", "print(x)"),
    ]
    findings = examine(*cells)
    assert [event.fate for event in findings.events] == [Fate.PROCESS_DIED]
    assert findings.outputs["answer-1"] == findings.outputs["answer-3"]


def test_a_students_seed_does_not_tell_the_jobs():
    assert Job([], [], 1, Limits(), 0).seed_for("student") != Job([], [], 2, Limits(), 0).seed_for("student")
    findings = examine(("answer", "import random, torch; print(torch.initial_seed())"), seed=77)
    assert findings.outputs["answer-1"][0]["text"] != "77\n"


def test_callbacks_are_bounded():
    (error,) = errors("def f(g):\n    while True:\n        g()", "f(lambda: None)", limits=Limits(cell_seconds=60.0))
    assert "unreadable" in error or "cannot be read" in error


def test_memory_that_the_examiner_lacks_is_not_the_students_fault():
    with pytest.raises(ExaminationError, match="MemoryError"):
        errors("def f():\n    pass", "f()\nraise MemoryError")
    (error,) = errors("def f():\n    raise MemoryError('mine')", "f()")
    assert "MemoryError: mine" in error


def test_a_cell_of_the_students_is_never_parsed_by_the_examiner():
    nested = "(" * 5_000 + "\n%x\n" * 2_000 + "result"
    findings = examine(("answer", "def f():\n    pass"), ("test", "result = f()"), ("added", nested))
    assert findings.verdicts["test-2"].passed
    assert findings.outputs["added-3"][-1]["output_type"] == "error"

"""Inside the sandbox: runs the student's cells and answers questions about what they have bound.

This process knows no test and no answer. All that it says is data to the other side.
"""

from __future__ import annotations

import builtins
import contextlib
import inspect
import random
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from . import codec
from .changes import fingerprint
from .handed import Handed, HandedModule
from .kinds import error_names
from .shell import Shell, nobody_answers
from .tracebacks import CellTimeout


class Student:
    """Answers one request at a time until the channel closes."""

    def __init__(self, channel: socket.socket, shell: Shell, output_bytes: int, seed: int):
        self.channel, self.shell, self.output_bytes = channel, shell, output_bytes
        self.kept: list[Any] = []
        self.numbers: dict[int, int] = {}  # by id: what is kept does not go away, so its id stays its own
        self.inputs: list[Tensor] = []  # of the request at hand, those that take part in gradients
        self.seconds = 0.0  # the limit of the request at hand
        shell.connect()
        sys.path.insert(0, "")  # for helper files and %%writefile
        seed_all(seed)

    def serve(self) -> None:
        signal.signal(signal.SIGALRM, _ring)
        while True:
            try:
                request = self.receive()
            except EOFError:
                return
            self.send_answer(request)

    def receive(self) -> Any:
        self.inputs = []
        return codec.decode(codec.receive(self.channel), self)

    def send_answer(self, request: Any) -> None:
        verb, seconds, seeds, *arguments = request
        for module, seed in seeds:
            SEEDING[module](seed)
        codec.send(self.channel, self.answer(getattr(self, f"do_{verb}"), seconds, arguments))

    def answer(self, do: Callable[..., Any], seconds: float, arguments: list[Any]) -> bytes:
        self.seconds = seconds
        left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            try:
                return codec.encode(["ok", do(*arguments)], self)
            finally:
                signal.setitimer(signal.ITIMER_REAL, left)  # of the request around this one, if there is one
        except CellTimeout:
            return codec.encode(["timeout"])
        except BaseException as error:
            return codec.encode(["error", error_names(type(error)), _text_of(error), _line_of(error)])

    # What the other side asks.

    def do_files(self, files: dict[str, bytes], mode: int) -> None:
        for name, content in files.items():
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod(mode)

    def do_run(self, text: str, seed: int | None = None) -> list[Any]:
        with _own_random_state(seed):
            return list(self.shell.run(text, self.output_bytes, self.seconds))

    def do_bound(self, names: list[str]) -> list[Any]:
        """Those of the names that are bound, and the kind of numbers that the student's code makes by default."""
        return [[name for name in names if name in self.shell.user_ns], torch.get_default_dtype()]

    def do_get(self, name: str) -> Any:
        return self.shell.user_ns[name]

    def do_call(self, function: Any, arguments: list[Any], keywords: dict[str, Any]) -> list[Any]:
        """The result, what was printed, the arguments if they were changed, and a number for their gradients."""
        inputs, before = self.inputs, fingerprint([arguments, keywords])
        capture = self.shell.begin(self.output_bytes)
        result = function(*arguments, **keywords)
        printed = capture.text()
        changed = [arguments, keywords] if fingerprint([arguments, keywords]) != before else None
        return [result, printed, changed, self.keep(inputs)]

    def do_attribute(self, value: Any, name: str) -> Any:
        return getattr(value, name)

    def do_length(self, value: Any) -> int:
        return len(value)

    def do_item(self, value: Any, key: Any) -> Any:
        return value[key]

    def do_contains(self, value: Any, part: Any) -> bool:
        return bool(part in value)

    def do_iterate(self, value: Any) -> int:
        return self.keep(iter(value))

    def do_next(self, number: int, most: int) -> list[Any]:
        """Up to `most` items; fewer where the iterator has ended."""
        return [item for _, item in zip(range(most), self.kept[number], strict=False)]

    def do_text(self, value: Any) -> str:
        return str(value)[:2000]

    def do_describe(self, value: Any) -> dict[str, Any]:
        """What `inspect` finds out about a function or a class."""
        found: dict[str, Any] = {"doc": inspect.getdoc(value), "name": getattr(value, "__name__", None)}
        with contextlib.suppress(OSError, TypeError):
            found["source"] = inspect.getsource(value)[:100_000]
        with contextlib.suppress(ValueError, TypeError):
            found["parameters"] = [
                [p.name, int(p.kind), p.default is not p.empty, p.default if p.default is not p.empty else None]
                for p in inspect.signature(value).parameters.values()
            ]
        return found

    def do_set_input(self, function: Any) -> None:
        builtins.input = nobody_answers if function is None else function

    def do_backward(self, outputs: list[int], gradients: list[Tensor], inputs: int) -> list[Tensor | None]:
        """Let gradients flow on; returns those of the inputs of the call that the outputs came from."""
        sources = self.kept[inputs]
        for source in sources:
            source.grad = None
        torch.autograd.backward([self.kept[number] for number in outputs], gradients, retain_graph=True)
        return [source.grad for source in sources]

    def do_gradients(self, numbers: list[int]) -> list[Tensor | None]:
        return [self.kept[number].grad for number in numbers]

    def do_assign(self, changes: list[Any]) -> None:
        """Take over values and gradients of tensors that the other side has changed: an optimizer's step."""
        with torch.no_grad():
            for number, value, gradient in changes:
                self.kept[number].copy_(value)
                self.kept[number].grad = gradient

    # What stays here, and what stays there.

    def keep(self, value: Any) -> int:
        if id(value) not in self.numbers:
            self.kept.append(value)
            self.numbers[id(value)] = len(self.kept) - 1
        return self.numbers[id(value)]

    def number_of(self, value: Any) -> tuple[str, int]:
        number = getattr(value, "_handed_number", None) if isinstance(value, Handed | HandedModule) else None
        return ("student", self.keep(value)) if number is None else ("examiner", number)

    def value_of(self, owner: str, number: int, name: str, kind: str) -> Any:
        if owner == "student":
            return self.kept[number]
        return HandedModule(self.call_back, number) if kind == "module" else Handed(self.call_back, number, name)

    def number_of_tensor(self, tensor: Tensor) -> int | None:
        return self.keep(tensor)

    def receive_tensor(self, tensor: Tensor, number: int | None, has_gradient: bool) -> Tensor:
        self.inputs.append(tensor)
        return tensor

    def call_back(self, verb: str, number: int, *arguments: Any) -> Any:
        """Ask the other side to do something with an object of its own, and serve what it asks meanwhile."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})  # a frame is sent and received whole
        try:
            codec.send(self.channel, codec.encode(["callback", verb, number, *arguments], self))
            while True:
                match self.receive():
                    case ["reply", value]:
                        return value
                    case ["raise", list(names), message]:
                        raise builtin_error(names, message)
                    case request:
                        self.send_answer(request)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})


def builtin_error(names: list[str], message: str) -> Exception:
    """An exception of the first built-in class among the names."""
    for name in names:
        kind = getattr(builtins, name, None)
        if isinstance(kind, type) and issubclass(kind, Exception):
            with contextlib.suppress(TypeError):
                return kind(message)
    return RuntimeError(message)


SEEDING: dict[str, Callable[[int], object]] = {
    "random": random.seed,
    "numpy": lambda seed: numpy.random.seed(seed % 2**32),
    "torch": torch.manual_seed,
}


def seed_all(seed: int) -> None:
    for seeding in SEEDING.values():
        seeding(seed)


@contextlib.contextmanager
def _own_random_state(seed: int | None) -> Iterator[None]:
    """Run something from a seed of its own, and go on afterwards as if it had drawn no number."""
    if seed is None:
        yield
        return
    states = random.getstate(), numpy.random.get_state(), torch.get_rng_state()
    seed_all(seed)
    yield
    random.setstate(states[0])
    numpy.random.set_state(states[1])
    torch.set_rng_state(states[2])


def _ring(signum: int, frame: object) -> None:
    raise CellTimeout


def _text_of(error: BaseException) -> str:
    try:
        return str(error)[:1000]
    except BaseException:
        return "(its text cannot be shown)"


def _line_of(error: BaseException) -> str:
    """`line 3: return …` of the student's own code, or nothing."""
    try:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "ipython-input" in frame.filename]
    except BaseException:
        return ""
    return f"line {frames[-1].lineno}: {(frames[-1].line or '').strip()}"[:300] if frames else ""

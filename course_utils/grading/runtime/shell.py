"""The student's IPython: runs cells as a Jupyter kernel does, and captures their outputs as data."""

from __future__ import annotations

import builtins
import contextlib
import importlib
import io
import re
import signal
import sys
from typing import Any

import torch
from IPython.core import async_helpers, page
from IPython.core.autocall import ExitAutocall
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import UsageError
from IPython.core.formatters import DisplayFormatter
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.process import system
from matplotlib_inline.backend_inline import configure_inline_support
from traitlets import Instance, default
from traitlets.config import Config

from .capture import KEPT_MIMES, CapturedFile, CapturedStream, OutputCapture
from .figures import INLINE, draw_without_screen
from .tracebacks import CellTimeout, describe

RING_AGAIN = 1.0  # seconds; code that caught the first ring goes on
_INSTALLS = re.compile(r"\s*(\S*python\S* +-m +)?(pip|conda|mamba|uv|apt|apt-get)\d?\b.*\binstall\b")
_NEEDS_LOOP = re.compile(r"\b(create_task|ensure_future|get_running_loop)\(")
_RUNS_LOOP = re.compile(r"\b(asyncio\.run|run_until_complete)\(")


class _Publisher(DisplayPublisher):
    def publish(self, data, metadata=None, *, transient=None, update=False, **options):
        self.shell.collect()
        self.shell.capture.show("display_data", data, (transient or {}).get("display_id"), update)

    def clear_output(self, wait=False):
        self.shell.collect()
        self.shell.capture.clear_output(wait)


class _Hook(DisplayHook):
    def write_output_prompt(self):
        """The notebook has prompts of its own."""

    def write_format_data(self, format_dict, md_dict=None):
        self.shell.collect()
        self.shell.capture.show("execute_result", format_dict)

    def log_output(self, format_dict):
        """The history is not kept."""

    def finish_displayhook(self):
        """Nothing to flush."""


class _Formatter(DisplayFormatter):
    def format(self, obj, include=None, exclude=None):
        return ({}, {}) if self.parent.capture.is_cut else super().format(obj, include, exclude)


class _Exit(ExitAutocall):
    def __call__(self, *arguments: object, **keywords: object) -> None:
        print("(exit() does nothing where submissions are graded)", file=sys.stderr)


class Shell(InteractiveShell):
    """IPython without a terminal, a screen and a history file."""

    capture = OutputCapture(0)
    display_pub_class = _Publisher
    displayhook_class = _Hook
    exiter = Instance(ExitAutocall)
    streams: list[CapturedStream] = []
    is_late = False
    seconds = 0.0

    @default("exiter")
    def _exiter(self) -> ExitAutocall:
        return _Exit(self)

    def init_display_formatter(self):
        self.display_formatter = _Formatter(parent=self, active_types=list(KEPT_MIMES))
        self.configurables.append(self.display_formatter)

    def connect(self) -> None:
        """Make the streams of this process; a fork must not share its parent's."""
        file = CapturedFile()
        file.attach()
        self.streams = [
            CapturedStream(name, number, lambda: self.capture, file) for number, name in ((1, "stdout"), (2, "stderr"))
        ]

    def begin(self, most: int) -> OutputCapture:
        """Capture from now on, with the streams that the process began with."""
        self.capture = OutputCapture(most)
        self.streams[0].file.attach()
        sys.stdout, sys.stderr = self.streams
        return self.capture

    def collect(self) -> None:
        """Take what other programs have written, before something else is shown."""
        for stream in self.streams[:1]:
            stream.flush()

    def run(self, text: str, most: int, seconds: float) -> tuple[list[dict[str, Any]], bool]:
        """Run a cell under a timer that was set to `seconds`; its outputs, and whether the timer has stopped it."""
        self.begin(most)
        self.is_late, self.seconds = False, seconds
        importlib.invalidate_caches()  # for a helper file that the cell before wrote just now
        signal.setitimer(signal.ITIMER_REAL, signal.getitimer(signal.ITIMER_REAL)[0], RING_AGAIN)
        try:
            try:
                self.run_cell(text, store_history=True)
            except BaseException as error:
                self.tell(error)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except CellTimeout as error:  # it rang once more on the way
            self.tell(error)
        self._tidy_up()
        return self.capture.outputs, self.is_late

    def tell(self, error: BaseException, with_lines: bool = True) -> None:
        """Show an error as an output."""
        if isinstance(error, CellTimeout):
            if self.is_late:
                return
            error.args = (f"this cell ran longer than {self.seconds:.3g} s, the limit for grading, and was stopped",)
        name, message, lines = describe(error, with_lines)
        self.collect()
        self.capture.error(name, message, lines)
        self.is_late |= isinstance(error, CellTimeout)

    def _tidy_up(self) -> None:
        """Whatever the cell has left: this process still has to answer."""
        sys.settrace(None)
        sys.setprofile(None)
        sys.setrecursionlimit(max(sys.getrecursionlimit(), 1000))
        for stream in (getattr(sys, "stdout", None), getattr(sys, "stderr", None), sys.__stdout__, sys.__stderr__):
            with contextlib.suppress(BaseException):
                stream.flush()  # type: ignore[union-attr]
        sys.stdout, sys.stderr = self.streams
        sys.stdout.flush()
        if self.is_late:
            if async_helpers._asyncio_event_loop is not None:
                self._abandoned = async_helpers._asyncio_event_loop  # kept, or its tasks would go on as they are freed
                async_helpers._asyncio_event_loop = None
            sys.modules["matplotlib.pyplot"].close("all")

    # What a kernel does in another way than a terminal.

    def showtraceback(self, exc_tuple=None, *arguments, exception_only=False, **keywords):
        try:
            _, error, _ = self._get_exc_info(exc_tuple)
        except ValueError:
            print("No traceback available to show.", file=sys.stderr)
            return
        if type(error) is UsageError:
            self.show_usage_error(error)
        else:
            self.tell(error, not exception_only)

    def showsyntaxerror(self, filename=None, running_compiled_code=False):
        self.tell(self._get_exc_info()[1], running_compiled_code)

    def _format_exception_for_storage(self, exception, filename=None, running_compiled_code=False):
        return {}

    def _tee(self, channel: Any) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def enable_gui(self, gui=None):
        """There is no event loop of a screen to run."""

    def enable_matplotlib(self, gui=None):
        return super().enable_matplotlib("inline")

    def should_run_async(self, raw_cell, **keywords):
        """Whether the cell needs a running loop; in a kernel there always is one, but then `asyncio.run` fails."""
        needs_loop = bool(_NEEDS_LOOP.search(raw_cell)) and not _RUNS_LOOP.search(raw_cell)
        return super().should_run_async(raw_cell, **keywords) or (
            needs_loop and keywords.get("preprocessing_exc_tuple") is None
        )

    def system(self, cmd: str) -> None:
        command = self.var_expand(cmd, depth=1)
        if _INSTALLS.match(command):
            _install_nothing(command)
        else:
            self.user_ns["_exit_code"] = system(command)


def _install_nothing(line: str) -> None:
    print("(nothing is installed where submissions are graded)", file=sys.stderr)


def nobody_answers(prompt: object = "") -> str:
    """In place of `input`."""
    print(prompt, end="")
    raise EOFError("nobody answers input() where submissions are graded")


def _leave_as_it_is(model: Any = None, **options: Any) -> Any:
    """In place of `torch.compile`, which needs a C++ compiler and most of a minute for the same result."""
    return model if model is not None else lambda model: model


def make_shell() -> Shell:
    """Made once in the fork server; each fork uses its own copy."""
    config = Config()
    config.HistoryManager.enabled = False
    config.Shell.colors = "nocolor"
    shell = Shell.instance(config=config)
    shell.set_hook("show_in_pager", page.as_hook(lambda *_, **__: None), 99)  # a notebook's page does not show it
    for name in ("pip", "conda", "mamba", "micromamba", "uv"):
        shell.register_magic_function(_install_nothing, "line", name)
    shell.extension_manager.load_extension("storemagic")
    draw_without_screen()
    configure_inline_support(shell, INLINE)
    torch.compile = _leave_as_it_is
    builtins.input = nobody_answers
    sys.argv = ["ipykernel_launcher.py"]
    _warm_up(shell)
    return shell


def _warm_up(shell: Shell) -> None:
    """Run what most notebooks do, so that its first time is before the fork."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for cell in (
            "import torch; print(torch.ones(2))",
            "torch.ones(2)",
            "1 / 0",
            "import warnings; warnings.warn('')",
            "import pandas; from tqdm.auto import tqdm",
        ):
            shell.run_cell(cell, store_history=False)
    shell.reset(new_session=False)
    shell.user_ns.update({"_": "", "__": "", "___": ""})

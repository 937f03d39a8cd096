"""The command `course`: the instructor's face of everything that grades."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, NoReturn

from .errors import RESUME, CourseError
from .verbs import VERBS, Verb


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; returns the exit status: 0 done, 1 something failed, 2 wrong usage, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # a pipe may not know every sign
    options = vars(_parser().parse_args(arguments))
    try:
        return _run(options.pop("verb"), options.pop("course"), options)
    except CourseError as error:
        return _fail(str(error))
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _fail(f"{place}{error.strerror or error}; check permissions and disk, then run it again.")
    except KeyboardInterrupt:
        return _fail(f"interrupted; {RESUME}.", 130)


def _run(verb: Verb, folder: Path, options: dict[str, Any]) -> int:
    if verb.grades:  # they start while this process imports nbgrader
        from .runtime.backend import start_backend

        start_backend(options.get("unsafe", False))
    from .course import Course

    return verb.run(Course.find(folder), **options)


def _fail(message: str, status: int = 1) -> int:
    print(f"course: {message}", file=sys.stderr)
    return status


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see `{self.prog} --help`.\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="course", description="Release, grade and report the assignments of a course.")
    parser.add_argument(
        "--course",
        type=_folder,
        default=Path.cwd(),
        metavar="DIR",
        help="the course folder (default: this one, or above)",
    )
    subparsers = parser.add_subparsers(required=True, metavar="VERB")
    for name, verb in VERBS.items():
        sub = subparsers.add_parser(name, help=verb.help, description=verb.help)
        sub.set_defaults(verb=verb)
        for flags, settings in verb.arguments:
            sub.add_argument(*flags, **settings)
    return parser


def _folder(text: str) -> Path:
    if not text or not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not a folder")
    return Path(text)


if __name__ == "__main__":
    sys.exit(main())

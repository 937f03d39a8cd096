"""What a student of the course imports: checks, data, pictures, probes, quizzes and cards.

    >>> from course_utils import check, plots, toy

Each is a module, imported when it is asked for.
"""

from . import tracebacks

__all__ = [
    "cards",
    "characters",
    "check",
    "datasets",
    "mistakes",
    "plots",
    "probe",
    "progress",
    "quiz",
    "toy",
    "training",
]

tracebacks.shorten()

"""Why an examination has no result. None of these says anything about the student's answers."""

from __future__ import annotations


class ExaminationError(RuntimeError):
    """The examination of a submission could not be completed.

    Parameters
    ----------
    message : str
        One line for the instructor.
    details : str
        The traceback or log, for the file beside the submission.
    """

    def __init__(self, message: str, details: str = ""):
        super().__init__(message)
        self.details = details


class ForkServerDied(ExaminationError):
    """A fork server has ended, so whatever its forks reported meanwhile proves nothing."""


class NotReadError(ExaminationError):
    """A submission's file could not be read, and that need not be the student's fault."""

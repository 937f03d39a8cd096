"""What an instructor can put right: each message is one line that names the file and the remedy."""

RESUME = "progress is saved; run it again to resume"


class CourseError(Exception):
    """Something about the course, its files or the command."""


class NoIsolationError(CourseError):
    """This machine cannot isolate a submission."""

"""What a student of the course imports: checks, data, pictures, probes and quizzes.

    >>> from course_utils import check, data, plots

Each is a module, imported when it is asked for.
"""

__all__ = ["check", "data", "plots", "probe", "quiz"]

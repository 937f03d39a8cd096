"""What a student of the course imports: checks, data, real data sets, pictures, probes and quizzes.

    >>> from course_utils import check, data, plots

Each is a module, imported when it is asked for.
"""

__all__ = ["check", "data", "datasets", "plots", "probe", "quiz"]

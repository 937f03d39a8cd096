"""What a student of the course imports: checks, data, pictures, probes, quizzes and cards.

    >>> from course_utils import check, data, plots

Each is a module, imported when it is asked for.
"""

__all__ = ["cards", "check", "data", "datasets", "mistakes", "plots", "probe", "progress", "quiz", "training"]

"""What a student of the course imports: checks, data, pictures, probes and quizzes.

>>> from course_utils import check, data, plots
"""

from . import check, data, plots, probe, quiz

__all__ = ["check", "data", "plots", "probe", "quiz"]

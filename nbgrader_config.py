"""nbgrader's settings for this course; nbgrader itself and the command `course` both read this file."""

import os

c = get_config()  # noqa: F821 - nbgrader puts it here

c.CourseDirectory.course_id = "unrolled"

# Where nbgrader's assignment list fetches and submits; on a shared machine a folder that all users may write to.
c.Exchange.root = os.environ.get("COURSE_EXCHANGE", os.path.join(os.path.dirname(__file__), "exchange"))
os.makedirs(c.Exchange.root, exist_ok=True)

c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\nraise NotImplementedError"}

c.Execute.extra_arguments = ["--log-level=ERROR"]  # Validate would show a note about local sockets
c.Limits.cell_seconds = 20.0  # for one cell, or one call from a test; runtime/limits.py has the others

c.GenerateFeedback.preprocessors = [
    "nbgrader.preprocessors.ClearHiddenTests",
    "nbgrader.preprocessors.ClearMarkScheme",
    "nbgrader.preprocessors.GetGrades",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]

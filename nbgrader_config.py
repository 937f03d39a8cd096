"""nbgrader's settings for this course; nbgrader itself and the command `course` both read this file."""

import os

c = get_config()  # noqa: F821 - nbgrader puts it here

c.CourseDirectory.course_id = "unrolled"

# Where nbgrader's assignment list fetches and submits; on a shared machine a folder that all users may write to.
c.Exchange.root = os.environ.get("COURSE_EXCHANGE", os.path.join(os.path.dirname(__file__), "exchange"))
os.makedirs(c.Exchange.root, exist_ok=True)

c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\nraise NotImplementedError"}

c.Execute.timeout = 20  # seconds for one cell; an answer of this course takes well under one
c.Execute.extra_arguments = ["--log-level=ERROR"]  # silences a note about local sockets, once a student
c.Execute.shutdown_kernel = "immediate"  # waiting for torch to tidy up costs over a second a student

c.Autograde.autograde_preprocessors = [
    "nbgrader.preprocessors.Execute",
    "course_utils.grading.grade.RequireEvidence",
    "nbgrader.preprocessors.IgnorePattern",
    "nbconvert.preprocessors.ClearMetadataPreprocessor",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.GenerateFeedback.preprocessors = [
    "course_utils.grading.feedback.HideTests",
    "nbgrader.preprocessors.GetGrades",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]

"""What touches untrusted data: everything that reads a submission or runs a student's code is in this package.

Its one door is `Backend.examine(job) -> Findings`. The rest of `course_utils.grading` knows the course, and sees of
a submission only its bytes and the findings.
"""

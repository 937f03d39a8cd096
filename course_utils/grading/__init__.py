"""The instructor's side: release, grade, feedback, report. Never imported by a notebook or by the student's side."""

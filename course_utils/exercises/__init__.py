"""The exercises of the lessons, a module for each lesson.

>>> from course_utils.exercises import shapes as exercises
>>> exercises.layer_shapes.check(predicted_output, predicted_h_n)
"""

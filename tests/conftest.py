"""One thread for torch in each test process: two with two threads each crawl on two cores; checks speak to authors."""

import os

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["UNROLLED_AUTHOR"] = "1"  # checks refuse inputs on which a mistake would pass


@pytest.fixture(autouse=True)
def first_attempt():
    """Each test begins as a fresh kernel does: no hint has been earned yet."""
    from course_utils import verdict

    verdict._failed.clear()

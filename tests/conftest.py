"""One thread for torch in each test process: two with two threads each crawl on two cores; checks speak to authors.

No test looks at the clock: hypothesis has no deadline, and notebooks run without one (see notebooks.execute).
"""

import os

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["UNROLLED_AUTHOR"] = "1"  # checks refuse inputs on which a mistake would pass

settings.register_profile("without a clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("without a clock")


@pytest.fixture(scope="session", autouse=True)
def own_notes(tmp_path_factory):
    """What the tests solve is noted in a file of their own, by the kernels of lessons too."""
    os.environ["UNROLLED_PROGRESS"] = str(tmp_path_factory.mktemp("notes") / "progress.json")


@pytest.fixture(autouse=True)
def first_attempt():
    """Each test begins as a fresh kernel does: no hint has been earned yet."""
    from course_utils import verdict

    verdict._failed.clear()

"""One thread for torch in each test process: two with two threads each crawl on two cores."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

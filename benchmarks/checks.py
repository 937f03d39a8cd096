"""What a check costs beyond computing its candidates, beside torch.testing.assert_close: `make bench`.

One wrong tensor of 1 MB, compared with the right one and with six candidates, none of which it is: the longest way.
"""

from __future__ import annotations

import statistics
import time

import torch

from course_utils import check
from course_utils.mistakes import Mistake

ROUNDS = 50
CANDIDATES = 6


def milliseconds(function) -> float:
    started = time.perf_counter()
    try:
        function()
    except AssertionError as failed:
        assert not getattr(failed, "mistakes", ())
        return 1000 * (time.perf_counter() - started)
    raise SystemExit("benchmarks/checks.py: the wrong tensor passed")


def candidate(values: list[torch.Tensor], number: int):
    return lambda batch: values[number]


def main() -> None:
    torch.set_num_threads(1)
    right = torch.randn(256, 1024)  # 1 MB of float32
    wrong = right + 1
    values = [right + number for number in range(2, 2 + CANDIDATES)]
    shown = ("02_shapes", "The layer")
    check.CATALOGUE = tuple(
        Mistake(f"candidate-{number}", "", "", "", shown, "", simulations=(candidate(values, number),))
        for number in range(CANDIDATES)
    )
    ours, theirs = [], []
    for _ in range(ROUNDS):  # interleaved, so that both meet the same machine
        ours.append(milliseconds(lambda: check.close(wrong, right, inputs={"batch": right})))
        theirs.append(milliseconds(lambda: torch.testing.assert_close(wrong, right)))
    middle, beside = statistics.median(ours), statistics.median(theirs)
    print(f"check.close, wrong answer, {CANDIDATES} candidates of 1 MB: {middle:.1f} ms (slowest {max(ours):.1f})")
    print(f"torch.testing.assert_close, wrong answer:       {beside:.1f} ms; ratio {middle / beside:.1f}")


if __name__ == "__main__":
    main()

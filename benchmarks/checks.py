"""What a check costs beyond computing its candidates, beside torch.testing.assert_close: `make bench`.

One wrong tensor of 1 MB, compared with the right one and with six candidates, none of which it is: the longest way.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from unittest import mock

import torch
from torch import Tensor

from course_utils import check, failure
from course_utils.mistakes import Mistake

ROUNDS = 50
CANDIDATES = 6
SHAPE = (256, 1024)  # 1 MB of float32


def milliseconds(function: Callable[[], object]) -> float:
    """Time a check of a wrong answer; it must fail, and no candidate may fit."""
    started = time.perf_counter()
    try:
        function()
    except AssertionError as failed:
        elapsed = 1000 * (time.perf_counter() - started)
        if getattr(failed, "mistakes", ()):
            raise SystemExit(f"benchmarks/checks.py: a candidate fits the wrong tensor: {failed}") from None
        return elapsed
    raise SystemExit("benchmarks/checks.py: the wrong tensor passed")


def catalogue(values: list[Tensor], computed: list[int]) -> tuple[Mistake, ...]:
    """One mistake for each value; each notes in `computed` that it was asked for its value."""

    def simulation(number: int) -> Callable[[Tensor], Tensor]:
        return lambda batch: computed.append(number) or values[number]

    return tuple(
        Mistake(f"candidate-{number}", "", "", "", ("02_shapes", "The layer"), "", simulations=(simulation(number),))
        for number in range(len(values))
    )


def measure(rounds: int = ROUNDS, candidates: int = CANDIDATES) -> tuple[list[float], list[float], int]:
    """Milliseconds of each round of ours and of torch's, and how many candidates were computed in all."""
    expected = torch.randn(SHAPE)
    wrong, values = expected + 1, [expected + number for number in range(2, 2 + candidates)]
    ours, theirs, computed = [], [], []
    with mock.patch.object(failure, "CATALOGUE", catalogue(values, computed)):
        for _ in range(rounds):  # interleaved, so that both meet the same machine
            ours.append(milliseconds(lambda: check.close(wrong, expected, inputs={"batch": expected})))
            theirs.append(milliseconds(lambda: torch.testing.assert_close(wrong, expected)))
    return ours, theirs, len(computed)


def main() -> None:
    """Print both medians; fail unless every candidate was computed in every round."""
    torch.set_num_threads(1)
    ours, theirs, computed = measure()
    if computed != ROUNDS * CANDIDATES:
        raise SystemExit(f"benchmarks/checks.py: {computed} candidates were computed, not {ROUNDS} x {CANDIDATES}")
    middle, beside = statistics.median(ours), statistics.median(theirs)
    print(f"{ROUNDS} rounds, {computed} candidates of 1 MB computed, {computed // ROUNDS} in each check")
    print(f"check.close, wrong answer, {CANDIDATES} candidates: {middle:.1f} ms (slowest {max(ours):.1f})")
    print(f"torch.testing.assert_close, wrong answer: {beside:.1f} ms; ratio {middle / beside:.1f}")


if __name__ == "__main__":
    main()

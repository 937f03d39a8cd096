"""The benchmark of the checks measures what it says, and fails when it measures nothing."""

import pytest

import benchmarks.checks as bench
from course_utils import failure


def test_every_candidate_is_computed_in_every_round():
    ours, theirs, computed = bench.measure(rounds=3, candidates=4)
    assert (len(ours), len(theirs), computed) == (3, 3, 12)


def test_a_benchmark_of_nothing_fails(monkeypatch):
    monkeypatch.setattr(bench, "measure", lambda: ([1.0], [1.0], 0))
    with pytest.raises(SystemExit, match="0 candidates were computed, not 50 x 6"):
        bench.main()


def test_a_catalogue_that_was_renamed_is_noticed(monkeypatch):
    monkeypatch.delattr(failure, "CATALOGUE")
    with pytest.raises(AttributeError, match="CATALOGUE"):
        bench.measure(rounds=1)

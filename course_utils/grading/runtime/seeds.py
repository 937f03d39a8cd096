"""Explicit seeding in a test reaches the student's process too, as it would in one kernel."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy
import torch


class ForwardedSeeds:
    """Notes the seeds that are set while a test runs, and hands them out before the next question."""

    def __init__(self) -> None:
        self._noted: dict[str, int] = {}
        self._own = False

    def watch(self) -> None:
        """From now on calls of the three seeding functions are noted."""
        random.seed = self._noting("random", random.seed)
        numpy.random.seed = self._noting("numpy", numpy.random.seed)
        torch.manual_seed = torch.random.manual_seed = self._noting("torch", torch.manual_seed)

    def _noting(self, module: str, seeding: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any, **keywords: Any) -> Any:
            values = [*arguments, *keywords.values()]
            if not self._own and values and isinstance(values[0], int):
                self._noted[module] = int(values[0])
            return seeding(*arguments, **keywords)

        return noted

    def seed_here(self, seed: int) -> None:
        """Seed this process only."""
        self._own = True
        random.seed(seed)
        numpy.random.seed(seed % 2**32)
        torch.manual_seed(seed)
        self._own = False

    def take(self) -> list[list[Any]]:
        noted, self._noted = self._noted, {}
        return [[module, seed] for module, seed in noted.items()]

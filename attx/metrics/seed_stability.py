"""Stability across random seeds: how alike the maps of an image are that a method gives with other seeds."""

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from attx.metrics.robustness import BETTER, comparing

__all__ = ["BETTER", "build"]
NEEDS = "seeds"


def build(
    *,
    seeds: list = [1, 2],  # noqa: B006
    k: int = 1000,
    windows: list = [3],  # noqa: B006
    pool: int | None = None,
    scores: list | None = None,
) -> Callable[[Tensor, Sequence[Tensor]], dict[str, np.ndarray]]:
    """`score(maps, others)` -> scores by name, (N,): means over all pairs among the maps and those of other seeds.

    `seeds` are read where jobs are planned; the other settings as of `attx.metrics.robustness`. A method that draws
    nothing has 1.
    """
    del seeds
    return comparing(k=k, windows=windows, pool=pool, scores=scores)

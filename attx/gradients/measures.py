"""By what an attributional attack tells the worst point: measures of a map against that of the image before the attack.

Bound to first maps (N, H, W) as aims are, they need no gradient. `worse` is 1 where more is worse, else -1; `limit` is
the worst there is.
"""

import math
from dataclasses import dataclass

from attx_kernels.rank import mean_ranks
from torch import Tensor

from attx.gradients.aims import Bound, RaiseRegion, centre, largest, widened


@dataclass(frozen=True)
class Kept:
    """Of the `k` largest pixels the share that is within a window of those before: top-k intersection for window 1.

    LENS-recall@k for 3 and more. The attack lowers it.
    """

    k: int
    window: int = 1
    worse: int = -1
    limit: float = 0.0

    def __call__(self, first: Tensor) -> Bound:
        pixels = widened(first, self.k, self.window)
        return lambda maps: (pixels & largest(maps, self.k)).sum((1, 2)).to(maps.dtype) / self.k


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's, with the map before; 0 where one of them has no order. The attack lowers it."""

    worse: int = -1
    limit: float = -1.0

    def __call__(self, first: Tensor) -> Bound:
        before = mean_ranks(first.flatten(1))

        def measure(maps: Tensor) -> Tensor:
            now = mean_ranks(maps.flatten(1))
            lengths = (before.square().sum(1) * now.square().sum(1)).sqrt()
            found = (before * now).sum(1) / lengths.where(lengths > 0, lengths.new_ones(()))
            return found.to(maps.dtype)

        return measure


@dataclass(frozen=True)
class CentreShift:
    """How far the centre of mass is from that before, in pixels. The attack raises it."""

    worse: int = 1
    limit: float = math.inf

    def __call__(self, first: Tensor) -> Bound:
        origin = centre(first)
        return lambda maps: (centre(maps) - origin).norm(dim=1)


@dataclass(frozen=True)
class RegionShare:
    """The share of the map that is in the box of `RaiseRegion`. The attack raises it."""

    region: RaiseRegion
    worse: int = 1
    limit: float = 1.0

    def __call__(self, first: Tensor) -> Bound:
        inside = self.region(first)
        return lambda maps: inside(maps) / maps[0].numel()


MEASURES = {  # of k and window
    "top_k_intersection": lambda k, window: Kept(k),
    "lens_recall_at_k": Kept,
    "spearman": lambda k, window: RankCorrelation(),
    "mass_center": lambda k, window: CentreShift(),
}

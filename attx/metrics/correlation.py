"""Correlations of the maps of two batches, row by row: of ranks (Spearman, Kendall's tau-b) and of values (cosine).

All are 1 for rows that are equal, and else 0 where one of them has no order, or no length.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from attx_kernels import rank
from attx_kernels.kendall import discordant
from torch import Tensor


@dataclass(frozen=True)
class Ranks:
    """What rank correlations need of rows of values (N, K) without NaN, each part computed once."""

    values: Tensor

    @classmethod
    def of(cls, maps: Tensor) -> "Ranks":
        """Of maps (N, ...), the values of each as a row."""
        return cls(maps.detach().flatten(1))

    @cached_property
    def order(self) -> Tensor:
        """Indices (N, K) from the largest value on; ties to the lowest index."""
        return rank.order(self.values)

    @cached_property
    def levels(self) -> Tensor:
        """Dense ranks (N, K), int64: equal values alike."""
        return rank.levels(self.values, self.order)

    @cached_property
    def counts(self) -> Tensor:
        """(N, K): how many values are at each level; 0 for levels that are none."""
        return rank.tally(self.levels)

    @cached_property
    def means(self) -> Tensor:
        """Ranks (N, K), float64, equal values at the mean of theirs, less the mean of all."""
        return rank.means_of(self.levels, self.counts)

    @cached_property
    def ordered(self) -> Tensor:
        """(N,), int64: pairs of values that are not equal."""
        size = self.counts.shape[1]
        return size * (size - 1) // 2 - (self.counts * (self.counts - 1)).sum(1) // 2


def spearman(one: Tensor, other: Tensor) -> np.ndarray:
    """Spearman's rank correlation of the maps (N, ...) of two batches, float64 (N,), ties at their mean rank."""
    return spearman_of(Ranks.of(one), Ranks.of(other))


def spearman_of(one: Ranks, other: Ranks) -> np.ndarray:
    """The same of ranks that are there already."""
    return _cosine(one.means, other.means, _equal(one.values, other.values))


def kendall(one: Tensor, other: Tensor) -> np.ndarray:
    """Kendall's tau-b of the maps (N, ...) of two batches, float64 (N,)."""
    return kendall_of(Ranks.of(one), Ranks.of(other))


def kendall_of(one: Ranks, other: Ranks) -> np.ndarray:
    """The same of ranks that are there already: (concordant - discordant) / sqrt(ordered in one * ordered in other)."""
    against, tied = discordant(one.levels, other.levels)
    size = one.levels.shape[1]
    pairs = size * (size - 1) // 2
    # one.ordered + other.ordered has what is ordered in both maps twice, and all that is not tied in both once
    both = one.ordered + other.ordered - (pairs - tied)
    lengths = one.ordered.double() * other.ordered.double()
    return _ratio((both - 2 * against).double(), lengths, _equal(one.values, other.values))


def cosine(one: Tensor, other: Tensor) -> np.ndarray:
    """The cosine of the angle between the maps (N, ...) of two batches, float64 (N,)."""
    a, b = (maps.detach().flatten(1).double() for maps in (one, other))
    scaled = (x / x.abs().amax(1, keepdim=True).clamp_min(1e-300) for x in (a, b))  # no square vanishes
    return _cosine(*scaled, _equal(a, b))


def _cosine(a: Tensor, b: Tensor, equal: Tensor) -> np.ndarray:
    return _ratio((a * b).sum(1), (a * a).sum(1) * (b * b).sum(1), equal)


def _ratio(above: Tensor, lengths: Tensor, equal: Tensor) -> np.ndarray:
    """`lengths`: the product of squared lengths, whose root, of equal ones, is exact."""
    found = torch.where(lengths > 0, above / lengths.sqrt(), 0).clamp(-1, 1)  # rounding may go beyond
    return torch.where(equal, 1.0, found).cpu().numpy()


def _equal(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).abs().amax(1) == 0  # a fourth of the time of (a == b).all(1) on a CPU

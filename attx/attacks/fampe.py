"""FAMPE's frequency-aware attack, as far as it is public: SSA, its bands weighted (Yavari et al., arXiv 2510.03245)."""

from typing import Any

from attx.attack import Attack, compose
from attx.gradients.estimate import MeanGradient
from attx.gradients.post import L1Normalise, Momentum, Smooth
from attx.transforms.bands import Bands
from attx.transforms.diversity import Diversity


def build(
    *,
    copies: int = 20,
    low_weight: float = 0.1,
    energy: float = 0.9,
    rho: float = 0.5,
    sigma: float = 16 / 255,
    diversity_prob: float = 0.5,
    diversity_rate: float = 1.15,
    decay: float = 1.0,
    **common: Any,
) -> Attack:
    """The leaf is the copy of Bands (`low_weight`, the paper's alpha, `energy`, `rho`, `sigma`); the rest is SSA's.

    `decay` is the momentum's factor; `common`: the keywords of `attx.attack.compose`.
    """
    before, after = (Bands(low_weight, energy, rho, sigma),), (Diversity(diversity_prob, diversity_rate),)
    return compose(MeanGradient(copies, before, after), (Smooth(), L1Normalise(), Momentum(decay)), **common)

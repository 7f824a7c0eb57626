"""NAA: what matters to the class in a feature layer is lowered there (Zhang et al., CVPR 2022)."""

from typing import Any

from attx.attack import Attack, compose
from attx.gradients.neurons import NeuronAttribution
from attx.gradients.objectives import NegativeProbability
from attx.gradients.post import L1Normalise, Momentum


def build(
    *,
    copies: int = 30,
    layer: str = "default",
    depth: float = 0.5,
    sigma: float = 0.2,
    gamma: float = 1.0,
    decay: float = 1.0,
    **common: Any,
) -> Attack:
    """`layer`: a name, or "default": the one at relative `depth`; the others: see NeuronAttribution; `decay`: momentum.

    `common`: the keywords of `attx.attack.compose`; the loss behind the weights is minus the probability.
    """
    estimate = NeuronAttribution(copies, layer, depth, sigma, gamma)
    return compose(estimate, (L1Normalise(), Momentum(decay)), NegativeProbability, **common)

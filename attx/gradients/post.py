"""What is done to a gradient before the step: smoothing, normalisation, momentum, the average over steps.

Each maps (gradient, memory) -> gradient; `memory` is a dict that belongs to one run of an attack. The dataclasses carry
settings alone.
"""

from dataclasses import dataclass

from attx_kernels.gaussian import smooth
from attx_kernels.update import l1_normalised
from torch import Tensor


@dataclass(frozen=True)
class Smooth:
    """Gaussian smoothing, a (2 radius + 1)-wide kernel, zero padding. AttEXplore: 7 wide, sigma 1."""

    radius: int = 3
    sigma: float = 1.0

    def __call__(self, gradient: Tensor, memory: dict) -> Tensor:
        return smooth(gradient, self.radius, self.sigma)


@dataclass(frozen=True)
class L1Normalise:
    """Division by the mean absolute value per image; a gradient that is zero everywhere stays zero."""

    def __call__(self, gradient: Tensor, memory: dict) -> Tensor:
        return l1_normalised(gradient)


@dataclass(frozen=True)
class Momentum:
    """m <- decay m + gradient (MI-FGSM, Dong et al., CVPR 2018, eq. 6)."""

    decay: float = 1.0

    def __call__(self, gradient: Tensor, memory: dict) -> Tensor:
        if self.decay and "momentum" in memory:
            gradient = gradient + self.decay * memory["momentum"]
        memory["momentum"] = gradient
        return gradient


@dataclass(frozen=True)
class Average:
    """The mean of the gradients of all steps so far (ANDA, Fang et al., CVPR 2024)."""

    def __call__(self, gradient: Tensor, memory: dict) -> Tensor:
        total, steps = memory.get("average", (0, 0))
        memory["average"] = total, steps = total + gradient, steps + 1
        return total / steps

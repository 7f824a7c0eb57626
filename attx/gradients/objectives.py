"""What an attack or an attribution differentiates: logits and targets -> one value per image."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class CrossEntropy:
    """Cross entropy, which has a softmax of its own, behind `softmax` further softmaxes.

    The published AttEXplore has 2: its model ends in one and the method applies another. 0 takes the logits.
    """

    softmax: int = 0

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        for _ in range(self.softmax):
            logits = logits.softmax(1)
        return F.cross_entropy(logits, targets, reduction="none")


@dataclass(frozen=True)
class Output:
    """The model's output for the target: its softmax `probability`, or its `logit`."""

    output: str = "probability"

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        values = logits.softmax(1) if self.output == "probability" else logits
        return values.gather(1, targets[:, None])[:, 0]


@dataclass(frozen=True)
class NegativeLogit:
    """Minus the target's logit, or its output behind `softmax` softmaxes: to ascend it is to lower that."""

    softmax: int = 0

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        for _ in range(self.softmax):
            logits = logits.softmax(1)
        return -logits.gather(1, targets[:, None])[:, 0]


@dataclass(frozen=True)
class NegativeProbability:
    """Minus the softmax probability of the target, behind `softmax` further softmaxes: to ascend it is to lower p."""

    softmax: int = 0

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        return NegativeLogit(self.softmax + 1)(logits, targets)


OBJECTIVES = {"cross_entropy": CrossEntropy, "probability": NegativeProbability, "logit": NegativeLogit}

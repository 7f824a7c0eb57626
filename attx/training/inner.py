"""The points that a training lowers its loss at: PGD on a term, near the images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from attx.attack import Attack
from attx.rng import Rows
from attx.training.terms import evaluating
from attx.transforms.neighbour import UniformStart


@dataclass(frozen=True)
class Nearby:
    """The last point of PGD that raises `term`: `steps` of `alpha` from a point drawn within `epsilon` of the image.

    All in [0, 1] and in its units; draws depend on `seed` and the image's id.
    """

    term: Callable
    epsilon: float
    alpha: float
    steps: int
    seed: int

    def __post_init__(self):
        self._attack(None)  # which checks the numbers

    def __call__(self, model: nn.Module, images: Tensor, labels: Tensor, ids: Sequence[str]) -> Tensor:
        """`images` (N, C, H, W), `labels` (N,) -> points, shaped as the images; the model is in eval mode meanwhile."""
        with evaluating(model):
            for step in self._attack(Ascent(self.term, images, labels)).walk(model, images, labels, ids):
                point = step.next_point
        return point

    def _attack(self, estimate: Callable) -> Attack:
        estimate = estimate or Ascent(self.term, None, None)
        start = UniformStart()
        return Attack(
            estimate, (), None, self.epsilon, self.alpha, self.steps, direction=1, seed=self.seed, start=start
        )


@dataclass(frozen=True, eq=False)
class Ascent:
    """An attack's estimate: the gradient of a term that needs the images that the points are near to."""

    term: Callable
    images: Tensor
    labels: Tensor
    copies: int = 1

    def __call__(self, value: Callable, x: Tensor, rows: Rows, memory: dict) -> Tensor:
        """As `attx.gradients.estimate.MeanGradient`; the attack's own `value` is not asked."""
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(self.term(memory["model"], self.images, leaf, self.labels).sum(), leaf)
        return gradient

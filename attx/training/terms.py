"""What a training lowers, and what its inner attack raises: terms.

Each maps (model, images, points, labels) to one value per image: `images` and `points` (N, C, H, W) in [0, 1], a point
being near its image, and `labels` (N,), int64.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attx.errors import UserError


@dataclass(frozen=True)
class AtImage:
    """The cross entropy at the image."""

    def __call__(self, model: nn.Module, images: Tensor, points: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(model(images), labels, reduction="none")


@dataclass(frozen=True)
class AtPoint:
    """The cross entropy at the point near the image."""

    def __call__(self, model: nn.Module, images: Tensor, points: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(model(points), labels, reduction="none")


@dataclass(frozen=True)
class PathNorm:
    """`weight` ||IG(image, point)||_1, IG of the cross entropy in `steps` steps (Chen et al., NeurIPS 2019, eq. 5)."""

    weight: float
    steps: int

    def __post_init__(self):
        if self.steps < 1 or self.weight < 0:
            raise UserError(f"an IG term needs steps >= 1 and a weight >= 0, not {self.steps} and {self.weight}")

    def __call__(self, model: nn.Module, images: Tensor, points: Tensor, labels: Tensor) -> Tensor:
        return self.weight * integrated_loss(model, images, points, labels, self.steps).abs().flatten(1).sum(1)


@dataclass(frozen=True)
class Sum:
    """The sum of two terms."""

    first: AtImage | AtPoint
    second: PathNorm

    def __call__(self, model: nn.Module, images: Tensor, points: Tensor, labels: Tensor) -> Tensor:
        return self.first(model, images, points, labels) + self.second(model, images, points, labels)


def integrated_loss(model: nn.Module, images: Tensor, points: Tensor, labels: Tensor, steps: int) -> Tensor:
    """Integrated gradients of the cross entropy from `images` to `points`, shaped alike, to be differentiated again.

    The right Riemann sum: (x' - x) / m sum over k = 1 ... m of the gradient at x + k/m (x' - x). The net is in eval
    mode meanwhile: batch norms stay as they are and nothing is dropped, so this is of the function that will be used.
    """
    change = points - images
    fractions = torch.arange(1, steps + 1, dtype=images.dtype, device=images.device) / steps
    path = (images + fractions.view(-1, 1, 1, 1, 1) * change).flatten(0, 1)
    with torch.enable_grad(), evaluating(model):
        path = path if path.requires_grad else path.requires_grad_()
        loss = F.cross_entropy(model(path), labels.repeat(steps), reduction="sum")
        (gradient,) = torch.autograd.grad(loss, path, create_graph=True)
    return change * gradient.unflatten(0, (steps, len(images))).mean(0)


@contextlib.contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Within, the model is in eval mode; afterwards it is in the mode that it had."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)

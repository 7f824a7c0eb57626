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
from torch.nn.attention import SDPBackend, sdpa_kernel

from attx.errors import UserError


class Term:
    """A term; `backward` adds the gradient of its mean to the weights' and returns that mean."""

    def __call__(self, model: nn.Module, images: Tensor, points: Tensor, labels: Tensor) -> Tensor:
        raise NotImplementedError

    def backward(self, model: nn.Module, images: Tensor, points: Tensor, labels: Tensor) -> float:
        mean = self(model, images, points, labels).mean()
        mean.backward()
        return mean.item()


@dataclass(frozen=True)
class AtImage(Term):
    """The cross entropy at the image."""

    def __call__(self, model: nn.Module, images: Tensor, points: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(model(images), labels, reduction="none")


@dataclass(frozen=True)
class AtPoint(Term):
    """The cross entropy at the point near the image."""

    def __call__(self, model: nn.Module, images: Tensor, points: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(model(points), labels, reduction="none")


@dataclass(frozen=True)
class PathNorm(Term):
    """`weight` ||IG(image, point)||_1, IG of the cross entropy in `steps` steps (Chen et al., NeurIPS 2019, eq. 5).

    `backward` differentiates at most `batch_size` model inputs twice at once.
    """

    weight: float
    steps: int
    batch_size: int = 512

    def __post_init__(self):
        if min(self.steps, self.batch_size) < 1 or self.weight < 0:
            raise UserError("a term of IG needs path_steps >= 1, a batch size >= 1 and weight >= 0")

    def __call__(self, model: nn.Module, images: Tensor, points: Tensor, labels: Tensor) -> Tensor:
        parts = path_gradients(model, images, points, labels, fractions(images, self.steps))
        return self.weight * integral(images, points, parts).abs().flatten(1).sum(1)

    def backward(self, model: nn.Module, images: Tensor, points: Tensor, labels: Tensor) -> float:
        """For long paths part by part: the norm's gradient is that of sign(IG) IG, which is linear in the parts."""
        parts = fractions(images, self.steps).split(max(1, self.batch_size // len(images)))
        if len(parts) == 1:
            return super().backward(model, images, points, labels)
        found = [path_gradients(model, images, points, labels, part, again=False) for part in parts]
        norms = integral(images, points, torch.cat(found))
        ascent = norms.sign() * (points - images) * (self.weight / self.steps / len(images))
        for part in parts:
            (path_gradients(model, images, points, labels, part) * ascent).sum().backward()
        return self.weight * norms.abs().sum().item() / len(images)


@dataclass(frozen=True)
class Sum(Term):
    """The sum of two terms."""

    first: Term
    second: Term

    def __call__(self, model: nn.Module, images: Tensor, points: Tensor, labels: Tensor) -> Tensor:
        return self.first(model, images, points, labels) + self.second(model, images, points, labels)

    def backward(self, model: nn.Module, images: Tensor, points: Tensor, labels: Tensor) -> float:
        return sum(term.backward(model, images, points, labels) for term in (self.first, self.second))


def fractions(like: Tensor, steps: int) -> Tensor:
    """Where on the path the gradient is taken: k / m for k = 1 ... m, the right Riemann sum."""
    return torch.arange(1, steps + 1, dtype=like.dtype, device=like.device) / steps


def integral(images: Tensor, points: Tensor, gradients: Tensor) -> Tensor:
    """Integrated gradients (N, C, H, W) from `images` to `points`, of gradients (m, N, C, H, W) on the path."""
    return (points - images) * gradients.mean(0)


def path_gradients(
    model: nn.Module, images: Tensor, points: Tensor, labels: Tensor, parts: Tensor, again: bool = True
) -> Tensor:
    """The cross entropy's gradients (m, N, C, H, W) at images + part (points - images), for the m `parts` in [0, 1].

    With `again` they can be differentiated. The net is in eval mode meanwhile: batch norms stay as they are and nothing
    is dropped, so they are of the function that will be used.
    """
    path = (images + parts.view(-1, 1, 1, 1, 1) * (points - images)).flatten(0, 1)
    plain = sdpa_kernel(SDPBackend.MATH)  # the faster kinds of attention cannot be differentiated twice
    with torch.enable_grad(), evaluating(model), plain:
        path = path if path.requires_grad else path.requires_grad_()
        loss = F.cross_entropy(model(path), labels.repeat(len(parts)), reduction="sum")
        (gradients,) = torch.autograd.grad(loss, path, create_graph=again)
    return gradients.unflatten(0, (len(parts), len(images)))


@contextlib.contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Within, the model is in eval mode; afterwards it is in the mode that it had."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)

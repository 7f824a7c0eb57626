"""Learned order: pixels in the order that lets the class appear, and vanish, soonest; attx's own.

It ascends what insertion and deletion measure, at random points of both curves, on a coarse grid.
"""

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from attx.attribution import smoothgrad
from attx.errors import UserError
from attx.gradients.estimate import MeanGradient
from attx.metrics.ranking import rank
from attx.metrics.substrates import make
from attx.postprocess import postprocess
from attx.rng import Rows, pick
from attx.transforms.reveal import Reveal

BETAS = (0.8, 0.95)  # Adam's; the run is too short for its usual .9 and .999


def build(
    *,
    steps: int = 18,
    fractions: int = 4,
    copies: int = 50,
    sigma: float = 0.15,
    blur: float = 4.0,
    grid: int = 56,
    softness: float = 0.025,
    rate: float = 0.1,
    deletion: float = 0.2,
    substrate: Literal["zeros", "mean", "blur"] = "zeros",
    seed: int = 3407,
    batch_size: int = 32,
) -> Callable[..., Tensor]:
    """Passes: copies + 2 steps fractions. No map has negative values, and its channels are alike.

    Start: the absolute SmoothGrad of `copies`, `sigma`, blurred by `blur` pixels. Then `steps` of Adam (`rate`) on a
    `grid` x `grid` map, each by the gradients at `fractions` points of the insertion and of the deletion curve;
    `deletion` is the weight of the latter. `softness`: width of the edge of what is shown, as a part of the image.
    """
    if min(steps, fractions, copies, grid) < 1 or softness <= 0 or rate <= 0 or blur < 0 or deletion < 0:
        raise UserError(
            "learned_order: steps, fractions, copies and grid must be 1 at least, softness and rate above 0, "
            "blur and deletion not negative"
        )
    start = smoothgrad.build(copies=copies, sigma=sigma, seed=seed, batch_size=batch_size)

    def attribute(model: Callable, images: Tensor, targets: Tensor, image_ids: list) -> Tensor:
        images = images.detach()
        with torch.no_grad():
            begin = postprocess(start(model, images, targets, image_ids), sign="absolute", channels="sum", blur=blur)
            curves = _Curves(model, images, targets, make(images, substrate=substrate), fractions, softness, batch_size)
            rows = Rows.of(seed, image_ids, fractions, step=0)
            order = _ascend(
                lambda places, step: curves.gradient(places, rows.at(step), deletion), _places(begin), steps, grid, rate
            )
            order = order - order.amin((2, 3), keepdim=True)
        return (order / images.shape[1]).expand_as(images).contiguous()

    return attribute


class _Curves:
    """Gradients of both curves with respect to the pixels' places in the order."""

    def __init__(self, model, images, targets, covers, fractions, softness, batch_size) -> None:
        self.model, self.targets = model, targets
        self.estimates = [
            MeanGradient(fractions, after=(Reveal(images, covers, fractions, softness, d),), batch_size=batch_size)
            for d in (False, True)
        ]

    def gradient(self, places: Tensor, rows: Rows, deletion: float) -> Tensor:
        """Of log p along the insertion curve plus `deletion` times log(1 - p) along the other; (N, 1, H, W)."""
        appear, vanish = self.estimates
        total = appear(lambda x, image: self._log(x, image)[0], places, rows)
        return total + deletion * vanish(lambda x, image: self._log(x, image)[1], places, rows) if deletion else total

    def _log(self, inputs: Tensor, image: list[int]) -> tuple[Tensor, Tensor]:
        """log p and log(1 - p), exact where p is close to 0 or to 1."""
        logits, target = self.model(inputs), pick(self.targets, image)[:, None]
        whole = logits.logsumexp(1)
        others = logits.scatter(1, target, -torch.inf).logsumexp(1)
        return logits.gather(1, target)[:, 0] - whole, others - whole


def _ascend(gradient: Callable[[Tensor, int], Tensor], begin: Tensor, steps: int, grid: int, rate: float) -> Tensor:
    """Adam on a coarse map that is added to `begin` (N, 1, H, W); the mean of the sums of the second half of steps."""
    height, width = begin.shape[2:]
    down, across = (_upsampling(min(grid, n), n, begin) for n in (height, width))
    coarse = begin.new_zeros(len(begin), 1, down.shape[1], across.shape[1])
    mean, square, total = torch.zeros_like(coarse), torch.zeros_like(coarse), torch.zeros_like(begin)
    for step in range(steps):
        # the transposed upsampling: what a coarse value did through all its pixels
        found = down.T @ gradient(_places(begin + down @ coarse @ across.T), step) @ across
        mean = BETAS[0] * mean + (1 - BETAS[0]) * found
        square = BETAS[1] * square + (1 - BETAS[1]) * found.square()
        size = (square / (1 - BETAS[1] ** (step + 1))).sqrt()
        size = size + 1e-3 * size.mean((2, 3), keepdim=True) + torch.finfo(size.dtype).tiny
        decay = 1 - 0.9 * step / steps
        coarse = coarse + rate * decay * mean / (1 - BETAS[0] ** (step + 1)) / size
        if step >= steps // 2:
            total += begin + down @ coarse @ across.T
    return total / (steps - steps // 2)


def _places(order: Tensor) -> Tensor:
    """Each pixel's place among those of its image, uniform in (0, 1), the largest value next to 1."""
    flat = order.flatten(1)
    return (1 - (rank(flat).to(order) + 0.5) / flat.shape[1]).view_as(order)


def _upsampling(size: int, n: int, like: Tensor) -> Tensor:
    """The matrix (n, size) of bilinear resizing along one side."""
    eye = torch.eye(size, dtype=like.dtype, device=like.device)
    return F.interpolate(eye[None], n, mode="linear", align_corners=False)[0].T.contiguous()

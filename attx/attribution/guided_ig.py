"""Guided integrated gradients: a path from black that moves the pixels of least gradient first.

Kapishnikov et al., "Guided integrated gradients", CVPR 2021.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from attx.attribution.forward import in_batches, target_output
from attx.errors import UserError

CLOSE = 1e-9  # of the whole distance: the path counts as being where it should be


def build(
    *,
    steps: int = 15,
    fraction: float = 0.25,
    max_dist: float = 0.02,
    output: Literal["probability", "logit"] = "probability",
    batch_size: int = 32,
) -> Callable[..., Tensor]:
    """In each of `steps` steps the L1 distance to the image shrinks by 1/steps of the whole.

    The `fraction` of all values with the least |gradient| moves, again and again, until that is so; no value is further
    than `max_dist` from the straight line, both in units of the way from black to the image. `max_dist` 0 is the
    straight line itself: integrated gradients by the left Riemann sum.
    """
    if steps < 1 or not 0 < fraction <= 1 or not 0 <= max_dist <= 1:
        raise UserError("guided_ig: needs steps >= 1, fraction above 0 and at most 1, and max_dist from 0 to 1")

    def attribute(model: Callable, images: Tensor, targets: Tensor, image_ids: list) -> Tensor:
        value = target_output(model, output)
        return in_batches(lambda x, y: _explain(value, x, y, steps, fraction, max_dist), batch_size, images, targets)

    return attribute


def _explain(value: Callable, x: Tensor, y: Tensor, steps: int, fraction: float, max_dist: float) -> Tensor:
    end = x.detach().flatten(1).double()  # distances must close to 1e-9, which float32 cannot say
    place = torch.zeros_like(end)  # of each value on its way: 0 black, 1 the image
    total = torch.zeros_like(end)
    for step in range(steps):
        with torch.enable_grad():
            leaf = (place * end).to(x.dtype).view_as(x).requires_grad_()
            (gradient,) = torch.autograd.grad(value(leaf, y).sum(), leaf)
        gradient = gradient.flatten(1).double()
        moved = _move(place, end.abs(), gradient.abs(), (step + 1) / steps, fraction, max_dist)
        total += (moved - place) * end * gradient
        place = moved
    return total.view_as(x).to(x.dtype)


def _move(place: Tensor, weight: Tensor, size: Tensor, mean: float, fraction: float, max_dist: float) -> Tensor:
    """Move values of the least `size`, image by image, until the mean place, weighted by `weight`, is `mean`.

    All (N, values). Places end within `max_dist` of `mean`.
    """
    low, high = max(mean - max_dist, 0.0), min(mean + max_dist, 1.0)
    rank = int(fraction * (size.shape[1] - 1)) + 1
    whole = weight.sum(1)
    place = place.clamp(min=low)
    going = whole > 0
    while True:
        gap = (weight * (mean - place)).sum(1)
        going = going & (gap > CLOSE * whole)
        size = size.masked_fill((place >= high) | (weight == 0), torch.inf)
        least = (size <= size.kthvalue(rank, dim=1, keepdim=True).values) & size.isfinite() & going[:, None]
        going = going & least.any(1)
        if not going.any():
            return place
        share = (gap / (weight * (high - place) * least).sum(1))[:, None]
        place = torch.where(least, torch.where(share < 1, place + share * (high - place), high), place)
        going = going & (share[:, 0] > 1)

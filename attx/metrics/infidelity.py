"""Infidelity: how badly a map foretells what perturbations do to the output (Yeh et al., NeurIPS 2019); captum's."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from captum import metrics
from torch import Tensor

from attx.errors import UserError, unknown
from attx.metrics.perturbation import check_counts, rows_of
from attx.rng import Rows, Stream

NEEDS = "image_ids"
BETTER = {"infidelity": "lower"}
PERTURBATIONS = ("square", "noisy_baseline", "noise")
LARGEST = 10 / 28  # side of a square, of the image's shorter one: 1 to 10 of 28 pixels in the authors' code


def build(
    *,
    perturbation: Literal["square", "noisy_baseline", "noise"] = "square",
    sigma: float = 0.2,
    samples: int = 100,
    normalise: bool = True,
    output: Literal["probability", "logit"] = "probability",
    seed: int = 3407,
    batch_size: int = 32,
) -> Callable[..., dict[str, np.ndarray]]:
    """`score` gives `infidelity` (N,): the mean of (beta I * map - (f(x) - f(x')))^2 over `samples` perturbations I,
    f being the `output` of the class explained. A map of one channel counts for all.

    square: I is 1 in a random square, which is black in x', so that the map stands for contributions; noisy_baseline:
    x' = x - I = clip01(sigma n), n standard normal; noise: I = sigma n, the map standing for a gradient in these two.
    With `normalise` beta is the best factor for each image, so that the scale of a map is of no account; else it is 1.
    """
    if perturbation not in PERTURBATIONS:
        raise unknown("perturbation", perturbation, PERTURBATIONS)
    if output not in ("probability", "logit"):
        raise UserError(f"output: {output!r} must be 'probability' or 'logit'")
    check_counts(samples=samples, batch_size=batch_size)

    def score(model: Callable, images: Tensor, maps: Tensor, targets: dict, *, image_ids: list) -> dict:
        drawn = 0

        def perturb(copies: Tensor) -> tuple[Tensor, Tensor]:
            nonlocal drawn
            rows = rows_of(seed, image_ids, len(copies) // len(images), first=drawn)
            drawn += len(copies) // len(images)
            if perturbation == "square":
                squares = _squares(rows, copies)
                return squares, copies * (1 - squares)
            noise = sigma * rows.normal(Stream.PERTURBATION, copies.shape[1:], copies)
            changed = noise.clamp(0, 1) if perturbation == "noisy_baseline" else copies - noise
            return copies - changed, changed

        found = metrics.infidelity(
            model if output == "logit" else lambda x: model(x).softmax(1),
            perturb,
            images,
            maps.expand_as(images),
            target=targets["explained"],
            n_perturb_samples=samples,
            max_examples_per_batch=min(max(batch_size, len(images)), samples * len(images)),  # captum warns beyond
            normalize=normalise,
        )
        # with beta captum takes a difference of large sums, which may fall below 0 by rounding
        return {"infidelity": found.double().clamp(min=0).cpu().numpy()}

    return score


def _squares(rows: Rows, copies: Tensor) -> Tensor:
    """A square of ones for each row, its side uniform up to `LARGEST`, its place uniform; like `copies`."""
    height, width = copies.shape[2:]
    size, top, left = rows.uniform(Stream.PERTURBATION, (3, 1, 1), copies).unbind(1)
    side = 1 + (size * max(1, round(LARGEST * min(height, width)))).floor()
    down = torch.arange(height, device=copies.device).view(1, -1, 1) - (top * (height - side + 1)).floor()
    right = torch.arange(width, device=copies.device).view(1, 1, -1) - (left * (width - side + 1)).floor()
    inside = (down >= 0) & (down < side) & (right >= 0) & (right < side)
    return inside.unsqueeze(1).to(copies).expand_as(copies)

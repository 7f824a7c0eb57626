"""Sensitivity-max: how far a map moves while the image moves a little (Yeh et al., NeurIPS 2019); captum's."""

from collections.abc import Callable

import numpy as np
from captum import metrics
from torch import Tensor

from attx.errors import UserError
from attx.metrics.perturbation import check_counts, rows_of
from attx.rng import Stream

NEEDS = "method"
BETTER = {"sensitivity_max": "lower"}


def build(*, radius: float = 0.02, samples: int = 10, seed: int = 3407) -> Callable[..., dict[str, np.ndarray]]:
    """`score` gives `sensitivity_max` (N,): the largest |map(x + d) - map(x)| / |map(x)| over `samples` d.

    d is uniform within `radius`, in units of [0, 1] images; x + d is not clipped. It is explained with the draws of the
    stored map, so that their difference is the image's doing.
    """
    if radius <= 0:
        raise UserError(f"radius {radius}: give a number above 0")
    check_counts(samples=samples)

    def score(
        model: Callable, images: Tensor, maps: Tensor, targets: dict, *, image_ids: list, explain: Callable
    ) -> dict[str, np.ndarray]:
        drawn = 0

        def perturb(copies: Tensor) -> Tensor:
            nonlocal drawn
            rows = rows_of(seed, image_ids, 1, first=drawn)
            drawn += 1
            return copies + radius * (2 * rows.uniform(Stream.PERTURBATION, copies.shape[1:], copies) - 1)

        def explained(inputs: Tensor | tuple[Tensor]) -> tuple[Tensor]:
            if isinstance(inputs, tuple):  # the images themselves, once: captum passes the perturbed ones bare
                return (maps,)
            return (explain(model, inputs, targets["explained"], image_ids),)

        found = metrics.sensitivity_max(
            explained, images, perturb_func=perturb, n_perturb_samples=samples, max_examples_per_batch=len(images)
        )
        return {"sensitivity_max": found.double().cpu().numpy()}

    return score

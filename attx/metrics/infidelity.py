"""Infidelity: how badly a map foretells what perturbations do to the output (Yeh et al., NeurIPS 2019); captum's."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from captum import metrics
from torch import Tensor

from attx.errors import UserError, unknown
from attx.metrics.perturbation import check_counts, rows_of
from attx.rng import Stream

NEEDS = "image_ids"
BETTER = {"infidelity": "lower"}
PERTURBATIONS = ("noisy_baseline", "noise")


def build(
    *,
    perturbation: Literal["noisy_baseline", "noise"] = "noisy_baseline",
    sigma: float = 0.2,
    samples: int = 100,
    normalise: bool = True,
    output: Literal["probability", "logit"] = "probability",
    seed: int = 3407,
    batch_size: int = 32,
) -> Callable[..., dict[str, np.ndarray]]:
    """`score` gives `infidelity` (N,): the mean of (beta I * map - (f(x) - f(x - I)))^2 over `samples` perturbations I,
    f being the `output` of the class explained. A map of one channel counts for all.

    noisy_baseline: x - I = clip01(sigma n), n standard normal; noise: I = sigma n. With `normalise` beta is the best
    factor for each image, so that the scale of a map is of no account; else it is 1.
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

"""Model randomisation: does a map change when the model's weights do? (Adebayo et al., NeurIPS 2018, cascading)."""

import copy
import itertools
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from attx.errors import UserError
from attx.metrics.correlation import spearman
from attx.metrics.perturbation import check_counts
from attx.rng import Rows, Stream

NEEDS = "method"
BETTER = {"randomised_similarity": "lower", "randomised_similarity_absolute": "lower"}


def build(*, stages: int = 5, seed: int = 3407) -> Callable[..., dict[str, np.ndarray]]:
    """`score` gives `similarity_curve` (N, stages + 1), the same of absolute values, and their means but for the first.

    Spearman's correlation of the stored map with that of a model whose last t of `stages` groups of layers have random
    weights; t = 0 is 1. `explain` is called `stages` times; the class explained stays.
    """
    check_counts(stages=stages)

    def score(
        model: nn.Module, images: Tensor, maps: Tensor, targets: dict, *, image_ids: list, explain: Callable
    ) -> dict[str, np.ndarray]:
        signed, absolute = ([np.ones(len(images))] for _ in range(2))
        for stage, randomised in enumerate(cascade(model, stages, seed)):
            changed = explain(randomised, images, targets["explained"], image_ids)
            if not changed.isfinite().all():
                raise UserError(
                    f"with {stage + 1} / {stages} of the model's layers randomised the maps are NaN or infinite: "
                    "take another `seed`, or `dtype: float64`"
                )
            signed.append(spearman(maps, changed))
            absolute.append(spearman(maps.abs(), changed.abs()))
        curves = {"similarity_curve": np.stack(signed, 1), "absolute_similarity_curve": np.stack(absolute, 1)}
        names = ("randomised_similarity", "randomised_similarity_absolute")
        return curves | {name: curve[:, 1:].mean(1) for name, curve in zip(names, curves.values(), strict=True)}

    return score


def cascade(model: nn.Module, stages: int, seed: int) -> Iterator[nn.Module]:
    """A copy of `model`, `stages` times, with ever more of its layers randomised, from the last to the first.

    A layer is a module with parameters of its own, in the order of definition; all of a layer's are drawn from a normal
    distribution of their own mean and standard deviation, by `seed` and name.
    """
    if not isinstance(model, nn.Module):
        raise UserError(f"the model is a {type(model).__name__}: only a torch.nn.Module has weights to randomise")
    copied = copy.deepcopy(model)
    layers = [(name, layer) for name, layer in copied.named_modules() if list(layer.parameters(recurse=False))][::-1]
    if stages > len(layers):
        raise UserError(f"stages {stages}: the model has {len(layers)} layers with weights; give that many at most")
    bounds = [round(len(layers) * stage / stages) for stage in range(stages + 1)]
    for start, end in itertools.pairwise(bounds):
        for name, layer in layers[start:end]:
            for own, parameter in layer.named_parameters(recurse=False):
                _randomise(parameter, seed, f"{name}.{own}")
        yield copied


@torch.no_grad()
def _randomise(parameter: Tensor, seed: int, name: str) -> None:
    drawn = Rows.of(seed, [name], copies=1, step=0).normal(Stream.WEIGHTS, parameter.shape, parameter)[0]
    parameter.copy_(parameter.mean() + parameter.std(correction=0) * drawn)

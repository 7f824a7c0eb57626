"""Adversarial gradient integration: paths towards other classes (Pan, Li, Zhu, IJCAI 2021)."""

from collections.abc import Callable

import torch
from torch import Tensor

from attx.attribution import explore


def build(
    *,
    classes: int = 20,
    steps: int = 20,
    epsilon: float = 0.05,
    restart: bool = True,
    seed: int = 3407,
    batch_size: int = 32,
) -> Callable[..., Tensor]:
    """The sum over `classes` other classes k, drawn for each image, and steps of -(x_{t+1} - s) * grad p_y(x_t).

    x_{t+1} = clip01(s + epsilon sign(grad p_k(x_t))), s being the image (`restart`, as in the authors' code) or x_t. A
    path ends where k is predicted, or after `steps`.
    """
    explore.check("agi", classes, steps)
    settings = {"steps": steps, "stop": True, "restart": restart, "batch_size": batch_size}

    def attribute(model: Callable, images: Tensor, targets: Tensor, image_ids: list) -> Tensor:
        rivals = explore.others(model, images, targets, image_ids, classes, seed)
        return explore.explore(model, images, targets, rivals, torch.full_like(images, epsilon), **settings)

    return attribute

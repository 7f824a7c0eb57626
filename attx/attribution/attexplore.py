"""AttEXplore: the sum over an attack's path of displacement times gradient (Zhu et al., ICLR 2024).

With another attack it is AttEXplore++ (arXiv 2412.19523).
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from attx import registry
from attx.attack import Attack


def path_of(*, attack: str = "ssa", direction: int = -1, softmax: int = 2, **params) -> Attack:
    """The attack along whose path the method sums; parameters as in `build`."""
    return registry.load("attacks", attack).build(direction=direction, softmax=softmax, **params)


def build(*, attack: str = "ssa", direction: Literal[-1, 1] = -1, softmax: int = 2, **params) -> Callable[..., Tensor]:
    """`attack` names a file of `attx/attacks/`, `params` are its parameters; the defaults are the published settings.

    attribution = direction * sum over steps of (x_{t+1} - x_t) * g_t: alpha * sum |g_t| where nothing is clipped.
    """
    path = path_of(attack=attack, direction=direction, softmax=softmax, **params)

    def attribute(model: Callable, images: Tensor, targets: Tensor, image_ids: list) -> Tensor:
        total = torch.zeros_like(images)
        for _ in path.walk(model, images, targets, image_ids, total):
            pass  # each step adds its own
        return direction * total

    return attribute

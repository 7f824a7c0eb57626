"""Boundary-based integrated gradients: from the nearest adversarial point that attacks find (BIG).

Wang, Fredrikson, Datta, "Robust models are more interpretable because attributions look normal", ICML 2022.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from attx import registry
from attx.attribution.boundary import crossing
from attx.attribution.line import between, check_steps
from attx.errors import UserError

ATTACKS = ("bim", "mi")


def build(
    *,
    steps: int = 50,
    attacks: list | None = None,
    attack_steps: int = 50,
    alpha: float = 0.001,
    epsilon: float = 16 / 255,
    softmax: int = 1,
    output: Literal["probability", "logit"] = "probability",
    seed: int = 3407,
    batch_size: int = 32,
) -> Callable[..., Tensor]:
    """Integrated gradients at `steps` points of the line from the nearest boundary point (L2) to the image.

    Each attack, a name of `attx/attacks/` (None: bim and mi), takes `attack_steps` steps of `alpha` within `epsilon`;
    its first point at which the class isn't predicted stands for the boundary. Where no attack finds one, the last
    point of the first attack is taken, as published. `softmax`: see `attx.attack.compose`.
    """
    check_steps("big", steps)
    names = ATTACKS if attacks is None else attacks
    if not names:
        raise UserError("big: attacks: name one attack at least")
    settings = {"epsilon": epsilon, "alpha": alpha, "steps": attack_steps, "softmax": softmax}
    searches = [registry.load("attacks", name).build(**settings, seed=seed, batch_size=batch_size) for name in names]

    def attribute(model: Callable, images: Tensor, targets: Tensor, image_ids: list) -> Tensor:
        start, least = images, torch.full((len(images),), torch.inf, device=images.device)
        for number, search in enumerate(searches):
            points, crossed = crossing(search, model, images, targets, image_ids, batch_size)
            distance = (points - images).flatten(1).norm(dim=1).where(crossed, torch.inf)
            closer = distance < least if number else torch.ones_like(crossed)
            start, least = points.where(closer.view(-1, 1, 1, 1), start), distance.where(closer, least)
        return between(model, output, start, images, targets, steps, batch_size)

    return attribute

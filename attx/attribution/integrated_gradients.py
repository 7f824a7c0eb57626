"""Integrated gradients along the straight line from a black image (Sundararajan et al., ICML 2017); captum's."""

from collections.abc import Callable
from typing import Literal

from torch import Tensor

from attx.attribution.line import between, check_steps


def build(
    *, steps: int = 50, output: Literal["probability", "logit"] = "probability", batch_size: int = 32
) -> Callable[..., Tensor]:
    """`steps` points, 2 at least, by the trapezoid rule; `output` as in saliency_gradient."""
    check_steps("integrated_gradients", steps)

    def attribute(model: Callable, images: Tensor, targets: Tensor, image_ids: list) -> Tensor:
        return between(model, output, 0.0, images, targets, steps, batch_size)

    return attribute

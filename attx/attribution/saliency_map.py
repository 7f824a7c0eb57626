"""The absolute gradient of the target's output with respect to the image (Simonyan et al., 2014)."""

from collections.abc import Callable
from typing import Literal

from torch import Tensor

from attx.attribution import saliency_gradient


def build(*, output: Literal["probability", "logit"] = "probability", batch_size: int = 32) -> Callable[..., Tensor]:
    """The absolute value of saliency_gradient, which has the same parameters; no value is negative."""
    gradient = saliency_gradient.build(output=output, batch_size=batch_size)
    return lambda model, images, targets, image_ids: gradient(model, images, targets, image_ids).abs()

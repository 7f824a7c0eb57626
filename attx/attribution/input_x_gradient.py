"""The image times the gradient of the target's output (Shrikumar et al., arXiv 1605.01713)."""

from collections.abc import Callable
from typing import Literal

from torch import Tensor

from attx.attribution import saliency_gradient


def build(*, output: Literal["probability", "logit"] = "probability", batch_size: int = 32) -> Callable[..., Tensor]:
    """x * grad, signed; `output` as in saliency_gradient. The factor is the image in [0, 1], so black gets nothing."""
    gradient = saliency_gradient.build(output=output, batch_size=batch_size)
    return lambda model, images, targets, image_ids: images * gradient(model, images, targets, image_ids)

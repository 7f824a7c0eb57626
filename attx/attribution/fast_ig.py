"""Fast integrated gradients: the image times the gradient (X-Gradient; Hesse et al., NeurIPS 2021)."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from attx.attribution.forward import in_batches, target_output
from attx.gradients.objectives import CrossEntropy


def build(
    *, output: Literal["probability", "logit", "loss"] = "probability", batch_size: int = 32
) -> Callable[..., Tensor]:
    """x * grad of the target's "probability" or "logit"; or of the "loss", the cross entropy behind a softmax.

    The loss is what the AttEXplore authors ran: its sign is the opposite, so what speaks for the class is negative.
    """

    value = _loss if output == "loss" else lambda model, x, y: target_output(model, output)(x, y)

    def attribute(model: Callable, images: Tensor, targets: Tensor, image_ids: list) -> Tensor:
        return in_batches(lambda x, y: _times_gradient(value, model, x, y), batch_size, images, targets)

    return attribute


def _loss(model: Callable, x: Tensor, y: Tensor) -> Tensor:
    return CrossEntropy(softmax=1)(model(x), y)


def _times_gradient(value: Callable, model: Callable, x: Tensor, y: Tensor) -> Tensor:
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(value(model, leaf, y).sum(), leaf)
    return x * gradient

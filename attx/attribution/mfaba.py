"""MFABA: displacement times gradient along a descent of the class's output, up to the boundary.

Zhu et al., "MFABA: a more faithful and accelerated boundary-based attribution method", AAAI 2024.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from attx.attribution.forward import in_batches
from attx.errors import UserError
from attx.gradients.objectives import Output


def build(
    *,
    steps: int = 50,
    alpha: float = 0.001,
    epsilon: float = 0.3,
    variant: Literal["smooth", "sharp"] = "smooth",
    early_stop: bool = True,
    output: Literal["probability", "logit"] = "probability",
    batch_size: int = 32,
) -> Callable[..., Tensor]:
    """-sum of (x_{t+1} - x_t) * grad p(x_t), with x_{t+1} = x_t - alpha sign(grad p), within `epsilon` of the image.

    `variant` "sharp" steps 100 alpha along the gradient divided by its L2 norm, and is not kept within `epsilon`.
    `early_stop` ends an image's path, after its first step, where the model no longer predicts the class.
    """
    if steps < 1 or alpha < 0 or epsilon < 0:
        raise UserError("mfaba: needs steps >= 1, alpha >= 0 and epsilon >= 0")
    objective = Output(output)

    def next_point(x: Tensor, point: Tensor, gradient: Tensor) -> Tensor:
        if variant == "sharp":
            norm = gradient.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
            return (point - 100 * alpha * gradient / norm.where(norm > 0, norm.new_ones(()))).clamp(0, 1)
        return (x + (point - alpha * gradient.sign() - x).clamp(-epsilon, epsilon)).clamp(0, 1)

    def explain(model: Callable, x: Tensor, y: Tensor) -> Tensor:
        total = torch.zeros_like(x)
        alive = torch.arange(len(x), device=x.device)
        point = x
        for step in range(steps):
            with torch.enable_grad():
                leaf = point.detach().requires_grad_()
                logits = model(leaf)
                (gradient,) = torch.autograd.grad(objective(logits, y[alive]).sum(), leaf)
            if early_stop and step:
                inside = logits.argmax(1) == y[alive]
                alive, point, gradient = alive[inside], point[inside], gradient[inside]
                if not len(alive):
                    break
            moved = next_point(x[alive], point, gradient)
            total[alive] -= (moved - point) * gradient
            point = moved
        return total

    def attribute(model: Callable, images: Tensor, targets: Tensor, image_ids: list) -> Tensor:
        return in_batches(lambda x, y: explain(model, x, y), batch_size, images, targets)

    return attribute

"""Integrated gradients along the straight line between two points of each image, by the trapezoid rule; captum's."""

from collections.abc import Callable

from captum.attr import IntegratedGradients
from torch import Tensor

from attx.attribution.forward import target_output
from attx.errors import UserError


def check_steps(method: str, steps: int) -> None:
    """UserError unless there are points at both ends."""
    if steps < 2:
        raise UserError(f"{method}: steps: {steps} must be 2 at least")


def between(
    model: Callable, output: str, start: Tensor | float, images: Tensor, targets: Tensor, steps: int, batch_size: int
) -> Tensor:
    """(images - start) times the mean gradient at `steps` points from `start`, of a value or of images, to the images.

    `output`: "probability" or "logit". `batch_size` points, of all images together, pass the model at once.
    """
    method = IntegratedGradients(target_output(model, output))
    found = method.attribute(
        images,
        baselines=start,
        additional_forward_args=targets,
        n_steps=steps,
        method="riemann_trapezoid",
        internal_batch_size=max(batch_size, len(images)),
    )
    # captum's trapezoids are 1/steps wide, but the points lie 1/(steps - 1) apart
    return found * steps / (steps - 1)

"""Parts that attribution methods share: the scalar they differentiate, batches of images, and the count of passes."""

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from attx.errors import UserError
from attx.gradients.objectives import Output


def target_output(model: Callable, output: str) -> Callable[[Tensor, Tensor], Tensor]:
    """(inputs, targets) -> the targets' "probability" or "logit", one a row; rows may be a multiple of the targets."""
    if output not in ("probability", "logit"):
        raise UserError(f"output: {output!r} must be 'probability' or 'logit'")
    objective = Output(output)
    return lambda inputs, targets: objective(model(inputs), targets)


def in_batches(
    function: Callable[[Tensor, Tensor], Tensor], batch_size: int, images: Tensor, targets: Tensor
) -> Tensor:
    """`function` applied to `batch_size` images and targets at a time."""
    parts = zip(images.split(batch_size), targets.split(batch_size), strict=True)
    return torch.cat([function(x, y) for x, y in parts])


class Passes:
    """How many images went forward through a model, and how many of these backward."""

    forward = 0
    backward = 0


@contextlib.contextmanager
def counted(model: torch.nn.Module) -> Iterator[Passes]:
    """Count the passes of `model` within the block. A backward pass from or to a layer within it counts as one, too."""
    passes = Passes()

    def before(module, inputs: tuple) -> tuple:
        return tuple(x.view_as(x) if isinstance(x, Tensor) else x for x in inputs)  # of this call alone, to hook

    def forward(module, inputs: tuple, output: Tensor) -> None:
        passes.forward += len(output)
        begun = False

        def from_the_end(gradient: Tensor) -> None:
            nonlocal begun
            begun = True
            passes.backward += len(gradient)

        def at_the_images(gradient: Tensor) -> None:
            if not begun:  # it came from a layer
                passes.backward += len(gradient)

        if output.requires_grad:
            output.register_hook(from_the_end)
        if inputs and inputs[0].requires_grad:
            inputs[0].register_hook(at_the_images)

    handles = model.register_forward_pre_hook(before), model.register_forward_hook(forward)
    try:
        yield passes
    finally:
        for handle in handles:
            handle.remove()

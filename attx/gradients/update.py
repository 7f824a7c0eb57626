"""One step of an attack once its gradient is there, by the parts that the attack has.

The usual parts are one kernel, `attx_kernels.update`; any others follow one another.
"""

from collections.abc import Callable

from attx_kernels import update as kernel
from torch import Tensor

from attx.gradients.post import L1Normalise, Momentum, Smooth
from attx.gradients.step import Sign

FUSED = (Smooth, L1Normalise, Momentum)


def advance(
    post: tuple[Callable, ...],
    move: Callable,
    gradient: Tensor,
    point: Tensor,
    start: Tensor,
    memory: dict,
    total: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The gradient after `post` and the next point, within memory's `epsilon` of `start` and in [0, 1].

    All (N, C, H, W). Adds (next point - point) * gradient to `total`.
    """
    kinds = [type(part) for part in post]
    if type(move) is Sign and kinds == [kind for kind in FUSED if kind in kinds]:
        settings = {name: value for part in post for name, value in vars(part).items()}
        settings |= {"stride": memory["stride"], "epsilon": memory["epsilon"], "normalise": L1Normalise in kinds}
        gradient, following = kernel.update(gradient, point, start, memory.get("momentum"), total, **settings)
        if Momentum in kinds:
            memory["momentum"] = gradient
        return gradient, following
    for part in post:
        gradient = part(gradient, memory)
    following = kernel.moved(point, start, memory["stride"] * move(gradient, memory), memory["epsilon"])
    if total is not None:
        total += (following - point) * gradient
    return gradient, following

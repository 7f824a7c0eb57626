"""Local attribution: targeted and untargeted paths within a share of each value.

Zhu et al., "Enhancing model interpretability with local attribution over global exploration", ACM MM 2024.
"""

from collections.abc import Callable

from torch import Tensor

from attx.attribution import explore
from attx.errors import UserError


def build(
    *, classes: int = 19, steps: int = 30, spatial_range: float = 10.0, seed: int = 3407, batch_size: int = 32
) -> Callable[..., Tensor]:
    """The sum over paths and steps of -(x_{t+1} - x) * grad p_y(x_t).

    `classes` paths go to other classes k, drawn for each image: x_{t+1} = clip01(x + r sign(grad p_k(x_t))), r =
    x / spatial_range. One more goes away from y: x_{t+1} = clip01(x - r sign(grad p_y(x_t))). All take `steps` steps.
    """
    explore.check("la", classes, steps)
    if spatial_range <= 0:
        raise UserError(f"la: spatial_range: {spatial_range} must be above 0")

    settings = {"steps": steps, "stop": False, "restart": True, "batch_size": batch_size}

    def attribute(model: Callable, images: Tensor, targets: Tensor, image_ids: list) -> Tensor:
        rivals = explore.others(model, images, targets, image_ids, classes, seed)
        radius = images / spatial_range
        towards = explore.explore(model, images, targets, rivals, radius, **settings)
        return towards + explore.explore(model, images, targets, None, radius, **settings)

    return attribute

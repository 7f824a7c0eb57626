"""Where an attack's path first leaves the region of a class."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from attx.attack import Attack
from attx.gradients.estimate import Value
from attx.rng import Rows


@dataclass(frozen=True)
class Among:
    """An estimate for the images marked in `going` (N,) alone: the others don't pass the model, their gradient is 0."""

    estimate: Callable
    going: Tensor

    @property
    def copies(self) -> int:
        """As in the estimate."""
        return self.estimate.copies

    def __call__(self, value: Value, x: Tensor, rows: Rows, memory: dict) -> Tensor:
        """As `MeanGradient`."""

        def among(inputs: Tensor, image: list[int]) -> Tensor:
            keep = [row for row, i in enumerate(image) if self.going[i]]
            if not keep:
                return 0 * inputs.flatten(1).sum(1)
            return value(inputs[keep], [image[row] for row in keep])

        return self.estimate(among, x, rows, memory)


def crossing(
    attack: Attack, model: Callable, images: Tensor, targets: Tensor, image_ids: list, batch_size: int
) -> tuple[Tensor, Tensor]:
    """The first points of the paths, after the images, where the target isn't predicted; and where there are any (N,).

    Where there is none it is the path's last point. An image that has crossed passes the model no more.
    """
    going = torch.ones(len(images), dtype=torch.bool)
    found = images.clone()
    path = replace(attack, estimate=Among(attack.estimate, going))
    for step in path.walk(model, images, targets, image_ids):
        for rows in going.nonzero()[:, 0].split(batch_size):
            found[rows] = step.next_point[rows]
            with torch.no_grad():
                going[rows] = (model(step.next_point[rows]).argmax(1) == targets[rows]).cpu()
        if not going.any():
            break
    return found, ~going.to(images.device)

"""Input diversity: random resizing and zero padding (DI-FGSM, Xie et al., CVPR 2019), drawn for each image and copy."""

from dataclasses import dataclass

import torch
from torch import Tensor

from attx.errors import UserError
from attx.rng import Rows, Stream


@dataclass(frozen=True)
class Diversity:
    """With probability `prob`: resize (bilinear) to a size in [n, int(n rate)), zero-pad at random to int(n rate).

    Rates below 1 swap the two bounds. Both sides are resized by one random number, so the aspect ratio holds.
    """

    prob: float
    rate: float

    def __post_init__(self):
        if not (0 <= self.prob <= 1 and self.rate > 0):
            raise UserError(f"diversity needs a probability in [0, 1] and a rate above 0, not {self.prob}, {self.rate}")

    def group(self, rows: Rows) -> list[int]:
        """1 for rows that are transformed, else 0: rows of one group come out alike and can share a batch."""
        return [int(u < self.prob) for u in self._draws(rows)[:, 0].tolist()] if self.prob else [0] * len(rows)

    def __call__(self, x: Tensor, rows: Rows) -> Tensor:
        """`x` (rows, C, H, W), all rows of one group -> (rows, C, H', W')."""
        if not any(self.group(rows)):
            return x
        scale, top, left = (draw.to(x.device, non_blocking=True) for draw in self._draws(rows)[:, 1:].unbind(1))
        vertical, horizontal = (
            self._matrices(n, scale, offset).to(x.dtype) for n, offset in zip(x.shape[2:], (top, left), strict=True)
        )
        return vertical[:, None] @ x @ horizontal[:, None].transpose(-1, -2)

    def _draws(self, rows: Rows) -> Tensor:
        return rows.few(Stream.DIVERSITY, 4)

    def _matrices(self, n: int, scale: Tensor, offset: Tensor) -> Tensor:
        """For each row the matrix (outer, n) that resizes one side of n and pads it to the outer size."""
        low, outer = sorted((n, max(1, int(n * self.rate))))
        size = low + (scale * (outer - low)).long()
        start = (offset * (outer - size)).long()
        line = torch.arange(outer, device=scale.device) - start[:, None]
        inside = (line >= 0) & (line < size[:, None])
        source = ((line + 0.5) * (n / size.double()[:, None]) - 0.5).clamp(0, n - 1)
        near = source.long()
        far = (near + 1).clamp(max=n - 1)
        matrix = source.new_zeros(len(size), outer, n)
        # the last line has one neighbour alone: what `far` writes there, 0, is overwritten
        matrix.scatter_(2, far[..., None], ((source - near) * inside)[..., None])
        return matrix.scatter_(2, near[..., None], ((1 - (source - near)) * inside)[..., None])

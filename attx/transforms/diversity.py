"""Input diversity: random resizing and zero padding (DI-FGSM, Xie et al., CVPR 2019), drawn for each image and copy."""

from dataclasses import dataclass

import torch
from attx_kernels.resample import resize_into
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
        _, scale, *offsets = self._draws(rows).unbind(1)
        outer, sizes, starts = [], [], []
        for n, offset in zip(x.shape[2:], offsets, strict=True):
            low, high = sorted((n, max(1, int(n * self.rate))))
            outer.append(high)
            sizes.append(low + (scale * (high - low)).long())
            starts.append((offset * (high - sizes[-1])).long())
        return resize_into(x, tuple(outer), torch.stack(sizes, 1), torch.stack(starts, 1))

    def _draws(self, rows: Rows) -> Tensor:
        return rows.few(Stream.DIVERSITY, 4)

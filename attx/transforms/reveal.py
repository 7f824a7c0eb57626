"""Images shown in part: the pixels that come first in an order, with a soft edge between shown and covered."""

from dataclasses import dataclass

import torch
from torch import Tensor

from attx.rng import Rows, Stream, pick


@dataclass(frozen=True)
class Reveal:
    """Places in an order, uniform in (0, 1) and 1 first, -> the images as insertion or deletion has them half-way.

    A pixel at place u is shown by the part sigmoid((u - 1 + a) / softness), or, with `deleting`, covered by it; a is
    drawn for each row, stratified over the copies: (copy + uniform) / copies. `images` and `covers` (N, C, H, W).
    """

    images: Tensor
    covers: Tensor
    copies: int
    softness: float
    deleting: bool

    def __call__(self, places: Tensor, rows: Rows) -> Tensor:
        """`places` (rows, 1, H, W) -> (rows, C, H, W)."""
        drawn = rows.uniform(Stream.FRACTION, (2,), places)[:, int(self.deleting)]
        copies = torch.tensor(rows.copy, dtype=drawn.dtype).to(drawn.device, non_blocking=True)
        fraction = (drawn + copies) / self.copies
        part = ((places - 1 + fraction.view(-1, 1, 1, 1)) / self.softness).sigmoid()
        covers, images = (pick(x, rows.image) for x in (self.covers, self.images))
        return covers + (images - covers) * (1 - part if self.deleting else part)

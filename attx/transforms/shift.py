"""Copies moved by fixed shares of the image: the translations of ANDA (Fang et al., CVPR 2024)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from attx.rng import Rows


@dataclass(frozen=True)
class Shift:
    """`side`^2 copies, moved by -`reach` ... `reach` half heights and widths (bilinear, zeros from beyond the edge).

    Copy i has the (i // side)-th horizontal and the (i % side)-th vertical move. Equal to `grid_sample` on a shifted
    grid, but by matrix products, whose gradients are the same in every run on a GPU, too.
    """

    side: int
    reach: float

    def __call__(self, x: Tensor, rows: Rows) -> Tensor:
        """`x` (rows, C, H, W) -> the same shape."""
        copy = torch.tensor(rows.copy)
        vertical = self._matrices(x.shape[2], copy % self.side).to(x.device, x.dtype, non_blocking=True)
        horizontal = self._matrices(x.shape[3], copy // self.side).to(x.device, x.dtype, non_blocking=True)
        return vertical[:, None] @ x @ horizontal[:, None].transpose(-1, -2)

    def _matrices(self, n: int, place: Tensor) -> Tensor:
        """For each row the matrix (n, n) that moves one side of n."""
        moves = torch.linspace(-self.reach, self.reach, self.side, dtype=torch.float64)[place] * n / 2
        pixel = torch.arange(n, dtype=torch.float64)
        return (1 - (pixel[:, None] + moves[:, None, None] - pixel).abs()).clamp(min=0)

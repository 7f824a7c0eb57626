"""Copies of different brightness: the scales of SI-NI-FGSM, the path from a black image of MIG."""

from dataclasses import dataclass

import torch
from torch import Tensor

from attx.rng import Rows


@dataclass(frozen=True)
class Scale:
    """Copy i of an image is multiplied by `factors[i]`."""

    factors: tuple[float, ...]

    def __call__(self, x: Tensor, rows: Rows) -> Tensor:
        """`x` (rows, C, H, W) -> the same shape."""
        factors = torch.tensor([self.factors[copy] for copy in rows.copy], dtype=x.dtype)
        return x * factors.to(x.device, non_blocking=True)[:, None, None, None]

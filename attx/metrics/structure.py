"""How maps differ as pictures: structural similarity, and the shift of their centres of mass."""

import numpy as np
import torch
from attx_kernels.windows import sum_of_next
from torch import Tensor

WINDOW, K1, K2 = 7, 0.01, 0.03


def ssim(one: Tensor, other: Tensor) -> np.ndarray:
    """Structural similarity (Wang et al., 2004) of the maps (N, H, W) of two batches, float64 (N,).

    The mean over all windows of 7 x 7 pixels inside the map (or as many as it has), even weights, sample covariances,
    as scikit-image has it; the range is that of both maps' values together, as in Quantus. 1 for maps that are equal.
    """
    a, b = one.detach().double(), other.detach().double()
    both = torch.stack([a, b]).flatten(2)
    span = (both.amax((0, 2)) - both.amin((0, 2)))[:, None, None]
    least = min(*a.shape[1:], WINDOW)
    side = least - 1 + least % 2
    count = side**2
    offset = b.mean((1, 2), keepdim=True)  # near zero, differences of squares keep their digits
    u, v = a - offset, b - offset
    mean_a, mean_b, squares, products = (_means(x, side) for x in (u, v, u * u + v * v, u * v))
    sample = count / max(count - 1, 1)
    variances = sample * (squares - mean_a**2 - mean_b**2)
    covariance = sample * (products - mean_a * mean_b)
    mean_a, mean_b = mean_a + offset, mean_b + offset
    c1, c2 = (K1 * span) ** 2, (K2 * span) ** 2
    above = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    below = (mean_a**2 + mean_b**2 + c1) * (variances + c2)
    found = (above / below).mean((1, 2))
    return torch.where((a == b).all(2).all(1), 1.0, found).cpu().numpy()


def _means(values: Tensor, side: int) -> Tensor:
    """Of all windows inside (N, H, W)."""
    return sum_of_next(sum_of_next(values, side, 1), side, 2) / side**2


def center_of_mass_shift(one: Tensor, other: Tensor) -> np.ndarray:
    """Pixels between the centres of mass of |map|, of maps (N, H, W) of two batches, float64 (N,).

    A map of zeros has its centre in the middle.
    """
    return (_centres(one) - _centres(other)).norm(dim=1).cpu().numpy()


def _centres(maps: Tensor) -> Tensor:
    mass = maps.detach().double().abs()
    mass = torch.where((mass > 0).flatten(1).any(1)[:, None, None], mass, 1.0)
    mass = mass / mass.amax((1, 2), keepdim=True)
    rows, columns = (torch.arange(side, dtype=mass.dtype, device=mass.device) for side in mass.shape[1:])
    moments = torch.stack([mass.sum(2) @ rows, mass.sum(1) @ columns], 1)
    return moments / mass.sum((1, 2))[:, None]

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
    largest, least = torch.maximum(a.amax((1, 2)), b.amax((1, 2))), torch.minimum(a.amin((1, 2)), b.amin((1, 2)))
    span = (largest - least)[:, None, None]
    side = min(*a.shape[1:], WINDOW)
    side -= 1 - side % 2
    count = side**2
    offset = b.mean((1, 2), keepdim=True)  # near zero, differences of squares keep their digits
    u, v, offset = (x / span for x in (a - offset, b - offset, offset))  # no square vanishes or overflows
    mean_a, mean_b, squares, products = (_means(x, side) for x in (u, v, u * u + v * v, u * v))
    sample = count / max(count - 1, 1)
    variances = sample * (squares - mean_a**2 - mean_b**2)
    covariance = sample * (products - mean_a * mean_b)
    mean_a, mean_b = mean_a + offset, mean_b + offset
    c1, c2 = K1**2, K2**2
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
    mass = maps.detach().abs()
    found = []
    for dim in (2, 1):
        sums = mass.sum(dim, dtype=torch.float64)
        sums = torch.where(sums.amax(1, keepdim=True) > 0, sums, 1.0)
        places = torch.arange(sums.shape[1], dtype=sums.dtype, device=sums.device)
        found.append((sums @ places) / sums.sum(1))
    return torch.stack(found, 1)

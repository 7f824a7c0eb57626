"""Copies whose low and high frequencies are perturbed by different amounts (after FAMPE, arXiv 2510.03245)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from attx.errors import UserError
from attx.rng import Rows, Stream


@dataclass(frozen=True)
class Bands:
    """z = x + Re IFFT2(w (FFT2(x + sigma n) u - FFT2(x))): SSA's noise and mask, by FFT, weighted by frequency.

    w is `low_weight` up to the cutoff and 1 - `low_weight` beyond; the cutoff of an image is the first radius, in
    cycles along its longer side, within which lies the share `energy` of its spectrum's energy, the mean left out.
    """

    low_weight: float
    energy: float
    rho: float
    sigma: float

    def __post_init__(self):
        if not (0 <= self.low_weight <= 1 and 0 <= self.energy <= 1 and self.rho >= 0 and self.sigma >= 0):
            raise UserError("low_weight and energy must be in [0, 1], rho and sigma not negative")

    def __call__(self, x: Tensor, rows: Rows) -> Tensor:
        """`x` (rows, C, H, W) in [0, 1] -> the same shape."""
        noise = self.sigma * rows.normal(Stream.NOISE, x.shape[1:], x)
        mask = 1 - self.rho + 2 * self.rho * rows.uniform(Stream.SPECTRUM, x.shape[1:], x)
        spectrum = torch.fft.fft2(x)
        ring = _rings(*x.shape[2:])
        low = ring.to(x.device, non_blocking=True) <= self._cutoffs(spectrum, ring)[:, None, None]
        weight = torch.where(low, x.new_full((), self.low_weight), x.new_full((), 1 - self.low_weight))[:, None]
        change = torch.fft.fft2(x + noise) * mask - spectrum
        return x + torch.fft.ifft2(weight * change).real

    def _cutoffs(self, spectrum: Tensor, ring: Tensor) -> Tensor:
        """(rows,): the last ring of the low frequencies."""
        order, sizes = ring.flatten().argsort(stable=True), ring.flatten().bincount().tolist()
        order = order.to(spectrum.device, non_blocking=True)
        energy = (spectrum.real.square() + spectrum.imag.square()).sum(1).flatten(1)[:, order]
        rings = torch.stack([part.sum(1) for part in energy.split(sizes, 1)], 1)
        rings[:, 0] = 0  # the mean
        # cumulative sums as a product, which has one order on every device
        within = rings.double() @ torch.ones(2 * [rings.shape[1]], dtype=torch.float64, device=rings.device).triu()
        return (within < self.energy * within[:, -1:]).sum(1)


def _rings(height: int, width: int) -> Tensor:
    """(H, W): the radius of each frequency in cycles along the longer side, rounded up."""
    vertical, horizontal = (torch.fft.fftfreq(n, 1 / max(height, width), dtype=torch.float64) for n in (height, width))
    return torch.hypot(vertical[:, None], horizontal).sub(1e-9).ceil().clamp(min=0).long()

"""Frequency-domain copies of an image: noise, then a random mask on the DCT (SSA, Long et al., ECCV 2022)."""

from collections.abc import Sequence
from dataclasses import dataclass

from attx_kernels.spectrum import dct2, masked_copies
from torch import Tensor

from attx.errors import UserError
from attx.rng import Rows, Stream, pick


@dataclass(frozen=True)
class Spectrum:
    """z = IDCT2((DCT2(x) + sigma n) * u), n standard normal, u uniform in [1 - rho, 1 + rho); images in [0, 1].

    The published code adds the noise to x: the same in distribution, since the transform is orthonormal.
    """

    rho: float
    sigma: float

    def __post_init__(self):
        if self.rho < 0 or self.sigma < 0:
            raise UserError(f"rho and sigma must not be negative, but are {self.rho} and {self.sigma}")

    def __call__(self, x: Tensor, rows: Rows) -> Tensor:
        """`x` (rows, C, H, W) -> the same shape; no gradient. What is switched off (sigma 0, rho 0) is not computed."""
        return self.spread(x, range(len(x)), rows)

    def spread(self, images: Tensor, image: Sequence[int], rows: Rows) -> Tensor:
        """Of `images` (N, C, H, W) a row for each of `image`: the copies of an image share its transform."""
        if self.rho:
            used = sorted(set(image))
            spectra, place = dct2(pick(images, used).detach()), {i: n for n, i in enumerate(used)}
            streams = int(Stream.NOISE), int(Stream.SPECTRUM)
            return masked_copies(spectra, [place[i] for i in image], rows.counters, streams, self.sigma, self.rho)
        x = pick(images, image)
        return x + self.sigma * rows.normal(Stream.NOISE, x.shape[1:], x) if self.sigma else x

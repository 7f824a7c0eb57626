"""Copies cut into blocks, each changed by an operation drawn at random (SIA,  (Wang et al., ICCV 2023)."""

import itertools
from dataclasses import dataclass

import torch
from attx_kernels.spectrum import dct2, idct2
from torch import Tensor

from attx.errors import UserError
from attx.rng import Rows, Stream

NOISE = 16 / 255


@dataclass(frozen=True)
class Blocks:
    """Cut at random into `blocks` x `blocks`; each block gets one of the first `operations` of `OPERATIONS`.

    Operations, numbers and cuts are drawn for each image and copy. A side of fewer pixels has as many blocks as pixels.
    """

    blocks: int = 3
    operations: int = 10

    def __post_init__(self):
        if self.blocks < 1 or not 1 <= self.operations <= len(OPERATIONS):
            raise UserError(f"blocks must be 1 at least, and operations 1 to {len(OPERATIONS)}")

    def __call__(self, x: Tensor, rows: Rows) -> Tensor:
        """`x` (rows, C, H, W) -> the same shape."""
        channels, height, width = x.shape[1:]
        cuts = 2 * (self.blocks - 1)
        draws = rows.few(Stream.BLOCKS, cuts + self.blocks**2 * (2 + channels)).tolist()
        noise = NOISE * (2 * rows.uniform(Stream.BLOCK_NOISE, x.shape[1:], x) - 1)
        out = []
        for image, draw, grain in zip(x, draws, noise, strict=True):
            heights, widths = _sizes(height, draw[: cuts // 2]), _sizes(width, draw[cuts // 2 : cuts])
            each = iter(draw[cuts:])
            bands = []
            for band, around in zip(image.split(heights, 1), grain.split(heights, 1), strict=True):
                pairs = zip(band.split(widths, 2), around.split(widths, 2), strict=True)
                bands.append(
                    torch.cat([self._change(b, n, [next(each) for _ in range(2 + channels)]) for b, n in pairs], 2)
                )
            out.append(torch.cat(bands, 1))
        return torch.stack(out)

    def _change(self, block: Tensor, noise: Tensor, draws: list[float]) -> Tensor:
        """`block` and `noise` (C, h, w); `draws`: which operation, its number, one for each channel."""
        choice, amount, *channels = draws
        chosen = OPERATIONS[: self.operations]
        return chosen[int(choice * len(chosen))](block, noise, amount, channels)


def _sizes(n: int, draws: list[float]) -> list[int]:
    """The lengths that distinct random cuts, strictly between 0 and n, leave."""
    left, cuts = list(range(1, n)), [0, n]
    for u in draws[: n - 1]:
        cuts.append(left.pop(int(u * len(left))))
    cuts.sort()
    return [b - a for a, b in itertools.pairwise(cuts)]


def _resize(block: Tensor) -> Tensor:
    """Down to int(0.8 n) + 1 and back, bilinear."""
    vertical, horizontal = (
        (_bilinear(int(n * 0.8) + 1, n) @ _bilinear(n, int(n * 0.8) + 1)).to(
            block.device, block.dtype, non_blocking=True
        )
        for n in block.shape[1:]
    )
    return (vertical @ block @ horizontal.T).clamp(0, 1)


def _bilinear(n: int, size: int) -> Tensor:
    """The matrix (size, n) that resizes one side: its gradient, unlike interpolate's, is the same in every GPU run."""
    source = ((torch.arange(size, dtype=torch.float64) + 0.5) * n / size - 0.5).clamp(0, n - 1)
    return (1 - (source[:, None] - torch.arange(n)).abs()).clamp(min=0)


def _low_frequencies(block: Tensor) -> Tensor:
    """Without the highest int(0.4 n) frequencies of each side."""
    height, width = block.shape[1:]
    keep = torch.zeros_like(block)
    keep[:, : height - int(height * 0.4), : width - int(width * 0.4)] = 1
    return idct2(dct2(block) * keep)


def _drop(block: Tensor, draws: list[float]) -> Tensor:
    """Each channel 0 with probability 0.1, else divided by 0.9."""
    kept = torch.tensor([(u >= 0.1) / 0.9 for u in draws], dtype=block.dtype)
    return block * kept.to(block.device, non_blocking=True)[:, None, None]


OPERATIONS = (  # (block, noise, number, numbers for the channels) -> block
    lambda b, noise, u, channels: b.roll(int(u * b.shape[1]), 1),
    lambda b, noise, u, channels: b.roll(int(u * b.shape[2]), 2),
    lambda b, noise, u, channels: b.flip(1),
    lambda b, noise, u, channels: b.flip(2),
    lambda b, noise, u, channels: b.flip(1, 2),
    lambda b, noise, u, channels: b * u,
    lambda b, noise, u, channels: (b + noise).clamp(0, 1),
    lambda b, noise, u, channels: _resize(b),
    lambda b, noise, u, channels: _low_frequencies(b),
    lambda b, noise, u, channels: _drop(b, channels),
)

"""Bilinear resizing of each picture of a batch to a size of its own, at a place of its own in a picture of zeros.

By matrix products with a matrix for each side, so that the gradients, unlike `interpolate`'s, are the same in every run
on a GPU. On a CPU only the band of a matrix that is not zero is multiplied.
"""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

LINES = 65  # of a side that is made from one band


def resize_into(x: Tensor, outer: tuple[int, int], sizes: Tensor, starts: Tensor) -> Tensor:
    """`x` (rows, C, H, W) -> (rows, C, *outer), zero around each picture; as `interpolate(align_corners=False)`.

    `sizes` and `starts` (rows, 2) int64, on the CPU: the height and width of each picture and its upper left corner.
    """
    if x.device.type == "cpu":
        return _Banded.apply(x, outer, sizes, starts)
    vertical, horizontal = _matrices(x, outer, sizes, starts)
    return vertical[:, None] @ x @ horizontal[:, None].transpose(-1, -2)


def _matrices(x: Tensor, outer: tuple[int, int], sizes: Tensor, starts: Tensor) -> list[Tensor]:
    """For each side the matrices (rows, outer, n), on the device of `x`."""
    device = [t.to(x.device, non_blocking=True) for t in (sizes, starts)]
    return [_matrix(x, x.shape[2 + side], outer[side], *(t[:, side, None] for t in device)) for side in (0, 1)]


def _matrix(like: Tensor, n: int, outer: int, size: Tensor, start: Tensor) -> Tensor:
    """(rows, outer, n) for `size` and `start` (rows, 1)."""
    line = torch.arange(outer, device=size.device) - start
    inside = (line >= 0) & (line < size)
    source = ((line + 0.5) * (n / size.double()) - 0.5).clamp(0, n - 1)
    if source.is_cuda:  # where a deterministic scatter is a sort
        return (_tents(source, n) * inside[..., None]).to(like.dtype)
    near = source.long()
    far = (near + 1).clamp(max=n - 1)
    part = source - near
    matrix = like.new_zeros(len(size), outer, n)
    # the last line has one neighbour alone: what `far` writes there, 0, is overwritten
    matrix.scatter_(2, far[..., None], (part * inside).to(like.dtype)[..., None])
    return matrix.scatter_(2, near[..., None], ((1 - part) * inside).to(like.dtype)[..., None])


def _tents(source: Tensor, n: int) -> Tensor:
    """The weights (..., n) of the two neighbours of each place in 0 ... n - 1."""
    return (1 - (source[..., None] - torch.arange(n, device=source.device)).abs()).clamp(min=0)


def _bands(n: int, outer: int, size: int, start: int) -> list[tuple[slice, slice]]:
    """Lines of the outer side, and those of the picture that they are made of."""
    found = []
    for first in range(start, start + size, LINES):
        last = min(first + LINES, start + size) - 1
        low, high = (int(((line - start) + 0.5) * n / size - 0.5) for line in (first, last))
        found.append((slice(first, last + 1), slice(max(low, 0), min(high + 2, n))))
    return found


def _each(matrix: Tensor, channels: int) -> Tensor:
    """One matrix for all channels, which is not copied, as `@` would copy what it is multiplied with."""
    return matrix.expand(channels, -1, -1)


class _Banded(torch.autograd.Function):
    """Products write where they belong and add up there, so nothing is copied."""

    @staticmethod
    def forward(ctx, x: Tensor, outer: tuple[int, int], sizes: Tensor, starts: Tensor) -> Tensor:
        rows, channels, height, width = x.shape
        ctx.height, ctx.width = height, width
        matrices = _matrices(x, outer, sizes, starts)
        ctx.save_for_backward(*matrices)
        ctx.bands = [
            [_bands(n, o, *pair) for pair in zip(sizes[:, side].tolist(), starts[:, side].tolist(), strict=True)]
            for side, (n, o) in enumerate(zip((height, width), outer, strict=True))
        ]
        out = x.new_zeros(rows, channels, *outer)
        for row, vertical, horizontal in zip(range(rows), *matrices, strict=True):
            middle, made = x.new_zeros(channels, outer[0], width), out[row].flatten(0, 1)
            for line, source in ctx.bands[0][row]:
                torch.bmm(_each(vertical[line, source], channels), x[row, :, source], out=middle[:, line])
            for line, source in ctx.bands[1][row]:
                torch.mm(middle.flatten(0, 1)[:, source], horizontal[line, source].T, out=made[:, line])
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        rows, channels, tall, _ = gradient.shape
        found = gradient.new_zeros(rows, channels, ctx.height, ctx.width)
        for row, vertical, horizontal in zip(range(rows), *ctx.saved_tensors, strict=True):
            middle, given = gradient.new_zeros(channels, tall, ctx.width), gradient[row].contiguous()
            for line, source in ctx.bands[1][row]:
                middle.flatten(0, 1)[:, source].addmm_(given.flatten(0, 1)[:, line], horizontal[line, source])
            for line, source in ctx.bands[0][row]:
                found[row, :, source].baddbmm_(_each(vertical[line, source].T, channels), middle[:, line])
        return found, None, None, None

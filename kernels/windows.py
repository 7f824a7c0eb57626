"""Windows of pixels: a square of an odd side around each pixel, clipped at the borders of its image.

Dilation is LENS's N_w (Rethinking Robustness of Model Attributions, AAAI 2024): all pixels within a window of a set.
Means over windows are what LENS-Spearman and LENS-Kendall rank.
"""

import torch
import torch.nn.functional as F
from attx_kernels.dispatch import HALF_OR_SINGLE, jit, tl, triton, way
from torch import Tensor

ROWS = 16  # of a strip; the window's overhang above and below it is read twice
COLUMNS = 256  # of a strip at most


def radius_of(window: int) -> int:
    """How far a window reaches from its pixel. ValueError unless `window` is a positive odd integer."""
    if not isinstance(window, int) or window < 1 or window % 2 == 0:
        raise ValueError(f"window {window!r}: give its side in pixels, an odd number (3 for 3 x 3)")
    return window // 2


def dilate(mask: Tensor, window: int) -> Tensor:
    """(N, H, W) bool -> bool: True where any pixel of the window x window square around it is True.

    ValueError for a window that is not odd and positive, or a mask of another shape or type.
    """
    radius = radius_of(window)
    if mask.ndim != 3 or mask.dtype != torch.bool:
        raise ValueError(f"a mask of shape {tuple(mask.shape)}, {mask.dtype}: give booleans (N, H, W)")
    if way("windows", mask) == "triton":
        return _dilate_triton(mask, radius)
    padded = F.pad(mask, (radius,) * 4)
    return _any_of_next(_any_of_next(padded, window, dim=1), window, dim=2)


def _any_of_next(mask: Tensor, count: int, dim: int) -> Tensor:
    """Whether any of `count` neighbours, the pixel itself the first, is True; by doubling, in log2(count) steps."""
    reach = 1
    while reach < count:
        shift = min(reach, count - reach)
        length = mask.shape[dim] - shift
        mask = mask.narrow(dim, 0, length) | mask.narrow(dim, shift, length)
        reach += shift
    return mask


def means(values: Tensor, window: int) -> Tensor:
    """(N, H, W): the mean of the pixels that there are of the window x window square around each pixel.

    Summed in float64, in the same order for every pixel, so that equal windows have equal means; a map of one value has
    that mean everywhere, windows of fewer pixels at its borders included. Given as float64 where `values` are (or
    integers), else as float32. ValueError for a window that is not odd and positive.
    """
    radius = radius_of(window)
    sums = F.pad(values.detach().double(), (radius,) * 4)
    rows, columns = (F.pad(sums.new_ones(side), (radius,) * 2) for side in values.shape[1:])
    there = torch.outer(sum_of_next(rows, window, 0), sum_of_next(columns, window, 0))
    found = sum_of_next(sum_of_next(sums, window, 1), window, 2) / there
    if values.dtype in HALF_OR_SINGLE:  # whose sums have bits to spare
        return found.float()
    one = (values == values[:, :1, :1]).all(2).all(1)
    return torch.where(one[:, None, None], values.detach().double(), found)


def sum_of_next(values: Tensor, count: int, dim: int) -> Tensor:
    """The sum of `count` neighbours, the element itself the first; by doubling, the dimension `count` - 1 shorter."""
    length = values.shape[dim] - count + 1
    total, done, reach = None, 0, 1
    while True:
        if count & reach:
            part = values.narrow(dim, done, length)
            total, done = (part if total is None else total + part), done + reach
        if done == count:
            return total
        size = values.shape[dim] - reach
        values = values.narrow(dim, 0, size) + values.narrow(dim, reach, size)
        reach *= 2


def _dilate_triton(mask: Tensor, radius: int) -> Tensor:
    n, height, width = mask.shape
    found = torch.empty((n, height, width), dtype=torch.bool, device=mask.device)
    if found.numel():
        columns = min(COLUMNS, triton.next_power_of_2(width))
        grid = (n, triton.cdiv(height, ROWS), triton.cdiv(width, columns))
        inputs = mask.view(torch.uint8), found.view(torch.uint8), *mask.stride(), height, width
        with torch.cuda.device_of(mask):
            _dilate[grid](*inputs, RADIUS=radius, ROWS=ROWS, COLUMNS=columns, num_warps=2)
    return found


@jit
def _dilate(
    mask, found, image_stride, row_stride, column_stride, height, width,
    RADIUS: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """One strip of ROWS x COLUMNS pixels, row by row: across by reading the neighbours, down by a running count.

    So a pixel is read window times, mostly from the cache, not window squared times.
    """
    image = tl.program_id(0).to(tl.int64)
    first = tl.program_id(1) * ROWS
    column = tl.program_id(2) * COLUMNS + tl.arange(0, COLUMNS)
    mask += image * image_stride
    found += image * height * width
    since = tl.full((COLUMNS,), 2 * RADIUS + 1, tl.int32)  # rows since the last that had a True in reach
    for step in range(ROWS + 2 * RADIUS):
        row = first - RADIUS + step
        stop = tl.where((row >= 0) & (row < height), width, 0)
        near = tl.zeros((COLUMNS,), tl.uint8)
        for shift in range(-RADIUS, RADIUS + 1):
            there = column + shift
            pixels = mask + row * row_stride + there * column_stride
            near |= tl.load(pixels, mask=(there >= 0) & (there < stop), other=0)
        since = tl.where(near != 0, 0, since + 1)
        out = row - RADIUS  # the middle of the rows seen
        stop = tl.where((out >= first) & (out < height), width, 0)
        tl.store(found + out * width + column, (since <= 2 * RADIUS).to(tl.uint8), mask=column < stop)

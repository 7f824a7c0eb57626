"""One step of an attack once its gradient is there: what is done to the gradient, the move, the attribution's sum.

g <- smooth(g); g <- g / mean|g| of each image; g <- g + decay m; y <- clip01(x0 + clip(x + stride sign(g) - x0));
total <- total + (y - x) g; see attx/gradients/post.py for the sources. Triton takes two launches, or one where g is
neither smoothed nor divided. Sums have a fixed order, so the same bits come out in every run.
"""

from functools import lru_cache

import torch
from attx_kernels import dispatch
from attx_kernels.dispatch import jit, tl, triton
from attx_kernels.gaussian import gaussian_weights, smooth
from attx_kernels.layout import memory_format
from torch import Tensor

# Of a tile of the first launch, 8 values a thread: a column of threads reads 256 bytes in one go, and of what smoothing
# reads around a tile, most comes from the L1 cache.
ROWS, COLUMNS = 16, 64
BLOCK = 1024  # of the second launch: 8 values a thread, for two 16-byte loads of float32 or one of half precision


def update(
    gradient: Tensor,
    point: Tensor,
    start: Tensor,
    momentum: Tensor | None = None,
    total: Tensor | None = None,
    *,
    stride: float,
    epsilon: float,
    radius: int = 0,
    sigma: float = 1.0,
    normalise: bool = False,
    decay: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """The gradient as the step used it, which is the next momentum, and the next point; adds to `total` in place.

    All tensors (N, C, H, W). `radius` 0 smooths nothing, `momentum` None or `decay` 0 adds nothing.
    """
    momentum = momentum if decay else None
    if dispatch.way("update", gradient) == "triton":
        settings = decay, stride, epsilon, radius, sigma
        return _by_triton(gradient, point, start, momentum, total, settings, normalise)
    gradient = smooth(gradient, radius, sigma) if radius else gradient
    gradient = l1_normalised(gradient) if normalise else gradient
    gradient = gradient if momentum is None else gradient + decay * momentum
    following = moved(point, start, stride * gradient.sign(), epsilon)
    if total is not None:
        total += (following - point) * gradient
    return gradient, following


def l1_normalised(gradient: Tensor) -> Tensor:
    """Divided by the mean absolute value of each image (N, C, H, W); one that is zero everywhere stays zero."""
    mean = gradient.abs().mean(dim=(1, 2, 3), keepdim=True)
    return gradient / mean.where(mean > 0, mean.new_ones(()))


def moved(point: Tensor, start: Tensor, move: Tensor, epsilon: float) -> Tensor:
    """point + move, brought back to within epsilon of `start` and to [0, 1]."""
    return (start + (point + move - start).clamp(-epsilon, epsilon)).clamp(0, 1)


@lru_cache(maxsize=64)
def _constants(
    decay: float, stride: float, epsilon: float, radius: int, sigma: float, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """The settings, then the weights: a tensor, since Triton passes numbers as float32, and kept on the device."""
    return torch.tensor([decay, stride, epsilon, *gaussian_weights(radius, sigma)], dtype=dtype, device=device)


def _by_triton(
    gradient: Tensor,
    point: Tensor,
    start: Tensor,
    momentum: Tensor | None,
    total: Tensor | None,
    settings: tuple,
    normalise: bool,
) -> tuple[Tensor, Tensor]:
    layout, (images, channels, height, width) = memory_format(point), point.shape
    gradient, point, start = (x.contiguous(memory_format=layout) for x in (gradient, point, start))
    momentum = None if momentum is None else momentum.contiguous(memory_format=layout)
    radius, exact = settings[3], torch.promote_types(gradient.dtype, torch.float32)
    constants = _constants(*settings, exact, gradient.device)
    # in channels_last a row of pixels is one of values, in which the neighbours of a channel are `channels` apart
    planes, across = (channels, 1) if layout == torch.contiguous_format else (1, channels)
    tiles = triton.cdiv(width * across, COLUMNS), triton.cdiv(height, ROWS)
    each = planes * tiles[0] * tiles[1] if normalise else 0  # partial sums an image
    sums = torch.empty((images, each), dtype=exact, device=gradient.device) if normalise else None
    following, used = torch.empty_like(point), torch.empty_like(gradient)
    fits = total is not None and total.is_contiguous(memory_format=layout)
    size, values = channels * height * width, used if radius else gradient
    with torch.cuda.device_of(gradient):
        if radius or normalise:
            shape = {"RADIUS": radius, "ACROSS": across, "ROWS": ROWS, "COLUMNS": COLUMNS}
            _smooth[*tiles, images * planes](gradient, used, sums, constants, height, width * across, **shape)
        _step[triton.cdiv(size, BLOCK), images](
            *(values, used, momentum, point, start, following, total if fits else None, sums, constants),
            *(size, each),
            BLOCK=BLOCK,
        )
    if total is not None and not fits:
        total += (following - point) * used
    return used, following


@jit
def _smooth(
    gradient,
    used,
    sums,
    constants,
    height,
    width,
    RADIUS: tl.constexpr,
    ACROSS: tl.constexpr,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    """A program smooths a tile and, if wanted, sums its absolute values."""
    plane = tl.program_id(2).to(tl.int64)
    y = tl.program_id(1) * ROWS + tl.arange(0, ROWS)[:, None]
    x = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)[None, :]
    within = (y < height) & (x < width)
    source = gradient + plane * height * width
    weights = constants + 3
    if RADIUS:
        value = tl.zeros((ROWS, COLUMNS), constants.dtype.element_ty)
        for i in range(2 * RADIUS + 1):
            above = y + i - RADIUS
            line = tl.zeros((ROWS, COLUMNS), constants.dtype.element_ty)
            for j in tl.static_range(2 * RADIUS + 1):
                beside = x + (j - RADIUS) * ACROSS
                inside = (above >= 0) & (above < height) & (beside >= 0) & (beside < width)
                line += tl.load(weights + j) * tl.load(source + above * width + beside, mask=inside, other=0)
            value += tl.load(weights + i) * line
        tl.store(used + plane * height * width + y * width + x, value, mask=within)
    else:
        value = tl.load(source + y * width + x, mask=within, other=0).to(constants.dtype.element_ty)
    if sums is not None:
        tile = (plane * tl.num_programs(1) + tl.program_id(1)) * tl.num_programs(0) + tl.program_id(0)
        tl.store(sums + tile, tl.sum(tl.where(within, tl.abs(value), 0)))


@jit
def _step(
    values,
    used,
    momentum,
    point,
    start,
    following,
    total,
    sums,
    constants,
    size,
    each,
    BLOCK: tl.constexpr,
):
    """A program makes a block of an image's step; `values` and `used` may be the same tensor."""
    image = tl.program_id(1).to(tl.int64)
    inner = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    within = inner < size
    place = image * size + inner
    decay, stride, epsilon = tl.load(constants), tl.load(constants + 1), tl.load(constants + 2)
    g = tl.load(values + place, mask=within, other=0).to(decay.dtype)
    if sums is not None:
        parts = tl.zeros((BLOCK,), decay.dtype)
        for first in range(0, each, BLOCK):
            part = first + tl.arange(0, BLOCK)
            parts += tl.load(sums + image * each + part, mask=part < each, other=0)
        mean = tl.sum(parts) / size
        g = g / tl.where(mean > 0, mean, 1)
    if momentum is not None:
        g += decay * tl.load(momentum + place, mask=within, other=0)
    tl.store(used + place, g, mask=within)
    x = tl.load(point + place, mask=within, other=0).to(decay.dtype)
    origin = tl.load(start + place, mask=within, other=0).to(decay.dtype)
    y = x + stride * tl.where(g > 0, 1, tl.where(g < 0, -1, 0))
    y = origin + tl.minimum(tl.maximum(y - origin, -epsilon), epsilon)
    y = tl.minimum(tl.maximum(y, 0), 1).to(following.dtype.element_ty)
    tl.store(following + place, y, mask=within)
    if total is not None:
        before = tl.load(total + place, mask=within, other=0)
        tl.store(total + place, before + (y.to(decay.dtype) - x) * g, mask=within)

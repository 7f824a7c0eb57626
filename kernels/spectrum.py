"""The two-dimensional discrete cosine transform, type II, its inverse, and copies of images noisy and masked in it.

y = C_H x C_W^T with C[k, n] = s_k cos(pi (2n + 1) k / 2N), s_0 = sqrt(1/N), else sqrt(2/N): orthonormal, so the
inverse is the transpose, and so is the adjoint that autograd needs. Equal to `scipy.fft.dctn(norm="ortho")`. By matrix
products, on both ways.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from attx_kernels import dispatch, philox
from attx_kernels.dispatch import jit, tl, triton, way
from attx_kernels.philox import block, eight, pair
from attx_kernels.tune import tuned
from torch import Tensor

DEEPEST = 32  # how far along k a step of a product goes
WIDEST = 256  # the longest part of a row that one program makes: what is drawn for an element is then drawn once
# An element is the sum of its products in the order of k. What would change that is not here: the step along k, and
# tiles of 64 lines, which get other tensor instructions.
SETTINGS = (
    {"BM": 32, "num_warps": 8, "num_stages": 3},
    {"BM": 32, "num_warps": 8, "num_stages": 2},
    {"BM": 32, "num_warps": 4, "num_stages": 3},
    {"BM": 16, "num_warps": 4, "num_stages": 3},
    {"BM": 16, "num_warps": 4, "num_stages": 2},
)


@lru_cache(maxsize=256)  # `sia` has blocks of many sizes
def dct_matrix(n: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The orthonormal DCT-II matrix, (n, n), rounded from float64."""
    k = torch.arange(n, dtype=torch.float64)
    matrix = torch.cos(torch.pi * k[:, None] * (2 * k + 1) / (2 * n)) * (2 / n) ** 0.5
    matrix[0] /= 2**0.5
    return matrix.to(device, dtype)


def dct2(x: Tensor) -> Tensor:
    """DCT-II over the last two dimensions of `x` (..., H, W)."""
    return _DCT2.apply(x, False) if way("spectrum", x) == "triton" else _dct2(x, False)


def idct2(y: Tensor) -> Tensor:
    """The inverse of `dct2`."""
    return _DCT2.apply(y, True) if way("spectrum", y) == "triton" else _dct2(y, True)


def masked_copies(
    spectra: Tensor,
    image: Sequence[int],
    counters: philox.Counters,
    streams: tuple[int, int],
    sigma: float,
    rho: float,
) -> Tensor:
    """IDCT2((spectra[image] + sigma n) (1 - rho + 2 rho u)), (rows, C, H, W), a row for each of `image`; no gradient.

    n is standard normal, drawn by `streams[0]`, u uniform in [0, 1), by `streams[1]`; no noise is drawn for sigma 0.
    Noise added to a spectrum is noise added to the image: an orthonormal transform of white noise is white.
    """
    with torch.no_grad():
        if way("spectrum", spectra) == "triton":
            return _masked_copies(spectra, image, counters, streams, sigma, rho)
        return _dct2(_masked(spectra, image, counters, streams, sigma, rho), True)


def _dct2(x: Tensor, inverse: bool) -> Tensor:
    rows, columns = (dct_matrix(n, x.dtype, x.device) for n in x.shape[-2:])
    return rows.T @ (x @ columns) if inverse else rows @ (x @ columns.T)


def _masked(
    spectra: Tensor, image: Sequence[int], counters: philox.Counters, streams: tuple[int, int], sigma: float, rho: float
) -> Tensor:
    """Row by row, so that all of it happens in the processor's cache."""
    if spectra.device.type != "cpu" or spectra.dtype not in (torch.float32, torch.float64):
        return _masked_on(spectra, image, counters, streams, sigma, rho)
    held = spectra.contiguous().numpy().reshape(len(spectra), -1)
    dtype, count = held.dtype, held.shape[1]
    out = np.empty((len(counters), count), dtype)
    for row, i, key, copy in zip(out, image, counters.keys, counters.copies, strict=True):
        values = held[i]
        if sigma:
            bits = philox.words(key, (streams[0], int(copy), counters.step), count + count % 2)
            noise = philox.normal(bits, dtype)[:count]
            noise *= dtype.type(sigma)
            noise += values
            values = noise
        bits = philox.words(key, (streams[1], int(copy), counters.step), count + count % 2)
        mask = philox.uniform(bits[:count], dtype)
        mask *= dtype.type(2 * rho)
        mask += dtype.type(1 - rho)
        np.multiply(values, mask, out=row)
    return torch.from_numpy(out).unflatten(1, spectra.shape[1:])


def _masked_on(
    spectra: Tensor, image: Sequence[int], counters: philox.Counters, streams: tuple[int, int], sigma: float, rho: float
) -> Tensor:
    """In array operations, for any device and dtype."""
    count, values = spectra[0].numel(), spectra[torch.as_tensor(image).to(spectra.device)].flatten(1)
    if sigma:
        values = values + sigma * philox.draw("normal", counters, streams[0], count, spectra)
    mask = 1 - rho + 2 * rho * philox.draw("uniform", counters, streams[1], count, spectra)
    return (values * mask).unflatten(1, spectra.shape[1:])


class _DCT2(torch.autograd.Function):
    """By Triton; the adjoint of each is the other."""

    @staticmethod
    def forward(ctx, x: Tensor, inverse: bool) -> Tensor:
        ctx.inverse = inverse
        flat = x.reshape(-1, 1, *x.shape[-2:])
        return _columns(_rows(flat, inverse), inverse, x.dtype).reshape(x.shape)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        return _DCT2.apply(gradient, not ctx.inverse), None


def _factor(n: int, inverse: bool, like: Tensor) -> Tensor:
    """What a row of length n is multiplied with from the right, in the precision of the sums."""
    exact = torch.float64 if like.dtype == torch.float64 else torch.float32
    matrix = dct_matrix(n, exact, like.device)
    return matrix if inverse else matrix.T


def _rows(x: Tensor, inverse: bool) -> Tensor:
    """Each row of `x` (N, C, H, W) transformed; (N, C, H, W) in the precision of the sums."""
    n, c, height, width = x.shape
    x, factor = x.contiguous(), _factor(width, inverse, x)
    out = torch.empty(n, c, height, width, dtype=factor.dtype, device=x.device)
    _launch(x.view(n, c * height, width), factor, out.view(n, c * height, width))
    return out


def _columns(x: Tensor, inverse: bool, dtype: torch.dtype) -> Tensor:
    """Each column of `x` (N, C, H, W) transformed; the result is of `dtype`."""
    n, c, height, width = x.shape
    out = torch.empty(n, c, height, width, dtype=dtype, device=x.device)
    turned, into = (t.view(n * c, height, width).transpose(1, 2) for t in (x, out))
    _launch(turned, _factor(height, inverse, x), into)
    return out


def _masked_copies(
    spectra: Tensor, image: Sequence[int], counters: philox.Counters, streams: tuple[int, int], sigma: float, rho: float
) -> Tensor:
    """Two products; what is drawn lives in registers of the first."""
    c, height, width = spectra.shape[1:]
    spectra, factor = spectra.contiguous(), _factor(width, True, spectra)
    between = torch.empty(len(image), c * height, width, dtype=factor.dtype, device=spectra.device)
    table = torch.cat([counters.table, torch.as_tensor(image)[:, None]], 1).to(spectra.device, non_blocking=True)
    draws = table, streams[0], streams[1], counters.step, sigma, rho
    _launch(spectra.view(len(spectra), c * height, width), factor, between, draws)
    return _columns(between.view(len(image), c, height, width), True, spectra.dtype)


def _launch(a: Tensor, factor: Tensor, out: Tensor, draws: tuple | None = None) -> None:
    """out[b] = a[b] @ factor for (B, M, K), (K, N) and (B, M, N); with `draws`, a[image] noisy and masked for a[b]."""
    batch, m, n = out.shape
    k = factor.shape[0]
    tile_n = min(WIDEST, max(16, triton.next_power_of_2(n)))
    table, noise, mask, step, sigma, rho = draws or (a, 0, 0, 0, 0.0, 0.0)

    def grid(settings: dict) -> tuple[int, int, int]:
        return batch, triton.cdiv(m, settings["BM"]), triton.cdiv(n, tile_n)

    precision = dispatch.precision("spectrum")
    with torch.cuda.device_of(out):
        _product[grid](
            *(a, factor, out, table, noise, mask, step, sigma, rho, m, n, k),
            *(*a.stride(), *factor.stride(), *out.stride()),
            *(draws is not None, sigma != 0, draws is not None and k % 8 == 0, a.stride(2) != 1),
            *(precision, tile_n, DEEPEST),
        )


@jit
def _values(first, line, column, k, stream, copy, step, k0, k1, NORMAL: tl.constexpr, ALIGNED: tl.constexpr,
            DTYPE: tl.constexpr, BM: tl.constexpr, BK: tl.constexpr):  # fmt: skip
    """What is drawn for the elements line * k + first ... + BK of a row's draw: (BM, BK)."""
    if ALIGNED:  # eight elements that follow each other share a block
        number = (line[:, None] * k + first) // 8 + tl.arange(0, BK // 8)[None, :] + 1
        return eight(number.to(tl.uint64), stream, copy, step, k0, k1, NORMAL, DTYPE)
    place = line[:, None] * k + column[None, :]
    c0, c1, c2, c3 = block((place // 8 + 1).to(tl.uint64), stream, copy, step, k0, k1)
    which = place % 8 // 2
    word = tl.where(which == 0, c0, tl.where(which == 1, c1, tl.where(which == 2, c2, c3)))
    even, odd = pair(word, NORMAL, DTYPE)
    return tl.where(place % 2 == 0, even, odd)


@tuned(*SETTINGS, key=["BN", "DRAWS", "NOISE", "ALIGNED", "TURNED", "PRECISION"])
@jit(do_not_specialize=["noise", "mask", "step", "m", "n", "k"])  # each kind of number would be a kernel of its own
def _product(a, factor, out, table, noise, mask, step, sigma, rho, m, n, k,
             ab, am, ak, fk, fn, ob, om, on,
             DRAWS: tl.constexpr, NOISE: tl.constexpr, ALIGNED: tl.constexpr, TURNED: tl.constexpr,
             PRECISION: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, BM: tl.constexpr):  # fmt: skip
    """TURNED: `a` is transposed. Lines of `a` are read apart then, which the compiler sees by itself, but settings are
    measured by."""
    b = tl.program_id(0).to(tl.int64)
    line = tl.program_id(1) * BM + tl.arange(0, BM)
    place = tl.program_id(2) * BN + tl.arange(0, BN)
    dtype: tl.constexpr = factor.dtype.element_ty
    source = b
    if DRAWS:
        k0 = tl.load(table + 4 * b).to(tl.uint64, bitcast=True)
        k1 = tl.load(table + 4 * b + 1).to(tl.uint64, bitcast=True)
        copy = tl.load(table + 4 * b + 2).to(tl.uint64)
        source = tl.load(table + 4 * b + 3)
    total = tl.zeros((BM, BN), dtype)
    for first in range(0, k, BK):
        column = first + tl.arange(0, BK)
        inside = (line < m)[:, None] & (column < k)[None, :]
        left = tl.load(a + source * ab + line[:, None] * am + column[None, :] * ak, mask=inside, other=0.0).to(dtype)
        if DRAWS:
            if NOISE:
                left += sigma * _values(first, line, column, k, noise, copy, step, k0, k1, True, ALIGNED, dtype, BM, BK)
            drawn = _values(first, line, column, k, mask, copy, step, k0, k1, False, ALIGNED, dtype, BM, BK)
            left = tl.where(inside, left * (1 - rho + 2 * rho * drawn), 0.0)
        right = tl.load(
            factor + column[:, None] * fk + place[None, :] * fn,
            mask=(column < k)[:, None] & (place < n)[None, :],
            other=0.0,
        )
        total = tl.dot(left.to(dtype), right, total, input_precision=PRECISION, out_dtype=dtype)
    target = out + b * ob + line[:, None] * om + place[None, :] * on
    tl.store(target, total.to(out.dtype.element_ty), mask=(line < m)[:, None] & (place < n)[None, :])

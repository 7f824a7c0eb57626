"""Philox4x64-10, the counter-based generator behind every random draw (Salmon et al., SC 2011).

A draw is a function of a 128-bit key and a 256-bit counter (block, stream, copy, step), so any part of any draw can be
made anywhere, in any order. The integers are those of `numpy.random.Philox`, which is what a CPU uses: 4x64 rather than
4x32 because NumPy makes it in C, five times as fast as anything written in array operations. A block has 8 uint32, for
8 values that follow each other: value 8 b + i of a draw comes from block b + 1 alone (NumPy counts before it draws).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from attx_kernels.dispatch import interpreted, jit, tl, triton, way
from torch import Tensor

MULTIPLIERS = 0xD2E7470EE14C6C93, 0xCA5A826395121157
WEYL = 0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B
TINY = 2.0**-25  # half a step of the uniform numbers: keeps logarithms finite
BLOCKS = 256  # of 8 values each: what one program of `_fill` draws


@dataclass(frozen=True)
class Counters:
    """What the draws of some rows depend on: `keys` (rows, 2) uint64, `copies` (rows,) int64, and the step."""

    keys: np.ndarray
    copies: np.ndarray
    step: int

    def __len__(self) -> int:
        return len(self.copies)

    @cached_property
    def table(self) -> Tensor:
        """The rows' (key, key, copy), (rows, 3) int64, on the host."""
        return torch.from_numpy(np.column_stack([self.keys.view(np.int64), self.copies]))


def words(key: np.ndarray, counter: tuple[int, int, int], count: int) -> np.ndarray:
    """`count` random uint32 for a key (2 x uint64) and the three upper words of the counter."""
    generator = np.random.Philox(key=key, counter=np.array([0, *counter], dtype=np.uint64))
    return generator.random_raw((count + 1) // 2).view(np.uint32)[:count]


def uniform(bits: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """uint32 -> multiples of 2^-24 in [0, 1), exact in float32 and float64."""
    found = (bits >> np.uint32(8)).view(np.int32).astype(dtype)  # the conversion of signed numbers is the faster one
    found *= dtype.type(2.0**-24)
    return found


def normal(bits: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """An even number of uint32 -> as many standard normals; two give the radius and angle of a Box-Muller pair."""
    found = uniform(bits, dtype)
    radius = found[0::2] + dtype.type(TINY)
    np.log(radius, out=radius)
    radius *= dtype.type(-2)
    np.sqrt(radius, out=radius)
    angle = found[1::2] * dtype.type(2 * np.pi)
    np.multiply(radius, np.cos(angle), out=found[0::2])
    np.multiply(radius, np.sin(angle, out=angle), out=found[1::2])
    return found


def few(counters: Counters, stream: int, count: int) -> np.ndarray:
    """(rows, count) uniform float64 numbers, those of `draw`, for all rows at once: fast where `count` is small."""
    numbers = np.arange(1, 2 + (count - 1) // 8, dtype=np.uint64)
    k0, k1 = (counters.keys[:, i, None] for i in (0, 1))
    c0, c2, c3 = np.broadcast_arrays(numbers, counters.copies[:, None].astype(np.uint64), np.uint64(counters.step))
    c1 = np.full(c0.shape, stream, np.uint64)
    with np.errstate(over="ignore"):
        for round_ in range(10):
            w0, w1 = (np.uint64(round_ * w % 2**64) for w in WEYL)
            (high0, low0), (high1, low1) = _wide(c0, MULTIPLIERS[0]), _wide(c2, MULTIPLIERS[1])
            c0, c1, c2, c3 = high1 ^ c1 ^ (k0 + w0), low1, high0 ^ c3 ^ (k1 + w1), low0
    bits = np.stack([c0, c1, c2, c3], -1).view(np.uint32).reshape(len(counters), 8 * len(numbers))[:, :count]
    return uniform(bits, np.dtype(np.float64))


def _wide(a: np.ndarray, b: int) -> tuple[np.ndarray, np.ndarray]:
    """The 128 bits of a b: (upper, lower), by halves."""
    low, half = np.uint64(2**32 - 1), np.uint64(32)
    a0, a1, b0, b1 = a & low, a >> half, np.uint64(b & (2**32 - 1)), np.uint64(b >> 32)
    lower, cross, other = a0 * b0, a0 * b1, a1 * b0
    middle = (lower >> half) + (cross & low) + (other & low)
    return a1 * b1 + (cross >> half) + (other >> half) + (middle >> half), a * np.uint64(b)


def draw(kind: Literal["uniform", "normal"], counters: Counters, stream: int, count: int, like: Tensor) -> Tensor:
    """(rows, count) uniform in [0, 1) or standard normal, of the dtype and device of `like`.

    Half precision is drawn in float32 and rounded. What is wanted on the host is always drawn there.
    """
    if (like.is_cuda or interpreted()) and way("philox", like) == "triton":
        return _on_the_device(kind, counters, stream, count, like)
    dtype = np.dtype(np.float64 if like.dtype == torch.float64 else np.float32)
    convert = {"uniform": uniform, "normal": normal}[kind]
    out = np.empty((len(counters), count), dtype)
    for row, key, copy in zip(out, counters.keys, counters.copies, strict=True):
        bits = words(key, (stream, int(copy), counters.step), count + count % 2)
        row[:] = convert(bits, dtype)[:count]
    return torch.from_numpy(out).to(like.device, like.dtype, non_blocking=True)


def _on_the_device(kind: str, counters: Counters, stream: int, count: int, like: Tensor) -> Tensor:
    exact = like.dtype if like.dtype == torch.float64 else torch.float32
    out = torch.empty(len(counters), count, dtype=exact, device=like.device)
    grid = len(counters), triton.cdiv(count, 8 * BLOCKS)
    table = counters.table.to(like.device, non_blocking=True)
    with torch.cuda.device_of(out):
        _fill[grid](table, out, stream, counters.step, count, NORMAL=kind == "normal", BLOCKS=BLOCKS)
    return out.to(like.dtype)


@jit
def block(number, stream, copy, step, k0, k1):
    """The four uint64 of a block; `number` any tensor of uint64, the others uint64 scalars."""
    c0 = number
    c1 = tl.zeros_like(number) + stream
    c2 = tl.zeros_like(number) + copy
    c3 = tl.zeros_like(number) + step
    m0 = tl.full((), 0xD2E7470EE14C6C93, tl.uint64)
    m1 = tl.full((), 0xCA5A826395121157, tl.uint64)
    w0 = tl.full((), 0x9E3779B97F4A7C15, tl.uint64)
    w1 = tl.full((), 0xBB67AE8584CAA73B, tl.uint64)
    for _ in tl.static_range(10):
        c0, c1, c2, c3 = tl.umulhi(c2, m1) ^ c1 ^ k0, c2 * m1, tl.umulhi(c0, m0) ^ c3 ^ k1, c0 * m0
        k0 += w0
        k1 += w1
    return c0, c1, c2, c3


@jit
def _unit(half, DTYPE: tl.constexpr):
    """As `uniform`, from the uint64 that has the bits in its lower half."""
    return ((half & 0xFFFFFFFF) >> 8).to(DTYPE) * 5.9604644775390625e-08  # 2^-24


@jit
def pair(word, NORMAL: tl.constexpr, DTYPE: tl.constexpr):
    """The two values that a uint64 gives: as `uniform` or `normal`."""
    first, second = _unit(word, DTYPE), _unit(word >> 32, DTYPE)
    if NORMAL:
        radius = tl.sqrt(-2 * tl.log(first + 2.98023223876953125e-08))  # TINY
        angle = second * 6.283185307179586
        first, second = radius * tl.cos(angle), radius * tl.sin(angle)
    return first, second


@jit
def eight(number, stream, copy, step, k0, k1, NORMAL: tl.constexpr, DTYPE: tl.constexpr):
    """The values 8 (number - 1) ... + 7 of a draw, for `number` (M, B): (M, 8 B)."""
    c0, c1, c2, c3 = block(number, stream, copy, step, k0, k1)
    v0, v1 = pair(c0, NORMAL, DTYPE)
    v2, v3 = pair(c1, NORMAL, DTYPE)
    v4, v5 = pair(c2, NORMAL, DTYPE)
    v6, v7 = pair(c3, NORMAL, DTYPE)
    # joining appends a fastest axis, so the index of a value reads 4 p + 2 q + r
    even = tl.join(tl.join(v0, v4), tl.join(v2, v6))
    odd = tl.join(tl.join(v1, v5), tl.join(v3, v7))
    return tl.reshape(tl.join(even, odd), (number.shape[0], 8 * number.shape[1]))


@jit(do_not_specialize=["stream", "step", "count"])  # each kind of number would be a kernel of its own
def _fill(table, out, stream, step, count, NORMAL: tl.constexpr, BLOCKS: tl.constexpr):
    row = tl.program_id(0)
    first = tl.program_id(1) * BLOCKS
    k0 = tl.load(table + 3 * row).to(tl.uint64, bitcast=True)
    k1 = tl.load(table + 3 * row + 1).to(tl.uint64, bitcast=True)
    copy = tl.load(table + 3 * row + 2).to(tl.uint64)
    number = (first + 1 + tl.arange(0, BLOCKS)).to(tl.uint64)[None, :]
    values = eight(number, stream, copy, step, k0, k1, NORMAL, out.dtype.element_ty)
    place = 8 * first + tl.arange(0, 8 * BLOCKS)
    tl.store(out + row.to(tl.int64) * count + place[None, :], values, mask=(place < count)[None, :])

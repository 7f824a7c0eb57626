"""Discordant pairs of two rankings, which Kendall's tau counts, in O(K log K) operations on whole arrays.

The pairs of levels are sorted by the first, ties by the second; a pair of pixels is discordant where the second then
descends (Knight, JASA 1966). Descents within short runs are counted by comparing; runs are then merged two by two, and
each of the left run that ends up behind some of the right adds that many. A merge is a plain sort, which NumPy does in
vector instructions, of integers that hold the level and, in the bits below it, the place, so that the place tells from
which run an element came.
"""

import numpy as np
import torch
from torch import Tensor

RUN = 64  # elements of a run that is counted by comparing


def discordant(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Of dense ranks (N, K), int64, of the same K pixels: pairs in opposite order, and pairs tied in both; int64 (N,).

    K is 2**31 at most.
    """
    pairs = (one << 32) | other
    on_cpu = pairs.device.type == "cpu"
    pairs = torch.from_numpy(np.sort(pairs.numpy(), axis=1)) if on_cpu else pairs.sort(1).values
    places = torch.arange(pairs.shape[1], device=pairs.device).expand_as(pairs)
    same = pairs[:, 1:] == pairs[:, :-1]
    # the place in the run of equal pairs, summed, is the number of pairs within it
    starts = torch.zeros_like(places)
    starts[:, 1:] = torch.where(same, 0, places[:, 1:])
    tied = (places - starts.cummax(1).values).sum(1)
    descents = _descents if not on_cpu else _descents_of_rows
    return descents(pairs & (2**32 - 1)), tied


def _padded(levels: Tensor) -> tuple[Tensor, int]:
    """With levels above all others at the end, to a power of two of elements; and which."""
    n, size = levels.shape
    bits = max(RUN.bit_length() - 1, (size - 1).bit_length())
    whole = torch.arange(2**bits, device=levels.device).repeat(n, 1)
    whole[:, :size] = levels
    return whole, bits


def _descents(levels: Tensor) -> Tensor:
    """Pairs of elements of each row, the first larger than the second."""
    whole, bits = _padded(levels)
    runs = whole.unflatten(1, (-1, RUN))
    found = sum((runs[..., :-d] > runs[..., d:]).sum((1, 2)) for d in range(1, RUN))
    keys = (whole << bits) | torch.arange(2**bits, device=levels.device)
    for level in range(RUN.bit_length() - 1, bits):
        half = 2**level
        blocks = keys.unflatten(1, (-1, 2 * half)).sort(2).values
        right = ((blocks >> level) & 1) * torch.arange(2 * half, device=levels.device)
        found += _behind(half, blocks.shape[1]) - right.sum((1, 2))
        keys = blocks.flatten(1)
    return found


def _behind(half: int, blocks: int) -> int:
    """By how many places all of the left runs move in merging, plus the sum of the places of all of the right."""
    return blocks * (half * (2 * half - 1) - half * (half - 1) // 2)


def _descents_of_rows(levels: Tensor) -> Tensor:
    """The same on a CPU, row by row, since a row fits the cache; up to 2**16 elements in 32 bits."""
    whole, bits = _padded(levels)
    kind = np.int32 if bits <= 16 else np.int64
    places = np.arange(2**bits, dtype=kind)
    return torch.tensor([_descents_of_row(row.astype(kind), places, bits) for row in whole.numpy()], dtype=torch.int64)


def _descents_of_row(row: np.ndarray, places: np.ndarray, bits: int) -> int:
    runs = np.ascontiguousarray(row.reshape(-1, RUN).T)
    found = sum(np.count_nonzero(runs[:-d] > runs[d:]) for d in range(1, RUN))
    keys = (row << bits) | places
    keys ^= np.array(-1 << (2 * bits - 1)).astype(keys.dtype) if bits == 16 else 0  # the sign's bit: 32 are used
    for level in range(RUN.bit_length() - 1, bits):
        half = 2**level
        blocks = keys.reshape(-1, 2 * half)
        blocks.sort(axis=1)
        right = ((blocks >> level) & 1).sum(0)
        found += _behind(half, len(blocks)) - int(right @ np.arange(2 * half))
    return found

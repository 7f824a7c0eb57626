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

RUN = 16  # elements of a run that is counted by comparing, a power of two


def discordant(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Of dense ranks (N, K), int64, of the same K pixels: pairs in opposite order, and pairs tied in both; int64 (N,).

    K is 2**31 at most.
    """
    pairs = (one << 32) | other
    if pairs.device.type != "cpu":
        pairs = pairs.sort(1).values
        return _descents(pairs & (2**32 - 1)), _tied(pairs)
    found = torch.empty((2, len(pairs)), dtype=torch.int64)
    for i, row in enumerate(pairs.numpy()):  # one by one, since a row fits the cache
        row.sort()
        found[0, i], found[1, i] = _descents_of_row(row & (2**32 - 1)), _tied_of_row(row)
    return found[0], found[1]


def _behind(half: int, blocks: int) -> int:
    """The places of the right runs' elements after merging, summed, if none of the left is behind any of the right."""
    return blocks * (half * (2 * half - 1) - half * (half - 1) // 2)


def _bits(size: int) -> int:
    """Of the places in a row, with what is added to make its length a power of two."""
    return max(RUN.bit_length() - 1, (size - 1).bit_length())


def _descents(levels: Tensor) -> Tensor:
    """Pairs of elements of each row (N, K), the first larger than the second."""
    n, size = levels.shape
    bits = _bits(size)
    places = torch.arange(2**bits, device=levels.device)
    whole = torch.cat([levels, places[size:].expand(n, -1)], 1)  # levels above all others at the end
    runs = whole.unflatten(1, (-1, RUN))
    found = sum((runs[..., :-d] > runs[..., d:]).sum((1, 2)) for d in range(1, RUN))
    keys = (whole << bits) | places
    for level in range(RUN.bit_length() - 1, bits):
        half = 2**level
        blocks = keys.unflatten(1, (-1, 2 * half)).sort(2).values
        right = ((blocks >> level) & 1).sum(1) * places[: 2 * half]
        found += _behind(half, blocks.shape[1]) - right.sum(1)
        keys = blocks.flatten(1)
    return found


def _descents_of_row(levels: np.ndarray) -> int:
    """The same of a row (K,) on a CPU; up to 2**16 elements in 32 bits."""
    bits = _bits(levels.size)
    kind = np.int32 if bits <= 16 else np.int64
    places = np.arange(2**bits, dtype=kind)
    whole = places.copy()
    whole[: levels.size] = levels
    runs = np.ascontiguousarray(whole.reshape(-1, RUN).T)
    found = sum(np.count_nonzero(runs[:-d] > runs[d:]) for d in range(1, RUN))
    if bits == 16:
        whole -= 2**15  # the highest levels would take the sign's bit
    keys = (whole << bits) | places
    for level in range(RUN.bit_length() - 1, bits):
        half = 2**level
        blocks = keys.reshape(-1, 2 * half)
        blocks.sort(axis=1)
        right = ((blocks >> level) & 1).sum(0, dtype=kind)
        found += _behind(half, len(blocks)) - int(right @ np.arange(2 * half))
    return found


def _tied(pairs: Tensor) -> Tensor:
    """Pairs of equal elements of each sorted row: the sum of every element's place among its equals."""
    places = torch.arange(pairs.shape[1], device=pairs.device).expand_as(pairs)
    starts = torch.zeros_like(places)
    starts[:, 1:] = torch.where(pairs[:, 1:] == pairs[:, :-1], 0, places[:, 1:])
    return (places - starts.cummax(1).values).sum(1)


def _tied_of_row(pairs: np.ndarray) -> int:
    """The same of a row on a CPU, where most have none."""
    differs = pairs[1:] != pairs[:-1]
    if differs.all():
        return 0
    lengths = np.diff(np.flatnonzero(differs), prepend=-1, append=pairs.size - 1)
    return int((lengths * (lengths - 1)).sum()) // 2

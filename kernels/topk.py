"""The k largest pixels of a map: all of them, or picked apart from each other (LENS's top-k-div).

Top-k-div (Rethinking Robustness of Model Attributions, AAAI 2024): pick the best pixel of the pool, take its window out
of the pool, and so on until k are picked. Ties go to the lowest index (rows first). A pixel is thus picked if no
better one that was picked has it in its window: one walk over the pool from the best pixel on.
"""

import numpy as np
import torch
from attx_kernels import rank
from attx_kernels.dispatch import HALF_OR_SINGLE, jit, tl, way
from attx_kernels.windows import radius_of
from torch import Tensor

CHUNK = 512  # pixels of the walk on a CPU looked at in one go
BLOCK = 128  # the same on a GPU: by one warp, which needs no other to find the first pixel that is left
CELLS = 64  # pixels of a window marked in one go on a GPU


def top_k(values: Tensor, k: int) -> Tensor:
    """The k largest of each map of `values` (N, H, W), without NaN, as a mask (N, H, W); ties to the lowest index.

    ValueError unless k is at least 1 and at most H * W.
    """
    _check(values, k)
    rows = values.detach().flatten(1)
    if values.device.type != "cpu" or values.dtype not in (*HALF_OR_SINGLE, torch.float64):
        mask = torch.zeros_like(rows, dtype=torch.bool).scatter_(1, rank.order(rows)[:, :k], True)
        return mask.view(values.shape)
    rows = (rows if rows.dtype == torch.float64 else rows.float()).numpy()
    mask = np.empty(rows.shape, dtype=bool)
    for row, chosen in zip(rows, mask, strict=True):
        least = np.partition(row, row.size - k)[-k]
        np.greater_equal(row, least, out=chosen)
        excess = np.count_nonzero(chosen) - k
        if excess:
            chosen[np.flatnonzero(row == least)[-excess:]] = False
    return torch.from_numpy(mask).view(values.shape)


def top_k_div(
    values: Tensor, k: int, window: int, pool: int | None = None, *, order: Tensor | None = None, first: int = 0
) -> Tensor:
    """Indices (N, k), int64, in the order of picking, of maps (N, H, W) without NaN; index = row * W + column.

    `window`: odd side in pixels of the square that a pick takes out of the pool, clipped at the borders. `pool`: only
    the so many largest pixels, None for all. `order`: what `rank.order` gives, where it is known. ValueError where
    fewer than k can be picked, and for unfit settings; `first` is the first map's number in its message.
    """
    radius = radius_of(window)
    _check(values, k)
    if pool is not None and pool < 1:
        raise ValueError(f"pool {pool}: give a number of pixels, at least 1, or None for all")
    candidates = (rank.order(values.detach().flatten(1)) if order is None else order)[:, :pool]
    walk = _walk_triton if way("topk", values) == "triton" else _walk_torch
    picks, counts = walk(candidates, k, radius, *values.shape[1:])
    short = [(i, count) for i, count in enumerate(counts, first) if count < k]
    if short:
        maps = ", ".join(f"{count} in map {i}" for i, count in short[:5]) + (", ..." if len(short) > 5 else "")
        size, largest = values[0].numel(), candidates.shape[1]
        source, larger = (
            (f"all {size}", "") if largest == size else (f"the largest {largest} of {size}", ", or raise pool")
        )
        raise ValueError(
            f"no {k} picks with windows of {window} x {window} in {len(short)} of {len(values)} maps ({maps}, counted "
            f"from 0) from {source} pixels: lower k or window{larger}"
        )
    return picks


def _check(values: Tensor, k: int) -> None:
    if values.ndim != 3:
        raise ValueError(f"values of shape {tuple(values.shape)}: give (N, H, W)")
    if not 1 <= k <= values.shape[1] * values.shape[2]:
        raise ValueError(f"k {k}: give 1 to {values.shape[1] * values.shape[2]}, the pixels of a map")


def _walk_torch(candidates: Tensor, k: int, radius: int, height: int, width: int) -> tuple[Tensor, list[int]]:
    """Picks (N, k) and how many of them there are, for each map."""
    pitch = width + radius  # a gap between rows, and room above and below, take what overhangs
    lead = radius * (pitch + 1)
    size = (height + 2 * radius) * pitch + 2 * radius
    places = lead + np.arange(height * width) + np.arange(height * width) // width * radius
    found = np.zeros((len(candidates), k), dtype=np.int64)
    counts = []
    for row, picks in zip(candidates.cpu().numpy(), found, strict=True):
        chosen = _pick(places, row, k, radius, pitch, size)
        picks[: len(chosen)] = chosen
        counts.append(len(chosen))
    found -= lead
    found -= found // pitch * radius
    return torch.from_numpy(found).to(candidates.device), counts


def _pick(places: np.ndarray, candidates: np.ndarray, k: int, radius: int, pitch: int, size: int) -> list[int]:
    """Places of the picks. A loop in Python: its work is what is picked, not what is skipped."""
    taken = bytearray(size)
    seen = np.frombuffer(taken, dtype=np.uint8)  # the same memory
    corners = [shift * pitch - radius for shift in range(-radius, radius + 1)]
    side = 2 * radius + 1
    marks = b"\1" * side
    picks = []
    for start in range(0, len(candidates), CHUNK):
        chunk = places[candidates[start : start + CHUNK]]
        for place in chunk[seen[chunk] == 0].tolist():
            if not taken[place]:
                picks.append(place)
                if len(picks) == k:
                    return picks
                for corner in corners:
                    taken[place + corner : place + corner + side] = marks
    return picks


def _walk_triton(candidates: Tensor, k: int, radius: int, height: int, width: int) -> tuple[Tensor, list[int]]:
    n, pool = candidates.shape
    taken = torch.zeros((n, height * width), dtype=torch.uint8, device=candidates.device)
    picks = torch.empty((n, k), dtype=torch.int64, device=candidates.device)
    counts = torch.empty(n, dtype=torch.int32, device=candidates.device)
    if n:
        sizes = candidates.stride(0), pool, k, height, width
        with torch.cuda.device_of(candidates):
            _walk[(n,)](candidates, taken, picks, counts, *sizes, RADIUS=radius, BLOCK=BLOCK, CELLS=CELLS, num_warps=1)
    return picks, counts.tolist()


@jit
def _walk(
    candidates, taken, picks, counts, stride, pool, k, height, width,
    RADIUS: tl.constexpr, BLOCK: tl.constexpr, CELLS: tl.constexpr,
):  # fmt: skip
    """One map, a block of candidates at a time: what earlier blocks took is read from memory, what this block takes is
    compared in registers. One warp a map, so many maps run side by side while each waits for memory."""
    image = tl.program_id(0).to(tl.int64)
    candidates += image * stride
    taken += image * height * width
    picks += image * k
    lane = tl.arange(0, BLOCK)
    count = 0
    start = 0
    while (start < pool) & (count < k):
        inside = start + lane < pool
        here = tl.load(candidates + start + lane, mask=inside, other=0).to(tl.int32)
        row, column = here // width, here % width
        free = tl.load(taken + here, mask=inside, other=1) == 0
        first = tl.min(tl.where(free, lane, BLOCK), 0)
        while (first < BLOCK) & (count < k):
            pick = tl.load(candidates + start + first).to(tl.int32)
            y, x = pick // width, pick % width
            tl.store(picks + count, pick.to(tl.int64))
            count += 1
            for begin in range(0, (2 * RADIUS + 1) * (2 * RADIUS + 1), CELLS):
                cell = begin + tl.arange(0, CELLS)
                down, right = y + cell // (2 * RADIUS + 1) - RADIUS, x + cell % (2 * RADIUS + 1) - RADIUS
                within = (down <= y + RADIUS) & (down >= 0) & (down < height) & (right >= 0) & (right < width)
                tl.store(taken + down * width + right, tl.full((CELLS,), 1, tl.uint8), mask=within)
            free &= (tl.abs(row - y) > RADIUS) | (tl.abs(column - x) > RADIUS)
            first = tl.min(tl.where(free, lane, BLOCK), 0)
        tl.debug_barrier()  # the marks are there before the next block looks
        start += BLOCK
    tl.store(counts + tl.program_id(0), count)

"""Similarity of maps: all scores of many pairs, against the way of LENS's published scripts."""

import importlib.util
import os
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product

import torch
from torch import Tensor

from attx.metrics.map_similarity import columns, over_pairs
from benchmarks import clock, published_lens
from benchmarks.setting import Setting, Table

THEIRS = "published way"
POOLS = {3: 6000, 5: 15000, 7: 25000}  # of the scripts, by window
FIRST = (3,)


def table(setting: Setting) -> Table:
    """A row for each way of comparing the same pairs, and for all pairs by attx on one thread and on two."""
    size, k, pairs, few, least = (28, 20, 8, 4, 1) if setting.quick else (224, 1000, 1000, 50, 4)
    a = torch.randn(pairs, size, size, generator=torch.Generator().manual_seed(0))
    b = a + torch.randn(a.shape, generator=torch.Generator().manual_seed(1)) / 2
    here, there = a.to(setting.device), b.to(setting.device)

    def ours(names: Sequence[str], windows: Sequence[int]) -> Callable[[], float]:
        call = partial(compare, here[:few], there[:few], names, k, windows)
        return lambda: clock.timed(call, setting.device) / few

    def published(windows: Sequence[int]) -> float:
        start = time.process_time()
        for (one, other), window in product(zip(a[:least].numpy(), b[:least].numpy(), strict=True), windows):
            published_lens.similarity(one, other, k=k, window=window, pool=min(POOLS[window], one.size))
        return (time.process_time() - start) / least

    found = Table(
        "Similarity of maps",
        notes=[
            f"Pairs of maps of {size} x {size}: noise, and the same with half as much added; k {k}. The published way "
            f"takes its pools for top-k-div ({', '.join(map(str, POOLS.values()))} pixels), attx all pixels. It has no "
            "scores of windows' means, no SSIM, cosine or centre of mass, sorts anew for each window, and was measured "
            f"on {least} pairs a round, since one takes as long as the other. Times of all pairs are of one run, by "
            "the clock on the wall.",
        ],
    )
    for windows in (FIRST, tuple(POOLS)):
        every = columns(windows)
        same = [name for name in every if name.partition("_w")[0] in published_lens.SCORES]
        sides = {f"attx, {len(every)} scores": ours(every, windows), f"attx, {len(same)} scores": ours(same, windows)}
        if importlib.util.find_spec("scipy"):
            sides[f"{THEIRS}, {len(same)} scores"] = partial(published, windows)
        for warm in sides.values():
            warm()
        times = clock.interleaved(sides, 2 if setting.quick else 3)
        found.rows += [_row(what, windows, least if THEIRS in what else few, times) for what in times]
    for threads in dict.fromkeys((1, min(2, os.cpu_count() or 1))) if setting.device == "cpu" else (1,):
        call = partial(compare, here, there, columns(FIRST), k, FIRST)
        row = {"what": f"attx, {len(columns(FIRST))} scores", "windows": "3", "pairs": pairs, "threads": threads}
        found.rows.append(row | _seconds("wall", walled(call, threads, setting.device) / pairs))
    return found


def _row(what: str, windows: Sequence[int], pairs: int, times: dict[str, list[float]]) -> dict:
    row = {"what": what, "windows": ", ".join(map(str, windows)), "pairs": pairs, "threads": 1}
    row |= _seconds("process", statistics.median(times[what]))
    theirs = next((values for name, values in times.items() if THEIRS in name), None)
    return row | (clock.spread("published / attx", clock.ratio(theirs, times[what])) if theirs else {})


def _seconds(by: str, seconds: float) -> dict:
    return {"clock": by, "ms a pair": 1000 * seconds, "seconds for 1000": 1000 * seconds}


def compare(a: Tensor, b: Tensor, names: Sequence[str], k: int, windows: Sequence[int]) -> dict:
    """The scores of that name."""
    return over_pairs({"a": a, "b": b}, names, k=k, windows=windows, pool=None)


def walled(call: Callable[[], object], threads: int, device: str) -> float:
    """Seconds by the clock on the wall of a call on so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        start = time.perf_counter()
        call()
        if device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start
    finally:
        torch.set_num_threads(before)

"""Similarity of maps: all scores of many pairs, against the way of LENS's published scripts."""

import importlib.util
import os
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from attx.metrics.map_similarity import columns, over_pairs
from benchmarks import clock, published_lens
from benchmarks.setting import Setting, Table

WINDOW = 3
THEIRS = "published way"


def table(setting: Setting) -> Table:
    """A row for each way of comparing the same pairs, and for all pairs by attx on one thread and on two."""
    size, k, pool, pairs, few, least = (28, 20, 500, 8, 4, 1) if setting.quick else (224, 1000, 6000, 1000, 50, 4)
    a = torch.randn(pairs, size, size, generator=torch.Generator().manual_seed(0))
    b = a + torch.randn(a.shape, generator=torch.Generator().manual_seed(1)) / 2
    every, more = columns([WINDOW]), columns([3, 5, 7])
    same = [name for name in every if name.removesuffix(f"_w{WINDOW}") in published_lens.SCORES]
    here, there = a.to(setting.device), b.to(setting.device)

    def ours(names: Sequence[str], windows: Sequence[int]) -> Callable[[], float]:
        call = partial(compare, here[:few], there[:few], names, k, windows)
        return lambda: clock.timed(call, setting.device) / few

    def published() -> float:
        start = time.process_time()
        for one, other in zip(a[:least].numpy(), b[:least].numpy(), strict=True):
            published_lens.similarity(one, other, k=k, window=WINDOW, pool=pool)
        return (time.process_time() - start) / least

    contenders = {
        f"attx, all {len(every)} scores": ours(every, [WINDOW]),
        f"attx, windows 3, 5, 7: {len(more)} scores": ours(more, [3, 5, 7]),
        f"attx, the {len(same)} scores of the scripts": ours(same, [WINDOW]),
        THEIRS: published,
    }
    notes = [
        f"Pairs of maps of {size} x {size}: noise, and the same with half as much added; k {k}, windows of {WINDOW} x "
        f"{WINDOW}. `{THEIRS}` takes a pool of {pool} pixels for top-k-div, attx all. It has no scores of windows' "
        f"means, no SSIM, cosine or centre of mass, and was measured on {least} pairs in each round, since one takes "
        "as long as the other. Times of all pairs are of one run, by the clock on the wall.",
    ]
    if not importlib.util.find_spec("scipy"):
        del contenders[THEIRS]
        notes.append(f"{THEIRS} left out: no scipy")
    for warm in contenders.values():
        warm()
    times = clock.interleaved(contenders, 2 if setting.quick else 3)
    rows = [_row(what, least if what == THEIRS else few, times) for what in times]
    for threads in dict.fromkeys((1, min(2, os.cpu_count() or 1))) if setting.device == "cpu" else (1,):
        seconds = walled(partial(compare, here, there, every, k, [WINDOW]), threads, setting.device)
        rows.append({"what": next(iter(times)), "pairs": pairs, "threads": threads, "clock": "wall"})
        rows[-1] |= {"ms a pair": 1000 * seconds / pairs, "seconds for 1000": 1000 * seconds / pairs}
    return Table("Similarity of maps", rows, notes)


def _row(what: str, pairs: int, times: dict[str, list[float]]) -> dict:
    seconds = statistics.median(times[what])
    row = {"what": what, "pairs": pairs, "threads": 1, "clock": "process", "ms a pair": 1000 * seconds}
    row["seconds for 1000"] = 1000 * seconds
    return row | (clock.spread("published / attx", clock.ratio(times[THEIRS], times[what])) if THEIRS in times else {})


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

"""How alike two attribution maps of an image are: LENS (Rethinking Robustness of Model Attributions, AAAI 2024) and
what is usual beside it.

T(a) are the k largest pixels of a map, D(a) those picked one after another with the window of each pick taken out of
the pool (top-k-div), N(S) all pixels in a window of one of S. a is the original, b the perturbed map.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from attx.errors import UserError, unknown
from attx.metrics.correlation import cosine, kendall_of, spearman_of
from attx.metrics.prepared import Prepared, check_maps, check_settings
from attx.metrics.structure import center_of_mass_shift, ssim

CHUNK = 2**17  # pixels of a batch compared in one go on a CPU, whose cache they fit
DEVICE_CHUNK = 2**24  # elsewhere


def _share(a: Tensor, b: Tensor, k: int) -> np.ndarray:
    return ((a & b).sum((1, 2)).double() / k).cpu().numpy()


PLAIN: dict[str, Callable[[Prepared, Prepared], np.ndarray]] = {
    "top_k_intersection": lambda a, b: _share(a.top, b.top, a.k),
    "spearman": lambda a, b: spearman_of(a.ranks, b.ranks),
    "kendall": lambda a, b: kendall_of(a.ranks, b.ranks),
    "cosine": lambda a, b: cosine(a.values, b.values),
    "ssim": lambda a, b: ssim(a.values, b.values),
    "center_of_mass_shift": lambda a, b: center_of_mass_shift(a.values, b.values),
}
WINDOWED: dict[str, Callable[[Prepared, Prepared, int], np.ndarray]] = {
    "lens_recall_at_k": lambda a, b, w: _share(a.near_top(w), b.top, a.k),
    "lens_precision_at_k": lambda a, b, w: _share(a.top, b.near_top(w), a.k),
    "top_k_div": lambda a, b, w: _share(a.apart(w), b.apart(w), a.k),
    "top_k_div_lens_recall": lambda a, b, w: _share(a.near_apart(w), b.apart(w), a.k),
    "top_k_div_lens_precision": lambda a, b, w: _share(a.apart(w), b.near_apart(w), a.k),
    "lens_spearman": lambda a, b, w: spearman_of(a.means(w), b.means(w)),
    "lens_kendall": lambda a, b, w: kendall_of(a.means(w), b.means(w)),
}


def map_similarity(
    a: np.ndarray | Tensor, b: np.ndarray | Tensor, k: int = 1000, window: int = 3, pool: int | None = None
) -> dict[str, np.ndarray]:
    """Compare the maps (N, H, W) of two batches, original and perturbed, pair by pair: name -> float64 (N,).

    top_k_intersection |T(a) & T(b)| / k, lens_recall_at_k |N(T(a)) & T(b)| / k, lens_precision_at_k
    |T(a) & N(T(b))| / k; top_k_div, top_k_div_lens_recall, top_k_div_lens_precision: the same with D for T; spearman,
    kendall (tau-b), cosine; lens_spearman, lens_kendall: of the means over windows; ssim; center_of_mass_shift (pixels,
    of |map|). Values are ranked as given, the largest first, ties to the lowest index in T and D. `window`: the odd
    side in pixels of the square around a pixel, clipped at the borders. `pool`: D is picked from the so many largest
    pixels, None: from all. Raises UserError for shapes that differ, NaN or infinity, unfit settings, and where D runs
    out of pixels.
    """
    found = over_pairs({"a": a, "b": b}, columns((window,)), k=k, windows=(window,), pool=pool)
    return {name.removesuffix(f"_w{window}"): values for name, values in found.items()}


def over_pairs(
    batches: dict[str, np.ndarray | Tensor],
    names: Sequence[str],
    *,
    k: int,
    windows: Sequence[int],
    pool: int | None,
) -> dict[str, np.ndarray]:
    """The scores of that name (as in `columns`), float64 (N,), of two batches of maps (N, H, W), the original first.

    Of more batches, the mean over all pairs of them. Keys of `batches` are words for messages. What is sorted and
    picked for a map serves all pairs and windows. Raises UserError as `map_similarity`.
    """
    given = {name: check_maps(maps, name) for name, maps in batches.items()}
    shapes = {name: tuple(maps.shape) for name, maps in given.items()}
    if len(set(shapes.values())) > 1:
        told = ", ".join(f"{name} of shape {shape}" for name, shape in shapes.items())
        raise UserError(f"{told}: give maps of the same shape")
    first = next(iter(given.values()))
    check_settings(k, windows, pool, first[0].numel() if len(first) else None)
    most = CHUNK if first.device.type == "cpu" else DEVICE_CHUNK
    step = max(1, most // (first.shape[1] * first.shape[2]))

    def part(start: int) -> dict[str, np.ndarray]:
        prepared = [
            Prepared(maps[start : start + step].to(first.device), k, pool, first=start, what=name)
            for name, maps in given.items()
        ]
        pairs = [compare(one, other, names) for one, other in itertools.combinations(prepared, 2)]
        return {name: np.mean([pair[name] for pair in pairs], 0) for name in names}

    parts = _each(part, range(0, len(first), step), first.device)
    return {name: np.concatenate([np.empty(0), *(part[name] for part in parts)]) for name in names}


def _each(part: Callable[[int], dict], starts: range, device: torch.device) -> list[dict]:
    """The parts in their order; on a CPU as many at a time as torch has threads, one each: rows are small and many."""
    threads = torch.get_num_threads()
    if device.type != "cpu" or threads == 1 or len(starts) < 2:
        return [part(start) for start in starts]
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return list(pool.map(part, starts))
    finally:
        torch.set_num_threads(threads)  # what a worker sets is what threads to come begin with


def columns(windows: Sequence[int]) -> list[str]:
    """The names of all scores for these windows, the ones most looked at first; of the window w those in _w{w}."""
    windowed = [f"{name}_w{window}" for window in windows for name in WINDOWED]
    first = [name for name in windowed if name.startswith(("lens_recall_at_k", "top_k_div_lens_recall"))]
    return list(dict.fromkeys(["top_k_intersection", *first, *PLAIN, *windowed]))


def chosen(scores: Iterable[str] | None, windows: Sequence[int]) -> list[str]:
    """The names of `scores`, None for all; UserError, with the nearest one, for a name that there is not."""
    known = columns(windows)
    names = known if scores is None else list(scores)
    for name in names:
        if name not in known:
            raise unknown("score", name, known)
    return names


def compare(a: Prepared, b: Prepared, names: Iterable[str]) -> dict[str, np.ndarray]:
    """The scores of that name (as in `columns`) of two batches of as many maps, a the original: float64 (N,) each."""
    found = {}
    for name in names:
        if name in PLAIN:
            found[name] = PLAIN[name](a, b)
        else:
            bare, _, window = name.rpartition("_w")
            found[name] = WINDOWED[bare](a, b, int(window))
    return found

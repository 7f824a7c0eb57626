"""Similarity of maps the way LENS's published scripts compute it, written anew from their description.

One pair of maps at a time; sets of pixels are arrays of flat indices, windows are lists of neighbours made in a loop,
top-k-div takes windows out of an array again and again; correlations are scipy's. Each of what the scripts do beside
the definitions can be switched off.
"""

from itertools import product

import numpy as np

SCORES = ("top_k_intersection", "lens_recall_at_k", "lens_precision_at_k")
SCORES += ("top_k_div", "top_k_div_lens_recall", "top_k_div_lens_precision", "spearman", "kendall")


def similarity(
    a: np.ndarray,
    b: np.ndarray,
    *,
    k: int,
    window: int,
    pool: int | None = None,
    wrap: bool = True,
    drop_first: bool = True,
    skip_second: bool = True,
) -> dict[str, float]:
    """The scores by name of two maps (H, W); those of windows' means are left out, for which there is no code.

    `wrap`: windows go on at the other end of the next row; `drop_first`: pixel 0 is in no window and no pick;
    `skip_second`: top-k-div takes out the window of its second pick, and never picks it. Ties fall as they may.
    """
    from scipy.stats import kendalltau, spearmanr  # where benchmarks run there may be none

    reading = {"window": window, "width": a.shape[1], "size": a.size, "wrap": wrap, "drop_first": drop_first}
    orders = [np.argsort(values.ravel()) for values in (a, b)]
    tops = [order[-k:] for order in orders]
    pools = [order[::-1][:pool] for order in orders]
    picks = [apart(order, k, skip_second=skip_second, **reading) for order in pools]
    found = {}
    for (plain, recall, precision), (one, other) in (
        (SCORES[:3], tops),
        (SCORES[3:6], picks),
    ):
        found[plain] = len(np.intersect1d(one, other)) / k
        found[recall] = len(np.intersect1d(near(one, **reading), other)) / k
        found[precision] = len(np.intersect1d(one, near(other, **reading))) / k
    found["spearman"] = spearmanr(a.ravel(), b.ravel()).statistic
    found["kendall"] = kendalltau(a.ravel(), b.ravel()).statistic
    return found


def near(pixels: np.ndarray, *, window: int, width: int, size: int, wrap: bool, drop_first: bool) -> np.ndarray:
    """All pixels in a window of one of `pixels`, sorted."""
    reach = range(-(window // 2), window // 2 + 1)
    every = []
    for pixel in pixels:
        every += [
            pixel + down * width + right
            for down, right in product(reach, reach)
            if wrap or 0 <= pixel % width + right < width
        ]
    found = np.array(every)
    return np.unique(found[(found < size) & (found >= drop_first)])


def apart(order: np.ndarray, k: int, *, skip_second: bool, drop_first: bool, **reading: int | bool) -> np.ndarray:
    """Picks of top-k-div from pixels in descending order, sorted; IndexError where they run dry."""

    def without(left: np.ndarray) -> np.ndarray:
        return np.setdiff1d(left, near(left[:1], drop_first=drop_first, **reading), assume_unique=True)

    picks, left = [order[0]], without(order)
    if skip_second:
        left = without(left)
    for _ in range(k - 1):
        left = left[left >= drop_first]
        picks.append(left[0])
        left = without(left)
    found = np.array(picks)
    return np.unique(found[found >= drop_first])

"""Robustness: how alike the maps of an image and of its perturbed copy are, by LENS and what is usual (AAAI 2024)."""

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from attx.errors import UserError
from attx.metrics.map_similarity import chosen, over_pairs
from attx.metrics.prepared import check_settings

NEEDS = "perturbed"
BETTER = {
    "top_k_intersection": "higher",
    "spearman": "higher",
    "kendall": "higher",
    "cosine": "higher",
    "ssim": "higher",
    "center_of_mass_shift": "lower",
    "lens_recall_at_k_w3": "higher",
    "lens_precision_at_k_w3": "higher",
    "top_k_div_w3": "higher",
    "top_k_div_lens_recall_w3": "higher",
    "top_k_div_lens_precision_w3": "higher",
    "lens_spearman_w3": "higher",
    "lens_kendall_w3": "higher",
    "lens_recall_at_k_w5": "higher",
    "lens_precision_at_k_w5": "higher",
    "top_k_div_w5": "higher",
    "top_k_div_lens_recall_w5": "higher",
    "top_k_div_lens_precision_w5": "higher",
    "lens_spearman_w5": "higher",
    "lens_kendall_w5": "higher",
    "lens_recall_at_k_w7": "higher",
    "lens_precision_at_k_w7": "higher",
    "top_k_div_w7": "higher",
    "top_k_div_lens_recall_w7": "higher",
    "top_k_div_lens_precision_w7": "higher",
    "lens_spearman_w7": "higher",
    "lens_kendall_w7": "higher",
}


def build(
    *,
    k: int = 1000,
    windows: list = [3],  # noqa: B006
    pool: int | None = None,
    scores: list | None = None,
) -> Callable[[Tensor, Sequence[Tensor]], dict[str, np.ndarray]]:
    """`score(maps, others)` -> scores by name, (N,), of maps (N, C, H, W) and those perturbed; channels are summed.

    `k` pixels, `windows` (odd sides), `pool`: as `attx.map_similarity`; what depends on the window w ends in _w{w}.
    `scores`: these columns alone, None for all; those left out cost nothing.
    """
    return comparing(k=k, windows=windows, pool=pool, scores=scores)


def comparing(
    *, k: int, windows: Sequence[int], pool: int | None, scores: Sequence[str] | None
) -> Callable[[Tensor, Sequence[Tensor]], dict[str, np.ndarray]]:
    """`score(maps, others)`: the mean over all pairs of maps; a pair's original is the one that comes first."""
    check_settings(k, windows, pool)
    names = chosen(scores, windows)

    def score(maps: Tensor, others: Sequence[Tensor]) -> dict[str, np.ndarray]:
        if not others:
            raise UserError("there are no other maps to compare with: give a perturbation, or another seed")
        batches = {"the maps": maps} | {f"other maps {i}": given for i, given in enumerate(others, start=1)}
        summed = {name: given.sum(1) for name, given in batches.items()}
        return over_pairs(summed, names, k=k, windows=windows, pool=pool)

    return score

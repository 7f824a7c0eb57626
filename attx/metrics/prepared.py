"""What comparisons need of a batch of maps: ranks, largest pixels, windows; each computed once, when asked for."""

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import torch
from attx_kernels import topk
from attx_kernels import windows as kernels
from torch import Tensor

from attx.errors import UserError
from attx.metrics.correlation import Ranks


class Prepared:
    """Maps (N, H, W) without NaN, to be compared with others by `attx.metrics.map_similarity.compare`.

    `k`, `pool`: as there. `first` is the first map's number in messages, `what` a word for the batch.
    """

    def __init__(self, values: Tensor, k: int, pool: int | None = None, *, first: int = 0, what: str = "maps") -> None:
        self.values, self.k, self.pool, self.first, self.what = values.detach(), k, pool, first, what
        self._held: dict[tuple[str, int], object] = {}

    @cached_property
    def ranks(self) -> Ranks:
        """Of the values as they are."""
        return Ranks.of(self.values)

    def means(self, window: int) -> Ranks:
        """Of the means over windows."""
        return self._once("means", window, lambda: Ranks.of(kernels.means(self.values, window)))

    @cached_property
    def top(self) -> Tensor:
        """The k largest pixels, a mask (N, H, W)."""
        return topk.top_k(self.values, self.k)

    def near_top(self, window: int) -> Tensor:
        """All pixels in a window of the k largest."""
        return self._once("near_top", window, lambda: kernels.dilate(self.top, window))

    def apart(self, window: int) -> Tensor:
        """The k largest pixels that are in no other's window (top-k-div), a mask (N, H, W)."""
        return self._once("apart", window, lambda: self._apart(window))

    def near_apart(self, window: int) -> Tensor:
        """All pixels in a window of those."""
        return self._once("near_apart", window, lambda: kernels.dilate(self.apart(window), window))

    def _apart(self, window: int) -> Tensor:
        try:
            picks = topk.top_k_div(self.values, self.k, window, self.pool, order=self.ranks.order, first=self.first)
        except ValueError as error:
            raise UserError(f"top-k-div of {self.what}: {error}") from error
        chosen = torch.zeros_like(self.values, dtype=torch.bool).flatten(1)
        return chosen.scatter_(1, picks, True).view(self.values.shape)

    def _once(self, name: str, window: int, compute: Callable[[], object]) -> object:
        if (name, window) not in self._held:
            self._held[name, window] = compute()
        return self._held[name, window]


def check_maps(maps: np.ndarray | Tensor, name: str = "maps") -> Tensor:
    """Maps (N, H, W) as a tensor; UserError for other shapes, and for NaN or infinity."""
    maps = torch.as_tensor(np.ascontiguousarray(maps) if isinstance(maps, np.ndarray) else maps).detach()
    if maps.ndim != 3 or not maps.shape[1] * maps.shape[2] or maps.is_complex():
        raise UserError(f"{name} of shape {tuple(maps.shape)}: give real maps (N, H, W)")
    bad = (~maps.isfinite()).flatten(1).any(1).nonzero().flatten().tolist()
    if bad:
        raise UserError(f"{name}: maps {bad} (counted from 0) are NaN or infinite in places: they have no order")
    return maps if maps.is_floating_point() else maps.double()


def check_settings(k: int, windows: Sequence[int], pool: int | None, pixels: int | None = None) -> None:
    """UserError for settings that fit no maps, or none of so many `pixels`."""
    for name, value in {"k": k, "pool": pool}.items():
        if value is None and name == "pool":
            continue
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
            raise UserError(f"{name} {value!r}: give a number of pixels, at least 1")
    if pixels is not None and k > pixels:
        raise UserError(f"k {k}: the maps have {pixels} pixels; give fewer (1000 for 224 x 224, 100 for 28 x 28)")
    for window in windows:
        try:
            kernels.radius_of(window)
        except ValueError as error:
            raise UserError(str(error)) from error

"""What comparisons need of a batch of maps: ranks, largest pixels, windows; each computed once, when asked for."""

from collections.abc import Callable
from functools import cached_property

import torch
from attx_kernels import topk, windows
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
        return self._once("means", window, lambda: Ranks.of(windows.means(self.values, window)))

    @cached_property
    def top(self) -> Tensor:
        """The k largest pixels, a mask (N, H, W)."""
        return topk.top_k(self.values, self.k)

    def near_top(self, window: int) -> Tensor:
        """All pixels in a window of the k largest."""
        return self._once("near_top", window, lambda: windows.dilate(self.top, window))

    def apart(self, window: int) -> Tensor:
        """The k largest pixels that are in no other's window (top-k-div), a mask (N, H, W)."""
        return self._once("apart", window, lambda: self._apart(window))

    def near_apart(self, window: int) -> Tensor:
        """All pixels in a window of those."""
        return self._once("near_apart", window, lambda: windows.dilate(self.apart(window), window))

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

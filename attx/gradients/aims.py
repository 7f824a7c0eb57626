"""What an attributional attack raises: differentiable functions of maps, sum_c|.| of an explanation.

InterpretationFragility (Ghorbani, Abid and Zou, AAAI 2019), with LENS's windows (Rethinking Robustness of Model
Attributions, AAAI 2024). An aim is bound to the maps of the images before the attack, (N, H, W), and then takes those
of later points. By what the worst of these is told: `attx/gradients/measures.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real

import torch
from attx_kernels.topk import top_k
from attx_kernels.windows import dilate
from torch import Tensor

from attx.errors import UserError

Bound = Callable[[Tensor], Tensor]  # (N, H, W) -> (N,)


def share(attributions: Tensor) -> Tensor:
    """S = HW sum_c|.| / sum|.| of (N, C, H, W), (N, H, W): of mean 1, or 0 where there is nothing but zeros."""
    maps = attributions.abs().sum(1)
    total = maps.sum((1, 2), keepdim=True)
    return maps * maps[0].numel() / total.where(total > 0, total.new_ones(()))


@dataclass(frozen=True)
class LowerTop:
    """Lowers the sum of S over the `k` largest pixels of the first map, or over all within a window of these (LENS)."""

    k: int
    window: int = 1

    def __call__(self, first: Tensor) -> Bound:
        pixels = widened(first, self.k, self.window)
        return lambda maps: -(maps * pixels).sum((1, 2))


@dataclass(frozen=True)
class MoveCentre:
    """Moves the centre of mass away from that of the first map: along the difference, at first towards the end."""

    def __call__(self, first: Tensor) -> Bound:
        origin = centre(first)

        def aim(maps: Tensor) -> Tensor:
            moved = centre(maps) - origin
            away = moved.detach()
            return (moved * away.where((away != 0).any(1, keepdim=True), away.new_ones(()))).sum(1)

        return aim


@dataclass(frozen=True)
class RaiseRegion:
    """Raises the sum of S in a box: top, left, bottom, right as shares of height and width, or None for the corner.

    The corner: a quarter of height and width at the top left. A pixel is in the box if its middle is.
    """

    box: tuple[float, ...] | None = None

    def __post_init__(self):
        fits = self.box is None or (len(self.box) == 4 and all(isinstance(side, Real) for side in self.box))
        top, left, bottom, right = self.box if self.box is not None and fits else (0, 0, 0.25, 0.25)
        if not (fits and 0 <= top < bottom <= 1 and 0 <= left < right <= 1):
            raise UserError(
                f"region: {list(self.box)}: give top, left, bottom, right as shares of the image, as [0, 0, 0.25, 0.25]"
            )
        object.__setattr__(self, "box", (top, left, bottom, right))

    def __call__(self, first: Tensor) -> Bound:
        rows, columns = ((torch.arange(n, device=first.device, dtype=torch.float64) + 0.5) / n for n in first.shape[1:])
        top, left, bottom, right = self.box
        box = ((rows >= top) & (rows < bottom))[:, None] & ((columns >= left) & (columns < right))
        if not box.any():
            raise UserError(f"region: {list(self.box)} has no pixel of an image of {tuple(first.shape[1:])}")
        return lambda maps: (maps * box).sum((1, 2))


def centre(maps: Tensor) -> Tensor:
    """Centres of mass (N, 2), row and column in pixels, of maps (N, H, W) that are not negative; 0 for empty ones."""
    total = maps.sum((1, 2))
    total = total.where(total > 0, total.new_ones(()))
    places = [torch.arange(n, dtype=maps.dtype, device=maps.device) for n in maps.shape[1:]]
    return torch.stack([maps.sum(2) @ places[0], maps.sum(1) @ places[1]], 1) / total[:, None]


def largest(maps: Tensor, k: int) -> Tensor:
    """The `k` largest pixels of each map (N, H, W), bool; ties to the lowest index. UserError where it has fewer."""
    if not 1 <= k <= maps[0].numel():
        raise UserError(f"k: {k}: images of {tuple(maps.shape[1:])} have {maps[0].numel()} pixels: give 1 to that many")
    return top_k(maps, k)


def widened(maps: Tensor, k: int, window: int) -> Tensor:
    """All pixels within a window x window square of the `k` largest, bool (N, H, W)."""
    try:
        return dilate(largest(maps, k), window)
    except ValueError as error:
        raise UserError(str(error)) from error

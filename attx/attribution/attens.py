"""AttEns: an ensemble of stored attributions; for each image their mean, or the one that scored best.

After the repository AttEns of the AttEXplore authors, whose rule is `best`.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from attx.errors import UserError

NEEDS = "stores"  # the attributions of the methods `of`, not a model


def build(*, of: list, rule: Literal["mean", "best"] = "mean") -> Callable[..., Tensor]:
    """`of`: labels of methods, two at least; combine(members, scores=None): their maps, (N, C, H, W) each, in order.

    "mean": each map divided by its mean |.|, then the mean of them. "best": for each image the map of the highest
    score; `scores` (members, N), published: the mean of the insertion curve less that of the deletion curve.
    """
    if len(of) < 2 or len(set(map(str, of))) < len(of):
        raise UserError(f"attens: of: {of} must name two methods at least, each once")

    def combine(members: list[Tensor], scores: Tensor | None = None) -> Tensor:
        if len(members) != len(of):
            raise UserError(f"attens: {len(members)} attributions for {len(of)} methods")
        if rule == "mean":
            return sum(_normalised(member) for member in members) / len(members)
        if scores is None:
            raise UserError("attens: rule: best needs the scores of its members; `mean` does not")
        best = scores.argmax(0).tolist()
        return torch.stack([members[chosen][i] for i, chosen in enumerate(best)])

    return combine


def _normalised(maps: Tensor) -> Tensor:
    """Divided by the mean |.| of each image; a map that is 0 everywhere stays so."""
    mean = maps.abs().mean((1, 2, 3), keepdim=True)
    return maps / mean.where(mean > 0, mean.new_ones(()))

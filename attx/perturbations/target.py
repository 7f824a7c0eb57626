"""target: the share of an explanation in a region is raised (Ghorbani et al., AAAI 2019)."""

from typing import Any

from attx.attributional import AttributionalAttack, compose
from attx.gradients.aims import RaiseRegion
from attx.gradients.measures import RegionShare


def build(*, region: list | None = None, **common: Any) -> AttributionalAttack:
    """`region`: top, left, bottom, right as shares of height and width; None: [0, 0, 0.25, 0.25], a corner.

    `common`: the keywords of `attx.attributional.compose`; the measure of its own is the region's share.
    """
    box = RaiseRegion(None if region is None else tuple(region))
    return compose(lambda k, window: box, lambda k, window: RegionShare(box), **common)

"""lens: as topk, by windows: the share within a window of the largest pixels is lowered (after LENS, AAAI 2024)."""

from typing import Any

from attx.attributional import AttributionalAttack, compose
from attx.gradients.aims import LowerTop
from attx.gradients.measures import Kept


def build(**common: Any) -> AttributionalAttack:
    """`common`: the keywords of `attx.attributional.compose`; the measure of its own is LENS-recall@k."""
    return compose(LowerTop, Kept, **common)

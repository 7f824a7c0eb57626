"""topk: the share of an explanation in its largest pixels is lowered (Ghorbani et al., AAAI 2019)."""

from typing import Any

from attx.attributional import AttributionalAttack, compose
from attx.gradients.aims import LowerTop
from attx.gradients.measures import Kept


def build(**common: Any) -> AttributionalAttack:
    """`common`: the keywords of `attx.attributional.compose`; the measure of its own is the top-k intersection."""
    return compose(lambda k, window: LowerTop(k), lambda k, window: Kept(k), **common)

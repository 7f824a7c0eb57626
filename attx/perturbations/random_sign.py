"""random_sign: a random sign at every step, the control of attributional attacks (Ghorbani et al., AAAI 2019)."""

from typing import Any

from attx.attributional import AttributionalAttack, compose
from attx.gradients.measures import Kept


def build(**common: Any) -> AttributionalAttack:
    """`common`: the keywords of `attx.attributional.compose`; the measure of its own is the top-k intersection."""
    return compose(None, lambda k, window: Kept(k), **common)

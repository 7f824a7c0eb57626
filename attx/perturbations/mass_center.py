"""mass_center: an explanation's centre of mass is moved away (Ghorbani et al., AAAI 2019)."""

from typing import Any

from attx.attributional import AttributionalAttack, compose
from attx.gradients.aims import MoveCentre
from attx.gradients.measures import CentreShift


def build(**common: Any) -> AttributionalAttack:
    """`common`: the keywords of `attx.attributional.compose`; the measure of its own is the shift in pixels."""
    return compose(lambda k, window: MoveCentre(), lambda k, window: CentreShift(), **common)

"""PGD: adversarial training, cross entropy where PGD finds it highest near the image (Madry et al., ICLR 2018)."""

from typing import Any

from attx.trainer import Training, compose
from attx.training.terms import AtPoint


def build(**common: Any) -> Training:
    """`common`: the keywords of `attx.trainer.compose`."""
    return compose(AtPoint(), AtPoint(), **common)

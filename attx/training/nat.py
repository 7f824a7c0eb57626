"""NAT: the usual training, cross entropy at the images."""

from typing import Any

from attx.trainer import Training, compose
from attx.training.terms import AtImage


def build(**common: Any) -> Training:
    """`common`: the keywords of `attx.trainer.compose`."""
    return compose(AtImage(), None, **common)

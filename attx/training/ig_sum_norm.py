"""IG-SUM-NORM: adversarial training with IG-NORM's term of attributions (RAR, Chen et al., NeurIPS 2019)."""

from typing import Any

from attx.trainer import Training, compose
from attx.training.terms import AtPoint, PathNorm, Sum


def build(*, weight: float = 0.1, path_steps: int = 50, inner_path_steps: int = 10, **common: Any) -> Training:
    """Lowers CE(x') + `weight` ||IG(x, x')||_1 at the x' near x where PGD finds it highest.

    `path_steps`: m, of IG; `inner_path_steps`: the m of the inner attack. All as published for MNIST; `common`: the
    keywords of `attx.trainer.compose`.
    """
    outer, inner = (Sum(AtPoint(), PathNorm(weight, steps)) for steps in (path_steps, inner_path_steps))
    return compose(outer, inner, **common)

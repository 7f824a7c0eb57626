"""IG-SUM-NORM: adversarial training with IG-NORM's term of attributions (RAR, Chen et al., NeurIPS 2019)."""

from typing import Any

from attx.trainer import Training, compose
from attx.training.terms import AtPoint, PathNorm, Sum


def build(
    *, weight: float = 0.1, path_steps: int = 50, inner_path_steps: int = 10, path_batch_size: int = 512, **common: Any
) -> Training:
    """Lowers CE(x') + `weight` ||IG(x, x')||_1 at the x' near x where PGD finds it highest.

    `path_steps`: m, of IG; `inner_path_steps`: the m of the inner attack; these three as published for MNIST.
    `path_batch_size`: model inputs differentiated twice at once, which bounds the memory; `common`: the keywords of
    `attx.trainer.compose`.
    """
    outer = Sum(AtPoint(), PathNorm(weight, path_steps, path_batch_size))
    return compose(outer, Sum(AtPoint(), PathNorm(weight, inner_path_steps)), **common)

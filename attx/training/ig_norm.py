"""IG-NORM: cross entropy, and how far attributions can be moved near the image (RAR, Chen et al., NeurIPS 2019)."""

from typing import Any

from attx.trainer import Training, compose
from attx.training.terms import AtImage, PathNorm, Sum


def build(
    *, weight: float = 1.0, path_steps: int = 50, inner_path_steps: int = 10, path_batch_size: int = 512, **common: Any
) -> Training:
    """Lowers CE(x) + `weight` ||IG(x, x')||_1 at the x' near x where PGD finds ||IG||_1 highest.

    `path_steps`: m, of IG; `inner_path_steps`: the m of the inner attack; these three as published for MNIST.
    `path_batch_size`: model inputs differentiated twice at once, which bounds the memory; `common`: the keywords of
    `attx.trainer.compose`.
    """
    outer = Sum(AtImage(), PathNorm(weight, path_steps, path_batch_size))
    return compose(outer, PathNorm(1.0, inner_path_steps), **common)

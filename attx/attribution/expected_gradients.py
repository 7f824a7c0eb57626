"""Expected gradients: integrated gradients from random images of a data set (Erion et al., Nat. Mach. Intell. 2021)."""

from collections.abc import Callable
from typing import Literal

from torch import Tensor

from attx.attribution.forward import target_output
from attx.attribution.references import Expectation, References


def build(
    *,
    copies: int = 50,
    references: dict | None = None,
    output: Literal["probability", "logit"] = "probability",
    seed: int = 3407,
    batch_size: int = 32,
) -> Callable[..., Tensor]:
    """Mean of (x - r) * grad at r + a (x - r) over `copies` draws of a in [0, 1) and of r among `references`.

    `references`: an entry as in a config's `data`; None is the sample. `output` as in saliency_gradient.
    """
    expectation = Expectation(References(references or {"use": "sample"}), copies, 0.0, seed, batch_size)

    def attribute(model: Callable, images: Tensor, targets: Tensor, image_ids: list) -> Tensor:
        return expectation(target_output(model, output), model, images, targets, image_ids)

    return attribute

"""GradientSHAP: expected gradients of noisy copies of the image (Lundberg and Lee, NeurIPS 2017; as captum has it)."""

from collections.abc import Callable
from typing import Literal

from torch import Tensor

from attx.attribution.forward import target_output
from attx.attribution.references import Expectation, References


def build(
    *,
    copies: int = 50,
    sigma: float = 0.09,
    references: dict | None = None,
    output: Literal["probability", "logit"] = "probability",
    seed: int = 3407,
    batch_size: int = 32,
) -> Callable[..., Tensor]:
    """As expected_gradients, for z = x + `sigma` n in place of x, n standard normal, drawn anew for each copy."""
    expectation = Expectation(References(references or {"use": "sample"}), copies, sigma, seed, batch_size)

    def attribute(model: Callable, images: Tensor, targets: Tensor, image_ids: list) -> Tensor:
        return expectation(target_output(model, output), model, images, targets, image_ids)

    return attribute

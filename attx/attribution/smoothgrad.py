"""SmoothGrad: the mean gradient over noisy copies (Smilkov et al., 2017).

Ours rather than captum's NoiseTunnel, whose noise depends on the place in the batch.
"""

from collections.abc import Callable
from typing import Literal

from torch import Tensor

from attx.attribution.forward import target_output
from attx.gradients.estimate import MeanGradient
from attx.rng import Rows, pick
from attx.transforms.spectrum import Spectrum


def build(
    *,
    copies: int = 50,
    sigma: float = 0.15,
    output: Literal["probability", "logit"] = "probability",
    seed: int = 3407,
    batch_size: int = 32,
) -> Callable[..., Tensor]:
    """`sigma` in units of [0, 1] images; `output` as in saliency_gradient."""
    estimate = MeanGradient(copies, before=(Spectrum(rho=0, sigma=sigma),), batch_size=batch_size)

    def attribute(model: Callable, images: Tensor, targets: Tensor, image_ids: list) -> Tensor:
        forward = target_output(model, output)
        return estimate(
            lambda x, image: forward(x, pick(targets, image)), images, Rows.of(seed, image_ids, copies, step=0)
        )

    return attribute

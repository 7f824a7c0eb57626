"""Grad-CAM: a layer's features weighted by their mean gradients (Selvaraju et al., ICCV 2017), at the image's size."""

from collections.abc import Callable
from typing import Literal
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import Tensor

from attx import layers
from attx.attribution.forward import in_batches, target_output
from attx.attribution.grid import channels_first
from attx.errors import UserError


def build(
    *,
    layer: str | None = None,
    relu: bool = True,
    output: Literal["probability", "logit"] = "logit",
    batch_size: int = 32,
) -> Callable[..., Tensor]:
    """The same value in all channels. `layer`: a module's name; None is the last that has positions.

    `relu` drops what speaks against the class; `output` is the logit, as in the paper. UserError for a layer whose
    output has no positions, or of which the output does not depend.
    """
    measured = WeakKeyDictionary()  # the default layer costs a pass

    def attribute(model: Callable, images: Tensor, targets: Tensor, image_ids: list) -> Tensor:
        name = layer or measured.get(model) or layers.default(model, images, depth=1.0)
        measured[model] = name
        return in_batches(lambda x, y: _explain(model, name, relu, output, x, y), batch_size, images, targets)

    return attribute


def _explain(model: Callable, name: str, relu: bool, output: str, x: Tensor, y: Tensor) -> Tensor:
    with torch.enable_grad(), layers.features(model, name) as found:
        explained = target_output(model, output)(x.detach(), y).sum()
    if found.output is None:
        raise UserError(f"gradcam: layer {name} is not used by the model")
    depends = explained.requires_grad
    (gradient,) = torch.autograd.grad(explained, found.output, allow_unused=True) if depends else (None,)
    if gradient is None:
        raise UserError(f"gradcam: the model's output does not depend on layer {name}")
    size = x.shape[-2:]
    features, gradient = (channels_first(t.detach().to(x.dtype), size, name) for t in (found.output, gradient))
    cam = (gradient.mean((2, 3), keepdim=True) * features).sum(1, keepdim=True)
    cam = cam.clamp(min=0) if relu else cam
    return F.interpolate(cam, size, mode="bilinear", align_corners=False).expand_as(x).clone()

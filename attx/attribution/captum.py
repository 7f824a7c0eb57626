"""Any attribution class of captum, by its name (Kokhlikyan et al., arXiv 2009.07896)."""

import contextlib
import inspect
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Literal

import captum.attr
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attx import layers
from attx.attribution.grid import channels_first
from attx.errors import UserError, out_of_memory, unknown
from attx.rng import image_key

BATCHES = ("internal_batch_size", "perturbations_per_eval", "nt_samples_batch_size")
OURS = ("self", "inputs", "target", "additional_forward_args", "return_convergence_delta", "kwargs")
# its definition permutes values between the images of a batch, which an image by itself has not
BETWEEN_IMAGES = ("FeaturePermutation", "LayerFeaturePermutation")


class Scores(nn.Module):
    """A model whose outputs are logits or probabilities, as captum wants it."""

    def __init__(self, model: Callable, output: str) -> None:
        super().__init__()
        self.model, self.output = model, output

    def forward(self, images: Tensor) -> Tensor:
        """(N, classes)."""
        logits = self.model(images)
        return logits.softmax(1) if self.output == "probability" else logits


def build(
    *,
    name: str,
    arguments: dict | None = None,
    constructor: dict | None = None,
    noise_tunnel: dict | None = None,
    layer: str | None = None,
    output: Literal["probability", "logit"] = "probability",
    seed: int = 3407,
    batch_size: int = 32,
) -> Callable[..., Tensor]:
    """`name`: a class of captum.attr; `arguments` of its `attribute`, `constructor` of itself, as captum names them.

    With `noise_tunnel`, the arguments of NoiseTunnel, it is wrapped in that. A `feature_mask` of n makes squares of n
    pixels, baselines as a list are plain images. Image by image, captum's generators seeded by each image's id.
    """
    kind = _class(name)
    by_layer = issubclass(kind, captum.attr.LayerAttribution)
    takes_layer = "layer" in inspect.signature(kind.__init__).parameters
    if takes_layer != bool(layer):
        raise UserError(f"captum: {name} " + ("needs `layer`, a module's name" if takes_layer else "takes no `layer`"))
    _check("constructor", constructor, kind.__init__, ("self", "model", "forward_func", "layer", "device_ids"))
    _check("arguments", arguments, kind.attribute, OURS)
    tunnel = captum.attr.NoiseTunnel if noise_tunnel is not None else None
    if tunnel:
        _check("noise_tunnel", noise_tunnel, tunnel.attribute, OURS)
    given = {key: _tuples(value) for key, value in {**(arguments or {}), **(noise_tunnel or {})}.items()}
    sized = [*inspect.signature(kind.attribute).parameters, *(["nt_samples_batch_size"] if tunnel else [])]
    given = {key: batch_size for key in BATCHES if key in sized} | given

    def attribute(model: Callable, images: Tensor, targets: Tensor, image_ids: list) -> Tensor:
        where = [layers.find(model, layer)] if takes_layer else []
        found = []
        for image, target, image_id in zip(images.split(1), targets, image_ids, strict=True):
            with _quiet(name), _seeded(image_key(seed, image_id), images.device):
                method = kind(Scores(model, output), *where, **constructor or {})
                method = tunnel(method) if tunnel else method
                options = {key: _tensor(key, value, image) for key, value in given.items()}
                inputs = image.detach().clone().requires_grad_()
                one = method.attribute(inputs, target=int(target), **options).detach()
            found.append(_as_image(one, image, layer) if by_layer else one)
        return torch.cat(found).to(images.dtype) if found else torch.zeros_like(images)

    return attribute


@cache
def classes() -> tuple[str, ...]:
    """The classes of captum.attr that explain the input, or a layer, of an image classifier."""
    kinds = {name: getattr(captum.attr, name) for name in captum.attr.__all__ if name not in BETWEEN_IMAGES}
    found = []
    for name, kind in kinds.items():
        signature = inspect.signature(getattr(kind, "attribute", None) or (lambda: None)).parameters
        neuron = inspect.isclass(kind) and issubclass(kind, (captum.attr.NeuronAttribution, captum.attr.NoiseTunnel))
        if {"inputs", "target"} <= set(signature) and not neuron and name != "LimeBase":
            found.append(name)
    return tuple(found)


def _class(name: str) -> type:
    if name in BETWEEN_IMAGES:
        raise UserError(f"captum: {name} exchanges values between the images of a batch: a map would depend on others")
    if name not in classes():
        raise unknown("captum method", name, classes())
    return getattr(captum.attr, name)


def _check(key: str, given: dict | None, function: Callable, ours: tuple[str, ...]) -> None:
    known = [p for p in inspect.signature(function).parameters if p not in ours]
    for word in given or {}:
        if word not in known:
            raise UserError(f"captum: {key}: {unknown('key', word, known)}")


def _tuples(value: object) -> object:
    """Lists as captum wants them."""
    return tuple(_tuples(v) for v in value) if isinstance(value, list | tuple) else value


def _tensor(key: str, value: object, image: Tensor) -> object:
    """What YAML cannot say: squares as features, plain images as baselines."""
    if key == "feature_mask" and isinstance(value, int):
        height, width = image.shape[-2:]
        rows, columns = (torch.arange(n, device=image.device) // value for n in (height, width))
        return (rows[:, None] * (columns[-1] + 1) + columns).expand_as(image).contiguous()
    if key == "baselines" and isinstance(value, tuple):
        return torch.cat([torch.full_like(image, float(v)) for v in value])
    return value


def _as_image(found: Tensor, image: Tensor, layer: str) -> Tensor:
    """A layer's attributions summed over its channels, bilinear at the image's size, the same in all channels."""
    if not isinstance(found, Tensor):
        raise UserError(f"captum: layer {layer} gives several tensors: name another `layer`")
    size = image.shape[-2:]
    summed = channels_first(found, size, layer).sum(1, keepdim=True)
    return F.interpolate(summed, size, mode="bilinear", align_corners=False).expand_as(image)


@contextlib.contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Without captum's warnings about its hooks; what it refuses is the user's to mend."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (TypeError, ValueError, AssertionError, AttributeError, ImportError, RuntimeError) as error:
        if out_of_memory(error):
            raise
        raise UserError(f"captum's {name} cannot be had of this model with these settings: {error}") from error


@contextlib.contextmanager
def _seeded(key: np.ndarray, device: torch.device) -> Iterator[None]:
    """torch's and NumPy's generators set by an image's key within the block, and put back after it."""
    state = np.random.get_state()
    try:
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(int(key[0]) >> 1)
            np.random.seed([int(key[0]) & 0xFFFFFFFF, int(key[1]) & 0xFFFFFFFF])
            yield
    finally:
        np.random.set_state(state)

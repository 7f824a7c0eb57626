"""The Python interface, in captum's conventions."""

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from captum.attr import Attribution
from captum.log import log_usage
from torch import Tensor

from attx import registry
from attx.attack import Attack
from attx.attributional import AttributionalAttack
from attx.errors import UserError

WRONG_RANGE = "images must be in [0, 1], with the normalisation inside the model, or attributions mean nothing"


class AttEXplore(Attribution):
    """AttEXplore (Zhu et al., ICLR 2024); with another `attack`, AttEXplore++ (arXiv 2412.19523).

    `model`: images (N, C, H, W) in [0, 1] -> logits (N, classes). `params` are the attack's: epsilon, alpha, steps,
    copies, rho, sigma, diversity_prob, decay, seed, batch_size, and `direction` (-1 descends the loss as published, +1
    ascends it) and `softmax` (how many softmaxes stand between the logits and the cross entropy, which has its own: 2
    as published, 0 for logits). Unknown ones raise UserError. A model that takes one image size alone (most vision
    transformers) needs `keep_size=True` with ssa, unless it is one of `attx.load_model`, which says so itself.
    """

    def __init__(self, model: torch.nn.Module, attack: str = "ssa", **params: Any) -> None:
        super().__init__(model)
        known = registry.method_parameters("attexplore", {"attack": attack})
        registry.check("AttEXplore", params, known)
        self._attribute = registry.load("attribution", "attexplore").build(attack=attack, **params)

    @log_usage()  # captum's NoiseTunnel and others call `attribute.__wrapped__`
    def attribute(self, inputs: Tensor, target: Any = None, image_ids: Iterable[str | int] | None = None) -> Tensor:
        """Signed attributions like `inputs`, (N, C, H, W). `target`: a class, one per image, or None for the predicted.

        Random draws depend on (seed, image id, step, copy) alone; `image_ids` None means 0..N-1.
        """
        if isinstance(inputs, tuple):  # captum's metrics pass tuples of tensors, and expect tuples back
            return tuple(self.attribute(images, target, image_ids) for images in inputs)
        ids = list(range(len(inputs)) if image_ids is None else image_ids)
        targets = _targets(self.forward_func, inputs, target)
        return self._attribute(self.forward_func, inputs.detach(), targets, ids)


def explain(
    model: torch.nn.Module,
    inputs: Any,
    targets: Any = None,
    method: str = "attexplore",
    image_ids: Iterable[str | int] | None = None,
    **params: Any,
) -> Any:
    """Attributions by any method's name; NumPy in, NumPy out: an `explain_func` for Quantus, which calls it so.

    `inputs` (N, C, H, W) in [0, 1], `targets` (N,) or None for the predicted classes, `params` the method's own. A
    `device`, which Quantus passes along, is ignored: the images go where the model is.
    """
    params.pop("device", None)
    check_explains(method)
    registry.check(f"explain by {method}", params, registry.method_parameters(method, params))
    registry.complete(f"explain by {method}", params, "attribution", method)
    attribute = registry.load("attribution", method).build(**params)
    parameter = next(model.parameters(), torch.empty(0))
    images = torch.as_tensor(inputs, dtype=parameter.dtype, device=parameter.device)
    ids = list(range(len(images)) if image_ids is None else image_ids)
    found = attribute(model, images, _targets(model, images, targets), ids).detach()
    return found.cpu().numpy() if isinstance(inputs, np.ndarray) else found


def check_explains(method: str) -> None:
    """UserError for an unknown method, or for one that is made of stored attributions and explains no image itself."""
    registry.known("attribution", method)
    if registry.constant("attribution", method, "NEEDS") == "stores":
        raise UserError(
            f"{method} is made of stored attributions of other methods: run it in a config, where its `of` names them"
        )


def load_attack(name: str, **params: Any) -> Attack:
    """An attack of `attx/attacks/` by its name; `.run(model, images, targets, image_ids=None)` gives its path."""
    registry.check(f"load_attack({name!r})", params, registry.parameters("attacks", name))
    return registry.load("attacks", name).build(**params)


def load_perturbation(name: str, **params: Any) -> AttributionalAttack:
    """An attack on explanations, of `attx/perturbations/`, by its name; `.run(model, images, targets, image_ids=None)`.

    `against` may be a function (model, images, targets, image_ids) -> attributions, differentiable in the images.
    """
    named = {key: value for key, value in params.items() if key != "against" or not callable(value)}
    registry.check(f"load_perturbation({name!r})", named, registry.parameters("perturbations", name))
    return registry.load("perturbations", name).build(**params)


def _targets(model: Any, inputs: Tensor, target: Any) -> Tensor:
    if inputs.ndim != 4:
        raise UserError(f"images of shape {tuple(inputs.shape)}: give (N, C, H, W)")
    if inputs.numel() and (inputs.amin() < -0.5 or inputs.amax() > 1.5):  # noise may reach beyond [0, 1] by a little
        warnings.warn(f"{WRONG_RANGE}; these reach from {inputs.amin():.3g} to {inputs.amax():.3g}", stacklevel=4)
    if target is None:
        with torch.no_grad():
            return model(inputs).argmax(1)
    targets = torch.as_tensor(target, device=inputs.device).long()
    if targets.ndim > 1 or targets.numel() not in (1, len(inputs)):
        raise UserError(
            f"target of shape {tuple(targets.shape)}: give one class, or one for each of {len(inputs)} images"
        )
    return targets.reshape(-1).expand(len(inputs))

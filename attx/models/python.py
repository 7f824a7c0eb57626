"""One's own model: `function: "module:function"` returns a torch module, which is wrapped, or a Classifier."""

import importlib
import inspect
from collections.abc import Callable

import torch

from attx import trust
from attx.errors import UserError, out_of_memory, unknown
from attx.models import state
from attx.models.classifier import Classifier, check_logits
from attx.preprocess import Preprocess


def build(
    *,
    function: str,
    arguments: dict | None = None,
    weights: str | None = None,
    seed: int = 0,
    size: int | None = None,
    resize: int | None = None,
    interpolation: str | None = None,
    mean: list | None = None,
    std: list | None = None,
    classes: int | None = None,
    fixed_size: bool | None = None,
) -> Classifier:
    """What `function(**arguments)` returns, with the state dict in the file `weights`, if given, loaded into it.

    `size` (default 224), `resize`, `interpolation`: see Preprocess. `mean`, `std`: three numbers each on the scale
    [0, 1], default 0 and 1: the module itself takes images in [0, 1]. `classes`: by default what it returns for a grey
    image. torch's random draws inside `function` follow `seed`.
    """
    net = _made(function, arguments or {}, seed)
    transform = {"size": size, "resize": resize, "interpolation": interpolation, "mean": mean, "std": std}
    given = {key: value for key, value in transform.items() if value is not None}
    if isinstance(net, Classifier):
        if given or classes or fixed_size or weights:
            raise UserError(
                f"{function} returns a Classifier, which has its own size, mean ... weights: leave them out"
            )
        return net
    if weights is not None:
        state.load_into(net, state.read(weights), weights)
    for key in ("mean", "std"):
        if len(given.get(key, [0] * 3)) != 3:
            raise UserError(f"{key}: {given[key]} must be three numbers, such as [0.5, 0.5, 0.5]")
    digest = state.sha256_of(net)
    preprocess = Preprocess(**{"size": 224} | given)
    model = Classifier(
        net, preprocess=preprocess, classes=classes or 0, fixed_size=bool(fixed_size), weights_sha256=digest
    )
    model.classes = _probed(model, classes, function)
    return model


def _made(function: str, arguments: dict, seed: int) -> torch.nn.Module:
    made = _imported(function)
    if not isinstance(made, torch.nn.Module):
        try:
            inspect.signature(made).bind(**arguments)
        except TypeError as error:
            raise UserError(f"arguments: {function} cannot be called with {arguments}: {error}") from error
        with state.seeded(seed):
            made = made(**arguments)
    if not isinstance(made, torch.nn.Module):
        raise UserError(f"function: {function} returned a {type(made).__name__}, not a torch.nn.Module or a Classifier")
    return made


def _imported(function: str) -> Callable:
    trust.check("function", function)
    module, _, attribute = function.partition(":")
    try:
        loaded = importlib.import_module(module)
    except ImportError as error:
        raise UserError(f"function: the module {module!r} could not be imported: {error}") from error
    found = getattr(loaded, attribute, None)
    home = getattr(found, "__module__", None)
    if callable(found) and not isinstance(found, torch.nn.Module) and not trust.trusted(str(home)):
        raise UserError(f"function: {function} is of the module {home}: write a function of your own that calls it")
    if not callable(found):
        raise unknown(
            f"function of the module {module}", attribute, [n for n, v in vars(loaded).items() if callable(v)]
        )
    return found


def _probed(model: Classifier, classes: int | None, function: str) -> int:
    """How many classes the net has; UserError if it cannot classify a grey image, or if `classes` are others."""
    grey = torch.full((1, 3, *model.preprocess.shape), 0.5, dtype=model.mean.dtype, device=model.mean.device)
    try:
        with torch.enable_grad():
            logits = model.net((grey.requires_grad_() - model.mean) / model.std)
    except (RuntimeError, TypeError, ValueError, AssertionError) as error:
        if out_of_memory(error):
            raise
        raise UserError(
            f"{function}: the model fails on a grey image {tuple(grey.shape)}: {error}\nis `size` right?"
        ) from error
    check_logits(logits, 1, classes, name=function)
    if not logits.requires_grad:
        raise UserError(f"{function}: its output has no gradient: take torch.no_grad() or detach() out of its forward")
    return logits.shape[1]

"""`load_model`, the public way to a model by name. No torch until a model's file is loaded."""

import difflib
import importlib
import inspect
from typing import TYPE_CHECKING

from attx import registry
from attx.errors import UserError, unknown

if TYPE_CHECKING:
    from attx.models.classifier import Classifier
    from attx.models.weights import WeightsFile

LIBRARIES = ("torchvision", "timm")  # in this order, for a name that both have


def load_model(name: str, /, **spec: object) -> "Classifier":
    """The model `name`: images (N, 3, H, W) in [0, 1] in, logits (N, classes) out; on the CPU, in eval mode.

    `spec["use"]` is the file in attx/models that builds it and the rest of `spec` its parameters. Without `use`, the
    name is that of such a file, "module:function", or a name of torchvision or timm. UserError for what is unknown.
    """
    import torch

    use, params = resolve(name, spec)
    # this layout makes convolutions 1.1 to 1.4 times as fast on a CPU, for images in any layout
    return registry.load("models", use).build(**params).to(memory_format=torch.channels_last)


def weights_file(name: str, /, **spec: object) -> "WeightsFile | None":
    """The file that must be fetched before `load_model` of the same arguments; None if it needs none."""
    use, params = resolve(name, spec)
    found = getattr(registry.load("models", use), "weights_file", None)
    return found(**params) if found else None


def resolve(name: str, spec: dict) -> tuple[str, dict]:
    """The file in attx/models and the parameters of its `build`, checked, that a name and a spec mean."""
    params = registry.params(spec)
    use = spec.get("use") or _use(name)
    registry.known("models", use)
    if use in LIBRARIES and name != use:
        params.setdefault("name", name)
    if use == "python" and ":" in name:
        params.setdefault("function", name)
    registry.check(f"model {name}", params, registry.parameters("models", use))
    wanted = inspect.signature(registry.load("models", use).build).parameters.values()
    missing = [p.name for p in wanted if p.default is p.empty and p.name not in params]
    if missing:
        raise UserError(f"model {name}: `{missing[0]}` must be given for `use: {use}`")
    return use, params


def _use(name: str) -> str:
    if name in registry.names("models"):
        return name
    if ":" in name:
        return "python"
    known = {library: importlib.import_module(f"attx.models.{library}").names() for library in LIBRARIES}
    for library in LIBRARIES:
        if name in known[library] or (library == "timm" and name.split(".")[0] in known[library]):
            return library
    every = {*registry.names("models"), *known["torchvision"], *known["timm"]}
    near = difflib.get_close_matches(name, sorted(every), n=1, cutoff=0.5)
    raise unknown("model", name, near or registry.names("models"))

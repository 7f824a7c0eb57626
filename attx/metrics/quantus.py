"""Any metric of Quantus that judges one image at a time, by its name (Hedström et al., JMLR 2023); attx[quantus]."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from attx.errors import UserError, nearest, out_of_memory, unknown
from attx.metrics.isolation import casting, quiet, seeded

NEEDS = "method?"
EXTRA = "quantus"
# Left out: Sufficiency, Consistency and SensitivityN compare images with each other, those of localisation need masks,
# and IROF and ROAD fail on colour images in Quantus 0.6.
BETTER = {
    "FaithfulnessCorrelation": "higher",
    "FaithfulnessEstimate": "higher",
    "PixelFlipping": "lower",
    "RegionPerturbation": "lower",
    "Monotonicity": "higher",
    "MonotonicityCorrelation": "higher",
    "Selectivity": "lower",
    "Infidelity": "lower",
    "Continuity": "lower",
    "LocalLipschitzEstimate": "lower",
    "MaxSensitivity": "lower",
    "AvgSensitivity": "lower",
    "RelativeInputStability": "lower",
    "RelativeOutputStability": "lower",
    "RelativeRepresentationStability": "lower",
    "Sparseness": "higher",
    "Complexity": "lower",
    "EffectiveComplexity": "lower",
    "MPRT": "lower",
    "SmoothMPRT": "lower",
    "EfficientMPRT": "higher",
    "RandomLogit": "lower",
    "Completeness": "higher",
    "NonSensitivity": "lower",
    "InputInvariance": "higher",
}
# unlike Quantus: maps come post-processed, and every image has a score of its own
DEFAULTS = {"abs": False, "normalise": False, "return_aggregate": False}
DEFAULTS |= {"disable_warnings": True, "display_progressbar": False}
REFUSALS = (AssertionError, ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


def build(
    *,
    name: str,
    arguments: dict | None = None,
    softmax: bool | None = None,
    seed: int = 3407,
) -> Callable[..., dict[str, np.ndarray]]:
    """`score` gives the column `name` (N,); where Quantus gives several numbers an image, their mean and `name_curve`.

    `arguments` are the metric's own, functions by their names in Quantus; `softmax` None: as the metric has it. Images
    are judged one by one, with global draws seeded by (seed, image id). UserError for what Quantus lacks or refuses.
    """
    metric = _metric(name, arguments or {})
    call = {"channel_first": True, "batch_size": 1} | ({} if softmax is None else {"softmax": softmax})

    def score(
        model: nn.Module, images: Tensor, maps: Tensor, targets: dict, *, image_ids: list, explain: Callable | None
    ) -> dict[str, np.ndarray]:
        found = []
        for i, image_id in enumerate(image_ids):
            batch = (images[i, None], targets["explained"][i, None], maps[i, None])
            copies = (part.cpu().numpy().copy() for part in batch)  # Quantus may write into what it gets
            given = dict(zip(("x_batch", "y_batch", "a_batch"), copies, strict=True))
            given |= call | {"explain_func": _explain_func(explain, images, image_id), "device": str(images.device)}
            with quiet(), seeded(seed, image_id, images.device), casting(model, images.dtype):
                try:
                    found.append(_values(name, metric()(model=model, **given)))
                except REFUSALS as error:
                    if out_of_memory(error):
                        raise
                    raise UserError(f"Quantus' {name}: {type(error).__name__}: {error}") from error
        means = {name: np.array([values.mean() for values in found])}
        return means if len(found[0]) == 1 else means | {f"{name}_curve": np.stack(found)}

    return score


def _metric(name: str, arguments: dict) -> Callable[[], Callable]:
    """Makes the metric with its arguments, of which those that are functions are given by name."""
    try:
        import quantus
        from quantus.helpers import constants
    except ImportError as error:
        raise UserError(f"the metric {name} needs the package quantus: pip install 'attx[quantus]'") from error
    if name not in BETTER:
        raise unknown("metric of Quantus that judges one image", name, BETTER)
    metric = getattr(quantus, name)
    known = inspect.signature(metric).parameters
    functions = (
        constants.AVAILABLE_PERTURBATION_FUNCTIONS
        | constants.AVAILABLE_SIMILARITY_FUNCTIONS
        | constants.AVAILABLE_NORMALISATION_FUNCTIONS
    )
    settings = {key: value for key, value in DEFAULTS.items() if key in known}
    for key, value in arguments.items():
        if key not in known:
            raise UserError(f"arguments: Quantus' {name} takes no {key!r}{nearest(key, known)}")
        if key.endswith("_func") and str(value) not in functions:
            raise UserError(f"arguments.{key}: {unknown('function of Quantus', str(value), functions)}")
        settings[key] = functions[value] if key.endswith("_func") else value

    def make() -> Callable:
        return metric(**settings)

    try:
        with quiet():
            make()
    except REFUSALS as error:
        raise UserError(f"arguments of Quantus' {name}: {type(error).__name__}: {error}") from error
    return make


def _explain_func(explain: Callable | None, images: Tensor, image_id: str | int) -> Callable[..., np.ndarray]:
    """The method as Quantus calls it, on copies of one image."""

    def function(model: nn.Module, inputs: np.ndarray, targets: np.ndarray, **_: Any) -> np.ndarray:
        if explain is None:
            raise UserError("this metric explains images anew, which a method made of stored maps cannot")
        given = torch.as_tensor(np.asarray(inputs), dtype=images.dtype, device=images.device)
        classes = torch.as_tensor(np.asarray(targets), device=images.device).long().reshape(-1)
        return explain(model, given, classes.expand(len(given)), [image_id] * len(given)).cpu().numpy()

    return function


def _values(name: str, result: Any) -> np.ndarray:
    """What Quantus gave for one image (a number, a curve, or either by layer or step) as a vector."""
    parts = result.values() if isinstance(result, dict) else result
    values = np.concatenate([np.ravel(np.asarray(part, float)) for part in parts])
    if not len(values) or not np.isfinite(values).all():
        raise UserError(
            f"Quantus' {name} gave {values}: it may ask for other maps (`abs: true` among its `arguments`, or a "
            "post-processing without negative values)"
        )
    return values

"""Lower precision and compilation around a model, and what they do to the scores."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import torch
from attx_kernels import dispatch
from torch import Tensor, nn

from attx import registry
from attx.metrics.insertion_deletion import InsertionDeletion, insertion_deletion
from attx.models.classifier import Classifier
from benchmarks import clock, models
from benchmarks.setting import Plan, Setting, Table, each
from benchmarks.worker import pixels_per_step

Value = TypeVar("Value")
OPTIONS = {"cpu": ("bf16", "compile"), "cuda": ("tf32", "bf16", "compile", "bf16 compile", "bf16 graphs")}


def dressed(name: str, option: str, setting: Setting) -> Classifier:
    """A model set up as jobs do it by `precision` (bf16: autocast) and `compile` (graphs); "float32" is neither."""
    model = models.load(name, setting.device, setting.dtype)
    model.autocast = torch.bfloat16 if "bf16" in option else None
    if compiles(option):
        model.compile_net(frozen=setting.device == "cpu", graphs="graphs" in option)
    return model


def compiles(option: str) -> bool:
    """Whether a model so dressed is compiled in its first passes."""
    return "compile" in option or "graphs" in option


def under(option: str, call: Callable[[], Value]) -> Value:
    """What `call` returns while TF32 is allowed, if that is the option."""
    flags = torch.backends.cuda.matmul, torch.backends.cudnn
    for flag in flags:
        flag.allow_tf32 = option == "tf32"
    dispatch.set_precision("tf32" if option == "tf32" else "tf32x3")
    try:
        return call()
    finally:
        for flag in flags:
            flag.allow_tf32 = False
        dispatch.set_precision("tf32x3")


def table(setting: Setting) -> Table:
    """The change of both areas by each option, in the maps, and in the sweeps of the same maps."""
    found = Table(
        "Precision and compilation: what they do to the scores",
        notes=[
            "Areas under the curves: the mean over the images of option - float32, and the largest difference of an "
            "image. `of maps`: made with the option, swept in float32; `of sweeps`: the same maps, swept with the "
            "option. Paths in float32 part ways by rounding alone: the row `other batch size` is such a run, and "
            "`other seed` is what chance does. `speed`: "
            "time in float32 / with the option, one run each, compiled before; on a CPU only sweeps are compiled.",
        ],
    )
    plans = [plan for plan in setting.plans if plan.model in (models.LITE, "toy")]
    return each(tuple(plans), found, lambda plan: _rows(setting, plan, found))


class Result(NamedTuple):
    """What an option gave: maps, their scores in float32, the scores of float32's maps, seconds of maps and sweep."""

    maps: Tensor
    of_maps: InsertionDeletion
    of_sweeps: InsertionDeletion
    seconds: tuple[float, float]


def _rows(setting: Setting, plan: Plan, found: Table) -> list[dict]:
    number, copies, steps = (20, 20, 10) if setting.device == "cuda" else (4, 5, 4) if not setting.quick else (2, 2, 1)
    full = 128 if setting.device == "cuda" else 32
    model = models.load(plan.model, setting.device)
    images, targets, source = models.images_for(model, number, setting.device, setting.dtype)
    step = pixels_per_step(images[0, 0].numel(), plan.points)
    found.notes.append(
        f"{plan.model}, {models.weights_of(model)}, {number} of {source}, {copies} copies, {steps} steps, "
        f"{plan.points} points inside each curve"
    )

    def explained(net: nn.Module, batch: int, **seed: int) -> Tensor:
        method = registry.load("attribution", "attexplore").build(copies=copies, steps=steps, batch_size=batch, **seed)
        return method(net, images, targets, list(range(number)))

    def swept(net: nn.Module, maps: Tensor) -> InsertionDeletion:
        return insertion_deletion(net, images, maps, pixels_per_step=step, target=targets, batch_size=full)

    def result(option: str, batch: int, maps: Tensor | None = None, **seed: int) -> Result:
        net = dressed(plan.model, option, setting)
        if compiles(option):
            explained(net, batch), swept(net, images)
        own, first = under(option, lambda: clock.measured(lambda: explained(net, batch, **seed), setting.device))
        given = own if maps is None else maps
        scores, second = under(option, lambda: clock.measured(lambda: swept(net, given), setting.device))
        return Result(own, swept(model, own), scores, (first, second))

    reference = result("float32", full)
    rows = [
        _row("other batch size", reference, result("float32", full // 2, reference.maps)),
        _row("other seed", reference, result("float32", full, reference.maps, seed=1)),
    ]
    for option in OPTIONS[setting.device][: 1 if setting.quick else None]:
        try:
            rows.append(_row(option, reference, result(option, full, reference.maps)))
        except (RuntimeError, torch.OutOfMemoryError) as error:  # a compiler that is not there, or refuses the model
            found.notes.append(f"{option}: {type(error).__name__}: {str(error).splitlines()[0]}")
    return rows


def _row(option: str, reference: Result, result: Result) -> dict:
    row: dict = {"option": option}
    for what in ("of_maps", "of_sweeps"):
        for area in ("insertion_auc", "deletion_auc"):
            change = getattr(getattr(result, what), area) - getattr(getattr(reference, what), area)
            name = f"{area.removesuffix('_auc')} {what.replace('_', ' ')}"
            row[name] = f"{change.mean():+.4f} ({abs(change).max():.4f})"
    for what, before, after in zip(("maps", "sweeps"), reference.seconds, result.seconds, strict=True):
        row[f"speed, {what}"] = before / after
    return row

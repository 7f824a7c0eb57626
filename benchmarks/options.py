"""Lower precision and compilation around a model, and what they do to the scores."""

import torch
from torch import Tensor, nn

from attx import registry
from attx.metrics.insertion_deletion import InsertionDeletion, insertion_deletion
from attx.models.classifier import Classifier
from benchmarks import models
from benchmarks.setting import Plan, Setting, Table, each
from benchmarks.worker import pixels_per_step

OPTIONS = ("bf16", "compile", "bf16 compile")


class Dressed(nn.Module):
    """`model` under autocast to bfloat16, compiled, or both; logits in its own precision."""

    def __init__(self, model: Classifier, option: str) -> None:
        super().__init__()
        self.classes, self.fixed_size, self.preprocess = model.classes, model.fixed_size, model.preprocess
        self.model, self.bf16 = model, "bf16" in option
        self.run = torch.compile(model) if "compile" in option else model

    def normalise(self, images: Tensor) -> Tensor:
        return self.model.normalise(images)

    def forward(self, x: Tensor, *, normalised: bool = False) -> Tensor:
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.bf16):
            return self.run(x, normalised=normalised).to(x.dtype)


def dressed(model: Classifier, option: str) -> nn.Module:
    """The model with an option of `OPTIONS`, or as it is for "float32"."""
    return model if option == "float32" else Dressed(model, option)


def table(setting: Setting) -> Table:
    """The change of both areas by each option, in the maps, and in the sweeps of the same maps."""
    found = Table(
        "Precision and compilation: what they do to the scores",
        notes=[
            "Areas under the curves: the mean over the images of option - float32, and the largest difference of an "
            "image. `of maps`: made with the option, swept in float32; `of sweeps`: the same maps, swept with the "
            "option. Paths in float32 part ways by rounding alone: the row `other batch size` is such a run.",
        ],
    )
    plans = [plan for plan in setting.plans if plan.model in (models.LITE, "toy")]
    return each(tuple(plans), found, lambda plan: _rows(setting, plan, found))


def _rows(setting: Setting, plan: Plan, found: Table) -> list[dict]:
    number, copies, steps = (20, 20, 10) if setting.device == "cuda" else (8, 5, 4) if not setting.quick else (2, 2, 1)
    model = models.load(plan.model, setting.device)
    images, targets, source = models.images_for(model, number, setting.device, setting.dtype)
    found.notes.append(
        f"{plan.model}, {models.weights_of(model)}, {number} of {source}, {copies} copies, {steps} steps, "
        f"{plan.points} points inside each curve"
    )

    def maps(net: nn.Module, batch: int) -> Tensor:
        build = registry.load("attribution", "attexplore").build
        return build(copies=copies, steps=steps, batch_size=batch)(net, images, targets, list(range(number)))

    def swept(net: nn.Module, attributions: Tensor) -> InsertionDeletion:
        step = pixels_per_step(images[0, 0].numel(), plan.points)
        return insertion_deletion(net, images, attributions, pixels_per_step=step, target=targets, batch_size=16)

    own = maps(model, 16)
    reference = swept(model, own)
    rows = [_row("other batch size", reference, swept(model, maps(model, 8)), reference)]
    for option in OPTIONS[: 1 if setting.quick else None]:
        net = dressed(model, option)
        try:
            rows.append(_row(option, reference, swept(model, maps(net, 16)), swept(net, own)))
        except (RuntimeError, torch.OutOfMemoryError) as error:  # a compiler that is not there, or refuses the model
            found.notes.append(f"{option}: {type(error).__name__}: {str(error).splitlines()[0]}")
    return rows


def _row(option: str, reference: InsertionDeletion, *others: InsertionDeletion) -> dict:
    row: dict = {"option": option}
    for what, other in zip(("of maps", "of sweeps"), others, strict=True):
        for area in ("insertion_auc", "deletion_auc"):
            change = getattr(other, area) - getattr(reference, area)
            row[f"{area.split('_')[0]} {what}"] = f"{change.mean():+.4f} ({abs(change).max():.4f})"
    return row

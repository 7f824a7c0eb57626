"""How much of insertion and deletion's time is the model's, and both against the published way."""

from torch import nn

from attx.metrics.insertion_deletion import InsertionDeletion, insertion_deletion
from benchmarks import models
from benchmarks.contest import contest
from benchmarks.setting import Plan, Setting, Table, each
from benchmarks.worker import pixels_per_step

MARK = 0.95


def table(setting: Setting) -> Table:
    """A row for each model and option."""
    found = Table(
        "Insertion and deletion",
        notes=[
            "Order `channel_union`, as the published code has it, black covers. `efficiency`: bare forwards, of "
            f"normalised images and as many, / both curves; goal {MARK}. `published / attx`: seconds an image of the "
            "published way / attx's; the published way has float32 in every row. Fewer points than 223 weigh against "
            "attx, which ranks once an image.",
        ],
    )
    return each(setting.plans, found, lambda plan: _rows(setting, plan, found))


def _rows(setting: Setting, plan: Plan, found: Table) -> list[dict]:
    model, number = models.load(plan.model, setting.device), plan.sweep_images
    images, targets, source = models.images_for(model, number, setting.device, setting.dtype)
    step = pixels_per_step(images[0, 0].numel(), plan.points)
    points = -(-images[0, 0].numel() // step) - 1
    found.notes.append(f"{plan.model}: {models.weights_of(model)}, {number} of {source}, {points} points a curve")
    maps = images.flip(2)  # any will do

    def score(net: nn.Module, batch: int) -> InsertionDeletion:
        return insertion_deletion(net, images, maps, "channel_union", step, target=targets, batch_size=batch)

    return contest(
        setting,
        plan,
        score,
        found.notes,
        gradient=False,
        published=lambda worker: worker.sweep(plan.points),
        factor=lambda passes: number,
    )

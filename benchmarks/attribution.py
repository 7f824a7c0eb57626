"""How much of an attribution's time is the model's, and attexplore against the published way."""

from torch import Tensor, nn

from attx import registry
from benchmarks import models
from benchmarks.contest import contest
from benchmarks.setting import Plan, Setting, Table, each
from benchmarks.worker import BATCH

PUBLISHED = 11 / 10  # its passes for 10 steps, the last step's being dropped
MARK = 0.90


def table(setting: Setting) -> Table:
    """A row for each model and option."""
    found = Table(
        "Attribution",
        notes=[
            f"attexplore with its published settings, N = {setting.copies} copies. `efficiency`: bare passes (forward, "
            "and the gradient of a logit with respect to the input), as many and of the same sizes, / attexplore; goal "
            f"{MARK}. `published / attx`: seconds a pass of the published way, times 1.1 for the step that it drops, / "
            "attexplore's; the published way has float32 in every row.",
        ],
    )
    return each(setting.plans, found, lambda plan: _rows(setting, plan, found))


def _rows(setting: Setting, plan: Plan, found: Table) -> list[dict]:
    model = models.load(plan.model, setting.device)
    images, targets, source = models.images_for(model, plan.images, setting.device, setting.dtype)
    found.notes.append(f"{plan.model}: {models.weights_of(model)}, {plan.images} of {source}, {plan.steps} steps")
    build = registry.load("attribution", "attexplore").build

    def explain(net: nn.Module, batch: int) -> Tensor:
        method = build(copies=setting.copies, steps=plan.steps, batch_size=batch)
        return method(net, images, targets, list(range(len(images))))

    return contest(
        setting,
        plan,
        explain,
        found.notes,
        gradient=True,
        published=lambda worker: worker.attribution(plan.published),
        factor=lambda passes: PUBLISHED * passes / (2 * BATCH * plan.published),
    )

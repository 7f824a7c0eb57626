"""How much is measured on which device, and the tables that come of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch

from attx.allocator import keep_memory
from attx.stages.common import prepare


@dataclass(frozen=True)
class Plan:
    """How much of one model is measured; the tables repeat these numbers.

    `images` are attributed in `steps` steps; `published` copies of 4 images go the published way, one copy a pass, so
    that its cost grows with their number alone. `sweep_images` are swept at `points` points a curve. The fastest of
    `batches` model inputs a pass is taken. `options`: see `benchmarks.options`.
    """

    model: str
    images: int
    steps: int
    published: int
    sweep_images: int
    points: int
    batches: tuple[int, ...]
    rounds: int
    options: tuple[str, ...] = ()


# On a CPU few images and points, so that all of it takes minutes. The number of copies is never shortened, since what
# is done once a step would then weigh more or less than in a run.
CPU = (
    Plan("efficientnet_lite0", 4, 2, 4, 2, 32, (16, 20, 24, 32), 5),
    Plan("resnet50", 2, 1, 1, 1, 16, (8, 16, 24, 32), 3),
    Plan("vit_b_16", 1, 1, 1, 1, 8, (4, 10, 20), 3),
)
FAST = ("tf32", "bf16", "bf16 compile", "bf16 graphs")
GPU = (
    Plan("efficientnet_lite0", 16, 10, 10, 8, 223, (32, 64, 128, 256), 5, FAST),
    Plan("resnet50", 16, 10, 10, 8, 223, (32, 64, 128, 256), 5, FAST),
    Plan("vit_b_16", 16, 10, 10, 8, 223, (16, 32, 64, 128), 3, FAST),
)
QUICK = (Plan("toy", 2, 2, 1, 2, 8, (2, 8), 2, ("bf16",)),)


@dataclass(frozen=True)
class Setting:
    """A device ("cpu" or "cuda"), the plans for it, and whether all is tiny, only to see that it runs."""

    device: str
    quick: bool
    plans: tuple[Plan, ...]
    copies: int = 20
    dtype: torch.dtype = torch.float32

    @classmethod
    def of(cls, device: str, quick: bool) -> "Setting":
        return cls(device, quick, QUICK, copies=4) if quick else cls(device, quick, GPU if device == "cuda" else CPU)

    def as_in_jobs(self) -> None:
        """One thread, the allocator and the device's modes as the workflow's jobs have them."""
        keep_memory()
        prepare({"threads": 1, "dtype": "float32"}, self.device)


@dataclass
class Table:
    """A table of the report: rows are dicts, whose keys are the columns."""

    title: str
    rows: list[dict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Missing(Exception):
    """What a measurement needs is not here; the message says what, and the report repeats it."""


def each(plans: tuple[Plan, ...], table: Table, measure: Callable[[Plan], Iterator[dict]]) -> Table:
    """`table` with the rows of every plan; of what is missing, a note."""
    for plan in plans:
        try:
            table.rows += measure(plan)
        except Missing as reason:
            table.notes.append(f"{plan.model} skipped: {reason}")
    return table

"""How time and memory grow with images, copies, steps and the size of the images."""

import multiprocessing
import resource
import sys
from dataclasses import dataclass, replace

import torch

from attx import registry
from attx.batch_size import CPU
from benchmarks import clock, floor, models
from benchmarks.setting import Missing, Setting, Table

UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss


@dataclass(frozen=True)
class Size:
    """What is explained; `size` is the side in pixels."""

    images: int
    copies: int
    steps: int
    size: int


def table(setting: Setting) -> Table:
    """A row for a base and for each change of one number; on a CPU each in a process of its own, for its peak."""
    base = Size(2, 10, 2, 224) if setting.device == "cpu" else Size(16, 20, 10, 224)
    base = Size(1, 2, 1, 32) if setting.quick else base
    factors = {"images": (4,), "copies": (4,), "steps": (4,), "size": (0.5, 1.5)}
    changed = [
        replace(base, **{key: int(getattr(base, key) * factor)})
        for key, several in factors.items()
        for factor in several[: 1 if setting.quick else None]
    ]
    batch = CPU if setting.device == "cpu" else 128
    name = setting.plans[0].model
    what = "the process's peak" if setting.device == "cpu" else "the GPU's, as torch allocates it"
    found = Table("Growth", notes=[f"attexplore on {name}, random images, batches of {batch}. Memory: {what}."])
    try:
        models.load(name)
    except Missing as reason:
        found.notes.append(f"skipped: {reason}")
        return found
    for size in [base, *changed]:
        seconds, passes, peak = _apart(setting, name, size, batch)
        row = {**vars(size), "passes": passes, "seconds": seconds, "ms a pass": 1000 * seconds / passes}
        found.rows.append(row | {"peak, MiB": peak / 2**20})
    return found


def _apart(setting: Setting, name: str, size: Size, batch: int) -> tuple[float, int, float]:
    if setting.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        seconds, passes = _explain(setting, name, size, batch)
        return seconds, passes, torch.cuda.max_memory_allocated()
    context = multiprocessing.get_context("fork")  # nothing to import again
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(sender, setting, name, size, batch))
    child.start()
    sender.close()
    found = receiver.recv()
    child.join()
    return found


def _child(sender, setting: Setting, name: str, size: Size, batch: int) -> None:
    seconds, passes = _explain(setting, name, size, batch)
    sender.send((seconds, passes, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT))


def _explain(setting: Setting, name: str, size: Size, batch: int) -> tuple[float, int]:
    """Seconds of the second of two runs, and the passes of one."""
    model = models.load(name, setting.device, **({} if name == "toy" else {"size": size.size}))
    images = torch.rand(size.images, 3, size.size, size.size, device=setting.device)
    targets = torch.zeros(size.images, dtype=torch.int64, device=setting.device)
    build = registry.load("attribution", "attexplore").build

    def run(net: torch.nn.Module, steps: int) -> None:
        method = build(copies=size.copies, steps=steps, batch_size=batch)
        method(net, images, targets, list(range(size.images)))

    passes = sum(floor.shapes_of(lambda recorder: run(recorder, size.steps), model).values())
    run(model, 1)
    return clock.timed(lambda: run(model, size.steps), setting.device), passes

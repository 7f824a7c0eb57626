"""A method against the bare passes that it makes, and against the published way, in one interleaved run."""

import statistics
from collections import Counter
from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from attx import batch_size
from benchmarks import clock, floor
from benchmarks.options import dressed, under
from benchmarks.setting import Plan, Setting
from benchmarks.worker import Worker

Method = Callable[[nn.Module, int], object]  # of a model and a batch size


def contest(
    setting: Setting,
    plan: Plan,
    method: Method,
    notes: list[str],
    *,
    gradient: bool,
    published: Callable[[Worker], float],
    factor: Callable[[int], float],
) -> list[dict]:
    """A row for each option. `published` asks its process for seconds, which `factor`, of the passes, makes comparable.

    The bare passes have their best batch size, and so has the method on a GPU; on a CPU it has a job's. An option that
    fails gets a note.
    """
    with Worker(plan.model, setting.device) as worker:
        contenders, rows = {"published": partial(published, worker)}, []
        for option in ("float32", *plan.options):
            try:
                row, sides, passes = _entry(setting, plan, method, option, gradient)
            except (
                RuntimeError,
                torch.OutOfMemoryError,
            ) as error:  # a compiler that is not there, or refuses the model
                if option == "float32":
                    raise
                notes.append(f"{plan.model}, {option}: {type(error).__name__}: {str(error).splitlines()[0]}")
                continue
            rows.append(row)
            contenders |= sides
        times = clock.interleaved(contenders, plan.rounds)
    for row in rows:
        own, bare = times[row["option"]], times[f"bare {row['option']}"]
        row["ms a pass, bare"] = 1000 * statistics.median(bare) / passes
        row["ms a pass"] = 1000 * statistics.median(own) / passes
        row |= clock.spread("efficiency", clock.ratio(bare, own))
        row |= clock.spread("published / attx", clock.ratio(times["published"], own, factor(passes)))
    return rows


def _entry(
    setting: Setting, plan: Plan, method: Method, option: str, gradient: bool
) -> tuple[dict, dict[str, Callable[[], float]], int]:
    """The beginning of an option's row, its two contenders and the number of passes."""
    model = dressed(plan.model, option, setting)
    shapes = floor.shapes_of(lambda recorder: method(recorder, plan.batches[-1]), model)
    batch, run = under(option, lambda: floor.bare(model, shapes, plan.batches, gradient, setting.device))
    own = batch if setting.quick or setting.device == "cuda" else batch_size.CPU
    sides = {f"bare {option}": run, option: partial(method, model, own)}
    sides = {name: partial(under, option, side) for name, side in sides.items()}
    if option != "float32" or setting.device == "cuda":  # compilers, and libraries on a GPU, begin slowly
        for side in sides.values():
            side()
    row = {"model": plan.model, "option": option, "batch": batch, "passes": _said(shapes)}
    return row, {name: partial(clock.timed, side, setting.device) for name, side in sides.items()}, sum(shapes.values())


def _said(shapes: Counter) -> str:
    return ", ".join(f"{number} of {shape[-1]}" for shape, number in sorted(shapes.items()))

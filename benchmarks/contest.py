"""A method against the bare passes that it makes, and against the published way, in one interleaved run."""

import statistics
from collections import Counter
from collections.abc import Callable
from functools import partial

from torch import nn

from benchmarks import clock, floor
from benchmarks.options import dressed, under
from benchmarks.setting import Plan, Setting
from benchmarks.worker import Worker

Method = Callable[[nn.Module, int], object]  # of a model and a batch size


def contest(
    setting: Setting,
    plan: Plan,
    model: nn.Module,
    method: Method,
    *,
    gradient: bool,
    published: Callable[[Worker], float],
    factor: Callable[[int], float],
) -> list[dict]:
    """A row for each option. `published` asks its process for seconds, which `factor`, of the passes, makes comparable.

    The method gets the batch size that is best for the bare passes.
    """
    contenders, rows = {}, []
    with Worker(plan.model, setting.device) as worker:
        contenders["published"] = partial(published, worker)
        for option in ("float32", *plan.options):
            net = dressed(plan.model, option, setting)
            batch = under(option, lambda net=net: floor.best_batch(net, plan.batches, gradient, setting.device))
            shapes = floor.shapes_of(lambda recorder, batch=batch: method(recorder, batch), model)
            bare = floor.bare(net, shapes, batch, gradient)
            own, bare = partial(under, option, partial(method, net, batch)), partial(under, option, bare)
            if option != "float32" or setting.device == "cuda":  # compilers, and libraries on a GPU, begin slowly
                bare(), own()
            contenders[f"bare {option}"] = partial(clock.timed, bare, setting.device)
            contenders[option] = partial(clock.timed, own, setting.device)
            rows.append({"model": plan.model, "option": option, "batch": batch, "passes": _said(shapes)})
        times = clock.interleaved(contenders, plan.rounds)
    passes = sum(shapes.values())
    for row in rows:
        own, bare = times[row["option"]], times[f"bare {row['option']}"]
        row["ms a pass, bare"] = 1000 * statistics.median(bare) / passes
        row["ms a pass"] = 1000 * statistics.median(own) / passes
        row |= clock.spread("efficiency", clock.ratio(bare, own))
        row |= clock.spread("published / attx", clock.ratio(times["published"], own, factor(passes)))
    return rows


def _said(shapes: Counter) -> str:
    return ", ".join(f"{number} of {shape[-1]}" for shape, number in sorted(shapes.items()))

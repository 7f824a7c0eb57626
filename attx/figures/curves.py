"""Insertion and deletion curves: means over the images with 95% bootstrap bands, by method."""

from itertools import chain

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from attx.errors import unknown
from attx.figures import frame, style
from attx.statistics import mean_band

NEEDS = "scores"
KINDS = {"insertion": "inserted", "deletion": "deleted"}
# What a step takes depends on the metric's order: by channel_union, more pixels are shown than steps are taken.
SHARES = {
    "": "Fraction of steps",
    "rise_2d": "Fraction of pixels {done}",
    "channel_union": "Fraction of steps (more pixels are {done})",
    "flat_3hw": "Fraction of channel values {done}",
}


@style.themed
def draw(
    scores: pd.DataFrame,
    *,
    order: str = "",
    bands: bool = True,
    models: list | None = None,
    methods: list | None = None,
    postprocess: list | None = None,
) -> Figure:
    """Draw `insertion_curve` and `deletion_curve` of `scores`: a column of panels per model, two rows per postprocess.

    With one model the two kinds stand side by side. `order` is the metric's and says what the x axis counts.
    """
    if order not in SHARES:
        raise unknown("order", order, filter(None, SHARES))
    needs = [f"{kind}_curve" for kind in KINDS]
    scores = frame.keep(scores, needs=needs, model=models, method=methods, postprocess=postprocess)
    models, readings = frame.levels(scores, "model"), frame.levels(scores, "postprocess")
    if len(models) == 1:
        panels = [[(kind, models[0], reading) for kind in KINDS] for reading in readings]
    else:
        panels = [[(kind, model, reading) for model in models] for reading in readings for kind in KINDS]
    looks = style.looks(scores["method"])
    columns = len(panels[0])
    figure, axes = style.canvas(len(panels), columns, panel=1.9, width=style.wide(columns), sharey=True)
    for axis, (kind, model, reading) in zip(axes.flat, chain(*panels), strict=True):
        _panel(axis, frame.cell(scores, model=model, postprocess=reading), f"{kind}_curve", looks, bands)
        style.title(axis, model, kind, reading if len(readings) > 1 else "")
        axis.set_xlabel(SHARES[order].format(done=KINDS[kind]))
    for axis in axes[:, 0]:
        axis.set_ylabel("Probability of the class")
    band = "; band: 95% bootstrap interval" if bands else ""
    style.legend(figure, style.lines(looks), title=f"Mean of {frame.sample(scores)}{band}")
    return figure


def _panel(axis: Axes, rows: pd.DataFrame, column: str, looks: dict[str, style.Look], bands: bool) -> None:
    for method, look in looks.items():
        curves = frame.cell(rows, method=method)[column]
        if curves.empty:
            continue
        mean, low, high = mean_band(np.stack(curves))
        x = np.linspace(0, 1, len(mean))
        axis.plot(x, mean, color=look.colour, linestyle=look.dash)
        if bands:
            axis.fill_between(x, low, high, color=look.colour, alpha=0.15, linewidth=0)
    axis.set_xlim(0, 1)
    axis.set_ylim(bottom=0)

"""Model randomisation: how alike a map stays while ever more layers get random weights, by method."""

from itertools import chain

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from attx.figures import frame, style
from attx.statistics import mean_band

NEEDS = "scores"
KINDS = {"similarity_curve": "values", "absolute_similarity_curve": "absolute values"}


@style.themed
def draw(
    scores: pd.DataFrame,
    *,
    bands: bool = True,
    models: list | None = None,
    methods: list | None = None,
    postprocess: list | None = None,
) -> Figure:
    """Draw the curves that the metric model_randomisation gave: a column of panels per model, two rows per postprocess.

    With one model the two kinds (of the maps' values, of their absolute values) stand side by side.
    """
    scores = frame.keep(scores, needs=list(KINDS), model=models, method=methods, postprocess=postprocess)
    models, readings = frame.levels(scores, "model"), frame.levels(scores, "postprocess")
    if len(models) == 1:
        panels = [[(kind, models[0], reading) for kind in KINDS] for reading in readings]
    else:
        panels = [[(kind, model, reading) for model in models] for reading in readings for kind in KINDS]
    looks = style.looks(scores["method"])
    columns = len(panels[0])
    width = style.wide(columns)
    figure, axes = style.canvas(len(panels), columns, panel=2.0, width=width, sharex=True, sharey=True)
    for axis, (kind, model, reading) in zip(axes.flat, chain(*panels), strict=True):
        _panel(axis, frame.cell(scores, model=model, postprocess=reading), kind, looks, bands)
        style.title(axis, model, KINDS[kind], reading if len(readings) > 1 else "")
    for axis in axes[-1]:
        axis.set_xlabel("Layers randomised, last first")
    for axis in axes[:, 0]:
        axis.set_ylabel("Rank correlation with the map")
    band = "; band: 95% bootstrap interval" if bands else ""
    style.legend(figure, style.lines(looks, marked=True), title=f"Mean of {frame.sample(scores)}{band}")
    return figure


def _panel(axis: Axes, rows: pd.DataFrame, column: str, looks: dict[str, style.Look], bands: bool) -> None:
    axis.axhline(0, color="0.6", linewidth=0.7)
    for method, look in looks.items():
        curves = frame.cell(rows, method=method)[column]
        if curves.empty:
            continue
        mean, low, high = mean_band(np.stack(curves))
        x = np.linspace(0, 1, len(mean))
        axis.plot(x, mean, color=look.colour, linestyle=look.dash, marker=look.marker, markersize=3.5, clip_on=False)
        if bands:
            axis.fill_between(x, low, high, color=look.colour, alpha=0.15, linewidth=0)
    axis.set_xlim(0, 1)
    axis.set_xticks([0, 0.25, 0.5, 0.75, 1])
    axis.xaxis.set_major_formatter("{x:.0%}")
    axis.set_ylim(top=1)

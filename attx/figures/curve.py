"""Curves of scores: a panel per kind of curve, model and postprocess, means with their bands by method."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from attx.figures import frame, style
from attx.statistics import mean_band


def panels(scores: pd.DataFrame, kinds: Iterable[str]) -> list[list[tuple[str, str, str]]]:
    """Rows of (kind, model, postprocess): a column per model, or with one model the kinds side by side."""
    models, readings = frame.levels(scores, "model"), frame.levels(scores, "postprocess")
    if len(models) == 1:
        return [[(kind, models[0], reading) for kind in kinds] for reading in readings]
    return [[(kind, model, reading) for model in models] for reading in readings for kind in kinds]


def means(
    axis: Axes, rows: pd.DataFrame, column: str, looks: dict[str, style.Look], *, bands: bool, marked: bool = False
) -> None:
    """Draw the mean of each method's curves in `column` over x from 0 to 1, with 95% `bands`, `marked` or not."""
    for method, look in looks.items():
        curves = frame.cell(rows, method=method)[column]
        if curves.empty:
            continue
        mean, low, high = mean_band(np.stack(curves))
        x = np.linspace(0, 1, len(mean))
        marks = {"marker": look.marker, "markersize": 3.5, "clip_on": False} if marked else {}
        axis.plot(x, mean, color=look.colour, linestyle=look.dash, **marks)
        if bands:
            axis.fill_between(x, low, high, color=look.colour, alpha=0.15, linewidth=0)
    axis.set_xlim(0, 1)

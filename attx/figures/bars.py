"""Bars of mean scores with 95% intervals: a row of panels per model, a bar per method and postprocess."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from attx.figures import frame, style
from attx.statistics import Interval

NEEDS = "scores"
CAPTION = (
    "Mean score of each method, with 95% intervals over the images; the title of a panel says which way "
    "is better. Intervals that overlap do not show that two methods are alike: the tables have paired tests on the "
    "same images."
)
HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "++++")
BAR = 0.125  # inches a bar


@style.themed
def draw(
    scores: pd.DataFrame,
    *,
    values: list | None = None,
    models: list | None = None,
    methods: list | None = None,
    postprocess: list | None = None,
) -> Figure:
    """Draw the mean of each of `values` (columns; if None, those of `frame.areas`) with the interval of the tables.

    Colours are the methods'; from the second postprocess on they are lighter and hatched.
    """
    values = frame.areas(frame.alone(scores), values)
    scores = frame.keep(scores, needs=values, model=models, method=methods, postprocess=postprocess)
    models, readings = frame.levels(scores, "model"), frame.levels(scores, "postprocess")
    looks = style.looks(scores["method"])
    panel = 0.6 + BAR * len(looks) * (len(readings) + 0.6)
    figure, axes = style.canvas(len(models), len(values), panel=panel, sharex="col", sharey=True)
    for row, model in zip(axes, models, strict=True):
        for axis, value in zip(row, values, strict=True):
            _panel(axis, frame.cell(scores, model=model), value, looks, readings)
            style.title(axis, model)
    for axis, value in zip(axes[-1], values, strict=True):
        axis.set_xlabel(frame.label(value).replace(" (", "\n(" if len(values) > 2 else " ("))
    title = f"Mean of {frame.sample(scores)}; line: {frame.interval_of(scores)}"
    style.legend(figure, _shades(readings) if len(readings) > 1 else [], title=title)
    return figure


def _panel(axis: Axes, rows: pd.DataFrame, value: str, looks: dict[str, style.Look], readings: list[str]) -> None:
    size = 1 / (len(readings) + 0.6)
    for place, (method, look) in enumerate(looks.items()):
        for i, reading in enumerate(readings):
            found = frame.interval(rows, value, method=method, postprocess=reading)
            if found is not None:
                y = place + (i - (len(readings) - 1) / 2) * size
                bar(axis, found, y, size, color=_tint(look.colour, i), hatch=HATCHES[i % len(HATCHES)])
    rows_of(axis, list(looks))


def bar(axis: Axes, found: Interval, y: float, size: float, **face) -> None:
    """A bar `size` high at `y`, of a `face` (colour, hatch), with the line of its interval and its value in digits."""
    axis.barh(y, found.mean, size, edgecolor="white", linewidth=0.5, **face)
    axis.plot([found.low, found.high], [y, y], color="black", linewidth=0.9)
    end = np.nanmax([found.mean, found.high])
    axis.annotate(f"{found.mean:.2f}", (end, y), (3, 0), textcoords="offset points", va="center", fontsize=6)


def rows_of(axis: Axes, names: list[str]) -> None:
    """Name the rows of bars, the first on top."""
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.grid(visible=False, axis="y")
    axis.tick_params(axis="y", length=0)
    axis.margins(x=0.1)


def _shades(readings: list[str]) -> list[Patch]:
    return [
        Patch(facecolor=_tint("0.4", i), edgecolor="white", hatch=HATCHES[i % len(HATCHES)], label=reading)
        for i, reading in enumerate(readings)
    ]


def _tint(colour: str, step: int) -> tuple[float, ...]:
    """The colour, nearer to white by each step."""
    return tuple(1 - (1 - part) * 0.72**step for part in to_rgb(colour))

"""A score against its cost: model passes and seconds per image, on logarithmic axes, a row of panels per model."""

from itertools import cycle

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from attx.figures import frame, scales, style

NEEDS = "scores"
CAPTION = (
    "Mean score against what a method costs for an image, in passes through the model and in seconds, on "
    "logarithmic axes. Cheap methods are to the left; seconds belong to the machine of the run, passes to the "
    "method."
)
COSTS = {"passes": "Model passes per image, forward + backward (log)", "seconds": "Time per image in seconds (log)"}
FILLS = ("full", "none", "left", "bottom", "right", "top")


@style.themed
def draw(
    scores: pd.DataFrame,
    *,
    value: str = "insertion_auc",
    models: list | None = None,
    methods: list | None = None,
    postprocess: list | None = None,
) -> Figure:
    """Draw the mean of `value` with the interval of the tables against passes and seconds, a marker per method.

    Postprocesses cost the same, so a method's points stand side by side, told apart by their filling.
    """
    scores = frame.keep(frame.alone(scores), needs=[value], model=models, method=methods, postprocess=postprocess)
    scores = scores.assign(passes=scores["forward_passes"] + scores["backward_passes"])
    models, readings = frame.levels(scores, "model"), frame.levels(scores, "postprocess")
    looks = style.looks(scores["method"])
    figure, axes = style.canvas(len(models), len(COSTS), panel=2.3, sharex="col", sharey="row")
    for row, model in zip(axes, models, strict=True):
        for axis, cost in zip(row, COSTS, strict=True):
            _panel(axis, frame.cell(scores, model=model), cost, value, looks, readings)
            style.title(axis, model)
        row[0].set_ylabel(frame.label(value))
    for axis, (cost, label) in zip(axes[-1], COSTS.items(), strict=True):
        scales.logarithmic(axis, scores[cost])  # a control needs no pass: from 0
        axis.set_xlabel(label)
    entries = style.points(looks)
    if len(readings) > 1:
        fills = zip(readings, cycle(FILLS), strict=False)
        entries += [Line2D([], [], linestyle="", label=f"filling: {r}", **_marker("o", "0.3", f)) for r, f in fills]
    style.legend(figure, entries, title=f"Mean of {frame.sample(scores)}; line: {frame.interval_of(scores)}")
    return figure


def _panel(
    axis: Axes, rows: pd.DataFrame, cost: str, value: str, looks: dict[str, style.Look], readings: list[str]
) -> None:
    costs = rows.groupby("method")[cost].mean()
    for method, look in looks.items():
        for i, reading in enumerate(readings):
            found = frame.interval(rows, value, method=method, postprocess=reading)
            if found is None:
                continue
            aside = i - (len(readings) - 1) / 2
            x = costs[method] * 1.12**aside if costs[method] else 0.09 * aside
            axis.plot([x, x], [found.low, found.high], color=look.colour, linewidth=0.9)
            axis.plot(x, found.mean, **_marker(look.marker, look.colour, FILLS[i % len(FILLS)]))


def _marker(marker: str, colour: str, fill: str) -> dict[str, str]:
    face = {"fillstyle": "full", "markerfacecolor": "white"} if fill == "none" else {"fillstyle": fill}
    return {"marker": marker, "color": colour, "markerfacecoloralt": "white", **face}

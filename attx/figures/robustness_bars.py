"""Robustness of maps under one perturbation: how alike they stay, by method, with the models side by side."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from attx.figures import bars, frame, robustness_curves, scales, style

NEEDS = "scores"
CAPTION = (
    "How alike maps stay when the image is perturbed so that its class is kept, at the largest perturbation; bars "
    "are means with 95% intervals over the images. Higher is more stable, and edges show that stable is "
    "not yet faithful."
)
OF = "perturbed"  # the metric compares maps of perturbed images


@style.themed
def draw(
    scores: pd.DataFrame,
    *,
    perturbation: str | None = None,
    values: list | None = None,
    models: list | None = None,
    methods: list | None = None,
    postprocess: list | None = None,
) -> Figure:
    """Draw the mean of each of `values` (columns; if None, those of `frame.similarities`) at the largest epsilon.

    `perturbation`: a label; None is the first. A bar with a 95% interval per model, such as the kinds of training; a
    row of panels per postprocess. Controls of the methods come last.
    """
    values = frame.areas(frame.require(scores, robustness_curves.COLUMNS), values)
    one = [perturbation or frame.levels(scores, "perturbation")[0]]
    wanted = {"model": models, "method": methods, "postprocess": postprocess}
    scores = frame.keep(scores, needs=values, perturbation=one, **wanted)
    epsilon = scores["epsilon"].max()
    scores = frame.cell(scores, epsilon=epsilon)
    readings, models = frame.levels(scores, "postprocess"), frame.levels(scores, "model")
    looks = style.looks(models, models)
    methods = list(style.looks(scores["method"]))
    panel = 0.5 + bars.BAR * len(methods) * (len(looks) + 0.6)
    shares = all(frame.is_share(value) for value in values)
    shared = {"sharex": True if shares else "col", "sharey": True}
    figure, grid = style.canvas(len(readings), len(values), panel=panel, **shared)
    for axes, reading in zip(grid, readings, strict=True):
        for axis, value in zip(axes, values, strict=True):
            _panel(axis, frame.cell(scores, postprocess=reading), value, methods, looks)
            style.title(axis, "", reading if len(readings) > 1 else "")
    for axis, value in zip(grid[-1], values, strict=True):
        axis.set_xlabel(frame.label(value).replace(" (", "\n("))
    if shares:
        grid[0, 0].set_xlim(0, 1.16)
        grid[0, 0].set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
    title = f"{one[0]} at epsilon {scales.epsilon(epsilon)}: mean of {frame.sample(scores)}"
    style.legend(figure, _entries(looks), title=f"{title}; line: {frame.interval_of(scores)}")
    return figure


def _panel(axis: Axes, rows: pd.DataFrame, value: str, methods: list[str], looks: dict[str, style.Look]) -> None:
    size = 1 / (len(looks) + 0.6)
    for place, method in enumerate(methods):
        for i, model in enumerate(looks):
            found = frame.interval(rows, value, method=method, model=model)
            if found is not None:
                bars.bar(axis, found, place + (i - (len(looks) - 1) / 2) * size, size, **_face(looks, model))
    bars.rows_of(axis, methods)


def _face(looks: dict[str, style.Look], model: str) -> dict[str, str]:
    """Colour and hatch of a model's bars."""
    return {"color": looks[model].colour, "hatch": bars.HATCHES[list(looks).index(model) % len(bars.HATCHES)]}


def _entries(looks: dict[str, style.Look]) -> list[Patch]:
    faces = {model: _face(looks, model) for model in looks}
    return [Patch(facecolor=f["color"], hatch=f["hatch"], edgecolor="white", label=m) for m, f in faces.items()]

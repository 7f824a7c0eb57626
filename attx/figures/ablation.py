"""An ablation: scores of methods by the value of one of their parameters."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from attx.figures import frame, scales, style

NEEDS = "ablation"
CAPTION = (
    "Mean scores of methods while one of their parameters is varied and all else stays. A flat line says that the "
    "choice hardly matters. Bands and bars are 95% intervals over the images."
)
NAMES = {
    "alpha": "Step size alpha",
    "copies": "Copies",
    "diversity_prob": "Diversity probability",
    "epsilon": "Perturbation budget epsilon",
    "seed": "Random seed",
    "sigma": "Noise amplitude sigma",
    "steps": "Steps",
}
PARTS_OF_255 = {"alpha": 10, "epsilon": 1, "sigma": 1}  # written k/255, by whole k; a step size by tenths
COLUMNS = ["image_id", "data", "model", "method", "postprocess", "base", "value"]


@style.themed
def draw(source: pd.DataFrame, *, parameter: str, scores: list | None = None) -> Figure:
    """Draw the mean of each of `scores` (rows; None: both areas) against `parameter`, of which `value` has the values.

    Numbers are joined by a line with a 95% band, on a logarithmic axis where they span more than a decade; seeds and
    words stand side by side, with intervals. Colours are those of the methods varied, in column `base`. With one model
    the scores stand side by side.
    """
    scores = frame.areas(frame.require(source, COLUMNS), scores)
    models, looks = frame.levels(source, "model"), style.looks(source["base"])
    apart = parameter == "seed" or not pd.api.types.is_numeric_dtype(source["value"])
    shape = (len(scores), len(models)) if len(models) > 1 else (1, len(scores))
    shared = {"sharex": True, "sharey": "row" if len(models) > 1 else False}
    figure, grid = style.canvas(*shape, panel=1.8, width=style.wide(shape[1]), **shared)
    for axes, score in zip(grid if len(models) > 1 else grid.T, scores, strict=True):
        for axis, model in zip(axes, models, strict=True):
            _panel(axis, frame.cell(source, model=model), score, looks, _values(source), apart=apart)
            if axis.get_subplotspec().is_first_row():
                style.title(axis, model)
        axes[0].set_ylabel(frame.label(score).replace(" (", "\n("))
    _label(grid, parameter, _values(source), apart=apart)
    keys = ["model", "base", "postprocess", "value"]
    title = f"Mean of {frame.sample(source, keys)}; {'line' if apart else 'band'}: {frame.interval_of(source, keys)}"
    style.legend(figure, style.points(looks) if apart else style.lines(looks, marked=True), title=title)
    return figure


def table(source: pd.DataFrame, *, parameter: str, scores: list | None = None) -> pd.DataFrame:
    """A row per data, model, method varied, postprocess and value (as text): images, and each score with interval."""
    scores = frame.areas(frame.require(source, COLUMNS), scores)
    values, keys = _values(source), ["data", "model", "base", "postprocess", "value"]
    orders = {key: frame.levels(source, key) for key in keys} | {"value": values}
    found = frame.ordered(frame.means(source, keys, scores), orders)
    texts = dict(zip(values, _written(parameter, values, "{:g}/255"), strict=True))
    found["value"] = found["value"].map(texts)
    found.insert(keys.index("value"), "parameter", parameter)
    return found.rename(columns={"base": "method"})


def _values(source: pd.DataFrame) -> list:
    """The values in drawing order: numbers by size, words as they come."""
    values = frame.levels(source, "value")
    return sorted(values) if pd.api.types.is_numeric_dtype(source["value"]) else values


def _intervals(rows: pd.DataFrame, score: str, values: list) -> pd.DataFrame:
    """The means and interval ends at those of `values` that there are, with the `place` of each in the list."""
    found = [(place, value, frame.interval(rows, score, value=value)) for place, value in enumerate(values)]
    found = [(place, value, *interval) for place, value, interval in found if interval is not None]
    return pd.DataFrame(found, columns=["place", "value", "mean", "low", "high"])


def _panel(
    axis: Axes, rows: pd.DataFrame, score: str, looks: dict[str, style.Look], values: list, *, apart: bool
) -> None:
    for i, (base, look) in enumerate(looks.items()):
        found = _intervals(frame.cell(rows, base=base), score, values)
        if apart:
            x = found["place"] + (i - (len(looks) - 1) / 2) * min(0.15, 0.75 / len(looks))
            axis.vlines(x, found["low"], found["high"], color=look.colour, linewidth=0.9)
            axis.plot(x, found["mean"], color=look.colour, marker=look.marker, linestyle="")
        else:
            axis.plot(found["value"], found["mean"], color=look.colour, linestyle=look.dash, marker=look.marker)
            axis.fill_between(found["value"], found["low"], found["high"], color=look.colour, alpha=0.15, linewidth=0)


def _label(grid: np.ndarray, parameter: str, values: list, *, apart: bool) -> None:
    """The x axes, which all panels share."""
    first = grid[0, 0]
    if apart:
        first.set_xlim(-0.5, len(values) - 0.5)
    elif scales.is_wide(values):
        scales.logarithmic(first, values)
    texts = _written(parameter, values, "{:g}")
    inches = (first.get_figure().get_figwidth() - 0.7) / grid.shape[1] - 0.2
    scales.ticks(first, range(len(values)) if apart else values, texts, inches, all_shown=apart)
    unit = "" if texts == _written(parameter, values, "{:g}/255") else ", in 1/255"
    for axis in grid[-1]:
        axis.set_xlabel(NAMES.get(parameter, parameter) + unit)
    for axis in grid.flat if apart else ():
        axis.grid(visible=False, axis="x")


def _written(parameter: str, values: list, form: str) -> list[str]:
    """The values as text; those of an amplitude as k by `form`, if all of them are k/255."""
    parts = PARTS_OF_255.get(parameter)
    whole = [scales.of_255(value, parts=parts) if parts else None for value in values]
    if None not in whole:
        return [form.format(k) for k in whole]
    return [value if isinstance(value, str) else f"{value:.12g}" for value in values]

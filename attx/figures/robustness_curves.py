"""Robustness of maps: how alike the maps of an image and of its perturbed copy are, against epsilon, by attack."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from attx.figures import frame, scales, style

NEEDS = "scores"
CAPTION = (
    "How alike the maps of an image and of its perturbed copy are, against the size of the perturbation, the mean "
    "over the images with 95% intervals. Curves that fall later belong to maps that are harder to move."
)
OF = "perturbed"  # the metric compares maps of perturbed images
COLUMNS = ["image_id", "data", "model", "method", "postprocess", "perturbation", "epsilon"]


@style.themed
def draw(
    scores: pd.DataFrame,
    *,
    values: list | None = None,
    perturbations: list | None = None,
    models: list | None = None,
    methods: list | None = None,
    postprocess: list | None = None,
) -> Figure:
    """Draw the mean of each of `values` (columns; if None, those of `frame.similarities`) against epsilon.

    A row of panels per model, method and postprocess, a line with a 95% interval at each epsilon per perturbation.
    Epsilon is in units of images in [0, 1], written in 1/255 where all are whole ones.
    """
    values = frame.areas(frame.require(scores, COLUMNS), values)
    scores = frame.keep(scores, needs=values, **_wanted(perturbations, models, methods, postprocess))
    rows, looks = _rows(scores), style.looks(scores["perturbation"], style.ATTACKS)
    epsilons = sorted(set(scores["epsilon"]))
    shape = {"panel": 1.3 if len(rows) < 6 else 1.1, "width": style.wide(len(values))}
    shares = all(frame.is_share(value) for value in values)
    figure, grid = style.canvas(len(rows), len(values), **shape, sharex=True, sharey=True if shares else "col")
    for axes, (name, row) in zip(grid, rows.items(), strict=True):
        for axis, value in zip(axes, values, strict=True):
            _panel(axis, row, value, looks, epsilons)
        axes[0].set_ylabel(name)
    for axis, value in zip(grid[0], values, strict=True):
        axis.set_title(frame.label(value).replace(" (", "\n("), loc="left")
    if shares:
        grid[0, 0].set_ylim(-0.04, 1.04)
    _label(grid, epsilons, len(looks))
    images, line = (words(scores, COLUMNS[2:]) for words in (frame.sample, frame.interval_of))
    title = f"Mean of {images}, by perturbation; vertical line: {line}"
    style.legend(figure, style.lines(looks, marked=True) if len(epsilons) > 1 else style.points(looks), title=title)
    return figure


def table(
    scores: pd.DataFrame,
    *,
    values: list | None = None,
    perturbations: list | None = None,
    models: list | None = None,
    methods: list | None = None,
    postprocess: list | None = None,
) -> pd.DataFrame:
    """A row per data, model, method, postprocess, perturbation and epsilon: images, and each score with interval."""
    values = frame.areas(frame.require(scores, COLUMNS), values)
    scores = frame.keep(scores, needs=values, **_wanted(perturbations, models, methods, postprocess))
    orders = {key: frame.levels(scores, key) for key in COLUMNS[1:]} | {"epsilon": sorted(set(scores["epsilon"]))}
    found = frame.ordered(frame.means(scores, COLUMNS[1:], values), orders)
    found["epsilon"] = found["epsilon"].map(scales.epsilon)
    return found


def _wanted(perturbations: list | None, models: list | None, methods: list | None, postprocess: list | None) -> dict:
    return {"perturbation": perturbations, "model": models, "method": methods, "postprocess": postprocess}


def _rows(scores: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each model, method and postprocess, by a name for them, which leaves out what is the same in all."""
    several = [key for key in ("model", "method", "postprocess") if scores[key].nunique() > 1] or ["model", "method"]
    methods, found = list(style.looks(scores["method"])), {}
    orders = {key: frame.levels(scores, key) for key in several} | {"method": methods}
    keys = scores[several].drop_duplicates()
    for key in frame.ordered(keys, {name: orders[name] for name in several}).to_dict("records"):
        found["\n".join(style.broken(label, 16) for label in key.values())] = frame.cell(scores, **key)
    return found


def _panel(axis: Axes, rows: pd.DataFrame, value: str, looks: dict[str, style.Look], epsilons: list[float]) -> None:
    for place, (name, look) in enumerate(looks.items()):
        found = [(e, frame.interval(rows, value, perturbation=name, epsilon=e)) for e in epsilons]
        found = [(e, *interval) for e, interval in found if interval is not None]
        if not found:
            continue
        x, mean, low, high = np.transpose(found)
        aside = place - (len(looks) - 1) / 2  # so that intervals can be told apart
        x = x + 0.012 * aside * epsilons[-1] if len(epsilons) > 1 else np.full(1, place)
        axis.vlines(x, low, high, color=look.colour, linewidth=0.9)
        axis.plot(x, mean, color=look.colour, linestyle=look.dash, marker=look.marker, markersize=4)


def _label(grid: np.ndarray, epsilons: list[float], perturbations: int) -> None:
    """The x axes, which all panels share; with one epsilon the perturbations stand side by side."""
    first, label = grid[0, 0], "Epsilon"
    if len(epsilons) == 1:
        first.set_xlim(-0.5, perturbations - 0.5)
        first.set_xticks([])
        label = f"Epsilon {scales.epsilon(epsilons[0])}"
    else:
        first.set_xlim(0, 1.06 * epsilons[-1])
        texts, unit = scales.epsilons(epsilons)
        inches = (first.get_figure().get_figwidth() - 0.7) / grid.shape[1] - 0.3
        scales.ticks(first, epsilons, texts, inches)
        label += ", in 1/255" if unit else ""
    for axis in grid[-1]:
        axis.set_xlabel(label)

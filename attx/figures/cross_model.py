"""Attributions of one model (`source`) judged by another (`model`): scores by method and pair of models."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from attx.figures import frame, heat, style

NEEDS = "cross"
CAPTION = (
    "Scores of maps of one model (row) as another model (column) judges them; framed cells are a model's own maps. "
    "Scores that stay in other columns speak of the image, scores that are lost there of the model."
)
COLUMNS = ["image_id", "data", "source", "model", "method", "postprocess"]
COLOURS = {"deletion_auc": "Oranges_r"}  # darker is better; other scores: the higher, the darker
DEFAULT_COLOURS = "Blues"


@style.themed
def draw(source: pd.DataFrame, *, scores: list | None = None) -> Figure:
    """Draw the mean of each of `scores` (both areas if None): a row per model explained, a column per judging model.

    The column `source` names the model explained, `model` the one that judges; where they are one, the cell is framed.
    Up to three models the 95% intervals are given, too.
    """
    scores = frame.areas(frame.require(source, COLUMNS), scores)
    methods, (explained, judges) = list(style.looks(source["method"])), _models(source)
    found = frame.means(source, ["method", "source", "model"], scores)
    wide = 5.9 / len(scores) / len(judges)
    with_intervals, names = wide > 0.8, [style.broken(model, 20) for model in explained]
    tall = max(0.36 if with_intervals else 0.24, *(heat.LINE * len(name.split("\n")) for name in names))
    figure, axes = style.canvas(len(methods), len(scores), panel=tall * len(names) + 0.3, sharex=True, sharey=True)
    for column, score in zip(axes.T, scores, strict=True):
        short, colours = score.removesuffix("_auc"), COLOURS.get(score, DEFAULT_COLOURS)
        limits = _limits(found[short], score)
        for axis, method in zip(column, methods, strict=True):
            means, *ends = (_grid(found, method, short + end, explained, judges) for end in ("", "_low", "_high"))
            heat.cells(axis, means, _texts(means, *ends, intervals=with_intervals), colours, limits)
            for model in filter(judges.__contains__, explained):
                heat.outline(axis, explained.index(model), judges.index(model))
            style.title(axis, method)
        below = heat.columns(column[-1], judges, wide)
        column[-1].set_xlabel("Judging model")
        heat.bar(figure, column, colours, limits, frame.label(score))
    for axis in axes[:, 0]:
        axis.set_yticks(range(len(names)), names, fontsize=6.5)
        axis.set_ylabel("Model explained")
    figure.set_figheight(figure.get_figheight() + below + 0.45)
    keys = ["source", "model", "method", "postprocess"]
    title = f"Mean of {frame.sample(source, keys)}{f', with {frame.interval_of(source, keys)}' * with_intervals}"
    title += "; framed: judged by the model explained"
    style.legend(figure, [], title=title)
    return figure


def table(source: pd.DataFrame, *, scores: list | None = None) -> pd.DataFrame:
    """A row per data, model explained (`source`), model that judges (`model`), method and postprocess."""
    scores = frame.areas(frame.require(source, COLUMNS), scores)
    keys = ["data", "source", "model", "method", "postprocess"]
    orders = {key: frame.levels(source, key) for key in keys} | dict(
        zip(("source", "model"), _models(source), strict=True)
    )
    return frame.ordered(frame.means(source, keys, scores), orders)


def _models(source: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Models explained, and those that judge, in the same order."""
    every = list(dict.fromkeys([*source["source"], *source["model"]]))
    return [m for m in every if m in set(source["source"])], [m for m in every if m in set(source["model"])]


def _grid(found: pd.DataFrame, method: str, value: str, explained: list[str], judges: list[str]) -> np.ndarray:
    """A value by model explained and model that judges; NaN where there is none."""
    return (
        frame.cell(found, method=method)
        .pivot(index="source", columns="model", values=value)
        .reindex(index=explained, columns=judges)
        .to_numpy(dtype=float)
    )


def _texts(means: np.ndarray, low: np.ndarray, high: np.ndarray, *, intervals: bool) -> np.ndarray:
    """What the cells say: `0.36`, and below it `[0.31, 0.41]`, where there is an interval."""
    texts = np.empty(means.shape, dtype=object)
    for place, mean in np.ndenumerate(means):
        bounds = f"\n[{low[place]:.2f}, {high[place]:.2f}]" if intervals and np.isfinite(low[place]) else ""
        texts[place] = "" if np.isnan(mean) else f"{mean:.2f}{bounds}"
    return texts


def _limits(means: pd.Series, score: str) -> tuple[float, float]:
    """What the colours span; for areas whole tenths, so that small differences do not look large."""
    low, high = means.min(), means.max()
    return (np.floor(10 * low) / 10, np.ceil(10 * high) / 10) if score.endswith("_auc") else (low, high)

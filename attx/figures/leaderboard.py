"""Methods at one glance: faithfulness, stability, robustness and cost, ranked within each model."""

import re

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from attx.figures import board, frame, heat, scales, style
from attx.figures.board import BLOCK, Column

NEEDS = "leaderboard"
CAPTION = (
    "Methods by their mean relative rank over the metrics, 0 being the best and 1 the worst of those compared. Blue "
    "to red: from best to worst rank in the column; framed: the best mean; bold: the paired 95% interval does not "
    "tell it from the best. Controls, in grey, are not ranked. Passes and seconds are costs and say nothing of "
    "quality."
)
COLUMNS = ["image_id", "metric", *board.KEYS, *board.COSTS]
COLOURS, LIMITS = "RdBu", (-0.45, 1.45)  # of shares of methods that are worse: blue is best, red worst, both pale
ARROWS = {"higher": " ↑", "lower": " ↓", "": ""}
CELL, ROW = 0.62, 0.31  # inches: a cell's width, a row's height


@style.themed
def draw(
    scores: pd.DataFrame,
    *,
    columns: list | None = None,
    better: dict | None = None,
    controls: list | None = None,
) -> Figure:
    """Draw a row per method, in a panel per model and postprocess, and a column per score and perturbation.

    `columns`: score columns (None: each metric's areas, or else its LENS-recall); `better`: which way a score is
    better, where `frame.better` does not know; `controls`: the methods that are (None: those named as in `style`).
    Cells are coloured by rank; the best mean is framed, and means are bold that the 95% interval of the paired
    difference does not tell from it. Controls are grey and have no rank. A mean relative rank is in brackets, and
    white, where it is over fewer metrics than others'.
    """
    shown, found = _board(scores, columns, better, controls)
    blocks = [block for _, block in found.groupby(BLOCK, sort=False)]
    named = ["model", *["postprocess"] * (scores["postprocess"].nunique() > 1)]
    names = [", ".join(block.iloc[0][named]) for block in blocks]
    left = 0.2 + max(0.063 * scores["method"].str.len().max(), 0.08 * max(map(len, names)))
    width = max(style.WIDTH, left + CELL * (len(shown) + 3))
    heads = _heads(shown, int((width - left) / (len(shown) + 3) / heat.LETTER))
    sizes = [len(block) for block in blocks]
    figure, grid = style.canvas(len(blocks), 1, panel=0, width=width, height_ratios=sizes)
    above = heat.LINE * max(head.count("\n") + 1 for head in heads)
    figure.set_figheight(ROW * sum(sizes) + 0.2 * len(blocks) + above + 0.3)
    for axis, block, name in zip(grid[:, 0], blocks, names, strict=True):
        _panel(axis, block, shown)
        axis.text(-0.008, 1, name, transform=axis.transAxes, ha="right", va="bottom", fontweight="bold")
    grid[0, 0].xaxis.tick_top()
    grid[0, 0].set_xticks(range(len(heads)), heads, fontsize=6.5)
    keys = ["metric", *board.KEYS[1:]]  # a metric may be of fewer images
    title = (
        f"Mean of {frame.sample(scores, keys)} [{frame.interval_of(scores, keys)}]; blue to red: best to worst rank;"
    )
    title += (
        "\nframed: best mean; bold: paired 95% interval does not tell it from the best; grey: controls, not ranked."
    )
    title += "\nMean relative rank: 0 best, 1 worst; the mean over a metric's columns, then over metrics"
    if not found.loc[~found["control"], "whole"].all():
        title += ",\nin brackets and further down: over fewer metrics, not to be compared with the others"
    style.legend(figure, [], title=title)
    figure.legends[0].get_title().set_multialignment("center")
    return figure


def table(
    scores: pd.DataFrame,
    *,
    columns: list | None = None,
    better: dict | None = None,
    controls: list | None = None,
) -> pd.DataFrame:
    """A row per data, model, postprocess and method, as drawn; `best` names the columns where it is not told from best.

    `mean_relative_rank`: 0 best, 1 worst, over the `ranked_by` metrics that rank the method; controls have none.
    """
    shown, found = _board(scores, columns, better, controls)
    marks = found[[f"{column.name}_best" for column in shown]].to_numpy(dtype=bool)
    found["best"] = [", ".join(c.name for c, mark in zip(shown, row, strict=True) if mark) for row in marks]
    return found.drop(columns=["control", "whole", *(c.name + end for c in shown for end in ("_rank", "_best"))])


def _board(
    scores: pd.DataFrame, columns: list | None, better: dict | None, controls: list | None
) -> tuple[list[Column], pd.DataFrame]:
    shown = board.columns(frame.require(scores, COLUMNS), columns, better)
    return shown, board.board(scores, shown, style.CONTROLS if controls is None else controls)


def _heads(shown: list[Column], letters: int) -> list[str]:
    """What stands above the columns: the perturbation, or the metric where the name in tables has it; the score."""
    heads = ["mean\nrelative\nrank ↓"]
    for column in shown:
        plain = column.name == column.score.removesuffix("_auc")
        of = [column.perturbation, scales.epsilon(column.epsilon)] if column.perturbation else [column.metric]
        of = [] if plain else [style.broken(" ".join(of), letters)]
        score = frame.short(column.score).replace(" ", "\n")
        heads.append("\n".join([*of, style.broken(score, letters) if " " not in score else score]) + ARROWS[column.way])
    return [*heads, "passes", "seconds"]


def _panel(axis: Axes, block: pd.DataFrame, shown: list[Column]) -> None:
    """The cells of a model's methods; costs, which say nothing of quality, are white."""
    names = ["mean_relative_rank", *(column.name for column in shown), "passes", "seconds"]
    ranks = block[[names[0], *(f"{column.name}_rank" for column in shown)]].to_numpy()
    good = np.column_stack([1 - ranks, np.full((len(block), 2), 0.5)])
    good[block[names].notna().to_numpy() & np.isnan(good)] = 0.5  # no way known, or none to compare with
    good[~block["whole"], 0] = 0.5
    good[block["control"]] = np.nan
    texts = np.column_stack([_texts(block, name) for name in names])
    heat.cells(axis, good, texts, COLOURS, LIMITS)
    marks = np.column_stack([block[f"{column.name}_best"].to_numpy(dtype=bool) for column in shown])
    cells = np.array(axis.texts).reshape(texts.shape)
    for row, column in np.argwhere(marks):
        cells[row, column + 1].set_fontweight("bold")
    for after in _gaps(shown):
        axis.axvline(after + 0.5, color="white", linewidth=3)
    best = np.fmin.reduce(ranks[:, 1:])
    for row, column in np.argwhere(ranks[:, 1:] == best):
        heat.outline(axis, row, column + 1)
    axis.set_xticks([])
    axis.set_yticks(range(len(block)), block["method"], fontsize=7)


def _gaps(shown: list[Column]) -> list[int]:
    """The columns after which another metric begins."""
    metrics = ["", *(column.metric for column in shown), "cost"]
    return [i for i in range(len(metrics) - 1) if metrics[i] != metrics[i + 1]]


def _texts(block: pd.DataFrame, name: str) -> list[str]:
    """What a column's cells say: `.36`, and below it `[.31, .41]` where there is an interval."""
    if name == "mean_relative_rank":
        means = [("" if np.isnan(value) else _digits(value)) for value in block[name]]
        return [f"({m})" if m and not whole else m for m, whole in zip(means, block["whole"], strict=True)]
    if name == "passes":
        return [f"{value:.4g}" for value in block[name].round(1)]
    if name == "seconds":
        return [f"{value:.0f}" if value >= 100 else f"{value:.2g}" for value in block[name]]
    rows = block[[name + end for end in frame.ENDS]].to_numpy()
    ends = [f"\n[{_digits(low)}, {_digits(high)}]" if np.isfinite(low) else "" for _, low, high in rows]
    return ["–" if np.isnan(mean) else _digits(mean) + end for (mean, *_), end in zip(rows, ends, strict=True)]


def _digits(value: float) -> str:
    """`.36`, `-.02`, `1.00`, `12.3`: as many digits as a cell has room for."""
    text = f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"
    return re.sub(r"^-?0(?=\.)", lambda zero: zero[0][:-1] if float(text) else "", text)

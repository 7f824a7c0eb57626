"""Methods at one glance: faithfulness, stability, robustness and cost, ranked within each model."""

import re

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from attx.figures import board, frame, heat, scales, style
from attx.figures.board import BLOCK, Column

NEEDS = "leaderboard"
COLUMNS = ["image_id", "metric", *board.KEYS, *board.COSTS]
COLOURS, LIMITS = "RdBu", (-0.45, 1.45)  # of shares of methods that are worse: blue is best, red worst, both pale
ARROWS = {"higher": " ↑", "lower": " ↓", "": ""}
CELL, ROW = 0.62, 0.31  # inches: a cell's width, a row's height


@style.themed
def draw(scores: pd.DataFrame, *, columns: list | None = None, better: dict | None = None) -> Figure:
    """Draw a row per method, in a panel per model and postprocess, and a column per score and perturbation.

    `columns`: score columns (None: each metric's areas, or else its LENS-recall); `better`: which way a score is
    better, where `frame.better` does not know. Cells are coloured by rank; the best mean is framed, and means are bold
    that the 95% interval of the paired difference does not tell from it. Controls are grey and have no rank.
    """
    shown = board.columns(frame.require(scores, COLUMNS), columns, better)
    blocks = [block for _, block in board.board(scores, shown).groupby(BLOCK, sort=False)]
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
    title = f"Mean of {frame.sample(scores, board.KEYS[1:])} [95% bootstrap interval]; blue to red: best to worst rank;"
    title += "\nframed: best mean; bold: paired 95% interval does not tell it from the best; grey: controls, not ranked"
    style.legend(figure, [], title=title)
    figure.legends[0].get_title().set_multialignment("center")
    return figure


def table(scores: pd.DataFrame, *, columns: list | None = None, better: dict | None = None) -> pd.DataFrame:
    """A row per data, model, postprocess and method, as drawn; `best` names the columns where it is not told from best.

    `mean_rank`: over the metrics, of the mean rank over a metric's columns; controls have none.
    """
    shown = board.columns(frame.require(scores, COLUMNS), columns, better)
    found = board.board(scores, shown)
    marks = found[[f"{column.name}_best" for column in shown]].to_numpy(dtype=bool)
    found["best"] = [", ".join(c.name for c, mark in zip(shown, row, strict=True) if mark) for row in marks]
    return found.drop(columns=[c.name + end for c in shown for end in ("_rank", "_best")])


def _heads(shown: list[Column], letters: int) -> list[str]:
    """What stands above the columns: the perturbation, or the metric where the name in tables has it; the score."""
    heads = ["mean rank ↓"]
    for column in shown:
        plain = column.name == column.score.removesuffix("_auc")
        of = [] if plain else [style.broken(column.perturbation or column.metric, letters)]
        of += [scales.epsilon(column.epsilon)] if column.perturbation else []
        score = frame.short(column.score).replace(" ", "\n")
        heads.append("\n".join([*of, style.broken(score, letters) if " " not in score else score]) + ARROWS[column.way])
    return [heads[0].replace(" ", "\n", 1), *heads[1:], "passes", "seconds"]


def _panel(axis: Axes, block: pd.DataFrame, shown: list[Column]) -> None:
    """The cells of a model's methods; costs, which say nothing of quality, are white."""
    names = ["mean_rank", *(column.name for column in shown), "passes", "seconds"]
    controls = block["method"].isin(style.CONTROLS).to_numpy()
    ranks = [block["mean_rank"].rank(), *(block[f"{column.name}_rank"] for column in shown)]
    good = np.column_stack([*map(_share, ranks), *[np.full(len(block), 0.5)] * 2])
    good[:, 1:][~controls[:, None] & block[names[1:]].notna().to_numpy() & np.isnan(good[:, 1:])] = 0.5  # no way known
    good[controls] = np.nan
    texts = np.column_stack([_texts(block, name) for name in names])
    heat.cells(axis, good, texts, COLOURS, LIMITS)
    marks = np.column_stack([block[f"{column.name}_best"].to_numpy(dtype=bool) for column in shown])
    cells = np.array(axis.texts).reshape(texts.shape)
    for row, column in np.argwhere(marks):
        cells[row, column + 1].set_fontweight("bold")
    for after in _gaps(shown):
        axis.axvline(after + 0.5, color="white", linewidth=3)
    for place, ranked in enumerate(ranks[1:], start=1):
        for row in np.flatnonzero(ranked == ranked.min()):
            heat.outline(axis, row, place)
    axis.set_xticks([])
    axis.set_yticks(range(len(block)), block["method"], fontsize=7)


def _share(ranks: pd.Series) -> np.ndarray:
    """Of the methods ranked with it, the share that is worse: 1 is best, 0 worst; a method alone gets the middle."""
    ranked = ranks.notna().sum()
    return ((ranked - ranks) / (ranked - 1)).to_numpy() if ranked > 1 else ranks.where(ranks.isna(), 0.5).to_numpy()


def _gaps(shown: list[Column]) -> list[int]:
    """The columns after which another metric begins."""
    metrics = ["", *(column.metric for column in shown), "cost"]
    return [i for i in range(len(metrics) - 1) if metrics[i] != metrics[i + 1]]


def _texts(block: pd.DataFrame, name: str) -> list[str]:
    """What a column's cells say: `.36`, and below it `[.31, .41]` where there is an interval."""
    if name in ("mean_rank", "passes"):
        return ["" if np.isnan(value) else f"{value:.4g}" for value in block[name].round(1)]
    if name == "seconds":
        return [f"{value:.0f}" if value >= 100 else f"{value:.2g}" for value in block[name]]
    rows = block[[name + end for end in frame.ENDS]].to_numpy()
    ends = [f"\n[{_digits(low)}, {_digits(high)}]" if np.isfinite(low) else "" for _, low, high in rows]
    return ["–" if np.isnan(mean) else _digits(mean) + end for (mean, *_), end in zip(rows, ends, strict=True)]


def _digits(value: float) -> str:
    """`.36`, `-.02`, `1.00`, `12.3`: as many digits as a cell has room for."""
    text = f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 100 else f"{value:.0f}"
    return re.sub(r"^-?0(?=\.)", lambda zero: zero[0][:-1] if float(text) else "", text)

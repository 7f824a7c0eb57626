"""The run's tables as the page has them: the text of the Markdown, intervals as lines, numbers to sort by."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from attx.tables_text import caption, plain, reading

# columns of labels and words, also where all of them look like numbers
WORDS = ("data", "model", "method", "postprocess", "post-processing", "perturbation", "metric", "source", "attack")
WORDS += ("base", "training", "reference", "published_source", "note", "best", "parameter", "kind", "contrast", "score")
BLOCK = ("model", "postprocess")  # within which a leaderboard ranks
ENDS = ("", "_low", "_high")
RANKED = (
    "Methods by their mean relative rank over the metrics, 0 being the best and 1 the worst of those compared. Bold on "
    "blue: the paired 95% interval does not tell it from the best. Controls are not ranked."
)


@dataclass(frozen=True)
class Cell:
    """What a cell says, the number to sort by, and its interval: low, mean, high and 0 in percent of the column's."""

    text: str
    sort: float | None = None
    line: tuple[float, float, float, float | None] | None = None
    best: bool = False


@dataclass(frozen=True)
class Table:
    """Blocks of rows under a title ("": none), each sorted apart; `words` says which columns are no numbers."""

    columns: list[str]
    words: list[bool]
    blocks: list[tuple[str, list[list[Cell]]]]
    caption: str

    @property
    def rows(self) -> int:
        return sum(len(rows) for _, rows in self.blocks)


def read(path: str | Path) -> pd.DataFrame:
    """A table's CSV with numbers as numbers, and labels as they are, whatever they look like."""
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    for name in table.columns.difference(WORDS):
        filled = table[name].mask(table[name] == "")
        numbers = pd.to_numeric(filled, errors="coerce")
        if (numbers.notna() == filled.notna()).all():
            table[name] = numbers
    if "published_source" in table:
        table["published_source"] = table["published_source"].mask(table["published_source"] == "")
    return table


def of_metric(path: str | Path) -> Table:
    """The table of a metric."""
    table = read(path)
    return _table(table, reading(table), caption(table))


def of_figure(path: str | Path, said: str, *, ranked: bool = False) -> Table:
    """The table of a figure; with `ranked` in blocks, the entries of the column `best` being marked in their place.

    `said`: the figure's caption, which a leaderboard's table does not share, having other colours.
    """
    table, said = read(path), RANKED if ranked else said
    text = plain(table)
    for cost in {"passes", "seconds"} & set(text):
        text[cost] = [f"{value:.4g}" if value >= 10 else f"{value:.2g}" for value in table[cost]]
    return _table(table, text, said, BLOCK if ranked else ())


def _table(table: pd.DataFrame, text: pd.DataFrame, said: str, block: tuple[str, ...] = ()) -> Table:
    best = [set(cell.split(", ")) for cell in table["best"]] if block else [set()] * len(table)
    same = [c for c in ("data", *WORDS[1:5]) if c in text and text[c].nunique() == 1]
    text = text.drop(columns=[*same, *(c for c in (*block, "best") if block and c in text and c not in same)])
    text = text[sorted(text.columns, key=lambda name: name != "method")]  # what heads the rows
    scales = {name: _scale(table, name) for name in text.columns}
    groups = table.groupby(list(block), sort=False).indices if block else {(): range(len(table))}
    blocks = []
    for key, places in groups.items():
        rows = [
            [_cell(name, text[name].iloc[i], table.iloc[i], scales[name], name in best[i]) for name in text.columns]
            for i in places
        ]
        blocks.append((", ".join(key), rows))
    return Table(list(text.columns), [name in WORDS for name in text.columns], blocks, said)


def _scale(table: pd.DataFrame, name: str) -> tuple[float, float] | None:
    """What the lines of a column's intervals span: from 0 where all are near it on one side; None without any."""
    column = name.replace(" ", "_")
    if any(column + end not in table for end in ENDS):
        return None
    values = table[[column + end for end in ENDS]].to_numpy(float)
    if not np.isfinite(values).any():
        return None
    low, high = min(0.0, np.nanmin(values)), max(0.0, np.nanmax(values))
    return (low, high) if high > low else None


def _cell(name: str, text: str, row: pd.Series, scale: tuple[float, float] | None, best: bool) -> Cell:
    if name in WORDS:
        return Cell(text)
    column = name.replace(" ", "_")
    if scale is None or not np.isfinite(row[column]):
        return Cell(text, _number(text), best=best)
    low, high = scale
    mean, *ends = (round(float(100 * (row[column + end] - low) / (high - low)), 1) for end in ENDS)
    start, stop = ends if np.isfinite(ends).all() else (mean, mean)
    zero = round(-100 * low / (high - low), 1) if low < 0 else None
    return Cell(text, float(row[column]), (start, mean, stop, zero), best)


def _number(text: str) -> float | None:
    """The number that a text begins with, such as 194 of `194 + 194` and .001 of `<.001`."""
    found = re.match(r"[<(]?([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)", text)
    return float(found[1]) if found else None

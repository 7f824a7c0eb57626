"""The numbers of a leaderboard: a column per score and perturbation, a row per method, ranks, and who is best."""

from collections.abc import Container, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from attx.figures import frame, style
from attx.statistics import mean_interval

KEYS = ["data", "model", "method", "postprocess"]
BLOCK = ["data", "model", "postprocess"]  # within which methods are ranked
COSTS = ["forward_passes", "backward_passes", "seconds"]
_FACTS = {*KEYS, *COSTS, "image_id", "metric", "label", "predicted", "perturbation", "epsilon"}


class Column(NamedTuple):
    """A score of a metric, under a perturbation or ("") under none. `way`: higher or lower is better, "" unknown."""

    metric: str
    perturbation: str
    epsilon: float
    score: str
    way: str
    name: str  # in tables


def columns(scores: pd.DataFrame, wanted: list | None, better: Mapping[str, str] | None) -> list[Column]:
    """What the board has: `wanted` scores of every metric that gave them, each perturbation at its largest epsilon.

    By default a metric's areas, or else its LENS-recall, or else its first score. UserError for what none gave.
    """
    frame.keep(scores, needs=list(wanted or []))
    found = []
    for metric, rows in scores.groupby("metric", sort=False):
        rows = rows.dropna(axis=1, how="all")
        given = [c for c in rows.columns.difference(_FACTS, sort=False) if pd.api.types.is_numeric_dtype(rows[c])]
        for perturbation, some in rows.groupby("perturbation", sort=False) if "perturbation" in rows else [("", rows)]:
            epsilon = some["epsilon"].max() if perturbation else 0.0
            chosen = [c for c in wanted if c in given] if wanted else _main(given)
            ways = {c: frame.better(c) for c in chosen} | dict(better or {})
            found += [Column(metric, perturbation, epsilon, c, ways[c], "") for c in chosen]
    return [column._replace(name=_name(column, found)) for column in found]


def _main(given: list[str]) -> list[str]:
    alike = frame.similarities(given)
    alike = [c for c in alike if c.startswith("lens_recall")] or alike[:1]
    return [c for c in frame.LABELS if c in given] or alike or given[:1]


def _name(column: Column, every: list[Column]) -> str:
    """As in the tables of metrics, after the perturbation or metric where it needs one, after both if it must be."""
    short = column.score.removesuffix("_auc")
    alike = [c for c in every if c.score == column.score]
    if len(alike) == 1 and (column.score in frame.LABELS or frame.label(column.score) == column.score):
        return short
    of = [c.perturbation or c.metric for c in alike]
    first = column.perturbation or column.metric
    return f"{first}_{short}" if of.count(first) == 1 else f"{column.metric}_{first}_{short}"


def board(scores: pd.DataFrame, shown: list[Column], controls: Container[str]) -> pd.DataFrame:
    """A row per KEYS; in a block of BLOCK, methods ranked by more metrics first, then by mean; `controls` last.

    `images`, `mean_relative_rank`, `ranked_by`, each column's mean with its interval, its `rank` and whether it is
    among the `best`; `passes` and `seconds` per image; `control`; `whole`: ranked by every metric that ranks the block.

    Rank: (place - 1) / (methods - 1) among the block's methods that have the score, 0 best and 1 worst, equal means at
    their mean place: so that to be last of two is as bad as last of six. One alone has none, and controls have none.
    Mean: over the columns of a metric, then over the `ranked_by` metrics that rank the method. Only means over the same
    metrics compare, hence the order. Best: the best mean, and those whose paired difference to it has 0 in its 95%
    interval.
    """
    orders = {key: frame.levels(scores, key) for key in KEYS} | {"method": list(style.looks(scores["method"]))}
    found = frame.ordered(scores[KEYS].drop_duplicates(), orders)
    values = {column.name: _by_image(scores, column) for column in shown}
    groups = dict(list(scores.groupby(KEYS, sort=False)))
    rows = [_row(key, groups[key], values) for key in found.itertuples(index=False, name=None)]
    found = pd.DataFrame(rows).assign(control=lambda rows: rows["method"].isin(list(controls)))
    for column in shown:
        found = found.join(_ranked(found, column, values[column.name]))
    for place, (name, values) in enumerate(_summary(found, shown).items(), start=5):
        found.insert(place, name, values)
    places = {key: found[key].map(orders[key].index) for key in BLOCK}
    ranks = {"control": found["control"], "fewer": -found["ranked_by"], "mean": found["mean_relative_rank"]}
    order = pd.DataFrame(places | ranks)
    return found.loc[order.sort_values(list(order.columns), kind="stable").index].reset_index(drop=True)


def _by_image(scores: pd.DataFrame, column: Column) -> dict[tuple, pd.Series]:
    """A column's scores by image, by KEYS."""
    rows = frame.cell(scores, metric=column.metric)
    if column.perturbation:
        rows = frame.cell(rows, perturbation=column.perturbation, epsilon=column.epsilon)
    return {key: part.set_index("image_id")[column.score] for key, part in rows.groupby(KEYS, sort=False)}


def _row(key: tuple, rows: pd.DataFrame, values: dict[str, dict[tuple, pd.Series]]) -> dict:
    row = dict(zip(KEYS, key, strict=True)) | {"images": rows["image_id"].nunique()}
    for name, by_key in values.items():
        interval = mean_interval(by_key[key].to_numpy()) if key in by_key else (np.nan,) * 3
        row |= {name + end: value for end, value in zip(frame.ENDS, interval, strict=True)}
    costs = rows.drop_duplicates("image_id")[COSTS].mean()
    return row | {"passes": costs["forward_passes"] + costs["backward_passes"], "seconds": costs["seconds"]}


def _ranked(found: pd.DataFrame, column: Column, by_key: dict[tuple, pd.Series]) -> pd.DataFrame:
    """The column's rank, 0 to 1, and whether it is among the best, by block; NaN and False where it has none."""
    name = column.name
    new = pd.DataFrame({f"{name}_rank": np.nan, f"{name}_best": False}, index=found.index)
    judged = found[~found["control"] & found[name].notna()] if column.way else found.head(0)
    for block in [block for _, block in judged.groupby(BLOCK, sort=False) if len(block) > 1]:
        ranks = (block[name].rank(ascending=column.way == "lower") - 1) / (len(block) - 1)
        new.loc[block.index, f"{name}_rank"] = ranks
        keys = dict(zip(block.index, block[KEYS].itertuples(index=False, name=None), strict=True))
        best = by_key[keys[ranks.idxmin()]]
        for index, key in keys.items():
            new.loc[index, f"{name}_best"] = ranks[index] == ranks.min() or _no_worse(by_key[key], best)
    return new


def _no_worse(values: pd.Series, best: pd.Series) -> bool:
    shared = values.index.intersection(best.index)
    if len(shared) < 2:
        return False
    _, low, high = mean_interval((values[shared] - best[shared]).to_numpy())
    return low <= 0 <= high


def _summary(found: pd.DataFrame, shown: list[Column]) -> pd.DataFrame:
    """`mean_relative_rank`, over how many metrics (`ranked_by`), and whether these are all that rank in the block."""
    metrics = dict.fromkeys(column.metric for column in shown)
    means = [found[[f"{c.name}_rank" for c in shown if c.metric == metric]].mean(axis=1) for metric in metrics]
    by_metric = pd.concat(means, axis=1)
    ranked = by_metric.notna()
    every = ranked.groupby([found[key] for key in BLOCK]).transform("any")
    columns = {"mean_relative_rank": by_metric.mean(axis=1), "ranked_by": ranked.sum(axis=1)}
    return pd.DataFrame(columns | {"whole": (ranked == every).all(axis=1)})

"""The summary of per-image scores: means with intervals, each method against a reference, costs, published numbers."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from attx import registry
from attx.errors import UserError
from attx.files import write_text
from attx.slices import CONTROLS
from attx.statistics import holm, mean_interval, paired_p
from attx.tables_text import caption, check_words, latex, markdown, number, plain, reading, shown

KEYS = ["data", "model", "method", "postprocess"]
CONDITIONS = ["perturbation", "epsilon"]  # of metrics that compare maps of perturbed images with those of clean ones
COSTS = ["forward_passes", "backward_passes", "seconds"]
PUBLISHED = Path(__file__).with_name("published.csv")
_FACTS = {*KEYS, *CONDITIONS, *COSTS, "image_id", "label", "predicted"}


def summarise(
    scores: pd.DataFrame,
    *,
    reference: str = "attexplore",
    controls: Iterable[str] = CONTROLS,
    published_for: Iterable[str] = (),
    published_methods: Iterable[str] = (),
    better: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """One row per (data, model, method, postprocess) of `scores`, which has a row per image; every number in full.

    Where `scores` has them, also per perturbation and epsilon.
    Each score: mean with 95% interval, and the mean difference to `reference` (all else and the images being the same)
    with interval and Wilcoxon p, corrected by Holm for all comparisons of the table. Published numbers, which are of
    order channel_union, stand beside `published_methods` read by one of the postprocess labels `published_for`.
    The note says where a control does better on average, by scores that `better` calls "higher" or "lower" (None: those
    of insertion_deletion). Raises UserError for repeated images and NaN scores.
    """
    better = registry.constant("metrics", "insertion_deletion", "BETTER") if better is None else better
    values = score_columns(scores)
    keys = KEYS + [name for name in CONDITIONS if name in scores]
    groups = {key: _by_image(key, rows, values) for key, rows in scores.groupby(keys, sort=True)}
    table = pd.DataFrame([_row(dict(zip(keys, key, strict=True)), groups, values, reference) for key in groups])
    p = table[[f"{name}_p" for name in values.values()]].to_numpy()
    corrected = holm(p.ravel()).reshape(p.shape)
    for i, name in enumerate(values.values()):
        table.insert(table.columns.get_loc(f"{name}_p") + 1, f"{name}_p_corrected", corrected[:, i])
    table = _with_published(table, published_for, published_methods)
    table["note"] = [_note(row, table, values, reference, better, tuple(controls)) for _, row in table.iterrows()]
    first = next(iter(values.values()))
    near = [key for key in keys if key != "method"]
    return table.sort_values([*near, first], ascending=[True] * len(near) + [False], ignore_index=True)


def write(table: pd.DataFrame, csv: str | Path, md: str | Path, tex: str | Path, title: str = "") -> None:
    """Write a summary as CSV (every column in full) and, rounded for reading, as Markdown and LaTeX.

    With a `title` any table will do, and this is its caption. UserError for words that are commands to who reads them.
    """
    check_words(table)
    text, below = (plain(table), title) if title else (reading(table), caption(table))
    write_text(csv, table.to_csv(index=False, lineterminator="\n"))
    write_text(md, markdown(text, below))
    write_text(tex, latex(text, below))


def score_columns(scores: pd.DataFrame) -> dict[str, str]:
    """The columns with one number per image that a metric added, and their names in the summary."""
    found = [c for c in scores.columns if c not in _FACTS and pd.api.types.is_numeric_dtype(scores[c])]
    if not found or scores.empty:
        raise UserError(f"no scores to summarise: {len(scores)} images, columns {', '.join(scores.columns)}")
    return {column: column.removesuffix("_auc") for column in found}


def _by_image(key: tuple, rows: pd.DataFrame, values: Mapping[str, str]) -> pd.DataFrame:
    rows = rows.set_index("image_id")
    if not rows.index.is_unique:
        raise UserError(
            f"scores of {'/'.join(map(str, key))}: image {rows.index[rows.index.duplicated()][0]!r} is there twice"
        )
    bad = rows.index[rows[list(values)].isna().any(axis=1)]
    if len(bad):
        raise UserError(f"scores of {'/'.join(map(str, key))}: NaN for images {', '.join(map(str, bad))}")
    return rows


def _row(key: dict, groups: dict[tuple, pd.DataFrame], values: Mapping[str, str], reference: str) -> dict:
    rows = groups[tuple(key.values())]
    other = groups.get(tuple((key | {"method": reference}).values())) if key["method"] != reference else None
    shared = rows.index.intersection(other.index) if other is not None else []
    row = key | {"images": len(rows)}
    for column, name in values.items():
        row |= _interval(name, rows[column].to_numpy())
    row |= {"reference": reference, "paired_images": len(shared)}
    for column, name in values.items():
        difference = rows.loc[shared, column].to_numpy() - other.loc[shared, column].to_numpy() if len(shared) else None
        row |= _interval(f"{name}_difference", difference)
        row[f"{name}_p"] = np.nan if difference is None else paired_p(difference)
    return row | {cost: rows[cost].mean() for cost in COSTS}


def _interval(name: str, values: np.ndarray | None) -> dict[str, float]:
    found = (np.nan,) * 3 if values is None else mean_interval(values)
    return dict(zip((name, f"{name}_low", f"{name}_high"), found, strict=True))


def _with_published(table: pd.DataFrame, published_for: Iterable[str], methods: Iterable[str]) -> pd.DataFrame:
    published = pd.read_csv(PUBLISHED).drop(columns="order")
    published = published[published["method"].isin(list(methods))]
    published = published.merge(pd.DataFrame({"postprocess": list(published_for)}, dtype=str), how="cross")
    names = {name: f"published_{name}" for name in ("insertion", "deletion", "source")}
    return table.merge(published.rename(columns=names), on=["model", "method", "postprocess"], how="left")


def _note(
    row: pd.Series,
    table: pd.DataFrame,
    values: Mapping[str, str],
    reference: str,
    better: Mapping[str, str],
    controls: tuple[str, ...],
) -> str:
    """In plain words: which controls do better than this method; of a control, where it beats the reference."""
    keys = [name for name in KEYS + CONDITIONS if name in table and name != "method"]
    near = table[(table[keys] == row[keys]).all(axis=1)].set_index("method")
    read = shown(table)
    judged = {name: better[column] for column, name in values.items() if column in better and name in read}
    if row["method"] in controls:
        won = _wins(row, near.loc[reference], judged) if reference in near.index else ""
        return f"a control; does better than {reference} on {won}" if won else "a control"
    wins = {control: _wins(near.loc[control], row, judged) for control in controls if control in near.index}
    return "; ".join(f"control {control} does better on {won}" for control, won in wins.items() if won)


def _wins(one: pd.Series, other: pd.Series, judged: Mapping[str, str]) -> str:
    gains = {name: (one[name] - other[name]) * (1 if way == "higher" else -1) for name, way in judged.items()}
    better = [name for name, gain in gains.items() if round(gain, 3) > 0]  # what the printed digits can show
    return " and ".join(f"{name} ({number(one[name])} against {number(other[name])})" for name in better)

"""What figures ask of their table: the rows wanted, labels in the config's order, intervals as in the tables."""

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd

from attx import statistics
from attx.errors import UserError, unknown
from attx.statistics import Interval, mean_interval

CELL = ("model", "method", "postprocess")  # of which a mean is shown
LABELS = {
    "insertion_auc": "Insertion AUC (higher is better)",
    "deletion_auc": "Deletion AUC (lower is better)",
    "infidelity": "Infidelity (lower is better)",
    "sensitivity_max": "Sensitivity-max (lower is better)",
    "randomised_similarity": "Similarity after randomisation",
    "randomised_similarity_absolute": "Similarity of absolute values",
}
# how alike two maps are; {w} is the window's side in pixels, which ends a column's name: lens_recall_at_k_w3
SIMILARITIES = {
    "top_k_intersection": "Top-k intersection (higher is better)",
    "lens_recall_at_k": "{w}-LENS-recall@k (higher is better)",
    "top_k_div_lens_recall": "{w}-LENS-recall@k-div (higher is better)",
    "lens_precision_at_k": "{w}-LENS-precision@k (higher is better)",
    "top_k_div_lens_precision": "{w}-LENS-precision@k-div (higher is better)",
    "top_k_div": "Top-k-div intersection, window {w} (higher is better)",
    "spearman": "Spearman correlation (higher is better)",
    "kendall": "Kendall correlation (higher is better)",
    "lens_spearman": "{w}-LENS-Spearman (higher is better)",
    "lens_kendall": "{w}-LENS-Kendall (higher is better)",
    "cosine": "Cosine similarity (higher is better)",
    "ssim": "SSIM (higher is better)",
    "center_of_mass_shift": "Shift of the centre of mass in pixels (lower is better)",
}
SHOWN = 3  # so many of these are drawn where a figure's entry names none
ENDS = ("", "_low", "_high")  # columns of a mean and of the ends of its interval


def keep(scores: pd.DataFrame, *, needs: list[str], **wanted: list | None) -> pd.DataFrame:
    """The rows whose columns have one of the `wanted` labels (None: all of them).

    Raises UserError for no rows, for a column of `needs` that the metric didn't give, and for unknown labels.
    """
    for column in needs:
        if column not in scores:
            raise unknown("score", column, [c for c in scores if _is_score(str(c))] or list(scores))
    for column, labels in wanted.items():
        for label in labels or []:
            if label not in set(scores[column]):
                raise unknown(column, label, set(scores[column]))
        scores = scores[scores[column].isin(labels)] if labels else scores
    return require(scores, [])


def _is_score(column: str) -> bool:
    return column.endswith(("_auc", "_curve")) or label(column) != column


def require(source: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """The table itself; UserError where it lacks one of `columns`, or has no rows."""
    missing = [column for column in columns if column not in source]
    if missing:
        raise UserError(f"nothing to draw: the table has no column {', '.join(missing)}, but {', '.join(source)}")
    if source.empty:
        raise UserError("nothing to draw: the table has no rows")
    return source


def label(column: str) -> str:
    """What a score is called on an axis: of LABELS or SIMILARITIES, else the column's name itself."""
    name, _, window = column.rpartition("_w")
    if name in SIMILARITIES and window.isdigit():
        return SIMILARITIES[name].format(w=window)
    return (LABELS | SIMILARITIES).get(column, column)


def short(column: str) -> str:
    """The same without the remark in brackets."""
    return re.sub(r" \(.*\)$", "", label(column))


def better(column: str) -> str:
    """`higher` or `lower`, as its label says; "" where it doesn't."""
    said = re.search(r"\((higher|lower) is better\)", label(column))
    return said[1] if said else ""


def is_share(column: str) -> bool:
    """Whether a score is a share of k pixels, between 0 and 1."""
    return column.startswith(("top_k_", "lens_recall", "lens_precision"))


def similarities(scores: Iterable[str]) -> list[str]:
    """Of some columns, the first of SIMILARITIES, three at most, each by its smallest window."""
    found = []
    for name in SIMILARITIES:
        windows = [int(w) for c in scores if (w := c.removeprefix(f"{name}_w")) != c and w.isdigit()]
        found += [name] * (name in scores) or [f"{name}_w{w}" for w in sorted(windows)[:1]]
    return found[:SHOWN]


def areas(scores: pd.DataFrame, wanted: list | None) -> list[str]:
    """The score columns `wanted`; if None, those of LABELS that the metric gave, or of `similarities`.

    Raises UserError for a column that it didn't give, and where it gave none of these.
    """
    names = wanted or [column for column in LABELS if column in scores] or similarities(scores)
    keep(scores, needs=names or list(LABELS))
    return names


def alone(scores: pd.DataFrame) -> pd.DataFrame:
    """The table itself; UserError where it mixes perturbations, or epsilons of one, which must not be averaged."""
    if "perturbation" in scores and len(scores[["perturbation", "epsilon"]].drop_duplicates()) > 1:
        raise UserError("these scores are of several perturbations: draw them by robustness_curves or robustness_bars")
    return scores


def levels(scores: pd.DataFrame, column: str) -> list[str]:
    """The labels of a column, in the order of their first row."""
    return list(dict.fromkeys(scores[column]))


def cell(scores: pd.DataFrame, **key: str) -> pd.DataFrame:
    """The rows of one combination of labels, one per image."""
    return scores[np.logical_and.reduce([scores[column] == label for column, label in key.items()])]


def interval(scores: pd.DataFrame, column: str, **key: str) -> Interval | None:
    """Mean and 95% interval of a score for one combination of labels; None where it has no rows."""
    rows = cell(scores, **key)
    return mean_interval(rows[column].to_numpy()) if len(rows) else None


def means(scores: pd.DataFrame, by: list[str], values: list[str]) -> pd.DataFrame:
    """A row per combination of the labels `by`, as they come: `images`, and each score's mean with its interval.

    Columns are named as in the tables: `insertion`, `insertion_low`, `insertion_high`.
    """
    rows = []
    for key, group in scores.groupby(by, sort=False):
        row = dict(zip(by, key, strict=True)) | {"images": group["image_id"].nunique()}
        for name in values:
            short = name.removesuffix("_auc")
            found = mean_interval(group[name].to_numpy())
            row |= {short + end: value for end, value in zip(ENDS, found, strict=True)}
        rows.append(row)
    return pd.DataFrame(rows)


def ordered(table: pd.DataFrame, orders: dict[str, list]) -> pd.DataFrame:
    """The rows sorted by the columns that `orders` names, each by its list of labels."""
    keys = list(orders)
    return table.sort_values(keys, key=lambda column: column.map(orders[column.name].index), ignore_index=True)


def sample(scores: pd.DataFrame, by: Iterable[str] = CELL) -> str:
    """`20 images of sample`: what the means, one for each combination of the labels `by`, are taken over."""
    counts = _counts(scores, by)
    count = f"{counts.min()}" if counts.nunique() == 1 else f"{counts.min()} to {counts.max()}"
    return f"{count} image{'' if count == '1' else 's'} of {', '.join(levels(scores, 'data'))}"


def interval_of(scores: pd.DataFrame, by: Iterable[str] = CELL) -> str:
    """`95% bootstrap interval`: what those of the means over such a sample are."""
    counts = _counts(scores, by)
    return f"95% {statistics.kind(counts.min(), counts.max())} interval"


def _counts(scores: pd.DataFrame, by: Iterable[str]) -> pd.Series:
    """Images of each combination of labels."""
    return scores.groupby(list(by))["image_id"].nunique()

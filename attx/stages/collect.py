"""Put parts together: all scores of a metric, or what a figure is drawn from."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa

from attx import frames, paths
from attx.errors import UserError

ROWS = 20_000  # that are held at once, or a part's: a run may have millions, with curves


def run(spec: dict, *, out: Path) -> None:
    """`spec`: {parts}, as `attx.paths.parts` reads it, and {data}, what the rows are said to be of.

    One row per row of a part, in the order of the config. With {variants: {method: [base, value]}} the columns `base`
    and `value` are added; with {metrics}, one for each part, the column `metric`. `source`, the model explained, is the
    judging model where a part has none.
    """
    parts = paths.parts(spec)
    metrics = dict(zip(parts, spec["metrics"], strict=True)) if "metrics" in spec else {}
    layouts = {path: frames.layout(path) for path in parts}
    rows = {path: count for path, (_, count) in layouts.items() if count}
    if not rows:
        raise UserError(
            "no images are left: `keep: correct` keeps those that all models classify as labelled, and there are none"
        )
    with frames.writing(out, _schema(spec, [layouts[path][0] for path in rows])) as add:
        for group in _groups(rows):
            tables = [_added(spec, frames.read(path), metrics.get(path)) for path in group]
            add(pd.concat(tables, ignore_index=True))


def _groups(rows: Mapping[str, int]) -> Iterator[list[str]]:
    """The parts, some at a time, by how many rows each has."""
    group, held = [], 0
    for path, count in rows.items():
        if group and held + count > ROWS:
            yield group
            group, held = [], 0
        group.append(path)
        held += count
    yield group


def _schema(spec: dict, schemas: Iterable[pa.Schema]) -> pa.Schema:
    """Columns and types of the whole: those of all parts, and what is added."""
    added = {name: pa.large_string() for name in ("data", *(["metric"] if "metrics" in spec else []))}
    if "variants" in spec:
        values = pa.array([value for _, value in spec["variants"].values()])
        added |= {"base": pa.large_string(), "value": values.type}
    if _sourced(spec):
        added["source"] = pa.large_string()
    return pa.unify_schemas([*schemas, pa.schema(added)], promote_options="permissive")


def _sourced(spec: dict) -> bool:
    return any("source" in part for part in spec["parts"])


def _added(spec: dict, table: pd.DataFrame, metric: str | None) -> pd.DataFrame:
    """The rows of a part with the columns that are added."""
    table = table.assign(data=spec["data"], **({} if metric is None else {"metric": metric}))
    if "variants" in spec:
        table["base"], table["value"] = zip(*table["method"].map(spec["variants"]), strict=True)
    if _sourced(spec):
        table["source"] = table["source"].fillna(table["model"]) if "source" in table else table["model"]
    return table

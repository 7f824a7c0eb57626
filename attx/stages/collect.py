"""Put parts together: all scores of a metric, or what a figure is drawn from."""

from pathlib import Path

import pandas as pd

from attx import frames, paths
from attx.errors import UserError


def run(spec: dict, *, out: Path) -> None:
    """`spec`: {parts}, as `attx.paths.parts` reads it, and {data}, what the rows are said to be of.

    One row per row of a part, in the order of the config. With {variants: {method: [base, value]}} the columns `base`
    and `value` are added; with {metrics}, one for each part, the column `metric`. `source`, the model explained, is the
    judging model where a part has none.
    """
    tables = [frames.read(path) for path in paths.parts(spec)]
    if "metrics" in spec:
        tables = [table.assign(metric=metric) for table, metric in zip(tables, spec["metrics"], strict=True)]
    tables = [table for table in tables if len(table)]
    if not tables:
        raise UserError(
            "no images are left: `keep: correct` keeps those that all models classify as labelled, and there are none"
        )
    table = pd.concat(tables, ignore_index=True)
    table["data"] = spec["data"]
    if "variants" in spec:
        table["base"], table["value"] = zip(*table["method"].map(spec["variants"]), strict=True)
    if any("source" in part for part in spec["parts"]):
        own = table["model"]
        table["source"] = table["source"].fillna(own) if "source" in table else own
    frames.write(out, table)

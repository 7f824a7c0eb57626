"""Summarise the scores of a metric: mean, interval, test against the reference, cost, published numbers."""

from pathlib import Path

from attx import frames, tables


def run(spec: dict, *, scores: Path, csv: Path, md: Path, tex: Path) -> None:
    """`spec`: settings of `tables.summarise`, and `published`, a digest of the published numbers."""
    settings = {key: value for key, value in spec.items() if key != "published"}
    summary = tables.summarise(frames.read(scores, frames.plain(scores)), **settings)
    tables.write(summary, csv, md, tex)
    print(f"{csv}, and as Markdown and LaTeX")

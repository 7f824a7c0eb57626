"""Write the numbers that a figure shows as a table."""

from pathlib import Path

from attx import frames, registry, tables


def run(spec: dict, *, source: Path, csv: Path, md: Path, tex: Path) -> None:
    """`spec`: {figure}, whose file has a function `table`."""
    params = registry.params(spec["figure"])
    table = registry.load("figures", spec["figure"]["use"]).table(frames.read(source, frames.plain(source)), **params)
    what = registry.summary("figures", spec["figure"]["use"])
    tables.write(table, csv, md, tex, title=f"{what} Means or rates over the images, with 95% intervals.")
    print(f"{csv}, and as Markdown and LaTeX")

"""The table of faults survived: docs/reference/faults.md, which `make faults` writes."""

import platform
from importlib.metadata import version
from pathlib import Path

import pytest

ROWS = pytest.StashKey[list[tuple[str, int, str, str]]]()  # fault, how often, what is told, the test
HEAD = """# Faults survived

As `make faults` injects them, at random points (seed {seed}), in the tiny config, in float64. Survived means: a plain
run after it completed, nothing that was finished was made again, all results were those of an undisturbed run to
the last bit, and nothing half-written was used or left. On Slurm, runs are disturbed while they make maps, and the
run that completes them is one without Slurm. What to do after each: [faults](../faults.md). On {system}, with
Python {python} and Snakemake {snakemake}.

| fault | injected | survived | what is told | test |
|---|---|---|---|---|
"""


def write(file: str, rows: list[tuple[str, int, str, str]], seed: int) -> None:
    """Write the table; all tests of it have passed, so all faults were survived."""
    versions = {"system": platform.system(), "python": platform.python_version(), "snakemake": version("snakemake")}
    lines = [
        f"| {fault} | {count} | {count} | {' '.join(told.replace('|', '/').split())} | `{test}` |"
        for fault, count, told, test in sorted(rows, key=lambda row: row[3])
    ]
    total = sum(count for _, count, _, _ in rows)
    text = HEAD.format(seed=seed, **versions) + "\n".join([*lines, f"| all | {total} | {total} | | |"]) + "\n"
    Path(file).write_text(text, encoding="utf-8")

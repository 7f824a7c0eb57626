"""Whether two results folders hold the same: stores, scores but for seconds, tables but for seconds, figures."""

from pathlib import Path

import numpy as np
import pandas as pd

from attx import store

TIMED = ("seconds",)  # columns that differ from run to run
STAMPS = "stamps.json"  # sizes and times of images, in any order


def results(folder: Path) -> set[Path]:
    """The files that a run makes, but for logs and stamps."""
    files = {p.relative_to(folder) for p in folder.rglob("*") if p.is_file()}
    return {file for file in files if file.name != STAMPS and "logs" not in file.parts}


def assert_equal(ours: Path, theirs: Path) -> dict[str, int]:
    """Every file is in both and equal, to the last bit; how many of each kind."""
    files = results(theirs)
    assert results(ours) == files
    counts: dict[str, int] = {}
    for file in sorted(files):
        equal(ours / file, theirs / file)
        counts[file.suffix] = counts.get(file.suffix, 0) + 1
    return counts


def equal(ours: Path, theirs: Path) -> None:
    if ours.suffix == ".zip":
        a, b = store.read(ours), store.read(theirs)
        assert (a.image_ids, list(a.targets)) == (b.image_ids, list(b.targets)), ours
        np.testing.assert_array_equal(a.attributions, b.attributions, err_msg=str(ours))
        assert a.attributes["spec"] == b.attributes["spec"], ours
    elif ours.suffix in (".parquet", ".csv"):
        read = pd.read_parquet if ours.suffix == ".parquet" else pd.read_csv
        a, b = (untimed(read(path)) for path in (ours, theirs))
        pd.testing.assert_frame_equal(a, b, check_exact=True, obj=str(ours))
    elif "tables" not in ours.parts:  # .md and .tex have the rows of .csv
        assert ours.read_bytes() == theirs.read_bytes(), ours


def untimed(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(columns=[column for column in table if any(word in str(column) for word in TIMED)])

"""Putting parts together: what comes out does not depend on how many rows are held at once."""

import numpy as np
import pandas as pd
import pytest

from attx import frames
from attx.errors import UserError
from attx.stages import collect

PATTERN = "{method}/{shard}.parquet"


@pytest.fixture
def parts(tmp_path, monkeypatch):
    """Six parts of two rows each, and one without any; the second method has columns of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(collect, "ROWS", 5)
    rng = np.random.default_rng(0)
    each = []
    for shard in ("s0", "s1", "s2"):
        for method in "ab":
            part = pd.DataFrame({"image_id": [f"{shard}{i}" for i in "xy"], "model": "net", "method": method})
            part["curve"] = list(rng.random((2, 4)))
            part = part.assign(source="other", hits=[3, 4]) if method == "b" else part
            frames.write(PATTERN.format(method=method, shard=shard), part)
            each.append(part)
    frames.write(PATTERN.format(method="a", shard="s3"), pd.DataFrame({"image_id": []}))
    return each


def test_rows_are_those_of_the_parts_in_order(parts, tmp_path):
    spec = {"data": "set", "parts": [{"pattern": PATTERN, "shard": ["s0", "s1", "s2"], "method": ["a", "b"]}]}
    spec["parts"].append({"pattern": PATTERN, "shard": ["s3"], "method": ["a"], "source": ["other"]})
    spec["variants"] = {"a": ["plain", 1], "b": ["plain", 0.5]}
    collect.run(spec, out=tmp_path / "all.parquet")
    found = frames.read("all.parquet")
    expected = pd.concat(parts, ignore_index=True).assign(data="set", base="plain")
    expected["value"] = expected["method"].map({"a": 1.0, "b": 0.5})
    expected["source"] = expected["source"].fillna("net")
    pd.testing.assert_frame_equal(found[expected.columns], expected)
    assert set(found) == set(expected)
    assert frames.layout("all.parquet")[1] == 12
    assert set(frames.plain("all.parquet")) == set(expected) - {"curve"}


def test_parts_without_rows_are_told(parts, tmp_path):
    spec = {"data": "set", "parts": [{"pattern": PATTERN, "shard": ["s3"], "method": ["a"]}]}
    with pytest.raises(UserError, match="no images are left"):
        collect.run(spec, out=tmp_path / "all.parquet")
    assert not (tmp_path / "all.parquet").exists()

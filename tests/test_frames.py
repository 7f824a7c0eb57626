"""Tables in Parquet: what is written is read, also by others; damage is told."""

import numpy as np
import pandas as pd
import pytest

from attx import frames
from attx.errors import UserError


@pytest.fixture
def table():
    table = pd.DataFrame({"image_id": ["a", "ä/b"], "auc": [0.25, 1 / 3], "curve": [np.array([0.5, 1.0]), np.zeros(1)]})
    table.attrs = {"machine": {"device": "cpu"}}
    return table


def test_round_trip(tmp_path, table):
    frames.write(tmp_path / "t.parquet", table)
    for found in (frames.read(tmp_path / "t.parquet"), pd.read_parquet(tmp_path / "t.parquet")):
        pd.testing.assert_frame_equal(found, table, check_exact=True)
        assert found.attrs == table.attrs
    assert list(frames.read(tmp_path / "t.parquet", ["auc"]).columns) == ["auc"]


def test_a_flipped_bit_anywhere_a_cut_and_another_writers_file_are_told(tmp_path, table):
    path, rng = tmp_path / "t.parquet", np.random.default_rng(0)
    frames.write(path, table)
    whole = path.read_bytes()
    for position in rng.permutation(len(whole))[:400]:
        damaged = bytearray(whole)
        damaged[position] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"t\.parquet is damaged .*: delete it and run again"):
            frames.read(path)
    for damaged in (b"", b"PAR1", whole[:-1], whole[: len(whole) // 2], whole + b"\0"):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match="is damaged"):
            frames.read(path)
    table.to_parquet(path)
    with pytest.raises(UserError, match="its digest is another"):
        frames.read(path)
    frames.seal(path)
    frames.read(path)
    path.unlink()
    with pytest.raises(UserError, match="is missing"):
        frames.read(path)

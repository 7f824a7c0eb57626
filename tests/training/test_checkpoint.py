"""A checkpoint is used if it is whole and of the same job, and nothing in it is run."""

import io
import pickle

import pytest
import torch

from attx.training import checkpoint

STATE = {"step": 3, "curve": [{"epoch": 1, "loss": float("nan")}], "net": {"w": torch.arange(300.0)}}


@pytest.fixture
def path(tmp_path):
    checkpoint.save(tmp_path / "c", "job", STATE)
    return tmp_path / "c"


def test_what_was_saved_comes_back(path):
    found = checkpoint.load(path, "job")
    assert torch.equal(found["net"]["w"], STATE["net"]["w"])
    assert str(found["curve"]) == str(STATE["curve"])
    assert [file.name for file in path.parent.iterdir()] == ["c"]


def test_none_or_another_jobs_is_none(path):
    assert checkpoint.load(path.with_name("d"), "job") is None
    assert checkpoint.load(path, "another") is None


def test_a_damaged_one_is_none(path):
    whole = path.read_bytes()
    for place in range(0, len(whole), len(whole) // 40):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert checkpoint.load(path, "job") is None
        path.write_bytes(whole[:place])
        assert checkpoint.load(path, "job") is None


def test_nothing_is_unpickled(path, tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    buffer = io.BytesIO()
    torch.save({"key": "job", "state": Trap()}, buffer)
    for data in (buffer.getvalue(), pickle.dumps({"key": "job", "state": Trap()}, protocol=2)):
        path.write_bytes(checkpoint.hashlib.sha256(data).digest() + data)
        assert checkpoint.load(path, "job") is None
    assert not (tmp_path / "sprung").exists()

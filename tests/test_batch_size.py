"""`batch_size: auto`: which batch wins, and what of it is remembered."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from attx import batch_size
from attx.models.loading import load_model

META = torch.device("meta")  # stands for a GPU
SETTINGS = {"precision": "full", "threads": 1}


@pytest.fixture
def model():
    return load_model("net", use="python", function="tests.toy_models:small_cnn", size=24, classes=1000)


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """The batch sizes that were tried on the GPU, which saturates at 32 images."""
    tried = []

    def seconds(net, images):
        tried.append(len(images))
        return 1 / min(len(images), 32)

    monkeypatch.setattr(batch_size, "gradient_seconds", seconds)
    monkeypatch.setattr(batch_size, "MEASURED", (META.type,))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Some GPU")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tried


def auto(model, **changed) -> int:
    return batch_size.auto(model.to(META), META, torch.float32, SETTINGS | changed)


@pytest.mark.parametrize(
    ("rates", "best"),
    [
        ({8: 100, 16: 150, 32: 156, 64: 400}, 16),  # 32 gains 4%: enough, whatever came after
        ({8: 100, 16: 110, 32: 120, 64: 60}, 32),
        ({8: 100, 16: 103}, 8),
        ({8: 100, 16: 200}, 16),  # memory ends
        ({}, 8),
    ],
)
def test_doubled_until_it_gains_little_or_memory_ends(rates, best):
    def rate(size):
        if size not in rates:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return rates[size]

    assert batch_size.smallest_of_the_best(batch_size.measured(rate)) == best


def test_other_errors_come_out():
    def rate(size):
        raise RuntimeError("shapes")

    with pytest.raises(RuntimeError, match="shapes"):
        batch_size.measured(rate)


def test_on_a_cpu_nothing_is_measured(model, asked):
    assert batch_size.auto(model, torch.device("cpu"), torch.float32, SETTINGS) == 32
    assert asked == []


def test_it_is_measured_once_for_each_setting(model, asked, tmp_path):
    assert auto(model) == 32
    assert asked == [8, 16, 32, 64]
    assert auto(model) == 32
    assert len(asked) == 4
    assert auto(model, precision="bfloat16") == 32
    assert len(asked) == 8
    held = [json.loads(path.read_text()) for path in (tmp_path / "attx/batch_sizes").iterdir()]
    assert sorted(one["of"]["precision"] for one in held) == ["bfloat16", "full"]
    assert all(one["batch_size"] == 32 and one["of"]["device"] == "Some GPU" for one in held)


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"of": {}, "batch_size": 4}', '{"batch_size": "many"}', "\udcff"])
def test_a_damaged_file_is_measured_anew_and_mended(model, asked, tmp_path, damage):
    auto(model)
    (path,) = (tmp_path / "attx/batch_sizes").iterdir()
    whole = path.read_text()
    path.write_bytes(damage.encode(errors="surrogateescape"))
    assert auto(model) == 32
    assert len(asked) == 8
    assert path.read_text() == whole


def test_jobs_at_once_leave_one_whole_file(model, asked, tmp_path):
    model.to(META)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: auto(model), range(16)))
    assert set(found) == {32}
    (path,) = (tmp_path / "attx/batch_sizes").iterdir()
    assert json.loads(path.read_text())["batch_size"] == 32


def test_a_folder_that_cannot_be_written_to_stops_nothing(model, asked, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert auto(model) == auto(model) == 32
    assert len(asked) == 8

"""Results read as a whole: what is damaged or left over is named, and deleted if so wished; nothing else is touched."""

import os

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from attx import frames, predictions, store, verify
from attx.errors import UserError
from attx.files import write_text
from attx.models import state


@pytest.fixture
def results(tmp_path, monkeypatch):
    """A results folder with one file of each kind, and a config that names it."""
    monkeypatch.chdir(tmp_path)
    config = {"results": "out", "data": {"d": {"use": "sample"}}, "models": {"m": {"use": "efficientnet_lite0"}}}
    config |= {"methods": {"random": {}}, "metrics": {"insertion_deletion": {}}, "reference": "random"}
    write_text("config.yaml", yaml.safe_dump(config))
    root = tmp_path / "out"
    content = store.Attributions(np.ones((1, 3, 4, 4)), ["a"], np.array([1]), {})
    store.write(root / "attributions/d/m/random/s0.zarr.zip", content)
    store.write(root / "perturbed/d/m/p/s0.zarr.zip", content, "perturbed")
    frames.write(root / "scores/d/i.parquet", pd.DataFrame({"a": [1.0]}))
    predictions.write(root / "predictions/d/m/s0.csv", [predictions.Prediction("a", 1, 1, 0.5)])
    write_text(root / "weights/m.json", "{}")
    state.write(root / "training/t/weights.safetensors", {"a": torch.ones(9)})
    write_text(root / "tables/d_i.csv", "told,to,people\n")
    return root


def test_whole_results_are_found_whole(results, capsys):
    verify.run(configfile="config.yaml", delete=True)
    assert capsys.readouterr().out == "6 files in out read, 0 damaged or left over\n"


def test_damage_is_named_and_deleted_if_so_wished(results, capsys):
    before = {path for path in results.rglob("*") if path.is_file()}
    hurt = {path for path in before if path.parts[-2] != "tables"}
    for path in hurt:
        path.write_bytes(path.read_bytes()[:-9])
    (results / "weights/m.json").write_text("{")
    left = results / "scores/notes.txt"
    left.touch()
    other = results / "scores/.tmp-elsewhere-1-2-x.parquet"
    other.touch()
    with pytest.raises(UserError, match=r"6 files in out read, 6 damaged or left over: .*make verify DELETE=1"):
        verify.run(configfile="config.yaml", delete=False)
    assert before <= set(results.rglob("*"))
    said = capsys.readouterr().out
    assert all(f"{path.relative_to(results.parent)}: " in said for path in hurt)
    os.utime(other, (0, 0))
    verify.run(configfile="config.yaml", delete=True)
    assert "7 damaged or left over; they are deleted, and what a run needs" in capsys.readouterr().out
    assert {path for path in results.rglob("*") if path.is_file()} == before - hurt | {left}


def test_results_on_another_disk_by_a_link_are_read(results, tmp_path, capsys):
    (results / "scores").rename(tmp_path / "disk")
    (results / "scores").symlink_to(tmp_path / "disk")
    verify.run(configfile="config.yaml", delete=True)
    assert capsys.readouterr().out == "6 files in out read, 0 damaged or left over\n"


def test_nothing_is_deleted_while_a_run_is_alive(results, monkeypatch):
    (results / "weights/m.json").write_text("{")
    monkeypatch.setattr("attx.unlock.alive", lambda: ["process 7: snakemake"])
    monkeypatch.setattr("attx.slurm.jobs", lambda: ["Slurm job 8 (running)"])
    with pytest.raises(UserError, match=r"nothing was deleted, .*:\n  process 7: snakemake\n  Slurm job 8"):
        verify.run(configfile="config.yaml", delete=True)
    assert (results / "weights/m.json").exists()

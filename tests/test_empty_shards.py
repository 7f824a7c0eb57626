"""Shards of which `keep: correct` keeps nothing pass through every stage."""

import numpy as np
import pandas as pd
import pytest

from attx import frames, predictions, store
from attx.stages import combine, judge, weights

COSTS = {"forward_passes": 0, "backward_passes": 0, "seconds": 0}
LABELS = {"data": "d", "model": "net", "method": "a", "shard": "s"}


def empty(path, array: str = "attribution"):
    """A store of no images."""
    attributes = LABELS | COSTS | {"model_facts": {}, "images_sha256": [], "machine": {}, "distance": []}
    store.write(path, store.Attributions(np.zeros((0, 3, 24, 24)), [], np.zeros(0, np.int64), attributes), array)
    return path


@pytest.mark.parametrize("rule", ["mean", "best"])
def test_an_ensemble(tmp_path, rule):
    stores = [empty(tmp_path / f"{name}.zarr.zip") for name in "ab"]
    scores = [tmp_path / f"{name}.parquet" for name in "ab"] if rule == "best" else []
    for path in scores:
        frames.write(path, pd.DataFrame({"image_id": []}))
    spec = {"method": {"use": "attens", "of": ["a", "b"], "rule": rule}}
    combine.run(spec, code="", stores=stores, scores=scores, label="d/net/both/s", out=tmp_path / "both.zarr.zip")
    assert store.read(tmp_path / "both.zarr.zip").attributions.shape == (0, 3, 24, 24)


def test_adversarial_images_for_a_model_of_another_size(tmp_path):
    model = {"use": "python", "function": "tests.toy_models:small_cnn", "size": 32, "classes": 1000}
    weights.run({"model": model}, model="net", out=tmp_path / "net.json")
    predictions.write(tmp_path / "predicted.csv", [])
    judge.run(
        {"data": {"use": "sample"}, "model": model, "dtype": "float64", "threads": 1, "batch_size": 4},
        device="cpu",
        weights=tmp_path / "net.json",
        predicted=tmp_path / "predicted.csv",
        source_predicted=tmp_path / "predicted.csv",
        adversarial=empty(tmp_path / "bim.zarr.zip", "adversarial"),
        label="d/net/other/bim",
        out=tmp_path / "judged.parquet",
    )
    assert pd.read_parquet(tmp_path / "judged.parquet").empty

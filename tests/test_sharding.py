"""Results do not depend on how images are dealt to jobs, or methods; and jobs hold no more than a batch of maps."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from attx import frames, slices, store, store_writer
from attx.config import Config
from attx.data import listing, manifest
from attx.stages import attribute, predict, score, weights

TINY = Path(__file__).parents[1] / "config/tiny.yaml"
NAMES = {"data": "tiny", "model": "net"}
METHODS = ("attexplore", "integrated_gradients", "random")


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    """Explain and score the tiny config's images in this process: {method: (maps, scores)} of all, sorted by id."""
    folder = tmp_path_factory.mktemp("sharding")
    raw = yaml.safe_load(TINY.read_text())
    first = Config.of(raw)
    weights.run(slices.weights(first, model="net"), model="net", out=folder / "net.json")
    rows = manifest.check(listing.entries(first.data["tiny"]))
    manifest.write(folder / "manifest.csv", rows)

    def run(shard_size: int, methods_per_job: int, batch_size: int) -> dict:
        config = Config.of(raw | {"batch_size": batch_size})
        place = folder / f"{shard_size}-{methods_per_job}-{batch_size}"
        labels = [METHODS[i : i + methods_per_job] for i in range(0, 3, methods_per_job)]
        given = {"device": "cpu", "weights": folder / "net.json"}
        for shard, held in listing.dealt(rows, shard_size).items():
            given["shard"], predicted = place / f"{shard}.csv", place / f"{shard}_predicted.csv"
            manifest.write(given["shard"], held)
            spec = slices.predict(config, **NAMES)
            predict.run(spec, manifest_csv=folder / "manifest.csv", out=predicted, **given)
            given["predicted"] = predicted
            for group in labels:
                out = [place / f"{method}/{shard}.zarr.zip" for method in group]
                spec = slices.attribute(config, methods=list(group), **NAMES)
                attribute.run(spec, label=f"tiny/net/{shard}", out=out, perturbed=[], **given)
                for method, path in zip(group, out, strict=True):
                    settings = {"method": method, "postprocess": "signed", "metric": "insertion_deletion"}
                    spec, label = slices.score(config, **NAMES, **settings), f"tiny/net/{method}/signed"
                    score.run(spec, attributions=path, label=label, out=path.with_suffix(".parquet"), **given)
            del given["predicted"]
        return {method: _all(place / method) for method in METHODS}

    return run


def _all(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Maps and curves of all shards, by the images' ids."""
    maps, curves = {}, {}
    for path in folder.glob("*.zip"):
        content = store.read(path)
        maps |= dict(zip(content.image_ids, content.attributions, strict=True))
    for path in folder.glob("*.parquet"):
        for row in frames.read(path).itertuples():
            curves[row.image_id] = np.concatenate([row.insertion_curve, row.deletion_curve])
    assert len(maps) == len(curves) == 4
    return tuple(np.stack([found[i] for i in sorted(found)]) for found in (maps, curves))


@pytest.mark.parametrize(("shard_size", "methods_per_job"), [(1, 1), (2, 1), (2, 3), (4, 2)])
def test_all_bits_are_the_same_in_other_shards_and_jobs(everything, shard_size, methods_per_job):
    whole, dealt = everything(4, 1, 1), everything(shard_size, methods_per_job, 1)
    for method in METHODS:
        for one, other in zip(whole[method], dealt[method], strict=True):
            np.testing.assert_array_equal(one, other)


def test_batches_change_nothing_but_rounding_and_no_draw(everything):
    single, batches = everything(2, 1, 1), everything(4, 1, 8)
    np.testing.assert_array_equal(single["random"][0], batches["random"][0])  # maps that are draws
    for method in METHODS:
        for one, other in zip(single[method], batches[method], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_jobs_hold_a_batch_of_maps_at_once(everything, monkeypatch):
    held = []
    add, maps = store_writer.Writer.add, store.Reader.maps
    monkeypatch.setattr(store_writer.Writer, "add", lambda self, values: held.append(len(values)) or add(self, values))
    monkeypatch.setattr(store.Reader, "maps", lambda self, places: held.append(len(places)) or maps(self, places))
    everything(4, 3, 4)
    held = held[: -len(METHODS)]  # without what this test reads itself, all of a store at once
    assert len(held) == 2 * 4 * len(METHODS)
    assert set(held) == {1}

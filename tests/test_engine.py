"""How jobs feed their model: what happens when memory runs out, what is loaded ahead, what is recorded."""

import json
import os
import platform
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import torch
from attx_kernels import dispatch
from PIL import Image

from attx import predictions, store
from attx.cli import main
from attx.data import manifest
from attx.data.entry import Entry
from attx.errors import UserError
from attx.models.loading import load_model
from attx.stages import common, engine
from attx.stages.common import facts
from tests import toy_models

MODEL = {"use": "python", "function": "tests.test_engine:tight", "size": 24, "classes": 1000}
SPEC = {"data": {"use": "csv"}, "model": MODEL, "target": "label", "dtype": "float64", "threads": 1, "batch_size": 8}
METHOD = {"use": "attexplore", "attack": "ssa", "steps": 2, "copies": 5, "seed": 1, "batch_size": 8}
LIMIT: list[int] = []  # of images at once, if any


class Tight(toy_models.SmallCNN):
    """A model for which memory runs out above a number of images."""

    def forward(self, x):
        if LIMIT and len(x) > LIMIT[0] and x.std() > 0:  # a grey image is tried when the model is loaded
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.00 GiB")
        return super().forward(x)


def tight():
    return Tight()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Where jobs run: five images, their predictions, and the model's facts."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATTX_TRUST", "tests")
    rng = np.random.default_rng(0)
    names = [f"{i}.png" for i in range(5)]
    for name in names:
        Image.fromarray(rng.integers(0, 255, (24, 24, 3), np.uint8)).save(name)
    manifest.write("shard.csv", manifest.check([Entry(name, name, 2) for name in names]))
    Path("net.json").write_text(json.dumps(facts(load_model("net", **MODEL))))
    LIMIT.clear()
    run("predict", SPEC, "--manifest-csv", "shard.csv", out="predicted.csv")
    yield tmp_path
    LIMIT.clear()


def arguments(stage: str, spec: dict, *options: str, out: str) -> list[str]:
    given = ["--device", "cpu", "--weights", "net.json", *(["--shard", "shard.csv"] if stage != "judge" else [])]
    return [stage, "--spec", json.dumps(spec), *given, *options, "--out", out]


def run(stage: str, spec: dict, *options: str, out: str, status: int = 0) -> None:
    assert main(arguments(stage, spec, *options, out=out)) == status


PREDICTED = ("--predicted", "predicted.csv")


def everything(place: str) -> dict[str, np.ndarray]:
    """What each stage that runs a model makes of the five images, in a folder of that name."""
    Path(place).mkdir()
    maps, hit = f"{place}/maps.zip", f"{place}/hit.zip"
    run("predict", SPEC, "--manifest-csv", "shard.csv", out=f"{place}/predicted.csv")
    run("attribute", SPEC | {"methods": {"m": METHOD}}, *PREDICTED, "--label", "d/net/s0", out=maps)
    attack = {"use": "ssa", "steps": 2, "copies": 5, "batch_size": 8, "seed": 1}
    run("attack", SPEC | {"attack": attack}, "--label", "d/net/ssa/s0", out=hit)
    given = ("--source-predicted", "predicted.csv", "--adversarial", hit, "--label", "d/net/net/ssa")
    run("judge", SPEC, *PREDICTED, *given, out=f"{place}/judged.parquet")
    run("trace", SPEC | {"method": METHOD}, *PREDICTED, "--label", "d/net/m", out=f"{place}/trace.parquet")
    metric = {"use": "insertion_deletion", "pixels_per_step": 100, "batch_size": 20}
    scoring = ("--attributions", maps, "--label", "d/net/m/signed")
    run("score", SPEC | {"metric": metric, "postprocess": {}}, *PREDICTED, *scoring, out=f"{place}/scores.parquet")
    held, attacked = store.read(maps), store.read(hit, array="adversarial")
    scores, judged, trace = (pd.read_parquet(f"{place}/{name}.parquet") for name in ("scores", "judged", "trace"))
    known = predictions.read(f"{place}/predicted.csv").values()
    return {
        "maps": held.attributions,
        "passes": np.array([held.attributes[f"{way}_passes"] for way in ("forward", "backward")]),
        "attacked": attacked.attributions,
        "distance": np.array(attacked.attributes["distance"]),
        "curves": np.stack(scores["insertion_curve"]),
        "judged": judged["adversarial"].to_numpy(),
        "trace": trace.set_index(["image_id", "step"]).sort_index()[["loss", "distance"]].to_numpy(),
        "predicted": np.array([str((p.label, p.predicted)) for p in known]),
    }


def test_too_little_memory_halves_batches_and_changes_no_result(capfd):
    whole = everything("whole")
    assert "out of memory" not in capfd.readouterr().out
    LIMIT.append(3)
    halved = everything("halved")
    for name, value in whole.items():
        if value.dtype.kind == "f":
            np.testing.assert_allclose(halved[name], value, rtol=1e-9, atol=1e-12, err_msg=name)
        else:
            np.testing.assert_array_equal(halved[name], value)
    said = re.findall("out of memory: .* by (\\d+)", capfd.readouterr().out)  # once a job
    assert said == ["2", "4", "4", "2", "4", "8"]  # predict, attribute, attack, judge, trace, score: batches of 20
    attributes = store.read("halved/maps.zip").attributes
    assert (attributes["machine"]["batch_size"], attributes["spec"]["batch_size"]) == (2, 8)
    assert attributes["spec"]["method"] == METHOD  # what was planned


def test_memory_for_not_even_one_image_is_one_clear_error(capfd, folder):
    LIMIT.append(0)
    spec = SPEC | {"methods": {"m": METHOD}}
    run("attribute", spec, *PREDICTED, "--label", "d/net/s0", out="maps.zip", status=2)
    error = capfd.readouterr().err
    assert "too small for tests.test_engine:tight at 24x24 pixels. Take a smaller model" in error
    assert "Traceback" not in error
    assert not (folder / "maps.zip").exists()


def bench(rows: int = 5) -> tuple[engine.Bench, list]:
    model = load_model("net", **MODEL)
    return engine.Bench(model, torch.device("cpu"), torch.float64, 8, None), manifest.read("shard.csv")[:rows]


def test_the_next_images_are_loaded_while_these_are_worked_on(monkeypatch):
    loaded, plain = threading.Semaphore(0), engine.load_batch

    def load(*arguments):
        found = plain(*arguments)
        loaded.release()
        return found

    monkeypatch.setattr(engine, "load_batch", load)
    one, rows = bench(4)
    batches = one.images(rows, "label")
    seen = [next(batches)]
    assert loaded.acquire(timeout=300)  # these
    assert loaded.acquire(timeout=300)  # and the next, though nobody has asked for them
    seen += batches
    assert [len(images) for images in seen] == [2, 2]
    expected = np.concatenate([plain(rows[i : i + 2], one.model.preprocess) for i in (0, 2)])
    np.testing.assert_array_equal(torch.cat(seen), expected.astype(np.float64))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="memory is given back by glibc alone")
def test_what_is_free_is_given_back_though_what_is_kept_lies_between():
    one, _ = bench()
    of_job = psutil.Process().memory_info

    def work(tool, place, images):
        blocks = [(np.ones(8192), np.ones(512)) for _ in range(2000)]  # 64 KiB that come and go, 4 KiB between
        return [between for _, between in blocks if not place.start]

    before = of_job().rss
    found = list(one.each([torch.zeros(1)] * engine.TIDY, lambda: None, work))  # 133 MiB, of which 8 stay
    assert len(found[0][1]) == 2000
    assert of_job().rss - before < 50 * 2**20


def test_errors_of_loading_come_in_their_turn_and_unchanged():
    Path("3.png").write_bytes(b"no image")
    one, rows = bench()
    batches = one.images(rows, "label")
    next(batches)
    with pytest.raises(UserError, match=r"3\.png"):
        next(batches)


@pytest.mark.parametrize(("forced", "recorded"), [("triton", {"triton", "tf32x3"}), ("torch", {"torch"})])
def test_the_way_the_kernels_went_is_recorded_by_the_job_itself(forced, recorded):
    spec = SPEC | {"dtype": "float32", "methods": {"m": METHOD | {"steps": 1, "copies": 1}}}
    command = arguments("attribute", spec, *PREDICTED, "--label", "d/net/s0", out="maps.zip")
    environment = os.environ | {"ATTX_KERNELS": forced, "TRITON_INTERPRET": "1"}
    environment["PYTHONPATH"] = str(Path(__file__).parents[1])
    subprocess.run([sys.executable, "-m", "attx", *command], check=True, env=environment, timeout=600)
    kernels = store.read("maps.zip").attributes["kernels"]
    assert kernels
    assert set(kernels.values()) == recorded


def test_a_way_that_cannot_be_gone_is_one_clear_error(monkeypatch, capfd):
    monkeypatch.setenv("ATTX_KERNELS", "triton")
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    run("predict", SPEC, "--manifest-csv", "shard.csv", out="other.csv", status=2)
    error = capfd.readouterr().err
    assert "error: ATTX_KERNELS=triton, but the device is cpu" in error
    assert "Traceback" not in error


@pytest.mark.parametrize("method", [{"use": "gradcam"}, METHOD])
def test_in_bfloat16_stores_keep_the_dtype(method):
    spec = SPEC | {"dtype": "float32", "methods": {"m": method}}
    found = {}
    for precision in ("full", "bfloat16"):
        run("attribute", spec | {"precision": precision}, *PREDICTED, "--label", "d/net/s0", out=f"{precision}.zip")
        found[precision] = store.read(f"{precision}.zip").attributions
    full, coarse = found.values()
    assert coarse.dtype == np.float32
    assert 0 < np.linalg.norm(full - coarse) < 0.2 * np.linalg.norm(full)


@pytest.mark.parametrize(("precision", "products"), [("tf32", "tf32"), ("full", "tf32x3"), ("bfloat16", "tf32x3")])
def test_products_of_kernels_have_the_precision_of_the_job(monkeypatch, precision, products):
    monkeypatch.setattr(common, "choose_device", lambda device: torch.device("cuda"))
    monkeypatch.setattr(common, "_repeatable", lambda tf32: None)
    monkeypatch.setattr(dispatch, "_precision", "ieee")
    common.prepare(SPEC | {"dtype": "float32", "precision": precision}, "cuda")
    assert dispatch.precision("any") == products


@pytest.mark.parametrize(("key", "value"), [("precision", "tf32"), ("compile", "graphs")])
def test_what_is_for_gpus_is_refused_where_there_is_none(capfd, key, value):
    run("predict", SPEC | {"dtype": "float32", key: value}, "--manifest-csv", "shard.csv", out="other.csv", status=2)
    assert f"error: {key}: {value} is for CUDA devices, not cpu" in capfd.readouterr().err

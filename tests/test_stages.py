"""Stages of the workflow as their jobs run them: what goes wrong is one message in the log, and no output is left."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attx import store
from attx.cli import main
from attx.data import manifest
from attx.data.entry import Entry
from attx.figures.gallery import Gallery
from attx.models.loading import load_model
from attx.stages.common import facts
from attx.stages.pixels import pixels

MODELS = """
import torch
from torch import nn

class Fine(nn.Module):
    def forward(self, images):
        return images.mean((2, 3))

class Two(nn.Module):
    def forward(self, images):
        return images.mean((2, 3)), images

class Nan(nn.Module):
    def forward(self, images):
        return images.mean((2, 3)) * torch.nan

class NanIfBright(nn.Module):
    def forward(self, images):
        level = images.mean((1, 2, 3), keepdim=True)
        return (images + (0.6 - level).sqrt()).mean((2, 3))

class NanGradientIfBright(nn.Module):
    def forward(self, images):
        level = images.mean((1, 2, 3), keepdim=True)
        return (images + 0 * (level * (level < 0.6)).sqrt()).mean((2, 3))
"""
MACHINE = {"dtype": "float64", "threads": 1, "batch_size": 1}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The folder where the jobs run: a module of models, and a shard with a dark and a bright image."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "faulty_models.py").write_text(MODELS)
    rng = np.random.default_rng(0)
    for name, low in (("dark.png", 0), ("bright.png", 170)):
        Image.fromarray(rng.integers(low, low + 80, (24, 24, 3), np.uint8)).save(name)
    manifest.write("shard.csv", manifest.check([Entry(name, name, 2) for name in ("dark.png", "bright.png")]))
    return tmp_path


def python(name: str, **settings) -> dict:
    return {"use": "python", "function": f"faulty_models:{name}", "size": 24} | settings


def checked(model: dict) -> None:
    """What stage `weights` wrote of the model, without its trial pass."""
    Path("net.json").write_text(json.dumps(facts(load_model("net", **model))))


def refused(folder, capfd, stage: str, spec: dict, *options: str) -> str:
    """The one message of a job that fails; it leaves no output."""
    before = set(folder.rglob("*"))
    assert main([stage, "--spec", json.dumps(spec), *options, "--out", str(folder / "out/made")]) == 2
    err = capfd.readouterr().err
    assert err.count("error: ") == 1
    assert "Traceback" not in err
    left = {path for path in set(folder.rglob("*")) - before if path.is_file() and path.suffix != ".pyc"}
    assert not left
    return err[err.index("error: ") :]


def weights(folder, capfd, **model) -> str:
    return refused(folder, capfd, "weights", {"model": model}, "--model", "net")


def predict(model: dict, *options: str) -> tuple:
    checked(model)
    spec = {"data": {"use": "csv"}, "model": model, **MACHINE}
    return (
        "predict",
        spec,
        "--device",
        "cpu",
        "--weights",
        "net.json",
        "--manifest-csv",
        "shard.csv",
        "--shard",
        "shard.csv",
        *options,
    )


def attribute(model: dict, *options: str) -> tuple:
    spec = {"data": {"use": "csv"}, "model": model, "target": "label", **MACHINE}
    spec["methods"] = {"m": {"use": "saliency_gradient"}}
    given = (
        "--device",
        "cpu",
        "--weights",
        "net.json",
        "--shard",
        "shard.csv",
        "--predicted",
        "predicted.csv",
        "--label",
        "d/net/s0000",
    )
    return "attribute", spec, *given, *options


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (python("Two"), "returned a tuple, not a tensor of logits: wrap it in a module whose forward returns"),
        (python("Nan"), "returned NaN or infinite logits: check its weights"),
        (python("Fin"), "unknown function of the module faulty_models 'Fin'; did you mean 'Fine'?"),
        (python("Fine", weights="nowhere.pth"), "the weights file nowhere.pth does not exist: `weights` is a path"),
        (python("Fine", weights="shard.csv"), "the weights file shard.csv is damaged, or holds more than tensors"),
        ({"use": "python"}, "model net: `function` must be given for `use: python`"),
        ({"use": "torchvision", "name": "resnet5"}, "unknown torchvision model 'resnet5'; did you mean 'resnet50'?"),
        ({"use": "efficientnet_lite0", "weights": "no.pth"}, "the weights file no.pth does not exist"),
    ],
)
def test_a_model_that_cannot_be_used(folder, capfd, model, message):
    assert message in weights(folder, capfd, **model)


def test_weights_that_cannot_be_fetched(folder, capfd, monkeypatch):
    monkeypatch.setenv("ATTX_WEIGHTS", str(folder / "weights"))
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nothing listens there, and nothing leaves this machine
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    error = weights(folder, capfd, use="torchvision", name="resnet50")
    assert error.startswith("error: could not fetch the weights file resnet50-")
    assert f"\nand save it as {folder}/weights/resnet50-" in error
    assert "ATTX_WEIGHTS" in error
    assert "`weights: random`" in error


def test_predictions_that_are_nan_name_their_images(folder, capfd):
    assert "the model gives NaN for bright.png: mend the model" in refused(
        folder, capfd, *predict(python("NanIfBright"))
    )


def test_labels_that_the_model_lacks_are_all_listed(folder, capfd):
    manifest.write(
        "shard.csv", manifest.check([Entry("dark.png", "dark.png", 3), Entry("bright.png", "bright.png", 7)])
    )
    error = refused(folder, capfd, *predict(python("Fine")))
    assert "the model has the classes 0 to 2; mend the labels" in error
    assert error.endswith("  dark.png: label 3\n  bright.png: label 7\n")


def test_attributions_that_are_nan_name_their_images(folder, capfd):
    model = python("NanGradientIfBright")
    stage, spec, *options = predict(model)
    assert main([stage, "--spec", json.dumps(spec), *options, "--out", "predicted.csv"]) == 0
    error = refused(folder, capfd, *attribute(model))
    assert "attributions are NaN or infinite for 1 of 2 images: bright.png; nothing was written" in error


def test_an_image_that_changed_under_the_run(folder, capfd):
    Image.new("RGB", (24, 24)).save("bright.png")
    assert "bright.png: changed since the manifest was made; " in refused(folder, capfd, *predict(python("Fine")))


def test_code_that_changed_under_the_run(folder, capfd):
    error = refused(folder, capfd, *predict(python("Fine"), "--code", "0123456789abcdef"))
    assert "the source has changed since this job was planned: run again" in error


@pytest.mark.parametrize("damage", ["truncated", "missing"])
def test_a_damaged_store_is_named(folder, capfd, damage):
    stage, spec, *options = predict(python("Fine"))
    assert main([stage, "--spec", json.dumps(spec), *options, "--out", "predicted.csv"]) == 0
    ids = ["dark.png", "bright.png"]
    store.write("s.zarr.zip", store.Attributions(np.zeros((2, 3, 24, 24)), ids, np.zeros(2, int), {}))
    path = folder / "s.zarr.zip"
    path.write_bytes(path.read_bytes()[:999]) if damage == "truncated" else path.unlink()
    spec |= {"metric": {"use": "insertion_deletion"}, "postprocess": {}}
    given = ("--predicted", "predicted.csv", "--attributions", "s.zarr.zip", "--label", "d/net/m/signed")
    error = refused(
        folder, capfd, "score", spec, "--device", "cpu", "--weights", "net.json", "--shard", "shard.csv", *given
    )
    assert "s.zarr.zip is " in error
    assert ("delete it and run again" if damage == "truncated" else "run the workflow") in error


def test_a_model_that_changed_since_it_was_checked(folder, capfd):
    given = predict(python("Fine"))
    Path("net.json").write_text(Path("net.json").read_text().replace('"classes": 3', '"classes": 4'))
    assert "the model is no longer the one of which net.json was written" in refused(folder, capfd, *given)


def test_pixels_are_made_of_the_pictured_images_alone(folder, monkeypatch):
    maps = np.random.default_rng(0).random((4, 3, 6, 6))
    names, label = {"model": "net", "method": "m"}, {"perturbation": "topk"}
    for shard, ids in enumerate((["a", "b", "c"], ["d"])):
        held = maps[[ord(one) - ord("a") for one in ids]]
        for array, attributes in (("perturbed", {"model": "net"} | label), ("attribution", names | label)):
            content = store.Attributions(held, ids, np.zeros(len(ids), int), attributes)
            store.write(f"{array}{shard}.zarr.zip", content, array)
    read, rows = store.read, []

    def counted(*given, **more):
        found = read(*given, **more)
        rows.append(len(found.attributions))
        return found

    monkeypatch.setattr(store, "read", counted)
    wanted = {"b": maps[1].sum(0), "d": maps[3].sum(0)}
    shown = {("net", one): np.zeros((6, 6, 3)) for one in wanted}
    gallery = Gallery(shown, {("net", "m"): wanted}, dict.fromkeys(shown, ""))
    spec = {"figure": {"use": "top_pixels", "k": 4}, "image_ids": ["d", "b"], "postprocess": {}}
    stores = ([Path(f"{array}{shard}.zarr.zip") for shard in (0, 1)] for array in ("perturbed", "attribution"))
    found = pixels(spec | {"perturbations": {"topk": ["topk", 0.1]}}, gallery, *stores)
    assert rows == [1, 1, 1, 1]
    assert [(one.image_id, one.perturbation) for one in found] == [("b", ""), ("b", "topk"), ("d", ""), ("d", "topk")]
    for clean, under in (found[:2], found[2:]):
        np.testing.assert_array_equal(clean.top_k, under.top_k)
        np.testing.assert_array_equal(under.image, maps["abcd".index(under.image_id)].transpose(1, 2, 0))

"""The stage `train`, killed for real, and the models it makes."""

import json
import math
import os
import signal
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import torch

from attx import registry
from attx.data import digits
from attx.errors import UserError
from attx.models.loading import load_model
from attx.stages import train
from attx.training import checkpoint

DATA = {"use": "digits", "split": "train", "first": 120}
TEST = {"use": "digits", "first": 40}
SPEC = {
    "training": {"use": "ig_sum_norm", "data": DATA, "test": TEST, "epochs": 3, "batch_size": 20, "size": 8, "steps": 2}
    | {"path_steps": 3, "inner_path_steps": 1, "test_steps": 3},
    "threads": 1,
    "dtype": "float32",
}
# takes steps slowly, waits before the last to be killed, and keeps a checkpoint of each
CHILD = """
import itertools, json, sys, time
from pathlib import Path
from attx.stages import train
from attx.training.fitting import Fitting
train.EVERY, taken, steps = 0.0, Fitting._take, itertools.count(1)
Fitting._take = lambda self, *more: (time.sleep(0.1 if next(steps) < 18 else 3600), taken(self, *more))
out = Path(sys.argv[2])
train.run(json.loads(sys.argv[1]), device="cpu", label="one", out=out, curve=out.with_name("curve.parquet"))
"""


def made(folder, spec=SPEC):
    out = folder / "weights.safetensors"
    train.run(spec, device="cpu", label="one", out=out, curve=folder / "curve.parquet")
    return out


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Weights of a training left alone."""
    return made(tmp_path_factory.mktemp("alone"))


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_killed_and_resumed_gives_the_same_bits(alone, tmp_path, sent, capsys):
    out = tmp_path / "weights.safetensors"
    held = tmp_path / "weights.safetensors.checkpoint"
    command = [sys.executable, "-c", CHILD, json.dumps(SPEC), str(out)]
    child = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL)
    while not held.exists() and child.poll() is None:
        time.sleep(0.02)
    time.sleep(0.3)
    child.send_signal(sent)
    assert child.wait(600) == -sent
    assert held.exists()
    assert not out.exists()
    made(tmp_path)
    step = int(capsys.readouterr().out.split("goes on after step ")[1].split()[0])
    assert 0 < step < 18
    assert out.read_bytes() == alone.read_bytes()
    assert {file.name for file in tmp_path.iterdir() if not file.name.startswith(".tmp")} == {
        out.name,
        "curve.parquet",
    }
    curves = [pd.read_parquet(path.with_name("curve.parquet")).drop(columns="seconds") for path in (out, alone)]
    pd.testing.assert_frame_equal(*curves)


def test_checkpoints_of_other_jobs_are_not_used(alone, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(train, "EVERY", 0.0)
    monkeypatch.setattr(train, "_write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        made(tmp_path, SPEC | {"training": SPEC["training"] | {"seed": 1}})
    monkeypatch.undo()
    held = tmp_path / "weights.safetensors.checkpoint"
    kept = held.read_bytes()
    assert made(tmp_path).read_bytes() == alone.read_bytes()
    assert not held.exists()
    held.write_bytes(kept[:-1])
    made(tmp_path, SPEC | {"training": SPEC["training"] | {"seed": 1}})
    assert "goes on" not in capsys.readouterr().out


def test_a_digit_that_changed_makes_another_key(monkeypatch):
    def key():
        fitting = train.Fitting(registry.built("training", SPEC["training"]))
        return train._key(SPEC, torch.device("cpu"), train._images(DATA, "data", fitting))

    before, table = key(), digits._table().copy()
    assert key() == before
    table[int(digits.build(split="train")[0].path.split("#")[1]), 20] += 1
    monkeypatch.setattr(digits, "_table", lambda: table)
    assert key() != before


def test_images_are_in_memory_once():
    """One channel of them keeps no others alive, and the key makes no copy."""
    fitting = train.Fitting(registry.built("training", SPEC["training"] | {"size": 32}))
    images = train._images(DATA, "data", fitting)
    size = images.pixels.numel() * images.pixels.element_size()
    assert images.pixels.untyped_storage().nbytes() == size
    train._key(SPEC, torch.device("cpu"), images)  # which keeps the digest of the code
    tracemalloc.start()
    try:
        train._key(SPEC, torch.device("cpu"), images)
        assert tracemalloc.get_traced_memory()[1] < size / 2
    finally:
        tracemalloc.stop()


def test_what_the_stage_says_and_writes(alone, tmp_path, capsys):
    spec = {"training": {"use": "nat", "data": DATA | {"first": 700}, "epochs": 6, "epsilon": 0.05}, "threads": 1}
    out = made(tmp_path, spec)
    curve = pd.read_parquet(tmp_path / "curve.parquet")
    columns = ["training", "epoch", "loss", "clean_accuracy", "adversarial_accuracy", "seconds", "test_images"]
    assert list(curve) == columns
    assert list(curve["epoch"]) == [1, 2, 3, 4, 5, 6]
    assert set(curve["training"]) == {"one"}
    last = curve.iloc[-1]
    assert last["clean_accuracy"] > 0.8 > last["adversarial_accuracy"] > 0
    said = capsys.readouterr().out
    assert f"right {last['clean_accuracy']:.1%}, under PGD {last['adversarial_accuracy']:.1%}" in said
    model = load_model("mine", use="trained", weights=str(out))
    images = torch.stack([torch.from_numpy(model.preprocess.apply(digits.read(e))) for e in digits.build()])
    labels = torch.tensor([e.label for e in digits.build()])
    with torch.no_grad():
        right = (model(images).argmax(1) == labels).double().mean().item()
    assert right == last["clean_accuracy"]
    assert model.weights_sha256 != load_model("mine", use="trained", weights=str(alone), size=8).weights_sha256


def test_weights_with_a_flipped_bit_are_told_and_not_taken(alone, tmp_path):
    whole, path, rng = alone.read_bytes(), tmp_path / "weights.safetensors", np.random.default_rng(0)
    right = load_model("mine", use="trained", weights=str(alone), size=8).weights_sha256
    numbers = 8 + int.from_bytes(whole[:8], "little")  # before them a header
    places = [*rng.permutation(numbers)[:40], *(numbers + rng.permutation(len(whole) - numbers)[:40])]
    for place in places:
        hurt = bytearray(whole)
        hurt[place] ^= 1 << rng.integers(8)
        path.write_bytes(hurt)
        try:
            found = load_model("mine", use="trained", weights=str(path), size=8).weights_sha256
        except UserError as error:
            assert f"{path} is damaged" in str(error)  # noqa: PT017 - or else it is the same
        else:
            assert place < numbers
            assert found == right


def test_torchvisions_nets_come_back_as_they_were_trained(tmp_path):
    """With batch norms folded into convolutions, as everywhere."""
    training = {"use": "nat", "net": "resnet18", "channels": 3, "size": 32, "epochs": 1, "batch_size": 40}
    out = made(tmp_path, {"training": training | {"data": DATA, "test": TEST, "test_steps": 1}, "threads": 1})
    model = load_model("mine", use="trained", net="resnet18", weights=str(out), channels=3, size=32)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in model.modules())
    images = torch.stack([torch.from_numpy(model.preprocess.apply(digits.read(e))) for e in digits.build()[:40]])
    labels = torch.tensor([e.label for e in digits.build()[:40]])
    with torch.no_grad():
        right = (model(images).argmax(1) == labels).double().mean().item()
    found = pd.read_parquet(tmp_path / "curve.parquet").iloc[-1]
    assert right == pytest.approx(found["clean_accuracy"], abs=1 / 40 + 1e-9)
    assert not math.isnan(found["adversarial_accuracy"])


def test_what_a_training_and_its_model_share_has_one_default():
    ours, theirs = registry.parameters("training", "nat"), registry.parameters("models", "trained")
    shared = set(ours) & set(theirs)
    assert shared == {"net", "classes", "channels", "size"}
    training = registry.load("training", "nat").build()
    assert {key: registry.default("models", "trained", key) for key in shared} == {
        key: getattr(training, key) for key in shared
    }


def test_other_classes_than_the_images_have_are_an_error(tmp_path):
    with pytest.raises(UserError, match="label 9 is out of range"):
        made(tmp_path, {"training": {"use": "nat", "data": DATA, "test": TEST, "classes": 9}, "threads": 1})
    assert checkpoint.load(tmp_path / "weights.safetensors.checkpoint", "") is None

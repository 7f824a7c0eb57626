"""Weights are numbers: nothing in a file is unpickled into code, and no file makes room for what it does not hold."""

import io
import json
import os
import pickle
import struct
import zipfile

import pytest
import torch

from attx.data import torchvision
from attx.errors import UserError
from attx.models import state
from attx.models.loading import load_model
from attx.training import checkpoint
from tests.security.harm import Harm


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder of one's own, in which nothing may appear."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def saved(held: object, **options) -> bytes:
    file = io.BytesIO()
    torch.save(held, file, **options)
    return file.getvalue()


def packed(data: bytes) -> bytes:
    """A torch file with its parts compressed."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info.filename, old.read(info))
    return file.getvalue()


def headed(header: object, size: int | None = None) -> bytes:
    """A safetensors file with that header and four bytes of numbers."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if size is None else size) + text + b"\0" * 4


CODE = {
    "zip.pth": saved({"w": Harm()}),
    "legacy.pth": saved({"w": Harm()}, _use_new_zipfile_serialization=False),
    "plain.pth": pickle.dumps(Harm()),
    "protocol.pth": saved({"w": Harm()}, pickle_protocol=4),
    "named.safetensors": saved({"w": Harm()}),
}


@pytest.mark.parametrize("name", CODE)
def test_nothing_in_a_weights_file_is_called(name, folder):
    (folder / name).write_bytes(CODE[name])
    for spec in ({"use": "torchvision", "name": "resnet18"}, {"use": "timm", "name": "resnet18"}, {"use": "trained"}):
        with pytest.raises(UserError, match=f"weights file {name} is damaged, or holds more than tensors"):
            load_model("m", **spec, weights=name)
    assert not (folder / "harmed").exists()


def test_nothing_in_a_checkpoint_is_called(folder):
    for held in (Harm(), {"key": "k", "state": Harm()}, [], {"key": "k2"}):
        data = saved(held)
        (folder / "c").write_bytes(__import__("hashlib").sha256(data).digest() + data)
        assert checkpoint.load(folder / "c", "k") is None
    assert not (folder / "harmed").exists()


ABSURD = {
    "repeated.pth": saved({"w": torch.zeros(1).expand(10**6, 10**6)}),
    "sparse.pth": saved({"w": torch.zeros(1).to_sparse()}),
    "meta.pth": saved({"w": torch.empty(10**12, device="meta")}),
    "bomb.pth": packed(saved({"w": torch.zeros(10**6)})),
    "keys.pth": saved({1: torch.zeros(1)}),
    "values.pth": saved({"w": "text"}),
    "header.safetensors": headed(b"{}", 2**62),
    "shape.safetensors": headed({"w": {"dtype": "F32", "shape": [10**6, 10**6], "data_offsets": [0, 4]}}),
    "offsets.safetensors": headed({"w": {"dtype": "F32", "shape": [1], "data_offsets": [2**40, 2**40 + 4]}}),
    "overflow.safetensors": headed({"w": {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 4]}}),
    "deep.safetensors": headed(b"[" * 10**5),
    "empty.safetensors": b"",
}


@pytest.mark.parametrize("name", ABSURD)
def test_what_weights_claim_is_not_believed(name, folder):
    (folder / name).write_bytes(ABSURD[name])
    with pytest.raises(UserError, match=f"weights file {name}"):
        state.read(name)


def test_weights_of_devices_and_pipes_are_refused(folder):
    os.mkfifo(folder / "pipe.pth")
    for name in ("/dev/zero", "pipe.pth", "."):
        with pytest.raises(UserError, match="does not exist"):
            state.read(name)


def test_whole_weights_are_read(folder):
    (folder / "w.pth").write_bytes(saved({"module.w": torch.arange(6.0).view(2, 3).T}))
    torch.testing.assert_close(state.read("w.pth")["w"], torch.arange(6.0).view(2, 3).T)


def test_a_benchmark_that_is_pickled_is_read_only_if_it_is_the_published_one(folder):
    for place in ("cifar-10-batches-py", "cifar-100-python", "MNIST/processed", "STL10_binary"):
        (folder / place).mkdir(parents=True)
        for name in ("test_batch", "data_batch_1", "batches.meta", "test", "meta", "test.pt", "training.pt"):
            (folder / place / name).write_bytes(pickle.dumps(Harm()))
    for name in ("CIFAR10", "CIFAR100", "MNIST"):
        with pytest.raises(UserError, match=f"torchvision's {name} is not in .*, or not whole"):
            torchvision.build(name=name, root=str(folder))
    assert not (folder / "harmed").exists()


NAMES = ("hf-hub:evil/model", "hf_hub:evil/model", "local-dir:/tmp", "https://x/y.pth", "../resnet18", "resnet18.evil")


@pytest.mark.parametrize("name", NAMES)
def test_names_of_models_are_those_of_the_libraries(name):
    for use in ("timm", "torchvision"):
        with pytest.raises(UserError, match="unknown"):
            load_model("m", use=use, name=name, weights="random")

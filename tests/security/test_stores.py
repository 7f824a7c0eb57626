"""Stores come from others: they run nothing, are unpacked nowhere, and make room only for what they hold."""

import json
import os
import pickle
import resource
import struct
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numcodecs
import numpy as np
import pytest

from attx import store
from attx.errors import UserError
from attx.stages import gallery
from attx.store import Attributions
from tests.security.harm import Harm

MAPS = "attribution/zarr.json"
IDS = "image_id/zarr.json"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder of one's own with a store; nothing else may appear in it."""
    monkeypatch.chdir(tmp_path)
    maps = np.zeros((2, 3, 4, 4), np.float32)
    store.write("s.zarr.zip", Attributions(maps, ["a", "b"], np.array([1, 2]), {"model": "m"}))
    return tmp_path


def parts() -> dict[str, bytes]:
    with zipfile.ZipFile("s.zarr.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def wrote(held: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile("s.zarr.zip", "w", compression) as archive:
        for name, data in held.items():
            archive.writestr(name, data)


def changed(name: str, **keys: object) -> dict[str, bytes]:
    """The store's parts, with keys of the metadata of one array set."""
    held = parts()
    return held | {name: json.dumps(json.loads(held[name]) | keys).encode()}


def grid(*shape: int) -> dict:
    return {"name": "regular", "configuration": {"chunk_shape": shape}}


def version_2(filters: list | None, dtype: str) -> dict:
    keys = {"zarr_format": 2, "shape": [1], "chunks": [1], "compressor": None, "fill_value": None, "order": "C"}
    return keys | {"dtype": dtype, "filters": filters}


def pickled() -> dict[str, bytes]:
    """A group of Zarr's version 2, whose objects are pickles to a reader that takes such."""
    data = pickle.dumps([Harm(), "|O", (1,)])
    held = {".zgroup": b'{"zarr_format": 2}', ".zattrs": b"{}", "target/0": b"\0" * 8, "attribution/0": b"\0" * 8}
    held |= {"image_id/.zarray": json.dumps(version_2([{"id": "pickle"}], "|O")).encode(), "image_id/0": data}
    return held | {f"{name}/.zarray": json.dumps(version_2(None, "<i8")).encode() for name in ("target", "attribution")}


def codecs(*names: str) -> list[dict]:
    return [{"name": name, "configuration": {}} for name in names]


def ids(count: int) -> bytes:
    """The chunk of image ids, which claims so many."""
    zstd = numcodecs.Zstd(3, True)
    return zstd.encode(struct.pack("<I", count) + b"".join(struct.pack("<I", 1) + i for i in (b"a", b"b")))


HOSTILE = {
    "pickles": pickled,
    "pickles beside": lambda: parts() | pickled(),
    "a codec of another package": lambda: changed(MAPS, codecs=codecs("numcodecs.pickle")),
    "a codec by its module": lambda: changed(MAPS, codecs=codecs("os.system", "bytes")),
    "a shape": lambda: changed(MAPS, shape=[2, 3, 10**6, 10**6], chunk_grid=grid(1, 3, 10**6, 10**6)),
    "a count": lambda: changed(MAPS, shape=[10**12, 3, 4, 4]),
    "all counts": lambda: (
        changed(MAPS, shape=[10**9, 3, 4, 4])
        | {n: changed(n, shape=[10**9], chunk_grid=grid(10**9))[n] for n in (IDS, "target/zarr.json")}
    ),
    "a negative shape": lambda: changed(MAPS, shape=[2, 3, -4, -4]),
    "chunks of nothing": lambda: changed(MAPS, chunk_grid=grid(0, 0, 0, 0)),
    "a dtype": lambda: changed(MAPS, data_type="complex128"),
    "ids without end": lambda: parts() | {"image_id/c/0": ids(2**32 - 1)},
    "a frame without end": lambda: (
        parts() | {"attribution/c/0/0/0/0": b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", 2**50)}
    ),
    "a frame of zeros": lambda: parts() | {"attribution/c/0/0/0/0": numcodecs.Zstd(9).encode(bytes(10**8))},
    "a way out": lambda: parts() | {"../../harmed": b"x", "/tmp/harmed": b"x"},
    "metadata without end": lambda: parts() | {MAPS: b"[" * 10**6},
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_store_is_one_error_and_takes_no_memory(hostile, folder):
    wrote(hostile())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match=r"s\.zarr\.zip is damaged"):
        store.read("s.zarr.zip")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # KiB
    assert sorted(os.listdir()) == ["s.zarr.zip"]
    assert not Path("/tmp/harmed").exists()


SAID = {"model": "m", "method": "x", "forward_passes": 1, "backward_passes": 0, "seconds": 0.5}
ODD = {"model": [{}, 1, None], "method": [["a"], 2.5], "perturbation": [{}], "distance": [1, ["x", "y"], [1.0]]}
ODD |= {f"{each}_passes": ["x", None, -1, float("nan")] for each in ("forward", "backward")} | {
    "seconds": [[1], 10**400]
}


@pytest.mark.parametrize("key", ODD)
def test_what_a_store_says_of_itself_is_told_or_refused(key):
    for value in ODD[key]:
        wrote(changed("zarr.json", attributes=SAID | {key: value}))
        with pytest.raises(
            UserError, match=rf"s\.zarr\.zip is damaged \(what it says of its {key} is odd\): delete it"
        ):
            store.read("s.zarr.zip")
    wrote(changed("zarr.json", attributes={name: value for name, value in SAID.items() if name != key}))
    held = store.read("s.zarr.zip").attributes
    with pytest.raises(UserError, match=rf"s\.zarr\.zip is damaged \(it does not say its {key}\): delete it and run"):
        held[key]
    assert held.get(key) is None


def test_maps_of_models_and_classes_that_no_gallery_has_are_refused(monkeypatch):
    monkeypatch.setattr(
        gallery, "load_model", lambda *_, **__: SimpleNamespace(preprocess=None, class_names=["x", "y"])
    )
    monkeypatch.setattr(gallery, "load_batch", lambda *_: np.zeros((1, 3, 4, 4)))
    monkeypatch.setattr(gallery.manifest, "read", lambda _: [SimpleNamespace(image_id="a")])
    spec = {"data": {"use": "sample"}, "models": {"m": {}}, "image_ids": ["a"], "postprocess": {}}
    for model, target in (("m", 2), ("m", -1), ("other", 1)):
        content = Attributions(np.zeros((1, 3, 4, 4)), ["a"], np.array([target]), SAID | {"model": model})
        store.write("s.zarr.zip", content)
        with pytest.raises(UserError, match=r"s\.zarr\.zip is damaged \(it is of another model\)"):
            gallery.gallery(spec, ["shard"], ["s.zarr.zip"])


def test_a_packed_store_is_refused():
    wrote(parts() | {"zarr.json": parts()["zarr.json"] + b" " * 10**8}, zipfile.ZIP_DEFLATED)
    with pytest.raises(UserError, match="packed in another way"):
        store.read("s.zarr.zip")


def test_the_same_parts_are_read():
    wrote(parts())
    assert store.read("s.zarr.zip").image_ids == ["a", "b"]

"""A job under a real limit of the host's memory: smaller batches, the same results; or one clear message."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from attx import store
from attx.data import manifest
from attx.data.entry import Entry
from attx.files import write_sealed
from attx.models.loading import load_model
from attx.stages.common import facts

MODELS = """
import torch

class Wide(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.wide = torch.nn.Conv2d(3, 64, 3, padding=1)

    def forward(self, images):
        return self.wide(images).relu().mean((2, 3))
"""
MODEL = {"use": "python", "function": "wide_models:Wide", "size": 64}
METHOD = {"use": "integrated_gradients", "steps": 8, "batch_size": 32}
SPEC = {"data": {"use": "folder"}, "model": MODEL, "methods": {"ig": METHOD}, "target": "label"}
SPEC |= {"dtype": "float64", "threads": 1, "batch_size": 32}
# libraries and threads that come late take their room before the limit, or it would be theirs that is too small
JOB = """
import resource, sys
import numpy as np
import attx.attribution.integrated_gradients, attx.stages.attribute
from attx import store
from attx.cli import main
store.write("first.zarr.zip", store.Attributions(np.zeros((1, 3, 4, 4)), ["a"], np.zeros(1, int), {}))
store.read("first.zarr.zip")
if int(sys.argv[1]):
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[1]), resource.RLIM_INFINITY))
sys.exit(main(sys.argv[2:]))
"""


@pytest.fixture
def job(tmp_path, monkeypatch):
    """A job that explains four images, with so many more bytes of memory than its libraries take (0: with all)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "wide_models.py").write_text(MODELS)
    rng = np.random.default_rng(0)
    names = [f"{i}.png" for i in range(4)]
    for name in names:
        Image.fromarray(rng.integers(0, 255, (64, 64, 3), np.uint8)).save(name)
    manifest.write("shard.csv", manifest.check([Entry(name, name, 2) for name in names]))
    (tmp_path / "net.json").write_text(json.dumps(facts(load_model("net", **MODEL))))
    predicted = "image_id,label,predicted,probability\n" + "".join(f"{name},2,2,0.5\n" for name in names)
    write_sealed("predicted.csv", predicted)

    def run(room, out):
        given = ["--spec", json.dumps(SPEC), "--device", "cpu", "--weights", "net.json", "--shard", "shard.csv"]
        given += ["--predicted", "predicted.csv", "--label", "d/net/s0", "--out", out]
        command = [sys.executable, "-c", JOB, str(room), "attribute", *given]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
        return subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment, check=False)

    return run


def test_too_little_memory_on_the_host(job, survived):
    whole = job(0, "whole.zarr.zip")
    assert whole.returncode == 0, whole.stderr
    assert "out of memory" not in whole.stdout
    little = job(100_000_000, "little.zarr.zip")
    assert little.returncode == 0, little.stderr
    told = "out of memory: went on with batches divided by"
    assert told in little.stdout
    maps = [store.read(f"{name}.zarr.zip").attributions for name in ("whole", "little")]
    np.testing.assert_allclose(*maps, rtol=1e-10, atol=1e-12 * abs(maps[0]).max())
    none = job(20_000_000, "none.zarr.zip")
    assert none.returncode == 2
    assert none.stderr.startswith("error: out of memory")
    assert "Traceback" not in none.stderr
    assert not os.path.exists("none.zarr.zip")
    survived("too little memory on the host", 2, f"{told} 2; or, where one image is too much: {none.stderr.strip()}")

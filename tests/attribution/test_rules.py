"""DeepLIFT and LRP: captum's where captum is right, and complete on networks where it is not."""

import captum.attr
import pytest
import timm
import torch
import torch.nn.functional as F
import torchvision
from captum.attr._utils.lrp_rules import GammaRule
from torch import nn

import attx
from attx import registry
from attx.attribution.forward import counted
from attx.models.lite_net import Block


def seeded(model: nn.Module) -> nn.Module:
    """Random weights without zeros, float64."""
    generator = torch.Generator().manual_seed(5)
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        parameter.data = 0.1 + 0.1 * noise if parameter.ndim == 1 else noise / parameter[0].numel() ** 0.5
    return model.double().eval().requires_grad_(False)


def plain(pool: bool = True) -> nn.Module:
    """What captum's hooks can follow: every module once; with a pooling not straight after the ReLU."""
    peak = [nn.Conv2d(6, 6, 3), nn.MaxPool2d(2)] if pool else []
    return seeded(
        nn.Sequential(
            *(nn.Conv2d(3, 6, 3), nn.ReLU(), *peak, nn.BatchNorm2d(6), nn.AdaptiveAvgPool2d(2)),
            *(nn.Flatten(), nn.Linear(24, 8), nn.Tanh(), nn.Linear(8, 5)),
        )
    )


class Awkward(nn.Module):
    """A module used twice and in place, functions, a gate, overlapping pooling, ReLU6, blocks of EfficientNet-Lite."""

    def __init__(self):
        super().__init__()
        self.conv, self.block, self.gate = nn.Conv2d(3, 8, 3), Block(8, 8, 3, 1, 2), nn.Conv2d(8, 8, 1)
        self.relu, self.head = nn.ReLU(inplace=True), nn.Linear(8, 5)

    def forward(self, x):
        x = F.max_pool2d(self.relu(self.conv((x - 0.45) / 0.22)), 3, 2)
        x = self.relu(self.block(x) - 0.3)
        x = x * self.gate(x.mean((2, 3), keepdim=True)).sigmoid()
        return self.head(F.silu(x, inplace=True).mean((2, 3)))


MODELS = {
    "awkward": Awkward,
    "resnet": lambda: torchvision.models.ResNet(torchvision.models.resnet.BasicBlock, [1, 1, 1, 1], 5),
    "vit": lambda: torchvision.models.VisionTransformer(16, 8, 2, 2, 16, 32, num_classes=5),
    "swin": lambda: torchvision.models.SwinTransformer([4, 4], 16, [1, 1], [2, 2], [2, 2], num_classes=5),
    "timm_vit": lambda: timm.create_model("vit_tiny_patch16_224", img_size=16, patch_size=8, depth=2, num_classes=5),
}


def case(size: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.rand(3, 3, size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(4)), torch.tensor(
        [4, 0, 2]
    )


def run(name, model, x, y, **params):
    return registry.load("attribution", name).build(**params)(model, x, y, list(range(len(x))))


@pytest.mark.filterwarnings("ignore:Setting forward")
def test_deeplift_is_captums_where_its_hooks_reach():
    x, y = case()
    model = plain()
    assert torch.allclose(run("deeplift", model, x, y), captum.attr.DeepLift(model).attribute(x, target=y), atol=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_deeplift_is_complete(name):
    x, y = case()
    model = seeded(MODELS[name]())
    for output, final in (("logit", lambda z: z), ("probability", lambda z: z.softmax(1))):
        difference = (final(model(x)) - final(model(0 * x + 0.5))).gather(1, y[:, None])[:, 0]
        found = run("deeplift", model, x, y, output=output, baseline=0.5)
        assert torch.allclose(found.sum((1, 2, 3)), difference, rtol=1e-9, atol=1e-12)
        alone = run("deeplift", model, x[1:2], y[1:2], output=output, baseline=0.5)
        assert torch.allclose(alone[0], found[1], rtol=1e-7, atol=1e-10)


def test_the_reference_goes_along_with_each_batch():
    x, y = case()
    model = plain()
    with counted(model) as passes:
        run("deeplift", model, x, y, batch_size=3)
    assert (passes.forward, passes.backward) == (3 + 2, 3 + 2)


def split(model: nn.Sequential) -> nn.Module:
    """The same without a Flatten, for which captum's LRP has no rule."""
    found = nn.ModuleDict({"first": model[:4], "last": model[5:]})
    found.forward = lambda z: found["last"](found["first"](z).flatten(1))
    return found


def test_lrp_is_captums_where_its_hooks_reach():
    x, y = case()
    model = split(plain(pool=False))
    expected = captum.attr.LRP(model).attribute(x, target=y)
    assert torch.allclose(run("lrp", model, x, y), expected, rtol=1e-5, atol=1e-8)


def test_gamma_is_captums_where_all_inputs_and_the_output_are_positive():
    x, _ = case()
    layers = (nn.Conv2d(3, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(24, 5))
    model = split(seeded(nn.Sequential(*layers)))
    y = model(x).argmax(1)
    assert (model(x).amax(1) > 0).all()
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.rule = GammaRule(0.25)
            layer.bias.zero_()  # captum leaves it as it is; ours treats it as another input
    found = run("lrp", model, x, y, gamma=0.25)
    assert torch.allclose(found, captum.attr.LRP(model).attribute(x, target=y), rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "awkward"])  # which has a shift
def test_relevance_is_conserved_without_biases(name):
    x, y = case()
    model = seeded(MODELS[name]())
    for parameter_name, parameter in model.named_parameters():
        if parameter_name.endswith(("bias", "class_token", "cls_token", "pos_embedding", "pos_embed")):
            parameter.zero_()
    logits = model(x).gather(1, y[:, None])[:, 0]
    for gamma in (0, 0.25):
        assert torch.allclose(run("lrp", model, x, y, gamma=gamma).sum((1, 2, 3)), logits, rtol=1e-4, atol=1e-8)


def test_relevance_through_kinks_and_gates_is_finite():
    x, y = case()
    found = [run("lrp", seeded(Awkward()), x, y, **params) for params in ({}, {"epsilon": 0.1}, {"gamma": 0.25})]
    assert all(torch.isfinite(one).all() for one in found)
    assert not torch.allclose(found[0], found[1])
    assert not torch.allclose(found[0], found[2])


class Hidden(torch.autograd.Function):
    """A square that nobody sees."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx, gradient):
        return 2 * ctx.saved_tensors[0] * gradient


class Odd(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.net, self.function, self.head = nn.Sequential(nn.Conv2d(3, 4, 3)), function, nn.Linear(4, 5)

    def forward(self, x):
        return self.head(self.function(self.net(x)).mean((2, 3)))


def test_what_cannot_be_followed_is_refused():
    x, y = case()
    for name in ("deeplift", "lrp"):
        with pytest.raises(attx.UserError, match=r"`sort`, which the model \(Odd\) calls.*expected_gradients"):
            run(name, seeded(Odd(lambda z: z.sort(1).values)), x, y)
    with pytest.raises(attx.UserError, match="cannot be followed"):
        run("deeplift", seeded(Odd(Hidden.apply)), x, y)
    with pytest.raises(attx.UserError, match="gamma must not be negative"):
        run("lrp", plain(), x, y, gamma=-1.0)

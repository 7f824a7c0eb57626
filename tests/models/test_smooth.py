"""The smooth copy of a model: near it for a sharp softplus, twice differentiable, and apart from it."""

import math

import pytest
import timm
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

import attx
from attx.errors import UserError
from attx.models.smooth import SmoothCopy, kinks
from attx.models.tuned import tuned

NETS = {
    "resnet18": {"relu"},
    "squeezenet1_1": {"relu"},
    "densenet121": {"relu"},
    "mobilenet_v2": {"hardtanh"},  # what nn.ReLU6 calls
    "mobilenet_v3_small": {"relu", "hardsigmoid"},
    "efficientnet_b0": set(),
    "test_vit": set(),
}


def net_of(name):
    torch.manual_seed(0)
    if name == "test_vit":
        net = timm.create_model(name, num_classes=5, img_size=64)
    else:
        net = torchvision.models.get_model(name, weights=None, num_classes=5)
    return tuned(net).double().requires_grad_(False)


def images(size=64):
    return torch.rand(2, 3, size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", NETS)
def test_a_sharp_copy_is_the_model_and_has_second_derivatives(name):
    net, x = net_of(name), images()
    plain = net(x)
    assert kinks(net, x) == NETS[name]
    sharp = SmoothCopy(net, 1e14)(x)
    torch.testing.assert_close(sharp, plain, rtol=0, atol=1e-4 * plain.abs().max().item())
    if not NETS[name]:
        torch.testing.assert_close(sharp, plain, rtol=0, atol=1e-12)  # SiLU and GELU stay
    x.requires_grad_()
    (first,) = torch.autograd.grad(SmoothCopy(net, 10)(x)[:, 0].sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), x)
    assert second.abs().amax((1, 2, 3)).gt(0).all()
    assert torch.equal(net(x.detach()), plain)  # the model itself is as it was


def test_our_lite_networks_and_timms_are_seen():
    x = images().float()
    assert "relu6" in kinks(attx.load_model("efficientnet_lite0"), x)
    assert kinks(timm.create_model("test_resnet", num_classes=5), x) == {"relu"}


FUNCTIONS = {
    "relu": [nn.ReLU(), nn.ReLU(inplace=True), F.relu, torch.relu, torch.Tensor.relu],
    "relu6": [nn.ReLU6(), nn.Hardtanh(0, 6), lambda x: F.hardtanh(x, 0.0, 6.0), lambda x: F.relu6(input=x)],
    "sigmoid": [nn.Hardsigmoid(), F.hardsigmoid],
    "leaky": [
        nn.LeakyReLU(0.2),
        lambda x: F.leaky_relu(x, 0.2),
        lambda x: F.prelu(x, torch.tensor([0.2], dtype=x.dtype)),
    ],
}


def ramped(x, low):
    return F.softplus(x - low, 7, 1e9)


@pytest.mark.parametrize(("kind", "number"), [(kind, i) for kind, all_ in FUNCTIONS.items() for i in range(len(all_))])
def test_every_way_to_write_it(kind, number):
    x = torch.linspace(-3, 9, 60, dtype=torch.float64).view(1, 1, 6, 10)
    up, top = ramped(x, 0), ramped(x, 6)
    expected = {
        "relu": up,
        "relu6": up - top,
        "sigmoid": (ramped(x, -3) - ramped(x, 3)) / 6,
        "leaky": 0.2 * x + 0.8 * up,
    }[kind]
    found = SmoothCopy(FUNCTIONS[kind][number], 7.0)(x.clone())
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("function", [F.relu_, torch.relu_, torch.Tensor.relu_])
def test_what_works_in_place_does(function):
    def net(x):
        x = x * 1
        function(x)  # the result is not used
        return x

    x = torch.linspace(-3, 3, 12, dtype=torch.float64, requires_grad=True)
    y = SmoothCopy(net, 7.0)(x)
    torch.testing.assert_close(y, F.softplus(x, 7, 1e9))
    torch.testing.assert_close(torch.autograd.grad(y.sum(), x)[0], torch.sigmoid(7 * x))


def test_a_channel_has_its_own_slope():
    layer = nn.PReLU(3).double().requires_grad_(False)
    layer.weight.copy_(torch.tensor([0.1, 0.2, 0.3]))
    x = images(8)
    sharp = SmoothCopy(layer, 1e9)(x - 0.5)
    torch.testing.assert_close(sharp, layer(x - 0.5), rtol=0, atol=1e-8)


def test_training_weights_get_their_gradients():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()).double()
    SmoothCopy(net, 5.0)(images(8)).sum().backward()
    assert net[0].weight.grad.abs().sum() > 0


def test_the_bound_on_an_activation_holds():
    x = torch.linspace(-2, 2, 401, dtype=torch.float64)
    apart = (SmoothCopy(F.relu, 10.0)(x) - F.relu(x)).abs().max().item()
    assert apart == pytest.approx(math.log(2) / 10)


def test_a_compiled_classifiers_copy_runs_as_python():
    model, x = attx.load_model("test_resnet", weights="random", classes=5, size=64), images().float()
    expected = SmoothCopy(model, 2.0)(x)
    assert (expected - model(x)).abs().max() > 1e-3
    calls = []
    model.compile_net(backend=lambda graph, inputs: calls.append(1) or graph)
    assert torch.equal(SmoothCopy(model, 2.0)(x), expected)
    assert not calls


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")
def test_what_cannot_be_copied_says_so():
    with pytest.raises(UserError, match="beta: 0"):
        SmoothCopy(nn.ReLU(), 0)
    with pytest.raises(UserError, match="TorchScript"):
        SmoothCopy(nn.Sequential(torch.jit.trace(nn.ReLU(), torch.rand(2))), 1.0)

"""Grad-CAM against captum on a CNN, by hand on tokens, and where there is no grid."""

import captum.attr
import pytest
import torch
import torchvision
from torch import nn
from torch.nn.functional import interpolate

import attx
from attx import registry
from attx.attribution.forward import counted
from attx.attribution.grid import channels_first
from tests.attribution.test_rules import case, seeded


def run(model, x, y, **params):
    return registry.load("attribution", "gradcam").build(**params)(model, x, y, list(range(len(x))))


def convolutional() -> nn.Module:
    return seeded(
        nn.Sequential(nn.Conv2d(3, 6, 3, 2), nn.ReLU(True), nn.Conv2d(6, 4, 3), nn.ReLU(True), nn.Flatten())
        .append(nn.AdaptiveAvgPool1d(20))
        .append(nn.Linear(20, 5))
    )


@pytest.mark.parametrize("relu", [True, False])
def test_it_is_captums(relu):
    model, (x, y) = convolutional(), case()
    x = x[..., :12]  # not square
    layer = captum.attr.LayerGradCam(lambda z: model(z).softmax(1), model[3])
    small = layer.attribute(x, target=y, relu_attributions=relu)
    expected = interpolate(small, x.shape[-2:], mode="bilinear").expand_as(x)
    assert expected.abs().sum() > 0
    assert torch.allclose(run(model, x, y, layer="3", relu=relu, output="probability"), expected, atol=1e-14)


def test_tokens_lie_on_their_grid():
    model = seeded(torchvision.models.VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=5))
    x, y = case(32)
    kept = {}
    model.encoder.layers[0].register_forward_hook(lambda module, inputs, output: kept.update(tokens=output))
    logits = model(x.requires_grad_())
    (gradient,) = torch.autograd.grad(logits.gather(1, y[:, None]).sum(), kept["tokens"])
    tokens, gradient = (t[:, 1:].reshape(3, 4, 4, 16) for t in (kept["tokens"], gradient))
    small = (tokens * gradient.mean((1, 2), keepdim=True)).sum(3)[:, None].detach()
    expected = interpolate(small, (32, 32), mode="bilinear").expand_as(x)
    assert torch.allclose(run(model, x, y, relu=False), expected, atol=1e-13)


def test_layouts():
    size = (32, 48)
    assert channels_first(torch.zeros(2, 7, 4, 6), size, "a").shape == (2, 7, 4, 6)
    assert channels_first(torch.zeros(2, 4, 6, 7), size, "a").shape == (2, 7, 4, 6)
    assert channels_first(torch.zeros(2, 24 + 5, 7), size, "a").shape == (2, 7, 4, 6)
    for shape in ((2, 7), (2, 23, 7), (2, 24 + 20, 7)):
        with pytest.raises(attx.UserError, match="another `layer`"):
            channels_first(torch.zeros(shape), size, "a")


def test_the_default_layer_is_measured_once():
    model, (x, y) = convolutional(), case()
    method = registry.load("attribution", "gradcam").build()
    with counted(model) as passes:
        first = method(model, x, y, [0, 1, 2])
        method(model, x, y, [0, 1, 2])
    assert (passes.forward, passes.backward) == (7, 7)
    assert torch.equal(first, run(model, x, y, layer="3"))


def test_errors():
    model, (x, y) = convolutional(), case()
    with pytest.raises(attx.UserError, match="unknown layer '33'"):
        run(model, x, y, layer="33")
    with pytest.raises(attx.UserError, match=r"layer 4 gives \(3, 100\)"):
        run(model, x, y, layer="4")
    model.aside = nn.Conv2d(3, 3, 1).double()
    model.forward = lambda z: model[:7](z) + 0 * model.aside(z).detach().sum()
    with pytest.raises(attx.UserError, match="does not depend on layer aside"):
        run(model, x, y, layer="aside")
    with pytest.raises(attx.UserError, match=r"torch\.nn\.Module"):
        run(lambda z: z, x, y)

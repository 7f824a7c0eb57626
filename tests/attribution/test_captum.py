"""The adapter: captum's own numbers, image by image, and what it refuses."""

from functools import cache

import captum.attr
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import interpolate

import attx
from attx import registry
from attx.attribution.forward import counted
from attx.config import Config
from tests.attribution.test_rules import case, seeded

WINDOWS = {"sliding_window_shapes": [3, 4, 4], "strides": [3, 2, 2]}


@cache
def model() -> nn.Module:
    return seeded(
        nn.Sequential(
            *(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.Conv2d(6, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2)),
            *(nn.Flatten(), nn.Linear(24, 5)),
        )
    )


def run(x, y, ids=(0, 1, 2), **params):
    return registry.load("attribution", "captum").build(**params)(model(), x, y, list(ids))


@pytest.mark.parametrize(
    ("name", "arguments", "captums"),
    [
        ("Occlusion", WINDOWS, {"sliding_window_shapes": (3, 4, 4), "strides": (3, 2, 2)}),
        ("IntegratedGradients", {"n_steps": 7, "baselines": 0.5}, {"n_steps": 7, "baselines": 0.5}),
        ("GuidedBackprop", {}, {}),
        ("Deconvolution", {}, {}),
        ("DeepLift", {}, {}),
        ("Saliency", {"abs": False}, {"abs": False}),
        ("FeatureAblation", {"feature_mask": 16}, {"feature_mask": torch.zeros(1, 3, 16, 12, dtype=torch.long)}),
    ],
)
def test_it_gives_what_captum_gives(name, arguments, captums):
    x, y = case()
    x = x[..., :12]
    method = getattr(captum.attr, name)(nn.Sequential(model(), nn.Softmax(1)) if name != "DeepLift" else model())
    expected = method.attribute(x.clone().requires_grad_(), target=y, **captums)
    output = "logit" if name == "DeepLift" else "probability"
    found = run(x, y, name=name, arguments=arguments, output=output)
    rounding = 1e-13 if expected.dtype == torch.float64 else 1e-7  # captum sums up perturbations in float32
    assert torch.allclose(found, expected.double(), atol=rounding)


def test_layers_are_brought_to_the_images_size():
    x, y = case()
    net = model()
    small = captum.attr.LayerIntegratedGradients(net, net[2]).attribute(x, target=y, n_steps=5)
    expected = interpolate(small.sum(1, keepdim=True), (16, 16), mode="bilinear").expand_as(x)
    found = run(x, y, name="LayerIntegratedGradients", layer="2", arguments={"n_steps": 5}, output="logit")
    assert torch.allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("GradientShap", {"arguments": {"baselines": [0.0, 1.0], "stdevs": 0.1}}),
        ("KernelShap", {"arguments": {"feature_mask": 8, "n_samples": 9}}),
        ("Saliency", {"noise_tunnel": {"nt_samples": 3, "stdevs": 0.1}, "arguments": {"abs": False}}),
    ],
)
def test_what_draws_depends_on_seed_and_image_alone(name, params):
    x, y = case()
    model()
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    whole = run(x, y, "abc", name=name, **params)
    assert torch.equal(run(x[2:], y[2:], "c", name=name, **params), whole[2:])
    assert not torch.equal(run(x[2:], y[2:], "d", name=name, **params), whole[2:])
    assert not torch.equal(run(x, y, "abc", name=name, seed=1, **params), whole)
    assert torch.equal(before[0], torch.random.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])


def test_batch_size_bounds_a_batch():
    x, y = case()
    net, sizes = model(), []
    handle = net.register_forward_hook(lambda module, inputs, output: sizes.append(len(output)))
    method = registry.load("attribution", "captum").build(name="Occlusion", arguments=WINDOWS, batch_size=6)
    with counted(net) as passes:
        method(net, x, y, [0, 1, 2])
    handle.remove()
    assert max(sizes) == 6
    assert (passes.forward, passes.backward) == (3 * (7 * 7 + 1), 0)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"name": "Ocluson"}, "unknown captum method 'Ocluson'; did you mean 'Occlusion'"),
        ({"name": "FeaturePermutation"}, "between the images"),
        ({"name": "Occlusion", "arguments": {"stride": 3}}, "unknown key 'stride'; did you mean 'strides'"),
        ({"name": "Saliency", "noise_tunnel": {"samples": 3}}, "did you mean 'nt_samples'"),
        ({"name": "Saliency", "constructor": {"model": 3}}, "unknown key 'model'"),
        ({"name": "LayerGradCam"}, "needs `layer`"),
        ({"name": "Saliency", "layer": "2"}, "takes no `layer`"),
        ({"name": "LayerGradCam", "layer": "22"}, "unknown layer '22'"),
        ({"name": "Occlusion"}, "captum's Occlusion cannot.*sliding_window_shapes"),
        ({"name": "LRP"}, "captum's LRP cannot.*Flatten"),
    ],
)
def test_errors(params, message):
    x, y = case()
    with pytest.raises(attx.UserError, match=message):
        run(x, y, **params)


def test_it_is_a_line_in_a_config():
    config = Config.of(
        {
            "data": {"sample": {}},
            "models": {"efficientnet_lite0": {}},
            "metrics": {"insertion_deletion": {}},
            "methods": {"occlusion": {"use": "captum", "name": "Occlusion", "arguments": WINDOWS}},
        }
    )
    expected = {"use": "captum", "name": "Occlusion", "arguments": WINDOWS, "seed": 3407, "batch_size": "auto"}
    assert config.method("occlusion") == expected

"""The baselines and controls against closed forms and captum; what every method must keep to."""

import captum.attr
import numpy as np
import pytest
import torch
from scipy import ndimage

import attx
from attx import registry
from attx.attribution.forward import counted
from tests.toy_models import SmallCNN

METHODS = [
    name for name in registry.names("attribution") if registry.constant("attribution", name, "NEEDS") != "stores"
]
SHORT = {
    "attexplore": {"steps": 2, "copies": 2},
    "integrated_gradients": {"steps": 5},
    "smoothgrad": {"copies": 3},
    "expected_gradients": {"copies": 3},
    "gradient_shap": {"copies": 3},
    "gradcam": {"relu": False},
    "captum": {"name": "GradientShap", "arguments": {"baselines": [0.0, 1.0]}},
    "agi": {"classes": 2, "steps": 3},
    "la": {"classes": 2, "steps": 3},
    "big": {"attacks": ["pgd"], "attack_steps": 3, "steps": 4},
}


@pytest.fixture
def case():
    x = torch.rand(3, 3, 12, 15, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    return SmallCNN(6).double(), x, torch.tensor([5, 0, 2])


def run(name, case, ids=("a", "b", "c"), **params):
    model, x, y = case
    return registry.load("attribution", name).build(**SHORT.get(name, {}) | params)(model, x, y, list(ids))


@pytest.mark.parametrize("name", METHODS)
def test_every_method_explains_each_image_by_itself(name, case):
    model, x, y = case
    whole = run(name, case)
    assert whole.shape == x.shape
    assert whole.dtype == x.dtype
    assert torch.isfinite(whole).all()
    assert whole.flatten(1).abs().sum(1).gt(0).all()
    alone = run(name, (model, x[1:2], y[1:2]), ids=("b",))
    assert torch.allclose(alone[0], whole[1], rtol=1e-6, atol=1e-9)
    settings = registry.parameters("attribution", name)
    if "batch_size" in settings:
        assert torch.allclose(run(name, case, batch_size=2), whole, rtol=1e-6, atol=1e-9)
    if "seed" in settings:
        assert not torch.equal(run(name, case, seed=1), whole)


def test_saliency_is_the_gradient(case):
    model, x, y = case
    for output, objective in (("logit", model), ("probability", lambda z: model(z).softmax(1))):
        z = x.clone().requires_grad_()
        objective(z).gather(1, y[:, None]).sum().backward()
        assert torch.allclose(run("saliency_gradient", case, output=output), z.grad, atol=1e-14)


def test_integrated_gradients_are_complete(case):
    model, x, y = case
    found = run("integrated_gradients", case, steps=200).sum((1, 2, 3))
    difference = (model(x).softmax(1) - model(0 * x).softmax(1)).gather(1, y[:, None])[:, 0]
    assert torch.allclose(found, difference, atol=1e-4)
    with pytest.raises(attx.UserError, match="steps: 1"):
        run("integrated_gradients", case, steps=1)


def test_smoothgrad_is_captums_on_the_same_noise(case, monkeypatch):
    model, x, y = case
    drawn = []
    real = torch.normal

    def normal(mean, std):
        drawn.append(real(mean, std))
        return drawn[-1]

    monkeypatch.setattr(torch, "normal", normal)
    tunnel = captum.attr.NoiseTunnel(captum.attr.Saliency(lambda z: model(z).softmax(1)))
    expected = tunnel.attribute(x, target=y, nt_type="smoothgrad", nt_samples=4, stdevs=0.15, abs=False)
    noise = drawn[0] / 0.15
    monkeypatch.setattr("attx.rng.Rows.normal", lambda self, stream, shape, like: noise)
    assert torch.allclose(run("smoothgrad", case, copies=4, sigma=0.15), expected, atol=1e-12)


def test_edges_are_scipys_sobel(case):
    _, x, _ = case
    planes = x.numpy().reshape(-1, 12, 15)
    expected = [np.hypot(*(ndimage.sobel(p, axis=axis, mode="nearest") for axis in (0, 1))) for p in planes]
    expected = np.reshape(expected, x.shape)
    assert torch.allclose(run("edges", case), torch.from_numpy(expected), atol=1e-12)


def test_random_is_uniform(case):
    found = run("random", case)
    assert found.min() >= 0
    assert found.max() < 1
    assert abs(found.mean() - 0.5) < 0.02


@pytest.mark.parametrize(
    ("name", "forward", "backward"),
    [
        ("attexplore", 2 * 2, 2 * 2),
        ("saliency_gradient", 1, 1),
        ("integrated_gradients", 5, 5),
        ("smoothgrad", 3, 3),
        ("random", 0, 0),
        ("edges", 0, 0),
    ],
)
def test_passes_are_counted(name, forward, backward, case):
    with counted(case[0]) as passes:
        run(name, case)
    assert (passes.forward, passes.backward) == (3 * forward, 3 * backward)

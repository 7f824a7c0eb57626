"""Saliency maps, input times gradient, expected gradients and GradientSHAP against captum and their definition."""

import captum.attr
import numpy as np
import pytest
import torch
from PIL import Image

import attx
from attx import registry
from attx.attribution.references import References
from attx.rng import Rows, Stream
from tests.attribution.test_rules import case
from tests.toy_models import SmallCNN


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(1)
    (tmp_path / "n01440764").mkdir()
    for name in "abc":
        pixels = rng.integers(0, 256, (20, 20, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "n01440764" / f"{name}.png")
    return {"use": "folder", "root": str(tmp_path)}


def run(name, model, x, y, ids=None, **params):
    return registry.load("attribution", name).build(**params)(model, x, y, ids or list(range(len(x))))


@pytest.mark.parametrize("output", ["logit", "probability"])
def test_gradients_are_captums(output):
    model, (x, y) = SmallCNN(6).double(), case()
    forward = model if output == "logit" else lambda z: model(z).softmax(1)
    expected = captum.attr.InputXGradient(forward).attribute(x.clone().requires_grad_(), target=y)
    assert torch.allclose(run("input_x_gradient", model, x, y, output=output), expected, atol=1e-14)
    expected = captum.attr.Saliency(forward).attribute(x.clone().requires_grad_(), target=y)
    assert torch.allclose(run("saliency_map", model, x, y, output=output), expected, atol=1e-14)


@pytest.mark.parametrize(("name", "sigma"), [("gradient_shap", 0.1), ("expected_gradients", 0.0)])
def test_expectations_are_captums_on_the_same_draws(name, sigma, folder, monkeypatch):
    model, (x, y) = SmallCNN(6).double(), case()
    copies, rows = 4, Rows.of(3407, range(3), 4, step=0)
    references = References(folder)(model, x)
    assert references.shape == (3, *x.shape[1:])
    drawn = rows.uniform(Stream.REFERENCE, (2,), x)
    chosen = (drawn[:, 0] * 3).long().numpy()
    assert len(set(chosen)) == 3
    noise = rows.normal(Stream.NOISE, x.shape[1:], x)
    monkeypatch.setattr(np.random, "choice", lambda n, size: chosen)
    monkeypatch.setattr(np.random, "uniform", lambda low, high, size: drawn[:, 1].numpy())
    monkeypatch.setattr(torch, "normal", lambda mean, std: noise * std)
    shap = captum.attr.GradientShap(lambda z: model(z).softmax(1))
    expected = shap.attribute(x, references, n_samples=copies, stdevs=sigma, target=y)
    settings = {"sigma": sigma} if sigma else {}
    found = run(name, model, x, y, copies=copies, references=folder, batch_size=5, **settings)
    assert torch.allclose(found, expected, atol=1e-14)


def test_expected_gradients_sum_to_the_mean_difference_of_the_class_explained(folder):
    model, (x, y) = SmallCNN(6).double(), case()
    found = run("expected_gradients", model, x, y, copies=4000, references=folder, batch_size=500).sum((1, 2, 3))
    mean = model(References(folder)(model, x)).softmax(1).mean(0)
    expected = model(x).softmax(1).gather(1, y[:, None])[:, 0] - mean[y]
    assert torch.allclose(found, expected, atol=0.05 * expected.abs().max().item())


def test_errors(folder):
    model, (x, y) = SmallCNN(6).double(), case()
    with pytest.raises(attx.UserError, match="lacks `use`"):
        run("expected_gradients", model, x, y, references={"root": "."})
    with pytest.raises(attx.UserError, match="references: unknown key 'roots'; did you mean 'root'"):
        run("gradient_shap", model, x, y, references={"use": "folder", "roots": "."})
    with pytest.raises(attx.UserError, match="4 channels"):
        run("gradient_shap", model, torch.rand(1, 4, 8, 8), y[:1], references=folder)
    with pytest.raises(attx.UserError, match="copies"):
        run("gradient_shap", model, x, y, copies=0)

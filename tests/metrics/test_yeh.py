"""Infidelity and sensitivity-max against closed forms, a loop over perturbations, and captum on the same draws."""

import numpy as np
import pytest
import torch
from captum import metrics

from attx import registry
from attx.attribution import random, saliency_gradient
from attx.errors import UserError
from attx.metrics import infidelity, sensitivity_max
from attx.metrics.perturbation import rows_of
from attx.rng import Stream
from tests.toy_models import SmallCNN

IDS = ["a", "b", "c"]


@pytest.fixture
def setting():
    """A model, images, their maps and the classes explained."""
    draw = torch.Generator().manual_seed(5)
    images = torch.rand((3, 3, 7, 6), generator=draw, dtype=torch.float64)
    model, classes = SmallCNN(4).double(), torch.tensor([2, 0, 3])
    maps = torch.randn(images.shape, generator=draw, dtype=torch.float64)
    return model, images, maps, {"explained": classes}


def explainer(method):
    """What stage `score` hands a metric, without post-processing."""
    return torch.enable_grad()(lambda *given: method(*given).detach())


@pytest.mark.parametrize("perturbation", infidelity.PERTURBATIONS)
def test_the_gradient_of_a_linear_model_has_no_infidelity(setting, perturbation):
    _, images, _, targets = setting
    weights = torch.randn(3 * 7 * 6, 4, dtype=torch.float64)
    gradient = weights.T[targets["explained"]].reshape(images.shape)
    maps = gradient * images if perturbation == "square" else gradient
    settings = {"perturbation": perturbation, "samples": 5, "output": "logit"}

    def found(factor, **more):
        score = infidelity.build(**settings, **more)
        return score(lambda x: x.flatten(1) @ weights, images, factor * maps, targets, image_ids=IDS)["infidelity"]

    np.testing.assert_allclose(found(1, normalise=False), 0, atol=1e-20)
    np.testing.assert_allclose(found(-3), 0, atol=1e-10)
    assert (found(-3, normalise=False) > 1e-3).all()


@pytest.mark.parametrize("normalise", [True, False])
@pytest.mark.parametrize("batch_size", [1, 4, 7, 100])
def test_infidelity_equals_a_loop(setting, normalise, batch_size):
    model, images, maps, targets = setting
    expected = []
    for image, own, target, image_id in zip(images, maps, targets["explained"], IDS, strict=True):
        noise = 0.2 * rows_of(11, [image_id], 5, first=0).normal(Stream.PERTURBATION, image.shape, image)
        changed = noise.clip(0, 1)
        foretold = ((image - changed) * own).sum((1, 2, 3))
        happened = model(image[None]).softmax(1)[0, target] - model(changed).softmax(1)[:, target]
        beta = (foretold * happened).mean() / (foretold**2).mean() if normalise else 1
        expected.append(((beta * foretold - happened) ** 2).mean().item())
    score = infidelity.build(
        perturbation="noisy_baseline", samples=5, seed=11, batch_size=batch_size, normalise=normalise
    )
    found = score(model, images, maps, targets, image_ids=IDS)["infidelity"]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-14)


def test_squares():
    like = torch.zeros(400, 3, 12, 9, dtype=torch.float64)
    found = infidelity._squares(rows_of(1, [0], 400, first=0), like).numpy()
    sides = set()
    for square in found:
        assert (square == square[0]).all()
        rows, columns = (np.flatnonzero(square[0].any(axis)) for axis in (1, 0))
        assert len(rows) == len(columns) == rows[-1] - rows[0] + 1 == columns[-1] - columns[0] + 1
        assert square[0].sum() == len(rows) ** 2
        sides.add(len(rows))
    assert sides == {1, 2, 3}  # 10/28 of 9 pixels
    assert found.any((0, 1, 2)).all()  # they reach every edge
    assert found.any((0, 1, 3)).all()


def test_a_map_of_one_channel_counts_for_all(setting):
    model, images, maps, targets = setting
    one, all_ = maps[:, :1], maps[:, :1].expand_as(images)
    score = infidelity.build(samples=3)
    found = [score(model, images, m, targets, image_ids=IDS)["infidelity"] for m in (one, all_)]
    np.testing.assert_array_equal(*found)


@pytest.mark.filterwarnings("ignore:.*require gradients")
def test_sensitivity_equals_captums_on_the_same_draws(setting):
    model, images, _, targets = setting
    explain = explainer(saliency_gradient.build())
    maps = explain(model, images, targets["explained"], IDS)
    draws = rows_of(3, IDS, 4, first=0).uniform(Stream.PERTURBATION, images.shape[1:], images) * 2 - 1
    saliency = saliency_gradient.Saliency(lambda x: model(x).softmax(1))
    expected = metrics.sensitivity_max(
        lambda x, target: saliency.attribute(x, target=target, abs=False),
        images,
        perturb_func=lambda x: x + 0.05 * draws,
        n_perturb_samples=4,
        target=targets["explained"],
    )
    score = sensitivity_max.build(radius=0.05, samples=4, seed=3)
    found = score(model, images, maps, targets, image_ids=IDS, explain=explain)["sensitivity_max"]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    for i in range(3):  # independent of the batch
        one = slice(i, i + 1)
        alone = {"explained": targets["explained"][one]}
        again = score(model, images[one], maps[one], alone, image_ids=IDS[one], explain=explain)["sensitivity_max"]
        np.testing.assert_allclose(again, found[one], rtol=1e-12)


def test_the_draws_of_a_method_are_no_sensitivity(setting):
    model, images, _, targets = setting
    explain = explainer(random.build(seed=2))
    maps = explain(model, images, targets["explained"], IDS)
    found = sensitivity_max.build(samples=2)(model, images, maps, targets, image_ids=IDS, explain=explain)
    assert (found["sensitivity_max"] == 0).all()


@pytest.mark.parametrize(
    ("metric", "settings", "message"),
    [
        ("infidelity", {"perturbation": "noise_baseline"}, "did you mean 'noisy_baseline'"),
        ("infidelity", {"output": "logits"}, "output: 'logits'"),
        ("infidelity", {"samples": 0}, "samples 0"),
        ("sensitivity_max", {"radius": 0.0}, "radius 0.0"),
        ("sensitivity_max", {"samples": 0}, "samples 0"),
    ],
)
def test_wrong_settings(metric, settings, message):
    with pytest.raises(UserError, match=message):
        registry.load("metrics", metric).build(**settings)

"""Every attack, on labels or explanations, and every method, whoever adds one, on a vision transformer and a CNN.

The models are as `load_model` gives them.

A method that refuses one of them fails here: list it then, with its reason.
"""

import pytest
import torch

import attx
from attx import registry
from attx.layers import default

SIDE, IDS = 32, ["n1/a.jpg", "n1/b.jpg", 7]
ATTACKS = registry.names("attacks")
METHODS = [n for n in registry.names("attribution") if registry.constant("attribution", n, "NEEDS") != "stores"]
# what makes a method cheap, by the name of its parameter
SMALL = {"copies": 3, "steps": 2, "classes": 2, "attack_steps": 2, "fractions": 2, "grid": 4, "side": 2}
REQUIRED = {"captum": {"name": "Saliency"}}


@pytest.fixture(scope="module", params=["test_vit", "test_resnet"])
def case(request):
    torch.manual_seed(0)
    model = attx.load_model(request.param, weights="random", classes=6, size=SIDE).double()
    images = torch.rand(3, 3, SIDE, SIDE, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return request.param, model, images, torch.tensor([1, 4, 0])


def small(parameters):
    return {key: value for key, value in SMALL.items() if key in parameters}


def test_the_transformer_takes_one_size_and_has_tokens(case):
    name, model, images, _ = case
    with attx.layers.features(model, default(model, images, 0.5)) as layer:
        model(images)
    assert (model.fixed_size, layer.output.ndim) == ((True, 3) if name == "test_vit" else (False, 4))


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack(case, name):
    _, model, images, targets = case
    attack = attx.load_attack(name, **small(registry.parameters("attacks", name)))
    together = attack.run(model, images, targets, IDS)
    assert together.points.shape == (3, *images.shape)
    assert together.points.isfinite().all()
    assert together.gradients.abs().amax((2, 3, 4)).gt(0).all()
    for i, image_id in enumerate(IDS):
        alone = attack.run(model, images[i : i + 1], targets[i : i + 1], [image_id])
        assert torch.allclose(alone.points[:, 0], together.points[:, i], atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", registry.names("perturbations"))
def test_every_perturbation(case, name):
    _, model, images, targets = case
    attack = attx.load_perturbation(name, steps=3, k=50)
    together = attack.run(model, images, targets, IDS)
    assert together.step.gt(0).any()
    for i, image_id in enumerate(IDS):
        alone = attack.run(model, images[i : i + 1], targets[i : i + 1], [image_id])
        assert torch.allclose(alone.images[0], together.images[i], atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", METHODS)
def test_every_method(case, name):
    _, model, images, targets = case
    params = small(registry.method_parameters(name, {})) | REQUIRED.get(name, {})
    method = registry.load("attribution", name).build(**params)
    together = method(model, images, targets, IDS)
    assert together.shape == images.shape
    assert together.isfinite().all()
    assert together.abs().max() > 0  # not of each image: Grad-CAM may find nothing that speaks for a class
    for i, image_id in enumerate(IDS):
        alone = method(model, images[i : i + 1], targets[i : i + 1], [image_id])
        assert (alone[0] - together[i]).abs().max() <= 1e-6 * together[i].abs().max()

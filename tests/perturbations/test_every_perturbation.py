"""What holds for every attack on explanations."""

import dataclasses

import pytest
import torch
from torch import nn

import attx
from attx import registry
from attx.attribution.forward import counted
from attx.errors import UserError
from attx.gradients.aims import share
from attx.gradients.explanations import EXPLANATIONS

EPSILON, IDS = 8 / 255, ["n1/a.jpg", "n1/b.jpg", "n2/a.jpg", 7]
NAMES = registry.names("perturbations")
FEW = {"steps": 8, "alpha": 2 / 255, "k": 12}


def relu_net(classes=6):
    torch.manual_seed(4)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, stride=2),
        nn.ReLU6(),
        nn.Flatten(),
        nn.Linear(240, classes),
    )
    return net.double().requires_grad_(False)


@pytest.fixture(scope="module")
def case():
    x = torch.rand(4, 3, 12, 14, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x.view(-1)[::7] = 1
    return relu_net(), x, torch.tensor([1, 2, 3, 4])


def attack(name, **params):
    return attx.load_perturbation(name, **(FEW | params))


@pytest.mark.parametrize("restarts", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_bounds_prediction_and_measure(case, name, restarts):
    model, x, y = case
    found = attack(name, restarts=restarts).run(model, x, y, IDS)
    assert (found.images - x).abs().max() <= EPSILON + 1e-12
    assert found.images.min() >= 0
    assert found.images.max() <= 1
    assert torch.equal(model(found.images).argmax(1), model(x).argmax(1))
    measure = attack(name).measure
    explained = [share(EXPLANATIONS["saliency_gradient"]()(model, z, y, IDS)) for z in (x, found.images)]
    at_the_image, at_the_point = (measure(explained[0])(maps) for maps in explained)
    torch.testing.assert_close(found.measure, at_the_point, rtol=1e-9, atol=1e-12)
    gained = (at_the_point - at_the_image) * measure.worse
    assert torch.equal(gained > 0, (found.step >= 1) & (found.step <= 8))
    assert (gained > 0).sum() >= 3  # it reaches what it aims at
    assert (gained >= 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_results_do_not_depend_on_order_shards_or_batch_size(case, name):
    model, x, y = case
    whole = attack(name, restarts=2).run(model, x, y, IDS)
    for part, batch_size in (([3, 1], 2), ([2], 5), ([0, 3, 2, 1], 1)):
        some = attack(name, restarts=2, batch_size=batch_size).run(model, x[part], y[part], [IDS[i] for i in part])
        for one, other in zip(some, whole, strict=True):
            torch.testing.assert_close(one, other[part], atol=1e-9, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_more_steps_and_restarts_are_never_worse(case, name):
    model, x, y = case
    last = None
    for more in ({"steps": 3}, {"steps": 6}, {"steps": 6, "restarts": 2}):
        found = attack(name, **more)
        value = found.run(model, x, y, IDS).measure * found.measure.worse
        assert last is None or (value >= last).all()
        last = value


@pytest.mark.parametrize("name", NAMES)
def test_where_every_step_changes_the_prediction_the_image_stays(case, name):
    _, x, y = case
    seen = []

    class Turncoat(nn.Module):
        """Another class for all images but the first it sees."""

        def __init__(self):
            super().__init__()
            self.net = relu_net()

        def forward(self, images):
            logits = self.net(images)
            known = torch.tensor([any(torch.equal(image, one) for one in x) for image in images])
            seen.append(known)
            return logits + 1e3 * torch.eye(6, dtype=x.dtype)[torch.where(known, 0, 1)]

    found = attack(name).run(Turncoat(), x, y, IDS)
    assert not torch.cat(seen).all()
    assert torch.equal(found.images, x)
    assert not found.step.any()


@pytest.mark.parametrize("name", NAMES)
def test_it_is_frozen_prints_its_settings_and_keeps_no_state(case, name):
    model, x, y = case
    found = attack(name, seed=11)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.steps = 4
    assert all(text in repr(found) for text in ("steps=8", "seed=11", "beta="))
    assert "<" not in repr(found)
    assert found == attack(name, seed=11)
    for one, other in zip(found.run(model, x, y), found.run(model, x, y), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("against", EXPLANATIONS)
@pytest.mark.parametrize("name", NAMES)
def test_every_explanation_can_be_attacked(case, name, against):
    model, x, y = case
    few = {"integrated_gradients": {"steps": 3}, "smoothgrad": {"copies": 2}}.get(against, {})
    found = attack(name, against=against, settings=few, steps=4, batch_size=2).run(model, x, y, IDS)
    assert (found.step > 0).any()
    assert found.images.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_passes(case, name):
    model, x, y = case
    with counted(model) as passes:
        attack(name).run(model, x, y, IDS)
    # a look at the model at each step and one before; the copy's map, of which torch counts one way back more
    assert passes.forward == 4 * (9 + (0 if name == "random_sign" else 8))


@pytest.mark.parametrize("measure", ["top_k_intersection", "lens_recall_at_k", "spearman", "mass_center"])
def test_every_measure_is_what_the_worst_point_is_told_by(case, measure):
    model, x, y = case
    by_it = attack("topk", measure=measure)
    found, own = by_it.run(model, x, y, IDS), attack("topk").run(model, x, y, IDS)
    first, at_own = (share(EXPLANATIONS["saliency_gradient"]()(model, z, y, IDS)) for z in (x, own.images))
    gained = (found.measure - by_it.measure(first)(at_own)) * by_it.measure.worse
    assert (gained >= -1e-12).all()
    assert (gained > 0).any() or measure == "top_k_intersection"


def test_no_step_is_made_when_nothing_can_be_worse(case):
    model, x, y = case
    settings = {"steps": 40, "epsilon": 0.5, "k": 2}
    found = attack("topk", **settings).run(model, x, y, IDS)
    assert not found.measure.any()
    with counted(model) as passes:
        attack("topk", **settings).run(model, x, y, IDS)
    assert passes.forward == 4 * (1 + 2 * found.step.max())


def test_an_explanation_of_ones_own(case):
    model, x, y = case

    def squared(model, images, targets, image_ids):
        z = images if images.requires_grad else images.detach().requires_grad_()
        with torch.enable_grad():
            picked = model(z).square().gather(1, targets[:, None]).sum()
            return torch.autograd.grad(picked, z, create_graph=images.requires_grad)[0]

    found = attack("topk", against=squared, beta=20.0).run(model, x, y, IDS)
    assert (found.measure < 0.7).all()


def test_a_relu_without_softplus_says_so(case):
    model, x, y = case
    with pytest.raises(UserError, match=r"beta: null, but the model has hardtanh, relu, .* softplus"):
        attack("topk", beta=None).run(model, x, y)
    assert attack("random_sign", beta=None).run(model, x, y).step.any()  # follows no gradient
    smooth = nn.Sequential(nn.Conv2d(3, 4, 3), nn.SiLU(), nn.Flatten(), nn.Linear(480, 6)).double()
    assert attack("topk", beta=None).run(smooth, x, y).step.any()


@pytest.mark.parametrize(
    "params",
    [{"steps": 0}, {"restarts": 0}, {"beta": -1.0}, {"k": 169}, {"k": 0}, {"window": 2, "measure": "lens_recall_at_k"}],
)
def test_wrong_settings_say_so(case, params):
    model, x, y = case
    with pytest.raises(UserError, match=next(iter(params))):
        attack("topk", **params).run(model, x, y)


def test_wrong_words_name_the_nearest(case):
    for params, message in (
        ({"against": "smooth_grad"}, "did you mean 'smoothgrad'"),
        ({"measure": "top_k_intersect"}, "did you mean 'top_k_intersection'"),
        ({"against": "smoothgrad", "settings": {"sigmas": 1}}, "setting of smoothgrad 'sigmas'; did you mean 'sigma'"),
        ({"settings": {"steps": 3}}, "setting of saliency_gradient 'steps'"),
        ({"against": "integrated_gradients", "settings": {"steps": "x"}}, "settings.steps: 'x' is not of type int"),
        ({"against": "integrated_gradients", "settings": {"steps": 2.5}}, "settings.steps: 2.5 is not of type int"),
        ({"against": "smoothgrad", "settings": {"copies": True}}, "settings.copies: True is not of type int"),
        ({"against": "smoothgrad", "settings": {"sigma": "big"}}, "settings.sigma: 'big' is not of type float"),
        ({"espilon": 1}, "did you mean 'epsilon'"),
    ):
        with pytest.raises(UserError, match=message):
            attack("topk", **params)
    model, x, y = case
    with pytest.raises(UserError, match="one of each per image"):
        attack("topk").run(model, x, y[:2])


def test_no_images(case):
    model, x, y = case
    found = attack("topk").run(model, x[:0], y[:0], [])
    assert found.images.shape == (0, 3, 12, 14)
    assert found.measure.shape == found.step.shape == (0,)

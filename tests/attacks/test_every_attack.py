"""What holds for every attack."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F

import attx
from attx import registry
from tests.toy_models import SmallCNN

EPSILON = 16 / 255
NAMES = registry.names("attacks")
IDS = ["n1/a.jpg", "n1/b.jpg", "n2/a.jpg", 7]


def attack(name, **params):
    few = {"copies": 3} if "copies" in registry.parameters("attacks", name) else {}
    return attx.load_attack(name, **({"steps": 3} | few | params))


@pytest.fixture
def case():
    x = torch.rand(4, 3, 14, 17, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return SmallCNN(10).double(), x, torch.tensor([1, 2, 3, 4])


@pytest.mark.parametrize("name", NAMES)
def test_points_do_not_depend_on_order_shards_or_batch_size(case, name):
    model, x, y = case
    whole = attack(name).run(model, x, y, IDS)
    for part, batch_size in (([3, 1], 2), ([2], 5), ([0, 3, 2, 1], 1)):
        found = attack(name, batch_size=batch_size).run(model, x[part], y[part], [IDS[i] for i in part])
        assert torch.allclose(found.points, whole.points[:, part], atol=1e-9, rtol=0)
        assert torch.allclose(found.gradients, whole.gradients[:, part], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_points_stay_within_epsilon_and_in_the_unit_interval(case, name):
    model, x, y = case
    points = attack(name, steps=5, alpha=EPSILON / 2).run(model, x, y).points
    assert (points - x).abs().max() <= EPSILON + 1e-12
    assert (points - x).abs().max() >= EPSILON - 1e-12
    assert points.min() >= 0
    assert points.max() <= 1


@pytest.mark.parametrize("name", NAMES)
def test_the_direction_raises_or_lowers_the_loss(case, name):
    model, x, y = case
    up, before, down = (
        F.cross_entropy(model(p), y, reduction="none")
        for p in (attack(name).run(model, x, y).points[-1], x, attack(name, direction=-1).run(model, x, y).points[-1])
    )
    assert (up > before).all()
    assert (down < before).all()


@pytest.mark.parametrize("name", NAMES)
def test_it_is_frozen_prints_its_settings_and_keeps_no_state(case, name):
    model, x, y = case
    found = attack(name, alpha=0.01, seed=11)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.steps = 4
    assert all(text in repr(found) for text in ("steps=3", "alpha=0.01", "seed=11"))
    assert "<" not in repr(found).replace("<Stream", "")
    assert found == attack(name, alpha=0.01, seed=11)
    assert torch.equal(found.run(model, x, y).points, found.run(model, x, y).points)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_of_one_size_gets_one_size(case, name):
    model, x, y = case
    model.fixed_size, seen = True, set()
    model.register_forward_pre_hook(lambda _, inputs: seen.add(tuple(inputs[0].shape[2:])))
    attack(name).run(model, x, y)
    assert seen == {(14, 17)}


@pytest.mark.parametrize("name", NAMES)
def test_attexplore_takes_it(case, name):
    model, x, y = case
    path = attack(name, direction=-1, softmax=2).run(model, x, y, IDS)
    few = {"copies": 3} if "copies" in registry.parameters("attacks", name) else {}
    maps = attx.AttEXplore(model, attack=name, steps=3, **few).attribute(x, target=y, image_ids=IDS)
    assert maps.dtype == torch.float64
    assert maps.abs().amax((1, 2, 3)).min() > 0
    moves = path.points[1:] - path.points[:-1]
    assert torch.allclose(maps, -(moves * path.gradients).sum(0), atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_saturated_gradients_give_no_nan(case, name):
    _, x, y = case
    flat = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten(), torch.nn.Linear(12, 10)).double()
    torch.nn.init.zeros_(flat[2].weight)
    path = attack(name).run(flat, x, y)
    assert path.points.isfinite().all()
    assert not path.gradients.any()


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("sia", {"blocks": 0}),
        ("sia", {"operations": 11}),
        ("gra", {"factor": 0}),
        ("anda", {"side": 0}),
        ("mig", {"copies": 0}),
        ("naa", {"depth": 1.5}),
        ("fampe", {"energy": 2}),
    ],
)
def test_wrong_settings_say_so(name, params):
    with pytest.raises(attx.UserError):
        attx.load_attack(name, **params)

"""The learned order on models whose right order is known."""

import pytest
import torch
from torch import nn

import attx
from attx import registry
from attx.attribution.forward import counted
from attx.attribution.learned_order import _Curves
from attx.metrics.insertion_deletion import insertion_deletion
from attx.rng import Rows, Stream
from tests.toy_models import SmallCNN


class Squares(nn.Module):
    """Class 1's logit counts what is bright in one square, less what is bright in another; class 0's is fixed."""

    def __init__(self) -> None:
        super().__init__()
        weight = torch.zeros(1, 1, 16, 16, dtype=torch.float64)
        weight[..., 2:6, 2:6], weight[..., 10:14, 10:14] = 0.3, -0.3
        self.register_buffer("weight", weight)

    def forward(self, x):
        score = (x * self.weight).sum((1, 2, 3)) - 2
        return torch.stack([torch.zeros_like(score), score], 1)


def learned(model, x, y, ids=None, **params):
    ids = list(range(len(x))) if ids is None else ids
    return registry.load("attribution", "learned_order").build(**params)(model, x, y, ids)


def test_what_speaks_for_the_class_comes_first_and_what_speaks_against_it_last():
    model, x, y = Squares(), torch.ones(2, 3, 16, 16, dtype=torch.float64), torch.tensor([1, 1])
    found = learned(model, x, y, grid=16, steps=20, copies=1, blur=0, softness=0.05)
    weight = model.weight[0, 0]
    assert (found[:, :, weight > 0].amin(2) > found[:, :, weight == 0].mean(2)).all()
    assert (found[:, :, weight < 0].mean(2) < found[:, :, weight == 0].mean(2)).all()
    scores = insertion_deletion(model, x, found, pixels_per_step=4, target=1)
    best = insertion_deletion(model, x, model.weight.expand_as(x), pixels_per_step=4, target=1)
    start = insertion_deletion(model, x, model.weight.abs().expand_as(x), pixels_per_step=4, target=1)
    assert (scores.insertion_auc > best.insertion_auc - 0.1).all()
    assert (scores.insertion_auc > start.insertion_auc + 0.05).all()
    assert (scores.deletion_auc < best.deletion_auc + 0.02).all()


def test_gradients_are_those_of_the_two_curves_at_the_drawn_fractions():
    model, places = SmallCNN(6).double(), torch.rand(1, 1, 9, 11, dtype=torch.float64)
    x, y = torch.rand(1, 3, 9, 11, dtype=torch.float64), torch.tensor([4])
    rows = Rows.of(1, ["a"], 3, step=2)
    cover = torch.full_like(x, 0.25)
    found = _Curves(model, x, y, cover, 3, 0.1, batch_size=2).gradient(places, rows, 0.5)
    u, total = places.clone().requires_grad_(), 0
    drawn = rows.uniform(Stream.FRACTION, (2,), x)
    for copy in range(3):
        shown = [torch.sigmoid((u - 1 + (copy + drawn[copy, d]) / 3) / 0.1) for d in (0, 1)]
        insertion, deletion = (model(x * m + cover * (1 - m)).softmax(1)[0, 4] for m in (shown[0], 1 - shown[1]))
        total = total + (insertion.log() + 0.5 * (1 - deletion).log()) / 3
    (expected,) = torch.autograd.grad(total, u)
    assert torch.allclose(found, expected, rtol=1e-9, atol=1e-14)


def test_maps_do_not_depend_on_the_batch_and_repeat():
    model = SmallCNN(6).double()
    x = torch.rand(3, 3, 12, 15, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    y, ids = torch.tensor([5, 0, 2]), ["a", "b", "c"]
    whole = learned(model, x, y, ids, steps=4)
    assert torch.equal(whole, learned(model, x, y, ids, steps=4))
    turned = learned(model, x.flip(0), y.flip(0), ids[::-1], steps=4, batch_size=5)
    assert torch.allclose(turned.flip(0), whole, rtol=1e-6, atol=1e-9)
    assert (whole >= 0).all()
    assert (whole == whole[:, :1]).all()


def test_the_default_takes_no_more_passes_than_attexplore():
    model, x = SmallCNN(6), torch.rand(1, 3, 12, 15)
    for params in ({}, {"deletion": 0.0}):
        with counted(model) as passes:
            learned(model, x, torch.tensor([1]), **params)
        assert 0 < passes.forward == passes.backward <= 200


def test_impossible_settings_are_refused():
    with pytest.raises(attx.UserError, match="softness"):
        registry.load("attribution", "learned_order").build(softness=0)

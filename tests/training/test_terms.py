"""Terms of training against captum, finite differences and closed forms."""

import captum.attr
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from attx.errors import UserError
from attx.training.inner import Nearby
from attx.training.terms import AtImage, AtPoint, PathNorm, Sum, evaluating, fractions, integral, path_gradients
from tests.toy_models import SmallCNN


@pytest.fixture
def net():
    """A smooth net in float64, small enough for differences."""
    model = SmallCNN(classes=4).double()
    for parameter in model.parameters():
        parameter.data *= 0.6
    return model


@pytest.fixture
def near():
    """Images, points near them, labels."""
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(3, 3, 8, 8, generator=generator, dtype=torch.float64)
    points = (images + 0.2 * torch.rand(images.shape, generator=generator, dtype=torch.float64)).clamp(0, 1)
    return images, points, torch.tensor([0, 3, 1])


def ig(model, images, points, labels, steps):
    return integral(images, points, path_gradients(model, images, points, labels, fractions(images, steps)))


@pytest.mark.parametrize("steps", [2, 7, 50])
def test_ig_is_captums_right_sum(net, near, steps, deviation):
    images, points, labels = near
    loss = lambda x: F.cross_entropy(net(x), labels.repeat(len(x) // len(labels)), reduction="none")  # noqa: E731
    theirs = captum.attr.IntegratedGradients(loss).attribute(points, images, n_steps=steps, method="riemann_right")
    ours = ig(net, *near, steps)
    # captum has its fractions of the path in float32
    deviation("IG of the loss in training", "captum", ((ours - theirs).abs().max() / theirs.abs().max()).detach(), 1e-7)


def test_ig_is_complete(net, near):
    """It adds up to the difference of the losses; the right sum's error is half the difference of the slopes / m."""
    images, points, _ = near
    losses = [term(net, *near) for term in (AtPoint(), AtImage())]
    wanted = losses[0] - losses[1]
    slopes = path_gradients(net, *near, torch.tensor([0.0, 1.0], dtype=torch.float64)) * (points - images)
    bias = (slopes[1] - slopes[0]).flatten(1).sum(1) / 2
    for steps in (20, 200):
        found = ig(net, *near, steps).flatten(1).sum(1)
        torch.testing.assert_close(found - bias / steps, wanted, rtol=0, atol=3 * wanted.abs().max().item() / steps**2)


def test_ig_of_a_linear_net_in_closed_form(near):
    """The slope of cross entropy is W^T (softmax - onehot)."""
    images, points, labels = near
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 4)).double()
    weight, bias = net[1].weight, net[1].bias
    wanted = torch.zeros_like(images)
    for k in range(1, 6):
        z = images + k / 5 * (points - images)
        p = (z.flatten(1) @ weight.T + bias).softmax(1) - F.one_hot(labels, 4)
        wanted += (p @ weight).view_as(z) / 5
    wanted *= points - images
    torch.testing.assert_close(ig(net, *near, 5), wanted, rtol=1e-12, atol=1e-14)
    norm = PathNorm(0.3, 5)(net, *near)
    torch.testing.assert_close(norm, 0.3 * wanted.abs().sum((1, 2, 3)), rtol=1e-12, atol=0)


TERMS = {
    "path norm": PathNorm(0.7, 6),
    "path norm in parts": PathNorm(0.7, 6, batch_size=7),
    "ig_norm": Sum(AtImage(), PathNorm(0.7, 6)),
    "ig_sum_norm in parts": Sum(AtPoint(), PathNorm(0.7, 6, batch_size=1)),
}


@pytest.mark.parametrize("term", TERMS.values(), ids=TERMS)
def test_gradients_of_the_weights_are_differences(net, near, term, deviation):
    value = term.backward(net, *near)
    assert value == pytest.approx(term(net, *near).mean().item(), rel=1e-12)
    generator = torch.Generator().manual_seed(1)
    for parameter in net.parameters():
        change = 1e-5 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        ends = []
        for sign in (1, -1):
            with torch.no_grad():
                parameter += sign * change
            ends.append(term(net, *near).mean().item())
            with torch.no_grad():
                parameter -= sign * change
        wanted, found = (ends[0] - ends[1]) / 2, float((parameter.grad * change).sum())
        deviation("gradients of IG's norm", "finite differences", abs(found - wanted) / abs(wanted), 1e-6)


def test_the_inner_gradient_is_differences(net, near):
    """Of the point, on which both the path and the change along it depend."""
    images, points, labels = near
    term = PathNorm(1.0, 3)
    leaf = points.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(term(net, images, leaf, labels).sum(), leaf)
    change = 1e-6 * torch.randn(points.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    ends = [float(term(net, images, points + sign * change, labels).detach().sum()) for sign in (1, -1)]
    assert float((gradient * change).sum()) == pytest.approx((ends[0] - ends[1]) / 2, rel=1e-5)


def test_attention_can_be_differentiated_twice():
    net = nn.Sequential(
        nn.Flatten(2), nn.TransformerEncoderLayer(64, 2, 8, dropout=0.0, batch_first=True), nn.Flatten()
    )
    images = torch.rand(2, 3, 8, 8)
    PathNorm(1.0, 2).backward(net.train(), images, images + 0.1, torch.tensor([0, 1]))
    assert net.training
    assert all(p.grad is not None for p in net[1].self_attn.parameters())


def test_batch_norms_stay_as_they_are(near):
    images, points, labels = (x.float() if x.is_floating_point() else x for x in near)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 4)).train()
    Nearby(PathNorm(1.0, 2), 0.1, 0.05, 2, 0)(net, images, labels, "abc")
    PathNorm(1.0, 3, batch_size=3).backward(net, images, points, labels)
    assert net.training
    assert net[1].num_batches_tracked == 0
    with pytest.raises(ZeroDivisionError), evaluating(net):
        raise ZeroDivisionError
    assert net.training


@given(st.floats(0.01, 0.5), st.floats(0.1, 1.0), st.integers(1, 4), st.sampled_from([AtPoint(), PathNorm(1.0, 2)]))
def test_points_are_near_and_no_others_matter(epsilon, stride, steps, term):
    net, labels = SmallCNN(classes=4).double(), torch.tensor([0, 3, 1])
    images = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    nearby = Nearby(term, epsilon, stride * epsilon, steps, seed=5)
    points = nearby(net, images, labels, ["a", "b", "c"])
    assert (points - images).abs().max() <= epsilon + 1e-9
    assert 0 <= points.min() <= points.max() <= 1
    alone = nearby(net, images[[2]], labels[[2]], ["c"])
    torch.testing.assert_close(alone, points[[2]], rtol=0, atol=1e-9)


def test_points_raise_their_term(net, near):
    images, _, labels = near
    for term in (AtPoint(), PathNorm(1.0, 3), Sum(AtPoint(), PathNorm(0.1, 3))):
        few, many = (Nearby(term, 0.1, 0.02, steps, 0)(net, images, labels, "abc") for steps in (1, 15))
        assert (term(net, images, many, labels) > term(net, images, few, labels)).all()


def test_what_cannot_be_is_said():
    with pytest.raises(UserError, match="path_steps"):
        PathNorm(1.0, 0)
    with pytest.raises(UserError, match="steps >= 1"):
        Nearby(AtPoint(), 0.1, 0.01, 0, 0)

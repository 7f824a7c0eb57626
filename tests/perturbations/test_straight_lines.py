"""Attacks on explanations against straight-line loops in float64, one image at a time."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import attx
from attx.rng import Rows, Stream
from tests.gradients.test_aims import near, top

EPSILON, ALPHA, STEPS, K, BETA, IDS = 8 / 255, 2 / 255, 6, 15, 12.0, ["a", "b"]


class Net(nn.Module):
    """Convolutions as functions, of ReLU and ReLU6, or softplus for them, written out."""

    def __init__(self, smooth):
        super().__init__()
        draw = torch.Generator().manual_seed(9)
        shapes = (8, 3, 3, 3), (8, 8, 3, 3), (5, 8)
        self.weights = [torch.randn(s, dtype=torch.float64, generator=draw) / math.prod(s[1:]) ** 0.5 for s in shapes]
        self.smooth = smooth

    def forward(self, x):
        x = F.conv2d(x * 4 - 2, self.weights[0], padding=1)
        x = F.softplus(x, BETA, 1e9) if self.smooth else F.relu(x)
        x = F.conv2d(x, self.weights[1], stride=2)
        x = F.softplus(x, BETA, 1e9) - F.softplus(x - 6, BETA, 1e9) if self.smooth else F.relu6(x)
        return (x * torch.linspace(0, 2, x[0].numel(), dtype=x.dtype).view_as(x[0]).sin()).sum((2, 3)) @ self.weights[
            2
        ].T


PLAIN, SMOOTH = Net(False), Net(True)


@pytest.fixture
def case():
    x = torch.rand(2, 3, 10, 13, dtype=torch.float64, generator=torch.Generator().manual_seed(6))
    x.view(-1)[::9] = 1
    return x, PLAIN(x).argmax(1)


def maps_of(model, x, y, graph):
    """S of the gradient of the logit, of one image (C, H, W)."""
    (gradient,) = torch.autograd.grad(model(x[None])[0, y], x, create_graph=graph)
    total = gradient.abs().sum(0)
    return total * total.numel() / total.sum()


def straight_line(x0, y, value, measure, start=None):
    """The image, its measure and the step of the worst point; `value(S)` is raised, a lower `measure(S)` is worse."""
    best, x = (
        (measure(maps_of(PLAIN, x0.clone().requires_grad_(), y, False)), 0, x0),
        start if start is not None else x0,
    )
    for step in range(STEPS):
        leaf = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(value(maps_of(SMOOTH, leaf, y, True)), leaf)
        x = torch.clamp(x0 + torch.clamp(x + ALPHA * gradient.sign() - x0, -EPSILON, EPSILON), 0, 1)
        now = measure(maps_of(PLAIN, x.clone().requires_grad_(), y, False))
        if PLAIN(x[None])[0].argmax() == y and now < best[0]:
            best = now, step + 1, x
    return best


def centre(maps):
    places = torch.meshgrid(*(torch.arange(n, dtype=maps.dtype) for n in maps.shape), indexing="ij")
    return torch.stack([(maps * place).sum() / maps.sum() for place in places])


def parts(name, first):
    """What is raised and what is lowered, from the first map (H, W)."""
    pixels = top(first.numpy(), K)
    wide = near(pixels, 3, first.shape)
    kept = lambda places: lambda maps: len(places & top(maps.detach().numpy(), K)) / K  # noqa: E731
    lowered = lambda places: lambda maps: -sum(maps[place] for place in places)  # noqa: E731
    if name == "topk":
        return lowered(pixels), kept(pixels)
    if name == "lens":
        return lowered(wide), kept(wide)
    if name == "mass_center":
        far = lambda maps: (centre(maps) - centre(first)).square().sum()  # noqa: E731
        return far, lambda maps: -far(maps.detach()).sqrt().item()
    corner = lambda maps: maps[:2, :3].sum()  # noqa: E731
    return corner, lambda maps: -corner(maps.detach()).item() / maps.numel()


@pytest.mark.parametrize("name", ["topk", "lens", "mass_center", "target"])
def test_the_loop(case, deviation, name):
    x, y = case
    settings = {"epsilon": EPSILON, "alpha": ALPHA, "steps": STEPS, "k": K, "beta": BETA}
    found = attx.load_perturbation(name, **settings).run(PLAIN, x, y, IDS)
    assert (found.step > 0).any()
    for i in range(2):
        first = maps_of(PLAIN, x[i].clone().requires_grad_(), y[i], False)
        value, step, point = straight_line(x[i], y[i], *parts(name, first))
        apart = (found.images[i] - point).abs().max()
        deviation(f"`{name}`, the worst point", "straight-line loop", apart, 1e-10)
        assert abs(found.measure[i]) == pytest.approx(abs(value), abs=1e-10)
        assert found.step[i] == step


def test_random_signs_and_restarts(case):
    x, y = case
    settings = {"epsilon": EPSILON, "alpha": ALPHA, "steps": STEPS, "k": K, "restarts": 3, "seed": 5}
    found = attx.load_perturbation("random_sign", **settings).run(PLAIN, x, y, IDS)
    for i, image_id in enumerate(IDS):
        pixels = top(maps_of(PLAIN, x[i].clone().requires_grad_(), y[i], False).numpy(), K)
        best = 1.0, 0, x[i]
        for restart in range(3):
            rows = Rows.of(5, [image_id], 3, 0).take([restart])
            drawn = rows.uniform(Stream.START, x[i].shape, x)[0]
            point = (x[i] + EPSILON * (2 * drawn - 1)).clamp(0, 1) if restart else x[i]
            for step in range(STEPS):
                up = rows.at(step).uniform(Stream.SIGNS, x[i].shape, x)[0] >= 0.5
                moved = point + ALPHA * (2 * up.double() - 1)
                point = torch.clamp(x[i] + torch.clamp(moved - x[i], -EPSILON, EPSILON), 0, 1)
                now = len(pixels & top(maps_of(PLAIN, point.clone().requires_grad_(), y[i], False).numpy(), K)) / K
                if PLAIN(point[None])[0].argmax() == y[i] and now < best[0]:
                    best = now, step + 1, point
        assert found.measure[i].item() == pytest.approx(best[0])
        assert found.step[i] == best[1]
        torch.testing.assert_close(found.images[i], best[2], rtol=0, atol=1e-12)


def test_a_quadratic_model_in_closed_form(deviation):
    """Logit x' A x / 2 + b x, A diagonal: the gradient is v = A x + b, and that of sum S over the top is known."""
    draw = torch.Generator().manual_seed(1)
    a, b = (torch.randn(1, 2, 5, 6, dtype=torch.float64, generator=draw) for _ in range(2))
    x = torch.rand(3, 2, 5, 6, dtype=torch.float64, generator=draw)

    def model(z):
        logit = (a * z.square() / 2 + b * z).flatten(1).sum(1)
        return torch.stack([logit, logit - 1], 1)

    attack = attx.load_perturbation("topk", epsilon=1.0, alpha=0.01, steps=20, k=6, beta=None)
    found = attack.run(model, x, torch.zeros(3, dtype=torch.int64))
    for i in range(3):
        point, first = x[i], None
        history = []
        for _ in range(21):
            v = (a * point + b)[0]
            maps = v.abs().sum(0)
            first = top(maps.numpy(), 6) if first is None else first
            history.append((len(first & top(maps.numpy(), 6)) / 6, point))
            inside = torch.zeros(5, 6, dtype=torch.bool)
            inside[tuple(zip(*first, strict=True))] = True
            share = maps[inside].sum() / maps.sum()
            gradient = a[0] * v.sign() * (inside.double() - share) / maps.sum()
            point = (point - 0.01 * gradient.sign()).clamp(0, 1)
        step = min(range(21), key=lambda t: history[t][0])  # the first of equals
        assert found.step[i] == step
        assert found.measure[i].item() == pytest.approx(history[step][0])
        apart = (found.images[i] - history[step][1]).abs().max()
        deviation("`topk` on a quadratic model", "closed form", apart, 1e-10)
    assert (found.step > 0).all()

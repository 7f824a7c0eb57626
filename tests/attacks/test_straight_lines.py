"""The attacks that torchattacks lacks, against straight-line loops in float64, one image at a time."""

import math

import numpy as np
import pytest
import scipy.fft
import torch
import torch.nn.functional as F

import attx
from attx.rng import Rows, Stream
from tests.toy_models import SmallCNN

EPSILON, STEPS, IDS = 16 / 255, 5, ["a", "b", "c"]
LOOP = "straight-line loop"


@pytest.fixture
def case():
    generator = torch.Generator().manual_seed(5)
    x = torch.rand(3, 3, 16, 13, dtype=torch.float64, generator=generator)
    x.view(-1)[::5] = 1
    return SmallCNN(6).double(), x, torch.tensor([5, 0, 2])


def loss_gradient(loss, point):
    z = point.clone().requires_grad_()
    return torch.autograd.grad(loss(z), z)[0]


def straight_line(x0, gradient, decay=1.0, direction=1, length=lambda momentum: 1.0):
    """The loop of momentum attacks on one image (C, H, W); `gradient(x, step)`; the points and the momenta."""
    x, momentum, points, momenta = x0, torch.zeros_like(x0), [x0], []
    for step in range(STEPS):
        g = gradient(x, step)
        momentum = decay * momentum + g / g.abs().mean()
        moved = x + direction * EPSILON / STEPS * length(momentum) * momentum.sign()
        x = torch.clamp(x0 + torch.clamp(moved - x0, -EPSILON, EPSILON), 0, 1)
        points.append(x)
        momenta.append(momentum)
    return torch.stack(points), torch.stack(momenta)


def check(name, case, deviation, each, **params):
    """`each(model, image, label, id)` -> points and gradients."""
    model, x, y = case
    found = attx.load_attack(name, steps=STEPS, **params).run(model, x, y, IDS)
    for i, image_id in enumerate(IDS):
        points, gradients = each(model, x[i], y[i], image_id)
        apart = (found.gradients[:, i] - gradients).abs().max() / gradients.abs().max()
        deviation(f"`{name}`, points", LOOP, (found.points[:, i] - points).abs().max(), 1e-12)
        deviation(f"`{name}`, gradients", LOOP, apart, 1e-9)


@pytest.mark.parametrize(("direction", "softmax"), [(1, 0), (-1, 2)])
def test_mig(case, deviation, direction, softmax):
    def each(model, x0, label, _):
        def minus_probability(z):
            out = model(z[None])[0]
            for _ in range(softmax + 1):
                out = out.softmax(0)
            return -out[label]

        def integrated(x, step):
            return sum(x * loss_gradient(minus_probability, x * i / 7) for i in range(1, 8)) / 7

        return straight_line(x0, integrated, direction=direction)

    check("mig", case, deviation, each, copies=7, direction=direction, softmax=softmax)


@pytest.mark.parametrize("factor", [0.94, 0.5])
def test_gra(case, deviation, factor):
    def each(model, x0, label, image_id):
        def gradient(x, step):
            def at(point):
                return loss_gradient(lambda z: F.cross_entropy(model(z[None]), label[None]), point)

            draws = Rows.of(3407, [image_id], 4, step).uniform(Stream.NEIGHBOUR, x.shape, x)
            own, mean = at(x), sum(at(x + 3.5 * EPSILON * (2 * u - 1)) for u in draws) / 4
            s = F.cosine_similarity(own.flatten(), mean.flatten(), dim=0)
            return s * own + (1 - s) * mean

        state = {"length": torch.full_like(x0, 1 / factor), "last": torch.zeros_like(x0)}

        def length(momentum):
            same = (momentum.sign() == state["last"].sign()).double()
            state.update(length=state["length"] * (same + (1 - same) * factor), last=momentum)
            return state["length"]

        return straight_line(x0, gradient, length=length)

    check("gra", case, deviation, each, copies=4, factor=factor)


def test_anda(case, deviation):
    def each(model, x0, label, _):
        theta = [[[1, 0, i], [0, 1, j]] for i in np.linspace(-0.4, 0.4, 3) for j in np.linspace(-0.4, 0.4, 3)]
        grid = F.affine_grid(torch.tensor(theta, dtype=torch.float64), (9, *x0.shape), align_corners=False)

        def loss(z):
            return F.cross_entropy(model(F.grid_sample(z, grid, align_corners=False)), label.expand(9), reduction="sum")

        x, points, seen, means = x0, [x0], [], []
        for _ in range(STEPS):
            seen.append(loss_gradient(loss, x.expand(9, *x0.shape)))
            means.append(torch.cat(seen).mean(0))
            x = (x + EPSILON / STEPS * means[-1].sign()).clamp(0, 1)
            x = torch.max(torch.min(x, x0 + EPSILON), x0 - EPSILON)
            points.append(x)
        return torch.stack(points), torch.stack(means)

    check("anda", case, deviation, each, side=3, reach=0.4)


def dct_matrix(n):
    return torch.from_numpy(scipy.fft.dct(np.eye(n), axis=0, norm="ortho"))


def operation(number, block, u, noise, drops):
    """The operations of the authors' code, in the order of ours; `block` (C, h, w)."""
    h, w = block.shape[1:]
    if number < 2:
        return torch.roll(block, int(u * (h, w)[number]), dims=number + 1)
    if number < 5:
        return block.flip(dims=((1,), (2,), (1, 2))[number - 2])
    if number == 5:
        return u * block
    if number == 6:
        return torch.clip(block + 16 / 255 * (2 * noise - 1), 0, 1)
    if number == 7:
        small = F.interpolate(block[None], size=(int(h * 0.8) + 1, int(w * 0.8) + 1), mode="bilinear")
        return F.interpolate(small, size=(h, w), mode="bilinear")[0].clamp(0, 1)
    if number == 8:
        rows, columns = dct_matrix(h), dct_matrix(w)
        spectrum = rows @ block @ columns.T
        spectrum = torch.cat([spectrum[:, : h - int(0.4 * h)], torch.zeros(3, int(0.4 * h), w)], 1)
        spectrum = torch.cat([spectrum[:, :, : w - int(0.4 * w)], torch.zeros(3, h, int(0.4 * w))], 2)
        return rows.T @ spectrum @ columns
    return torch.stack([c / 0.9 if drop >= 0.1 else c * 0 for c, drop in zip(block, drops, strict=True)])


def changed(z, draws, noise, blocks, operations, used):
    """One copy (C, H, W), block by block in place."""
    draws, out, edges = iter(draws.tolist()), z.clone(), []
    for n in z.shape[1:]:
        left = list(range(1, n))
        edges.append(sorted([0, n, *(left.pop(int(next(draws) * len(left))) for _ in range(blocks - 1))]))
    for top, bottom in zip(edges[0], edges[0][1:], strict=False):
        for left, right in zip(edges[1], edges[1][1:], strict=False):
            number, u, *drops = int(next(draws) * operations), *(next(draws) for _ in range(4))
            place = slice(None), slice(top, bottom), slice(left, right)
            out[place] = operation(number, z[place], u, noise[place], drops)
            used.add(number)
    return out


@pytest.mark.parametrize(("blocks", "operations"), [(3, 10), (2, 7), (1, 10)])
def test_sia(case, deviation, blocks, operations):
    used = set()

    def each(model, x0, label, image_id):
        def gradient(x, step):
            rows = Rows.of(3407, [image_id], 6, step)
            draws = rows.uniform(Stream.BLOCKS, (2 * (blocks - 1) + 5 * blocks**2,), x)
            noise = rows.uniform(Stream.BLOCK_NOISE, x.shape, x)

            def loss(z):
                copies = [changed(z, draws[i], noise[i], blocks, operations, used) for i in range(6)]
                return F.cross_entropy(model(torch.stack(copies)), label.expand(6))

            return loss_gradient(loss, x)

        return straight_line(x0, gradient)

    check("sia", case, deviation, each, copies=6, blocks=blocks, operations=operations)
    assert used == set(range(operations))


@pytest.mark.parametrize(
    ("params", "layer", "direction"),
    [({"layer": "conv"}, "conv", 1), ({"gamma": 0.3, "sigma": 0.1, "depth": 0.7}, "act", -1)],
)
def test_naa(case, deviation, params, layer, direction):
    net = ConvTwice().double()
    sigma, gamma = params.get("sigma", 0.2), params.get("gamma", 1.0)

    def each(model, x0, label, image_id):
        noise = Rows.of(3407, [image_id], 5, 0).normal(Stream.NOISE, x0.shape, x0)
        total = 0
        for i in range(5):
            inner = model.until(layer, ((x0 + sigma * noise[i]) * (1 - i / 5))[None])
            total = total + loss_gradient(lambda f: model.after(layer, f).softmax(1)[0, label], inner)
        weights = -total / total.square().sum().sqrt()
        base = model.until(layer, torch.zeros_like(x0)[None])

        def lowered(z):
            terms = (model.until(layer, z[None]) - base) * weights
            return terms[terms >= 0].sum() + gamma * terms[terms < 0].sum()

        return straight_line(x0, lambda x, step: loss_gradient(lowered, x), direction=direction)

    check("naa", (net, *case[1:]), deviation, each, copies=5, direction=direction, **params)


class ConvTwice(torch.nn.Module):
    """`conv` -> `act` -> a head of its own; the first half and the second can be run by themselves."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(11)
        self.stem, self.conv, self.act = torch.nn.Conv2d(3, 5, 3), torch.nn.Conv2d(5, 6, 3, 2), torch.nn.Softplus()
        self.out = torch.nn.Conv2d(6, 6, 3)
        for parameter in self.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator) * 0.3

    def until(self, layer, x):
        x = self.conv(torch.tanh(self.stem(x)))
        return self.act(x) if layer == "act" else x

    def after(self, layer, f):
        return self.out(torch.tanh(f if layer == "act" else self.act(f))).mean((2, 3))

    def forward(self, x):
        return self.after("act", self.until("act", x))


def banded(x, noise, mask, low_weight, energy):
    """One copy of `x` (C, H, W), frequency by frequency."""
    height, width = x.shape[1:]
    clean, noisy = np.fft.fft2(x), np.fft.fft2(x + 16 / 255 * noise)
    long = max(height, width)
    folded = [[min(k, n - k) * long / n for k in range(n)] for n in (height, width)]
    radius = {(i, j): math.hypot(folded[0][i], folded[1][j]) for i in range(height) for j in range(width)}
    power = {at: (np.abs(clean[:, *at]) ** 2).sum() for at in radius if at != (0, 0)}
    cutoff = 0
    while sum(p for at, p in power.items() if radius[at] <= cutoff + 1e-9) < energy * sum(power.values()):
        cutoff += 1
    changed = clean.copy()
    for at, r in radius.items():
        weight = low_weight if r <= cutoff + 1e-9 else 1 - low_weight
        changed[:, *at] += weight * (noisy[:, *at] * (0.5 + mask[:, *at]) - clean[:, *at])
    return torch.from_numpy(np.fft.ifft2(changed).real), cutoff


@pytest.mark.parametrize(("low_weight", "energy"), [(0.1, 0.9), (0.7, 0.5)])
def test_fampe(case, deviation, low_weight, energy):
    k = np.exp(-(np.arange(-3.0, 4.0) ** 2) / 2)
    kernel = torch.from_numpy(np.outer(k, k) / np.outer(k, k).sum()).expand(3, 1, 7, 7)
    cutoffs = set()

    def each(model, x0, label, image_id):
        def gradient(x, step):
            rows = Rows.of(3407, [image_id], 4, step)
            noise, mask = rows.normal(Stream.NOISE, x.shape, x), rows.uniform(Stream.SPECTRUM, x.shape, x)
            total = 0
            for i in range(4):
                copy, cutoff = banded(x.numpy(), noise[i].numpy(), mask[i].numpy(), low_weight, energy)
                total = total + loss_gradient(lambda z: F.cross_entropy(model(z[None]), label[None]), copy)
                cutoffs.add(cutoff)
            return F.conv2d(total[None] / 4, kernel, padding=3, groups=3)[0]

        return straight_line(x0, gradient)

    check("fampe", case, deviation, each, copies=4, low_weight=low_weight, energy=energy, diversity_prob=0.0)
    assert cutoffs <= set(range(1, 11))  # within the spectrum: both bands are there

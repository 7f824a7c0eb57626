"""The path methods against straight-line implementations: one image at a time, as their papers have them."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import attx
from attx import registry
from attx.attribution import explore
from attx.attribution.forward import counted
from tests.toy_models import SmallCNN

IDS = ["a", "b", "c"]


@pytest.fixture
def case():
    x = torch.rand(3, 3, 12, 15, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    model = SmallCNN(6).double()
    model.classes = 6
    return model, x, model(x).argmax(1)


def run(name, case, **params):
    model, x, y = case
    return registry.load("attribution", name).build(**params)(model, x, y, IDS[: len(x)])


def gradient(model, x, value):
    """Of `value(logits)`, a number, at one image (C, H, W); and the logits."""
    x = x.clone().requires_grad_()
    logits = model(x[None])[0]
    (found,) = torch.autograd.grad(value(logits), x)
    return found, logits.detach()


def probability(k):
    return lambda logits: logits.softmax(0)[k]


def each(function, case):
    model, x, y = case
    return torch.stack([function(model, x[i], y[i], i) for i in range(len(x))])


@pytest.fixture
def agree(deviation):
    """Fails unless maps are those of the oracle; relative to its largest value."""

    def check(name, found, expected, within=1e-10, oracle="straight-line loop"):
        assert expected.flatten(1).abs().sum(1).gt(0).all()
        deviation(f"`{name}`, maps", oracle, (found - expected).abs().max() / expected.abs().max(), within)

    return check


def guided(model, x, y, steps, fraction, max_dist):
    """The algorithm as the paper writes it: points, and distances between points."""
    end, point, total = x.numpy().ravel(), np.zeros(x.numel()), np.zeros(x.numel())
    for step in range(steps):
        g, _ = gradient(model, torch.from_numpy(point).view_as(x), probability(y))
        g = g.numpy().ravel()
        least = np.abs(g)
        a = (step + 1) / steps
        low, high = end * max(a - max_dist, 0), end * min(a + max_dist, 1)
        wanted = np.abs(end).sum() * (1 - a)
        gamma = np.inf
        while gamma > 1:
            before = point.copy()
            point[point < low] = low[point < low]
            distance = np.abs(end - point).sum()
            if math.isclose(distance, wanted, rel_tol=1e-9, abs_tol=1e-9):
                total += (point - before) * g
                break
            least[point == high] = np.inf
            chosen = (least <= np.quantile(least, fraction, method="lower")) & (least < np.inf)
            reach = np.abs(high - point)[chosen].sum()
            gamma = (distance - wanted) / reach if reach else np.inf
            point[chosen] = high[chosen] if gamma > 1 else (point + gamma * (high - point))[chosen]
            total += (point - before) * g
    return torch.from_numpy(total).view_as(x)


@pytest.mark.parametrize(("steps", "fraction", "max_dist"), [(15, 0.25, 0.02), (7, 0.1, 0.3), (5, 0.9, 1.0)])
def test_guided_ig_is_the_papers_algorithm(case, agree, steps, fraction, max_dist):
    case[1][0, 0, :5] = 0  # values with no way to go
    settings = {"steps": steps, "fraction": fraction, "max_dist": max_dist}
    expected = each(lambda model, x, y, i: guided(model, x, y, **settings), case)
    agree("guided_ig", run("guided_ig", case, **settings), expected)


def test_guided_ig_without_leeway_is_the_left_riemann_sum(case, agree):
    def expected(model, x, y, i):
        return x * sum(gradient(model, x * t / 6, probability(y))[0] for t in range(6)) / 6

    found = run("guided_ig", case, steps=6, max_dist=0.0)
    agree("guided_ig", found, each(expected, case), oracle="left Riemann sum, `max_dist` 0")


@pytest.mark.parametrize("variant", ["smooth", "sharp"])
@pytest.mark.parametrize("early_stop", [True, False])
def test_mfaba_is_a_descent_until_the_class_changes(case, agree, variant, early_stop):
    alpha, epsilon, lengths = 0.002, 0.02, []

    def expected(model, x, y, i):
        point, total = x, torch.zeros_like(x)
        for _ in range(20):
            g, _ = gradient(model, point, probability(y))
            if variant == "sharp":
                moved = (point - 100 * alpha * g / g.norm()).clamp(0, 1)
            else:
                moved = (x + (point - alpha * g.sign() - x).clamp(-epsilon, epsilon)).clamp(0, 1)
            total -= (moved - point) * g
            point = moved
            lengths.append(i)
            if early_stop and model(point[None]).argmax() != y:
                break
        return total

    maps = each(expected, case)
    settings = {"steps": 20, "alpha": alpha, "epsilon": epsilon, "variant": variant, "early_stop": early_stop}
    with counted(case[0]) as passes:
        agree("mfaba", run("mfaba", case, **settings), maps)
    taken = np.bincount(lengths)
    assert len(set(taken)) > early_stop  # each image ends by itself
    # the pass that finds the change is one more
    assert passes.forward == passes.backward == np.minimum(taken + early_stop, 20).sum()


def test_mfaba_sums_to_the_loss_of_probability_along_small_steps(case):
    model, x, y = case
    found = run("mfaba", case, steps=200, alpha=1e-4, early_stop=False).sum((1, 2, 3))
    end = torch.stack(
        [step.next_point for step in attx.load_attack("bim", steps=200, alpha=1e-4, epsilon=0.3).walk(model, x, y)]
    )[-1]
    fallen = (model(x).softmax(1) - model(end).softmax(1)).gather(1, y[:, None])[:, 0]
    assert torch.allclose(found, fallen, rtol=2e-2)


def explored(model, x, y, k, radius, steps, stop, restart=True):
    point, total = x, torch.zeros_like(x)
    for _ in range(steps):
        own, logits = gradient(model, point, probability(y))
        if stop and logits.argmax() == k:
            break
        towards = -own if k is None else gradient(model, point, probability(k))[0]
        start = x if restart else point
        point = (start + radius * towards.sign()).clamp(0, 1)
        total -= own * (point - start)
    return total


def rivals(case, count):
    model, x, y = case
    return explore.others(model, x, y, IDS, count, seed=3407)


@pytest.mark.parametrize(("epsilon", "restart"), [(0.1, True), (0.01, False)])
def test_agi_is_the_papers_loop_and_each_path_ends_by_itself(case, agree, epsilon, restart):
    chosen, lengths = rivals(case, 4), []
    settings = {"classes": 4, "steps": 5, "epsilon": epsilon, "restart": restart}

    def expected(model, x, y, i):
        return sum(explored(model, x, y, k, epsilon, 5, stop=True, restart=restart) for k in chosen[i].tolist())

    maps = each(expected, case)
    with counted(case[0]) as passes:
        agree("agi", run("agi", case, **settings, batch_size=5), maps)
    assert passes.backward == 2 * passes.forward
    assert 3 * 4 < passes.forward < 3 * 4 * 5  # some ended early
    whole = passes.forward
    for i, n in enumerate(IDS):
        with counted(case[0]) as passes:
            attribute = registry.load("attribution", "agi").build(**settings)
            alone = attribute(case[0], case[1][i : i + 1], case[2][i : i + 1], [n])
        agree("agi", alone, maps[i : i + 1])
        lengths.append(passes.forward)
    assert sum(lengths) == whole


def test_la_adds_a_path_away_from_the_class(case, agree):
    chosen = rivals(case, 3)

    def expected(model, x, y, i):
        return sum(explored(model, x, y, k, x / 10, 4, stop=False) for k in [*chosen[i].tolist(), None])

    maps = each(expected, case)
    with counted(case[0]) as passes:
        agree("la", run("la", case, classes=3, steps=4, batch_size=4), maps)
    assert (passes.forward, passes.backward) == (3 * 4 * 4, 3 * 4 * (2 * 3 + 1))


def test_rivals_are_other_classes_drawn_for_each_image(case):
    model, x, y = case
    many = explore.others(model, x[:1].expand(300, -1, -1, -1), y[:1].expand(300), list(range(300)), 2, seed=1)
    assert (many != y[0]).all()
    assert (many[:, 0] != many[:, 1]).all()
    counts = torch.bincount(many.flatten(), minlength=6)
    assert counts[y[0]] == 0
    assert counts.sort().values[1] > 80  # 120 on average
    assert explore.others(model, x, y, IDS, 20, seed=1).sort(1).values.tolist() == [
        [k for k in range(6) if k != target] for target in y.tolist()
    ]
    del model.classes
    assert torch.equal(explore.others(model, x, y, IDS, 4, seed=3407), rivals((model, x, y), 4))


def boundary(model, x, y, momentum, steps, alpha, epsilon):
    """The first point of the attack's path that isn't of the class, and whether there is one."""
    point, m = x, torch.zeros_like(x)
    for _ in range(steps):
        g, _ = gradient(model, point, lambda logits: F.cross_entropy(logits.softmax(0), y))
        m = g if momentum is None else momentum * m + g / g.abs().mean()
        point = (x + (point + alpha * m.sign() - x).clamp(-epsilon, epsilon)).clamp(0, 1)
        if model(point[None]).argmax() != y:
            return point, True
    return point, False


@pytest.mark.parametrize("epsilon", [0.1, 0.004])
def test_big_integrates_from_the_nearest_boundary_point(case, agree, epsilon):
    model, x, y = case
    settings = {"alpha": 0.004, "epsilon": epsilon, "attack_steps": 25, "steps": 9}
    starts = []

    def expected(model, x, y, i):
        found = [boundary(model, x, y, momentum, 25, 0.004, epsilon) for momentum in (None, 1.0)]
        crossed = [point for point, success in found if success] or [found[0][0]]
        starts.append(min(crossed, key=lambda point: (point - x).norm()))
        weights = [1 / 16, *[1 / 8] * 7, 1 / 16]
        points = [starts[-1] + (x - starts[-1]) * t / 8 for t in range(9)]
        return (x - starts[-1]) * sum(
            w * gradient(model, point, probability(y))[0] for w, point in zip(weights, points, strict=True)
        )

    maps = each(expected, case)
    crossed = model(torch.stack(starts)).argmax(1) != y
    assert crossed.tolist() == [epsilon == 0.1] * 3
    within = 1e-6  # captum's weights of the points are float32
    agree("big", run("big", case, **settings), maps, within)
    agree("big", run("big", case, **settings, batch_size=2), maps, within)
    difference = (model(x).softmax(1) - model(torch.stack(starts)).softmax(1)).gather(1, y[:, None])[:, 0]
    assert torch.allclose(run("big", case, **settings | {"steps": 100}).sum((1, 2, 3)), difference, rtol=1e-3)


def test_big_passes_an_image_no_more_once_it_has_crossed(case):
    settings = {"alpha": 0.004, "epsilon": 0.1, "attack_steps": 25, "steps": 2, "attacks": ["bim"]}
    taken = []
    for i in range(3):
        with counted(case[0]) as passes:
            run("big", tuple(part if part is case[0] else part[i : i + 1] for part in case), **settings)
        assert passes.forward - 2 == 2 * (passes.backward - 2)  # a step is a gradient and a look
        taken.append(passes.forward)
    assert len(set(taken)) > 1
    with counted(case[0]) as passes:
        run("big", case, **settings)
    assert passes.forward == sum(taken)


def test_fast_ig_is_the_image_times_the_gradient(case, agree):
    for output, value in (
        ("probability", lambda y: probability(y)),
        ("logit", lambda y: lambda logits: logits[y]),
        ("loss", lambda y: lambda logits: F.cross_entropy(logits.softmax(0), y)),
    ):
        expected = each(lambda model, x, y, i, value=value: x * gradient(model, x, value(y))[0], case)
        with counted(case[0]) as passes:
            agree("fast_ig", run("fast_ig", case, output=output), expected)
        assert (passes.forward, passes.backward) == (3, 3)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("guided_ig", {"fraction": 0.0}, "fraction"),
        ("mfaba", {"steps": 0}, "steps"),
        ("big", {"steps": 1}, "steps: 1"),
        ("big", {"attacks": ["bom"]}, "did you mean 'bim'"),
        ("big", {"attacks": []}, "name one"),
        ("agi", {"classes": 0}, "classes"),
        ("la", {"spatial_range": 0.0}, "spatial_range"),
    ],
)
def test_wrong_settings_say_so(name, settings, message):
    with pytest.raises(attx.UserError, match=message):
        registry.load("attribution", name).build(**settings)

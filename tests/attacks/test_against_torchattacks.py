"""Attacks against those of torchattacks where the definitions are the same: in float64, on the same draws."""

import pytest
import torch
import torchattacks

import attx
from attx.rng import Rows, Stream
from tests.toy_models import SmallCNN

EPSILON, STEPS, IDS = 16 / 255, 6, ["a", "b", "c"]


@pytest.fixture
def case():
    generator = torch.Generator().manual_seed(3)
    x = torch.rand(3, 3, 16, 16, dtype=torch.float64, generator=generator)
    x.view(-1)[::7] = 0  # clipping to [0, 1] acts, too
    return SmallCNN(6).double(), x, torch.tensor([5, 0, 2])


def theirs(name, model, x, y, **settings):
    attack = getattr(torchattacks, name)(model, eps=EPSILON, alpha=EPSILON / STEPS, steps=STEPS, **settings)
    if name == "TIFGSM":
        attack.stacked_kernel = torch.from_numpy(attack.gkern(15, 3)).expand(3, 1, 15, 15)
    return attack(x, y).detach()


def apart(a, b):
    return (a - b).abs().max()


def ours(name, model, x, y, ids=IDS, **params):
    return attx.load_attack(name, steps=STEPS, **params).run(model, x, y, ids).points[-1]


PLAIN = {"diversity_prob": 0.0}


@pytest.mark.parametrize(
    ("name", "params", "their_name", "settings"),
    [
        ("bim", {}, "BIM", {}),
        ("mi", {"decay": 0.7}, "MIFGSM", {"decay": 0.7}),
        ("ni", {}, "NIFGSM", {}),
        ("ni", {"decay": 0.7}, "NIFGSM", {"decay": 0.7}),
        ("sini", {}, "SINIFGSM", {}),
        ("sini", {"copies": 3, "decay": 0.7}, "SINIFGSM", {"m": 3, "decay": 0.7}),
        ("di", PLAIN, "DIFGSM", PLAIN),
        ("ti", PLAIN, "TIFGSM", PLAIN),
        ("ti", PLAIN | {"decay": 1.0}, "TIFGSM", PLAIN | {"decay": 1.0}),
    ],
)
def test_without_randomness(case, deviation, name, params, their_name, settings):
    found, expected = ours(name, *case, **params), theirs(their_name, *case, **settings)
    deviation(f"`{name}`, points", "torchattacks, nothing drawn", apart(found, expected), 1e-12)


def test_descending_equals_targeting_the_label(case, deviation):
    model, x, y = case
    stepped = attx.load_attack("ni", steps=STEPS, direction=-1).run(model, x, y).points[-1]
    attack = torchattacks.NIFGSM(model, eps=EPSILON, alpha=EPSILON / STEPS, steps=STEPS)
    attack.set_mode_targeted_by_label(quiet=True)
    deviation("`ni` with `direction` -1, points", "torchattacks, targeted", apart(stepped, attack(x, y)), 1e-12)


def uniform_from(monkeypatch, draws):
    """torch's uniform_ gives these draws from [0, 1), one after the other."""
    draws = iter(draws)
    monkeypatch.setattr(torch.Tensor, "uniform_", lambda self, low, high: self.copy_(low + (high - low) * next(draws)))


def test_pgd_from_the_same_start(case, deviation, monkeypatch):
    x = case[1]
    uniform_from(monkeypatch, [Rows.of(3407, IDS, 1, 0).uniform(Stream.START, x.shape[1:], x)])
    found, expected = ours("pgd", *case), theirs("PGD", *case)
    deviation("`pgd`, points", "torchattacks, same draws", apart(found, expected), 1e-12)


@pytest.mark.parametrize(("name", "their_name"), [("vmi", "VMIFGSM"), ("vni", "VNIFGSM")])
def test_variance_tuning_with_the_same_neighbours(case, deviation, monkeypatch, name, their_name):
    x = case[1]
    rows = [Rows.of(3407, IDS, 4, step) for step in range(STEPS)]
    draws = [r.uniform(Stream.NEIGHBOUR, x.shape[1:], x).reshape(3, 4, *x.shape[1:]).unbind(1) for r in rows]
    uniform_from(monkeypatch, [draw for step in draws for draw in step])
    found, expected = ours(name, *case, copies=4), theirs(their_name, *case, N=4)
    deviation(f"`{name}`, points", "torchattacks, same draws", apart(found, expected), 1e-12)


@pytest.mark.parametrize(("name", "their_name"), [("di", "DIFGSM"), ("ti", "TIFGSM")])
@pytest.mark.parametrize("rate", [0.7, 1.3])
def test_diversity_with_the_same_draws(case, deviation, monkeypatch, name, their_name, rate):
    model, x, y = case
    for i in range(3):  # theirs has one draw for a batch
        draws = [Rows.of(3407, IDS[i : i + 1], 1, step).uniform(Stream.DIVERSITY, (4,), x)[0] for step in range(STEPS)]
        whole = iter([u for draw in draws for u in draw[1:]])
        chosen = iter([draw[:1] for draw in draws])
        with monkeypatch.context() as patch:
            patch.setattr(
                torch,
                "randint",
                lambda low, high, whole=whole, **_: torch.tensor([low + int(next(whole) * (high - low))]),
            )
            patch.setattr(torch, "rand", lambda *_, chosen=chosen: next(chosen))
            one = model, x[i : i + 1], y[i : i + 1]
            expected = theirs(their_name, *one, resize_rate=rate)
            found = ours(name, *one, ids=IDS[i : i + 1], diversity_rate=rate)
        deviation(f"`{name}`, points", "torchattacks, same draws", apart(found, expected), 1e-12)

"""BIM and MI-FGSM against straight-line loops in float64."""

import pytest
import torch
import torch.nn.functional as F

import attx
from attx.attribution.forward import counted
from attx.errors import UserError
from tests.toy_models import SmallCNN


def straight_line(model, x0, y, decay, normalise, epsilon=16 / 255, steps=10):
    x, m = x0.clone(), torch.zeros_like(x0)
    for _ in range(steps):
        z = x.clone().requires_grad_()
        F.cross_entropy(model(z), y, reduction="sum").backward()
        m = decay * m + (z.grad / z.grad.abs().mean((1, 2, 3), keepdim=True) if normalise else z.grad)
        x = x + epsilon / steps * m.sign()
        x = torch.clamp(x0 + torch.clamp(x - x0, -epsilon, epsilon), 0, 1)
    return x


@pytest.mark.parametrize(
    ("name", "params", "decay", "normalise"),
    [("bim", {}, 0, False), ("mi", {}, 1.0, True), ("mi", {"decay": 0.5}, 0.5, True)],
)
def test_equals_a_straight_line(deviation, name, params, decay, normalise):
    model = SmallCNN(6).double()
    x = torch.rand(3, 3, 12, 15, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    y = torch.tensor([5, 0, 2])
    found = attx.load_attack(name, **params).run(model, x, y).points[-1]
    apart = (found - straight_line(model, x, y, decay, normalise)).abs().max()
    deviation(f"`{name}`, points", "straight-line loop", apart, 1e-12)


@pytest.mark.parametrize("name", ["bim", "mi", "ssa"])
def test_an_attack_prints_its_settings_and_keeps_no_state(name):
    attack = attx.load_attack(name, steps=3, alpha=0.01, **({"copies": 2} if name == "ssa" else {}))
    assert "steps=3" in repr(attack)
    assert "alpha=0.01" in repr(attack)
    model, x, y = SmallCNN(6), torch.rand(2, 3, 12, 12), torch.tensor([1, 2])
    assert torch.equal(attack.run(model, x, y).points, attack.run(model, x, y).points)


def test_naas_passes_and_batches_do_not_grow_with_copies():
    model, x, y = SmallCNN(6), torch.rand(2, 3, 12, 12), torch.tensor([1, 2])
    seen = []
    model.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    for gamma, extra in ((1, 1), (0.5, 2)):  # the default layer is measured once; f(0) is a forward pass
        with counted(model) as passes:
            attx.load_attack("naa", steps=3, copies=7, gamma=gamma, batch_size=4).run(model, x, y)
        assert (passes.forward, passes.backward) == (2 * (7 + 3) + extra, 2 * (7 + 3) + 1)
    assert max(seen) == 4


def test_naa_names_the_nearest_layer_before_any_pass():
    model, x, y = SmallCNN(6), torch.rand(2, 3, 12, 12), torch.tensor([1, 2])
    with counted(model) as passes, pytest.raises(attx.UserError, match="unknown layer 'convs'; did you mean 'conv'"):
        attx.load_attack("naa", layer="convs").run(model, x, y)
    assert passes.forward == 0


def test_the_objective_is_a_choice():
    model = SmallCNN(6).double()
    x = torch.rand(2, 3, 12, 15, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    y = torch.tensor([5, 0])
    losses = {
        "logit": lambda f: -f,
        "probability": lambda f: -f.softmax(1),
        "cross_entropy": lambda f: -f.log_softmax(1),
    }
    for objective, loss in losses.items():
        z = x.clone().requires_grad_()
        (expected,) = torch.autograd.grad(loss(model(z)).gather(1, y[:, None]).sum(), z)
        found = attx.load_attack("bim", steps=1, objective=objective).run(model, x, y).gradients[0]
        assert torch.allclose(found, expected, rtol=1e-12, atol=0)
    twice = attx.load_attack("bim", steps=1, objective="logit", softmax=1).run(model, x, y).gradients[0]
    once = attx.load_attack("bim", steps=1, objective="probability").run(model, x, y).gradients[0]
    assert torch.equal(twice, once)
    own = attx.load_attack("mig", steps=1, copies=2).run(model, x, y).gradients
    assert torch.equal(
        own, attx.load_attack("mig", steps=1, copies=2, objective="probability").run(model, x, y).gradients
    )
    assert not torch.equal(
        own, attx.load_attack("mig", steps=1, copies=2, objective="logit").run(model, x, y).gradients
    )
    with pytest.raises(UserError, match="unknown value 'logits'; did you mean 'logit'"):
        attx.load_attack("bim", objective="logits")

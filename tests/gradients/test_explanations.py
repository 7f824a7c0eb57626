"""Differentiable explanations: the methods of their names, and second derivatives against finite differences."""

import pytest
import torch
from torch import nn

from attx import registry
from attx.attribution.forward import counted
from attx.errors import UserError
from attx.gradients.explanations import EXPLANATIONS
from tests.toy_models import SmallCNN

SETTINGS = {
    "saliency_gradient": {},
    "input_x_gradient": {},
    "integrated_gradients": {"steps": 5},
    "smoothgrad": {"copies": 4, "sigma": 0.1, "seed": 11},
}
IDS = ["a", 7, "b"]


@pytest.fixture
def case():
    x = torch.rand(3, 3, 9, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    return SmallCNN(6).double().requires_grad_(False), x, torch.tensor([5, 0, 2])


@pytest.mark.parametrize("output", ["logit", "probability"])
@pytest.mark.parametrize("name", EXPLANATIONS)
def test_it_is_the_method_of_its_name(case, deviation, name, output):
    settings = SETTINGS[name] | {"output": output}
    method = registry.load("attribution", name).build(**settings)
    expected = method(*case, IDS)
    for batch_size in (1, 7, 32):
        found = EXPLANATIONS[name](batch_size=batch_size, **settings)(*case, IDS)
        assert not found.requires_grad
        apart = (found - expected).abs().max() / expected.abs().max()
        bound = 1e-7 if name == "integrated_gradients" else 1e-12  # captum's weights are of float32
        deviation(f"`{name}` to be differentiated", "the method", apart, bound)


@pytest.mark.parametrize("batch_size", [1, 9, 32])
@pytest.mark.parametrize("name", EXPLANATIONS)
def test_its_derivative_is_that_of_finite_differences(case, name, batch_size):
    model, x, y = case
    explain = EXPLANATIONS[name](batch_size=batch_size, **SETTINGS[name])
    x, outer = (
        x[:2].clone().requires_grad_(),
        torch.linspace(-1, 2, 2 * 3 * 9 * 8, dtype=torch.float64).view(2, 3, 9, 8),
    )
    (found,) = torch.autograd.grad((explain(model, x, y[:2], IDS[:2]) * outer).sum(), x)
    for seed in range(3):
        way = torch.randn(x.shape, dtype=x.dtype, generator=torch.Generator().manual_seed(seed))
        ahead, behind = ((explain(model, x.detach() + h * way, y[:2], IDS[:2]) * outer).sum() for h in (1e-5, -1e-5))
        assert (found * way).sum().item() == pytest.approx(((ahead - behind) / 2e-5).item(), rel=1e-7)


def test_memory_does_not_grow_with_copies(case):
    model, x, y = case
    sizes = []
    model.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    explain = EXPLANATIONS["integrated_gradients"](steps=10, batch_size=4)
    one = x[:1].clone().requires_grad_()
    with counted(model) as passes:
        torch.autograd.grad(explain(model, one, y[:1], IDS[:1]).square().sum(), one)
    assert max(sizes) == 4
    assert passes.forward == 20  # once for the map, once on the way back


def test_a_linear_model_has_no_second_derivative(case):
    _, x, y = case
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 9 * 8, 6)).double()
    for name, batch_size in (("saliency_gradient", 32), ("smoothgrad", 1)):
        point = x.clone().requires_grad_()
        found = EXPLANATIONS[name](batch_size=batch_size, **SETTINGS[name])(model, point, y, IDS).sum()
        gradient = torch.autograd.grad(found, point, allow_unused=True)[0] if found.requires_grad else None
        assert gradient is None or not gradient.any()


def test_no_images_give_no_maps(case):
    model, x, y = case
    assert EXPLANATIONS["smoothgrad"]()(model, x[:0], y[:0], []).shape == (0, 3, 9, 8)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("saliency_gradient", {"output": "logits"}),
        ("saliency_gradient", {"batch_size": 0}),
        ("integrated_gradients", {"steps": 1}),
        ("smoothgrad", {"copies": 0}),
    ],
)
def test_wrong_settings_say_so(name, settings):
    with pytest.raises(UserError, match=next(iter(settings))):
        EXPLANATIONS[name](**settings)

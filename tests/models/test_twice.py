"""Ramps and convolutions of constant weights, and their first and second derivatives, against torch's own."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from attx.models.twice import FixedConv2d, ramp

ENDS = [(0.0, math.inf), (-0.5, math.inf), (0.0, 6.0), (-1.0, 1.0)]


def softplus(x, beta):
    return F.relu(x) + torch.log1p(torch.exp(-beta * x.abs())) / beta


@pytest.mark.parametrize(("low", "high"), ENDS)
@pytest.mark.parametrize("beta", [0.3, 10, 200])
def test_ramp_is_softplus_or_the_difference_of_two(beta, low, high):
    # no x is where relu or abs has a bend
    x = torch.linspace(-4, 11, 2000, dtype=torch.float64).add(1e-4).requires_grad_()
    found = ramp(x, beta, low, high)
    expected = low + softplus(x - low, beta) - (softplus(x - high, beta) if high < math.inf else 0)
    for order in range(3):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-11 * max(1, beta))
        if order < 2:
            found, expected = (torch.autograd.grad(y.sum(), x, create_graph=True)[0] for y in (found, expected))


@pytest.mark.parametrize(("low", "high"), ENDS)
def test_ramp_is_finite_far_out_and_near_the_plain_one(low, high):
    x = torch.tensor([-3e38, -1e4, -20, -1, 0.25, 3.5, 7, 1e4, 3e38], requires_grad=True)
    y = ramp(x, 100.0, low, high)
    torch.testing.assert_close(y.detach(), x.detach().clamp(low, high), rtol=1e-6, atol=math.log(2) / 100)
    (slope,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    (bend,) = torch.autograd.grad(slope.sum(), x)
    assert slope.isfinite().all()
    assert bend.isfinite().all()


@given(
    st.sampled_from([(1, 1), (3, 3), (3, 5), (2, 3)]),
    st.sampled_from([1, 2, (2, 1)]),
    st.integers(0, 3),
    st.integers(1, 2),
    st.sampled_from([(1, 4, 6), (2, 4, 6), (4, 4, 4)]),
    st.booleans(),
)
def test_fixed_convolutions_are_torchs(kernel, stride, padding, dilation, shape, with_bias):
    groups, inputs, outputs = shape
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(2, inputs, 9, 10, dtype=torch.float64, generator=draw, requires_grad=True)
    weight = torch.randn(outputs, inputs // groups, *kernel, dtype=torch.float64, generator=draw)
    bias = torch.randn(outputs, dtype=torch.float64, generator=draw) if with_bias else None
    settings = (stride, padding, dilation, groups)

    def derivatives(y):
        outer = torch.arange(y.numel(), dtype=y.dtype).view_as(y).cos() + y.square()
        (first,) = torch.autograd.grad((y * outer).sum(), x, create_graph=True)
        return y, first, torch.autograd.grad((first.sin() * first).sum(), x)[0]

    found = derivatives(FixedConv2d.apply(x, weight, bias, *settings))
    expected = derivatives(torch.conv2d(x, weight, bias, *settings))
    for one, other in zip(found, expected, strict=True):
        assert (one - other).abs().max() <= 1e-11 * max(1, other.abs().max())

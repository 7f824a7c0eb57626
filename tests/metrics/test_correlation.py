"""Correlations against scipy's, with ties, and of maps without order."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cosine as distance
from scipy.stats import kendalltau, spearmanr

from attx.metrics.correlation import cosine, kendall, spearman

THEIRS = {
    spearman: lambda a, b: spearmanr(a, b).statistic,
    kendall: lambda a, b: kendalltau(a, b).statistic,
    cosine: lambda a, b: 1 - distance(a, b),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ours", THEIRS, ids=lambda f: f.__name__)
@given(
    digits=st.sampled_from([0, 1, 6]),
    shape=st.tuples(st.integers(1, 3), *[st.integers(3, 12)] * 2),
    seed=st.integers(0, 99),
)
def test_as_scipys_with_ties(ours, dtype, digits, shape, seed):
    rng = np.random.default_rng(seed)
    one = rng.normal(size=shape).round(digits).astype(dtype)
    other = (one + rng.normal(size=shape)).round(digits).astype(dtype)
    one.flat[0], other.flat[-1] = 9, -9  # no row is constant
    one[:, 0, 0], other[:, -1, -1] = 9, -9
    expected = [THEIRS[ours](a.ravel().astype(float), b.ravel().astype(float)) for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(ours(torch.tensor(one), torch.tensor(other)), expected, atol=1e-12)


@pytest.mark.parametrize("digits", [1, 9])
def test_kendall_of_50176_pixels_as_scipys(digits):
    rng = np.random.default_rng(1)
    one = rng.normal(size=(1, 224, 224)).round(digits)
    other = (one + rng.normal(size=one.shape)).round(digits)
    expected = kendalltau(one.ravel(), other.ravel()).statistic
    np.testing.assert_allclose(kendall(torch.tensor(one), torch.tensor(other)), [expected], atol=1e-14)


@pytest.mark.parametrize("ours", THEIRS, ids=lambda f: f.__name__)
def test_maps_without_order(ours):
    zero, varied = torch.zeros(1, 2, 2), torch.arange(4.0).reshape(1, 2, 2)
    assert (ours(zero, zero).item(), ours(zero, varied).item(), ours(varied, varied).item()) == (1, 0, 1)
    assert ours(varied, -varied).item() == -1


@pytest.mark.parametrize("ours", [spearman, kendall])
def test_any_increasing_function_keeps_ranks(ours):
    values = torch.randn(2, 9, 7, generator=torch.Generator().manual_seed(0))
    assert ours(values, values.double().exp()).tolist() == [1, 1]
    assert ours(torch.zeros(1, 3), torch.ones(1, 3)).tolist() == [0]  # no order, and not equal

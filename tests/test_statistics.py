"""Statistics against the normal approximation, all sign patterns, and closed testing over all subsets."""

from itertools import chain, combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from attx.errors import UserError
from attx.statistics import MANY, holm, mean_band, mean_interval, paired_p, share_interval


def test_interval_of_many_normal_values_is_the_normal_one():
    values = np.random.default_rng(0).normal(2, 3, 600)
    half = 1.96 * values.std() / np.sqrt(600)
    mean, low, high = mean_interval(values)
    assert mean == pytest.approx(values.mean(), abs=1e-12)
    np.testing.assert_allclose([low, high], [mean - half, mean + half], atol=0.1 * half)
    assert mean_interval(values) == mean_interval(values)
    assert mean_interval(values, confidence=0.5).low > low


def test_interval_follows_the_skew():
    values = np.random.default_rng(1).exponential(size=20) ** 2
    mean, low, high = mean_interval(values)
    assert high - mean > 1.3 * (mean - low)


def test_interval_of_few_or_equal_values():
    one = mean_interval([0.25])
    assert one.mean == 0.25
    assert np.isnan([one.low, one.high]).all()
    assert mean_interval([0.25] * 5) == (0.25, 0.25, 0.25)
    for values in ([0.1, 0.3], [0.0, 0.0, 0.0, 1.0], [0.1, 0.1 + 1e-17]):
        mean, low, high = mean_interval(values)
        assert min(values) - 1e-15 <= low <= mean <= high <= max(values) + 1e-15


@pytest.mark.parametrize("values", [[], [0.1, float("nan")], [[0.1], [0.2]]])
def test_values_without_statistics_are_refused(values):
    for function in (mean_interval, paired_p):
        with pytest.raises(UserError, match="at least one number"):
            function(values)


def test_band_agrees_with_the_interval_at_each_point():
    curves = np.random.default_rng(2).random((40, 3)) * [1, 0.1, 0]
    mean, low, high = mean_band(curves)
    np.testing.assert_allclose(mean, curves.mean(0))
    for point in range(3):
        interval = mean_interval(curves[:, point])
        np.testing.assert_allclose([low[point], high[point]], interval[1:], atol=0.1 * np.ptp(interval[1:]))
    assert np.isnan(mean_band(curves[:1])[1:]).all()


def test_intervals_of_very_many_values_are_those_of_the_bootstrap():
    values = np.random.default_rng(3).exponential(size=(MANY + 1, 1))
    normal = mean_interval(values[:, 0])
    near = 0.1 * (normal.high - normal.mean)
    np.testing.assert_allclose(np.ravel(mean_band(values)), normal)
    np.testing.assert_allclose(mean_interval(values[:-1, 0]), normal, atol=near)
    np.testing.assert_allclose(np.ravel(mean_band(values[:-1])), normal, atol=near)


def test_interval_of_a_share_is_where_the_score_test_does_not_reject():
    share, *ends = share_interval(17, 20)
    assert share == 0.85
    for p in ends:  # Wilson (1927): |share - p| is 1.96 of the standard deviations that p would give
        assert abs(share - p) == pytest.approx(1.959964 * np.sqrt(p * (1 - p) / 20), rel=1e-6)
    assert share_interval(20, 20).high == 1
    assert np.isnan(share_interval(0, 0)).all()


@settings(max_examples=60)
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=9))
def test_paired_p_by_all_sign_patterns(differences):
    d = np.array(differences)
    ranks = rankdata(abs(d)) * (d != 0)
    statistic = [np.dot(ranks, signs) for signs in product([-1, 1], repeat=len(d))]
    expected = np.mean(np.abs(statistic) >= abs(np.dot(ranks, np.sign(d))) - 1e-9)
    assert paired_p(d) == pytest.approx(expected)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_is_closed_testing_by_bonferroni(p):
    everyone = range(len(p))
    subsets = list(chain.from_iterable(combinations(everyone, k) for k in range(1, len(p) + 1)))
    for i, corrected in enumerate(holm(p)):
        expected = max(min(1.0, len(s) * min(p[j] for j in s)) for s in subsets if i in s)
        assert corrected == pytest.approx(expected, abs=1e-15)


def test_holm_leaves_out_what_was_not_compared():
    np.testing.assert_allclose(holm([0.01, np.nan, 0.04, 0.03, 0.005]), [0.03, np.nan, 0.06, 0.06, 0.02])
    assert np.isnan(holm([np.nan, np.nan])).all()

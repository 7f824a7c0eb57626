"""Aims and measures against their definitions, by loops over pixels, with ties."""

import math
import warnings

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np

from attx.errors import UserError
from attx.gradients.aims import LowerTop, MoveCentre, RaiseRegion, share
from attx.gradients.measures import CentreShift, Kept, RankCorrelation, RegionShare

MAPS = st_np.arrays(np.float64, (2, 5, 7), elements=st.integers(0, 6).map(float))  # full of ties


def top(values, k):
    """Places (row, column) of the k largest; of equals the first."""
    flat = values.flatten().tolist()
    places = sorted(range(len(flat)), key=lambda i: (-flat[i], i))[:k]
    return {divmod(i, values.shape[1]) for i in places}


def near(places, window, shape):
    reach = range(-(window // 2), window // 2 + 1)
    around = {(y + dy, x + dx) for y, x in places for dy in reach for dx in reach}
    return {(y, x) for y, x in around if 0 <= y < shape[0] and 0 <= x < shape[1]}


@given(MAPS, st.integers(1, 35), st.sampled_from([1, 3, 5]))
def test_kept_and_lowered_pixels(maps, k, window):
    first, now = maps
    pixels = near(top(first, k), window, first.shape)
    one, other = torch.from_numpy(maps[:1]), torch.from_numpy(maps[1:])
    assert Kept(k, window)(one)(other).item() == len(pixels & top(now, k)) / k
    assert LowerTop(k, window)(one)(other).item() == -sum(now[place] for place in pixels)


@given(MAPS)
def test_rank_correlation_is_scipys(maps):
    found = RankCorrelation()(torch.from_numpy(maps[:1]))(torch.from_numpy(maps[1:])).item()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of maps of one value
        expected = scipy.stats.spearmanr(*maps.reshape(2, -1)).statistic
    assert found == pytest.approx(np.nan_to_num(expected), abs=1e-12)


@given(MAPS)
def test_centre_of_mass(maps):
    def centre(values):
        total = values.sum()
        return [(values * np.indices(values.shape)[i]).sum() / total if total else 0 for i in (0, 1)]

    first, now = (centre(values) for values in maps)
    one, other = torch.from_numpy(maps[:1]), torch.from_numpy(maps[1:])
    assert CentreShift()(one)(other).item() == pytest.approx(math.dist(first, now), abs=1e-12)
    assert CentreShift()(one)(one).item() == 0


@given(st_np.arrays(np.float64, (2, 3, 4, 5), elements=st.floats(-3, 3)))
def test_share_has_mean_one(attributions):
    maps = share(torch.from_numpy(attributions))
    for values, signed in zip(maps.numpy(), attributions, strict=True):
        total = np.abs(signed).sum()
        expected = np.abs(signed).sum(0) * 20 / total if total else np.zeros((4, 5))
        np.testing.assert_allclose(values, expected, rtol=1e-12, atol=1e-300)


def test_the_centre_is_raised_along_the_way_it_moved_and_never_stands_still():
    first = torch.ones(1, 4, 5, dtype=torch.float64)
    moved = first.clone()
    moved[0, 3, 0] = 9
    for maps in (first, moved):
        leaf = maps.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(MoveCentre()(first)(leaf).sum(), leaf)
        before, after = (CentreShift()(first)(maps + 1e-6 * step).item() for step in (0 * gradient, gradient))
        assert after > before


def test_the_region_is_a_box():
    maps = torch.arange(64, dtype=torch.float64).view(1, 8, 8)
    assert RaiseRegion()(maps)(maps).item() == 0 + 1 + 8 + 9
    box = RaiseRegion((0.5, 0.25, 1, 0.75))
    assert box(maps)(maps).item() == maps[0, 4:, 2:6].sum()
    assert RegionShare(box)(maps)(torch.ones(1, 8, 8)).item() == 16 / 64


@pytest.mark.parametrize("box", [(0, 0, 0.25), (0.5, 0, 0.25, 1), (0, 0, 2, 1), (), ("a", 0, 1, 1), (0, None, 1, 1)])
def test_wrong_boxes_say_so(box):
    with pytest.raises(UserError, match="top, left, bottom, right"):
        RaiseRegion(box)


def test_what_has_no_pixels_says_so():
    maps = torch.ones(1, 4, 4)
    with pytest.raises(UserError, match="has no pixel"):
        RaiseRegion((0, 0, 0.1, 1))(maps)
    with pytest.raises(UserError, match=r"k: 17: .* 16 pixels"):
        Kept(17)(maps)
    with pytest.raises(UserError, match="window 2"):
        Kept(3, 2)(maps)

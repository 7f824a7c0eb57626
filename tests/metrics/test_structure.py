"""SSIM against scikit-image's and Quantus', centres of mass in closed form."""

import numpy as np
import pytest
import quantus
import torch
from skimage.metrics import structural_similarity

from attx.metrics.structure import center_of_mass_shift, ssim


@pytest.mark.parametrize("offset", [0.0, 1000.0])
@pytest.mark.parametrize("shape", [(7, 7), (8, 31), (40, 33)])
def test_ssim_as_scikit_images(shape, offset):
    rng = np.random.default_rng(0)
    one = rng.normal(size=(3, *shape)) + offset
    other = 0.3 * one + rng.normal(size=one.shape) * np.array([0.1, 1, 3])[:, None, None]
    found = ssim(torch.tensor(one), torch.tensor(other))
    for a, b, value in zip(one, other, found, strict=True):
        span = max(a.max(), b.max()) - min(a.min(), b.min())
        assert value == pytest.approx(structural_similarity(a, b, data_range=span), abs=1e-9)
        assert value == pytest.approx(quantus.similarity_func.ssim(a, b), abs=1e-9)


def test_ssim_of_equal_and_of_small_maps():
    small = torch.randn(2, 4, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert ssim(torch.zeros(2, 3, 3), torch.zeros(2, 3, 3)).tolist() == [1, 1]
    assert ssim(small, small).tolist() == [1, 1]
    other = small.flip(2)
    span = float(torch.cat([small[0], other[0]]).max() - torch.cat([small[0], other[0]]).min())
    expected = structural_similarity(small[0].numpy(), other[0].numpy(), data_range=span, win_size=3)
    assert ssim(small, other)[0] == pytest.approx(expected, abs=1e-12)
    assert np.isfinite(ssim(torch.zeros(1, 1, 1), torch.ones(1, 1, 1))).all()


@pytest.mark.parametrize("scale", [1e-300, 1e-90, 1e90, 1e300])
def test_ssim_has_no_scale(scale):
    one, other = torch.randn(2, 3, 9, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    np.testing.assert_allclose(ssim(one * scale, other * scale), ssim(one, other), rtol=1e-9)


def test_a_single_pixel_moves_by_its_distance():
    one, other = torch.zeros(3, 6, 9), torch.zeros(3, 6, 9)
    one[0, 1, 2] = other[0, 4, 6] = -2.0  # 3 down, 4 right, of the absolute value
    one[1, 0, 0] = 1.0  # against zeros, whose centre is the middle
    assert center_of_mass_shift(one, other).tolist() == [5, np.hypot(2.5, 4), 0]


def test_the_scale_of_a_map_moves_nothing():
    maps = torch.rand(2, 5, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert center_of_mass_shift(maps, maps * 1e-300).max() < 1e-12

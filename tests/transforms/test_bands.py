"""Frequency bands: where the cutoff falls, and what is left alone."""

import pytest
import torch

import attx
from attx.rng import Rows
from attx.transforms.bands import Bands


def wave(height, width, across):
    """(3, H, W): `across` cycles along the width, around .5."""
    return (0.5 + 0.3 * torch.sin(2 * torch.pi * across * torch.arange(width) / width)).expand(3, height, width)


def changes(images, **params):
    """What Bands adds to each image: the energy of each ring of frequencies, (N, rings)."""
    rows = Rows.of(1, range(len(images)), 1, 0)
    spectrum = torch.fft.fft2(Bands(**params)(images, rows) - images).abs().square().sum(1)
    long = max(images.shape[2:])
    fy, fx = (torch.fft.fftfreq(n, 1 / long) for n in images.shape[2:])
    ring = torch.hypot(fy[:, None], fx).sub(1e-6).ceil().long()
    return torch.stack([spectrum[:, ring == r].sum(1) for r in range(ring.max() + 1)], 1)


def test_the_cutoff_is_where_the_images_energy_is():
    images = torch.stack([wave(20, 30, 3), wave(20, 30, 9), torch.full((3, 20, 30), 0.4)])
    low = changes(images, low_weight=1, energy=0.9, rho=0.5, sigma=0.1) > 1e-6
    assert low.sum(1).tolist() == [4, 10, 1]  # rings 0 ... 3, 0 ... 9, and the mean alone
    high = changes(images, low_weight=0, energy=0.9, rho=0.5, sigma=0.1) > 1e-6
    assert torch.equal(high, ~low)


def test_weights_and_nothing_to_do():
    images = torch.stack([wave(20, 30, 3)])
    full, tenth = (changes(images, low_weight=w, energy=0.9, rho=0.5, sigma=0.1)[:, :4] for w in (1, 0.1))
    assert torch.allclose(tenth, 0.01 * full, rtol=1e-3)
    unchanged = Bands(0.1, 0.9, 0, 0)(images, Rows.of(1, [0], 1, 0))
    assert torch.allclose(unchanged, images, atol=1e-6)
    with pytest.raises(attx.UserError, match="low_weight"):
        Bands(1.2, 0.9, 0.5, 0.1)

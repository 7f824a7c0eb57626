"""Dilation against its definition, torch's way and Triton's."""

import pytest
import torch
import torch.nn.functional as F
from attx_kernels.windows import dilate, means
from hypothesis import example, given, settings
from hypothesis import strategies as st

WINDOWS = st.sampled_from([1, 3, 5, 7, 21])
SHAPES = st.tuples(st.integers(0, 3), st.integers(1, 35), st.integers(1, 12))


def sparse(shape: tuple, seed: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < 0.03


def around(mask: torch.Tensor, window: int) -> torch.Tensor:
    """The definition."""
    reach, found = window // 2, torch.zeros_like(mask)
    for image, row, column in mask.nonzero().tolist():
        found[image, max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1] = True
    return found


@given(SHAPES, WINDOWS, st.integers(0, 99))
def test_a_pixel_is_reached_if_one_of_its_window_is_true(shape, window, seed):
    mask = sparse(shape, seed)
    assert torch.equal(dilate(mask, window), around(mask, window))


@settings(max_examples=4)
@given(SHAPES, st.sampled_from([1, 3, 5]), st.integers(0, 99))
@example((1, 1, 300), 7, 0)
def test_triton_finds_what_torch_finds(both_ways, shape, window, seed):
    by_torch, by_triton = both_ways(dilate, sparse(shape, seed), window)
    assert torch.equal(by_triton, by_torch)


def test_triton_takes_any_strides_and_no_image(both_ways):
    for mask in (sparse((5, 34, 2), 0).permute(2, 1, 0), sparse((2, 34, 10), 1)[:, ::2, 1::3], sparse((0, 4, 4), 0)):
        by_torch, by_triton = both_ways(dilate, mask, 3)
        assert torch.equal(by_triton, by_torch)
        assert torch.equal(by_triton, around(mask, 3))


@given(SHAPES, WINDOWS, st.integers(0, 99))
def test_means_are_of_the_pixels_that_there_are(shape, window, seed):
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    pooled = F.avg_pool2d(values[:, None], window, 1, window // 2, count_include_pad=False)[:, 0]
    found = means(values, window)
    assert torch.allclose(found, pooled, atol=1e-13)
    assert torch.equal(means(values.float(), window), means(values.float().double(), window).float())


def test_equal_windows_have_equal_means_to_the_last_bit():
    tile = torch.randn(2, 5, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 1e9
    found = means(tile.repeat(1, 3, 4), 5)
    assert torch.equal(found[:, 2:-7, 2:-8], found[:, 7:-2, 8:-2])
    ones = torch.full((1, 9, 8), 1 / 3, dtype=torch.float32)
    assert torch.equal(means(ones, 7), ones)


@given(st.floats(-1e9, 1e9), WINDOWS)
@example(0.1, 3)
def test_a_map_of_one_value_has_that_mean_everywhere(value, window):
    maps = torch.full((2, 9, 8), value, dtype=torch.float64)
    maps[1] = torch.arange(8)
    found = means(maps, window)
    assert torch.equal(found[0], maps[0])
    assert torch.equal(found[1:], means(maps[1:], window))
    assert found[1, 0, 0] == min(window // 2, 7) / 2


def test_windows_end_at_the_borders_and_the_first_pixel_counts(both_ways):
    mask = torch.zeros(1, 3, 4, dtype=torch.bool)
    mask[0, 0, 0] = mask[0, 1, 3] = True
    expected = torch.tensor([[[1, 1, 1, 1], [1, 1, 1, 1], [0, 0, 1, 1]]]).bool()
    for found in both_ways(dilate, mask, 3):
        assert torch.equal(found, expected)


@pytest.mark.parametrize("window", [0, 2, -3, 3.0])
def test_a_window_has_an_odd_side(window):
    with pytest.raises(ValueError, match=f"window {window}: .* odd"):
        dilate(torch.zeros(1, 2, 2, dtype=torch.bool), window)


@pytest.mark.parametrize("mask", [torch.zeros(2, 2, dtype=torch.bool), torch.zeros(1, 2, 2)])
def test_a_mask_has_three_axes_of_booleans(mask):
    with pytest.raises(ValueError, match=r"give booleans \(N, H, W\)"):
        dilate(mask, 3)

"""The largest pixels, and those apart from each other, against their definitions in plain Python."""

import pytest
import torch
from attx_kernels.topk import top_k, top_k_div
from hypothesis import example, given, settings
from hypothesis import strategies as st

SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 15), st.integers(1, 15))
WINDOWS = st.sampled_from([1, 3, 5, 7, 31])
DTYPES = st.sampled_from([torch.float16, torch.bfloat16, torch.float32, torch.float64])


def maps(shape: tuple, seed: int, levels: int) -> torch.Tensor:
    """Values of few levels, so that most are ties; -0.0 and 0.0 are two of them."""
    draws = torch.randint(-levels, levels + 1, shape, generator=torch.Generator().manual_seed(seed))
    return torch.where(torch.arange(shape[2]) % 3 == 0, -0.0, draws / 2)


def greedy(values: list[list[float]], window: int, pool: int | None) -> list[int]:
    """All picks of one map, as the definition has them."""
    width = len(values[0])
    flat = [value for row in values for value in row]
    left = sorted(range(len(flat)), key=lambda i: (-flat[i], i))[:pool]
    picks = []
    while left:
        best = min(left, key=lambda i: (-flat[i], i))
        picks.append(best)
        row, column = divmod(best, width)
        left = [i for i in left if max(abs(i // width - row), abs(i % width - column)) > window // 2]
    return picks


@given(SHAPES, st.integers(0, 999), st.sampled_from([1, 4, 1000]), DTYPES, st.data())
def test_top_k_has_exactly_k_and_the_lowest_of_ties(shape, seed, levels, dtype, data):
    values = maps(shape, seed, levels).to(dtype)
    k = data.draw(st.integers(1, shape[1] * shape[2]))
    for found, row in zip(top_k(values, k).flatten(1), values.flatten(1).tolist(), strict=True):
        assert found.nonzero().flatten().tolist() == sorted(sorted(range(len(row)), key=lambda i: (-row[i], i))[:k])


@given(SHAPES, st.integers(0, 999), st.sampled_from([1, 4, 1000]), WINDOWS, st.none() | st.integers(1, 80), DTYPES)
@example((2, 40, 33), 0, 3, 3, None, torch.float32)
def test_apart_picks_are_the_greedy_ones(shape, seed, levels, window, pool, dtype):
    values = maps(shape, seed, levels).to(dtype)
    expected = [greedy(rows, window, pool) for rows in values.tolist()]
    k = min(map(len, expected))
    known = torch.argsort(values.flatten(1) + 0.0, dim=1, descending=True, stable=True)
    for more in ({}, {"order": known}):
        assert top_k_div(values, k, window, pool, **more).tolist() == [picks[:k] for picks in expected]


@settings(max_examples=12)
@given(
    SHAPES, st.integers(0, 999), st.sampled_from([2, 1000]), WINDOWS, st.none() | st.integers(1, 80), st.floats(0, 1)
)
@example((2, 20, 33), 0, 3, 3, None, 1.0)
@example((1, 23, 11), 0, 1000, 1, None, 0.8)
@example((1, 21, 23), 0, 1000, 9, None, 1.0)
def test_triton_picks_what_torch_picks(both_ways, shape, seed, levels, window, pool, part):
    values = maps(shape, seed, levels)
    k = max(1, int(part * min(len(greedy(rows, window, pool)) for rows in values.tolist())))
    by_torch, by_triton = both_ways(top_k_div, values, k, window, pool)
    assert torch.equal(by_triton, by_torch)


def test_windows_do_not_wrap_and_the_first_pixel_counts(both_ways):
    values = torch.tensor([[[9.0, 1, 2, 8], [7, 3, 4, 5], [0, 0, 0, 6]]])
    for picks in both_ways(top_k_div, values, 3, 3):
        assert picks.tolist() == [[0, 3, 11]]


def test_a_pool_that_runs_dry_says_where_and_what_to_change(both_ways):
    def said(*arguments) -> str:
        with pytest.raises(ValueError, match="picks") as error:
            top_k_div(*arguments)
        return str(error.value)

    values = torch.zeros(3, 4, 4)
    values[::2, :2, :2] = 1
    values[1, ::3, ::3] = 1
    for message in both_ways(said, values, 3, 3, 4):
        assert message == (
            "no 3 picks with windows of 3 x 3 in 2 of 3 maps (1 in map 0, 1 in map 2, counted from 0) "
            "from the largest 4 of 16 pixels: lower k or window, or raise pool"
        )
    for message in both_ways(said, values, 5, 3):
        assert message.endswith("from all 16 pixels: lower k or window")


@pytest.mark.parametrize("k", [0, 17])
def test_k_is_at_most_the_pixels(k):
    for function in (top_k, lambda values, k: top_k_div(values, k, 3)):
        with pytest.raises(ValueError, match=f"k {k}: give 1 to 16"):
            function(torch.zeros(1, 4, 4), k)

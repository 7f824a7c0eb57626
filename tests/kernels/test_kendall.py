"""Discordant and tied pairs against the definition, on a CPU and the way a GPU goes."""

import numpy as np
import pytest
import torch
from attx_kernels import kendall
from attx_kernels.rank import levels
from hypothesis import example, given
from hypothesis import strategies as st


def row_by_row(ranks: torch.Tensor) -> torch.Tensor:
    return torch.tensor([kendall._descents_of_row(row) for row in ranks.numpy()])


WAYS = [row_by_row, kendall._descents]


def drawn(rows: int, size: int, values: int, seed: int) -> torch.Tensor:
    return torch.randint(0, values, (rows, size), generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("descents", WAYS)
@given(st.integers(0, 3), st.integers(1, 300), st.sampled_from([1, 2, 9, 10**6]), st.integers(0, 99))
@example(1, 64, 10**6, 0)
@example(2, 65, 10**6, 0)
def test_descents_are_pairs_of_which_the_first_is_larger(descents, rows, size, values, seed):
    ranks = levels(drawn(rows, size, values, seed))
    later = torch.ones(size, size).triu(1).bool()
    expected = [int(((row[:, None] > row[None]) & later).sum()) for row in ranks]
    assert descents(ranks).tolist() == expected


@given(st.integers(1, 3), st.integers(1, 80), st.sampled_from([1, 3, 10**6]), st.integers(0, 99))
def test_pairs_by_definition(rows, size, values, seed):
    one, other = (levels(drawn(rows, size, values, seed + shift)) for shift in (0, 1))
    a, b = ((x[:, :, None] - x[:, None]).sign() for x in (one, other))
    against, tied = kendall.discordant(one, other)
    assert torch.equal(kendall._tied(((one << 32) | other).sort(1).values), tied)
    assert against.tolist() == [int((x * y < 0).sum()) // 2 for x, y in zip(a, b, strict=True)]
    assert tied.tolist() == [(int(((x == 0) & (y == 0)).sum()) - size) // 2 for x, y in zip(a, b, strict=True)]


@pytest.mark.parametrize("descents", WAYS)
@pytest.mark.parametrize("size", [2**16, 2**16 + 1], ids=["32 bits", "64 bits"])
def test_the_reverse_has_all_pairs(descents, size):
    falling = torch.arange(size).flip(0)[None]
    assert descents(torch.cat([falling, falling.flip(1)])).tolist() == [size * (size - 1) // 2, 0]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_counts_alike():
    one, other = (levels(drawn(3, 999, 500, seed)) for seed in (0, 1))
    for here, there in zip(kendall.discordant(one, other), kendall.discordant(one.cuda(), other.cuda()), strict=True):
        assert np.array_equal(here.numpy(), there.cpu().numpy())

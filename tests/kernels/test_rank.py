"""Ranks against NumPy's lexsort of float64 values."""

import numpy as np
import pytest
import torch
from attx_kernels.rank import levels, mean_ranks, order, rank
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.stats import rankdata

DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int64]
SHAPES = st.tuples(st.integers(0, 3), st.integers(1, 40))
# many ties, both zeros, and what has odd bits: subnormal numbers, neighbours, infinities
FEW = st.sampled_from([-np.inf, -3.4e38, -1.0, -1e-45, -0.0, 0.0, 1e-45, 0.5, 1.0, 1.0000001, np.inf])
ANY = st.floats(width=32, allow_nan=False)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@given(npst.arrays(np.float32, SHAPES, elements=FEW | ANY))
def test_ranks_descend_and_ties_go_to_the_lowest_index(dtype, values):
    values = torch.tensor(values) if dtype.is_floating_point else torch.tensor(np.clip(values, -9, 9))
    values = values.to(dtype)
    exact = values.double().numpy()
    expected = [np.lexsort((np.arange(row.size), -row)) for row in exact]
    assert order(values).tolist() == [row.tolist() for row in expected]
    assert rank(values).tolist() == [np.argsort(row).tolist() for row in expected]
    assert rank(values).dtype == torch.int32
    expected = [rankdata(-row) - (row.size + 1) / 2 for row in exact]
    assert mean_ranks(values).tolist() == [row.tolist() for row in expected]
    assert levels(values).tolist() == [np.unique(-row, return_inverse=True)[1].tolist() for row in exact]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rows_of_any_layout_with_a_gradient(dtype):
    values = torch.arange(12, dtype=dtype, requires_grad=True).reshape(4, 3).T
    assert rank(values).tolist() == [[3, 2, 1, 0]] * 3


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_ranks_alike():
    values = torch.randint(-50, 50, (3, 999), generator=torch.Generator().manual_seed(0)) / 2.0
    assert torch.equal(rank(values.cuda()).cpu(), rank(values))

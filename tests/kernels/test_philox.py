"""The generator against the algorithm as published, and the distributions against theory."""

import numpy as np
import torch
from attx_kernels import philox
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

U64 = st.integers(0, 2**64 - 1)
MASK = 2**64 - 1


def philox4x64(key: tuple[int, int], counter: list[int]) -> list[int]:
    """Philox4x64-10 in whole numbers, from the paper (Salmon et al., SC 2011, section 3.3)."""
    (k0, k1), (c0, c1, c2, c3) = key, counter
    for _ in range(10):
        p0, p1 = 0xD2E7470EE14C6C93 * c0, 0xCA5A826395121157 * c2
        c0, c1, c2, c3 = (p1 >> 64) ^ c1 ^ k0, p1 & MASK, (p0 >> 64) ^ c3 ^ k1, p0 & MASK
        k0, k1 = (k0 + 0x9E3779B97F4A7C15) & MASK, (k1 + 0xBB67AE8584CAA73B) & MASK
    return [c0, c1, c2, c3]


@given(key=st.tuples(U64, U64), counter=st.tuples(U64, U64, U64), count=st.integers(1, 40))
def test_words_are_those_of_the_published_algorithm(key, counter, count):
    found = philox.words(np.array(key, dtype=np.uint64), counter, count)
    blocks = [philox4x64(key, [block, *counter]) for block in range(1, 2 + count // 8)]
    halves = [half for block in blocks for word in block for half in (word & 0xFFFFFFFF, word >> 32)]
    assert found.tolist() == halves[:count]


def test_uniform_and_normal_have_their_distributions():
    bits = philox.words(np.array([1, 2], dtype=np.uint64), (0, 0, 0), 200_000)
    uniform = philox.uniform(bits, np.dtype(np.float64))
    assert uniform.min() >= 0
    assert uniform.max() < 1
    assert stats.kstest(uniform, "uniform").pvalue > 0.01
    normal = philox.normal(bits, np.dtype(np.float64))
    assert stats.kstest(normal, "norm").pvalue > 0.01
    assert abs(np.corrcoef(normal[0::2], normal[1::2])[0, 1]) < 0.01  # the two of a Box-Muller pair
    assert abs(np.corrcoef(normal[0::2] ** 2, normal[1::2] ** 2)[0, 1]) < 0.01


def test_normal_is_finite_for_any_bits():
    bits = np.array([0, 0xFFFFFFFF, 0, 0xFFFFFFFF], dtype=np.uint32)
    for dtype in (np.float32, np.float64):
        assert np.isfinite(philox.normal(bits, np.dtype(dtype))).all()


COUNTERS = philox.Counters(np.array([[1, 2**63 + 7], [2**64 - 1, 0]], dtype=np.uint64), np.array([5, 2**40]), step=1)


@settings(max_examples=6)
@given(count=st.sampled_from([1, 7, 2048, 2049]), kind=st.sampled_from(["uniform", "normal"]))
def test_triton_draws_the_same(both_ways, count, kind):
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        host, device = both_ways(philox.draw, kind, COUNTERS, 3, count, like=torch.empty(0, dtype=dtype))
        assert host.shape == device.shape == (2, count)
        assert host.dtype == device.dtype == dtype
        if kind == "uniform":
            assert torch.equal(host, device)
        elif dtype == torch.bfloat16:
            assert torch.allclose(host, device, rtol=2**-7, atol=1e-6)  # a rounding that may fall to either side
        else:  # radii up to 6 times sines that differ in their last digit
            assert torch.allclose(host, device, atol=20 * torch.finfo(dtype).eps, rtol=0)


@given(count=st.integers(1, 20), stream=st.integers(0, 2**20))
def test_few_draws_are_those_of_draw(count, stream):
    expected = philox.draw("uniform", COUNTERS, stream, count, torch.empty(0, dtype=torch.float64))
    assert torch.equal(torch.from_numpy(philox.few(COUNTERS, stream, count)), expected)

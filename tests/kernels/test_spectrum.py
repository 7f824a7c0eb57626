"""The transforms against scipy, for any size."""

import numpy as np
import pytest
import scipy.fft
import torch
from attx_kernels import dispatch, philox, spectrum
from attx_kernels.spectrum import dct2, idct2, masked_copies
from hypothesis import given
from hypothesis import strategies as st

SIDES = st.integers(1, 33)


@given(height=SIDES, width=SIDES, seed=st.integers(0, 100))
def test_dct2_equals_scipy_and_idct2_inverts_it(height, width, seed):
    x = torch.rand(2, 3, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    y = dct2(x)
    assert torch.allclose(y, torch.from_numpy(scipy.fft.dctn(x.numpy(), axes=(2, 3), norm="ortho")), atol=1e-12)
    assert torch.allclose(idct2(y), x, atol=1e-12)


def test_float32_error_is_rounding():
    x = torch.rand(2, 3, 224, 200)
    exact = torch.from_numpy(scipy.fft.dctn(x.double().numpy(), axes=(2, 3), norm="ortho"))
    assert (dct2(x).double() - exact).norm() / exact.norm() < 2e-6


def test_adjoint_is_the_transpose():
    x = torch.rand(1, 1, 5, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(dct2, x)
    assert torch.autograd.gradcheck(idct2, x)


COUNTERS = philox.Counters(np.array([[1, 2], [1, 2], [3, 2**63]], dtype=np.uint64), np.array([0, 1, 0]), step=4)
IMAGE, STREAMS = (1, 1, 0), (0, 1)


@pytest.mark.parametrize(("sigma", "rho"), [(0.1, 0.5), (0.0, 0.3), (0.2, 0.0)])
def test_masked_copies_are_what_they_say(sigma, rho):
    x = torch.rand(2, 3, 7, 5, dtype=torch.float64)
    noise, mask = (
        philox.draw(kind, COUNTERS, stream, 105, x).reshape(3, 3, 7, 5).numpy()
        for kind, stream in zip(("normal", "uniform"), STREAMS, strict=True)
    )
    spectra = (x.numpy()[list(IMAGE)] + sigma * noise) * (1 - rho + 2 * rho * mask)
    expected = torch.from_numpy(scipy.fft.idctn(spectra, axes=(2, 3), norm="ortho"))
    assert torch.allclose(masked_copies(x, IMAGE, COUNTERS, STREAMS, sigma, rho), expected, atol=1e-12)


def test_copies_of_half_precision_are_near_those_of_float32():
    x = torch.rand(2, 3, 24, 16)
    half, single = (masked_copies(v, IMAGE, COUNTERS, STREAMS, 0.1, 0.5).float() for v in (x.bfloat16(), x))
    assert (half - single).norm() / single.norm() < 0.02


@pytest.mark.parametrize(
    ("shape", "dtype", "sigma", "channels_last"),
    [
        ((2, 3, 8, 16), torch.float32, 0.1, True),  # rows of whole blocks of draws
        ((2, 1, 13, 17), torch.float64, 0.1, False),  # rows that cut blocks
        ((2, 1, 5, 40), torch.float32, 0.1, False),  # rows longer than a tile
        ((2, 2, 33, 7), torch.bfloat16, 0.1, True),
        ((2, 1, 5, 8), torch.float16, 0.0, False),
        ((2, 3, 1, 1), torch.float32, 0.1, False),
    ],
)
def test_triton_does_the_same(both_ways, monkeypatch, shape, dtype, sigma, channels_last):
    monkeypatch.setattr(spectrum, "WIDEST", 32)
    if dtype == torch.float64 and not dispatch.interpreted():
        pytest.skip("Triton's products of float64 are for the interpreter alone")
    x = torch.rand(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).to(dtype)
    x = x.to(memory_format=torch.channels_last) if channels_last else x
    # in half precision torch's way rounds in between as well, Triton's at the end alone
    bound = {torch.float64: 1e-13, torch.float32: 2e-6}.get(dtype, 0.02)
    for function, arguments in ((dct2, ()), (idct2, ()), (masked_copies, (IMAGE, COUNTERS, STREAMS, sigma, 0.5))):
        torchs, tritons = both_ways(function, x, *arguments)
        assert torchs.dtype == tritons.dtype == dtype
        assert torchs.shape == tritons.shape
        difference = (torchs.double() - tritons.double()).norm() / torchs.double().norm()
        assert difference < bound


def test_tritons_adjoint_is_the_transpose(both_ways):
    def gradients(x):
        return tuple(
            torch.autograd.grad((f(leaf) * x.cos()).sum(), leaf)[0]
            for f in (dct2, idct2)
            for leaf in [x.clone().requires_grad_()]
        )

    for torchs, tritons in zip(*both_ways(gradients, torch.rand(2, 3, 6, 7)), strict=True):
        assert torch.allclose(torchs, tritons, atol=1e-5)

"""Settings that are measured: any may be chosen, and none changes a bit."""

import numpy as np
import pytest
import torch
from attx_kernels import dispatch, masking, philox, spectrum, tune

from tests.kernels.conftest import forced

COUNTERS = philox.Counters(np.array([[1, 2], [3, 4]], dtype=np.uint64), np.array([0, 1]), step=4)
X = torch.rand(2, 1, 40, 16, generator=torch.Generator().manual_seed(0))
RANKS = torch.arange(640, dtype=torch.int32).view(1, 1, 40, 16).expand(2, -1, -1, -1)


def copies(x):
    return spectrum.masked_copies(x, (1, 0), COUNTERS, (0, 1), 0.1, 0.5)


def halves(x):
    return masking.mixer(x, 1 - x, RANKS[..., : x.shape[3]].to(x.device), (0, 1), (500, 90), (True, False))(0, 2)


CASES = [(spectrum._product, copies), (spectrum._product, spectrum.dct2), (masking._mix, halves)]


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def x(request):
    if (request.param == "cuda") != torch.cuda.is_available() or (
        request.param == "cpu" and not dispatch.interpreted()
    ):
        pytest.skip("no CUDA device, or Triton's interpreter is off where there is one")
    return X.to(request.param)


@pytest.mark.parametrize(("kernel", "call"), CASES)
def test_no_setting_changes_a_bit(monkeypatch, x, kernel, call):
    found = []
    for setting in kernel.settings:
        monkeypatch.setattr(kernel, "settings", [setting])
        with forced("triton"):
            found.append(call(x))
    for other in found[1:]:  # the interpreter's products are NumPy's, which rounds otherwise for tiles of other sizes
        assert (
            torch.allclose(other, found[0], atol=1e-6) if kernel is spectrum._product else torch.equal(other, found[0])
        )
        assert x.device.type == "cpu" or torch.equal(other, found[0])


@pytest.mark.parametrize(("kernel", "call"), CASES)
@pytest.mark.parametrize("fastest", [0, 2])
def test_the_fastest_setting_is_taken_and_measured_once_for_a_key(monkeypatch, kernel, call, fastest):
    if not dispatch.interpreted():
        pytest.skip("times are made up here, and launches the interpreter's")
    runs, count = [], len(kernel.settings)

    def clock(launch, quantiles):
        launch()
        runs.append(launch)
        return [float((len(runs) - 1) % count != fastest)] * 3

    with forced("triton"):
        expected = call(X), call(X[..., :8])
        monkeypatch.setattr(tune, "measuring", lambda: True)
        monkeypatch.setattr(kernel.measured, "cache", {})
        monkeypatch.setitem(vars(kernel.measured), "do_bench", clock)
        assert torch.allclose(call(X), expected[0], atol=1e-6)
        keys = 1 if kernel is masking._mix else 2  # rows and columns are products of their own
        assert len(runs) == keys * count
        chosen = kernel.measured.best_config
        assert kernel.settings[fastest].items() <= chosen.all_kwargs().items()
        for size in (16, 8):  # 8 columns are another number of pixels, but within the same tile
            assert torch.allclose(call(X[..., :size]), expected[size < 16], atol=1e-6)
    assert len(runs) == 2 * count


def test_settings_are_measured_on_a_gpu_unless_switched_off(monkeypatch):
    for interpreted, asked, expected in (("1", "", False), ("0", "", True), ("0", "0", False), ("0", "1", True)):
        monkeypatch.setenv("TRITON_INTERPRET", interpreted)
        monkeypatch.setenv(tune.VARIABLE, asked)
        assert tune.measuring() == expected

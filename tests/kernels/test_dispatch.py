"""Which way a kernel goes, and what is said where it cannot."""

import pytest
import torch
from attx_kernels import dispatch, spectrum

X = torch.zeros(1)


class Spy:
    """Stands for the kernel of products: keeps the precision that it is launched with."""

    def __init__(self, seen):
        self.seen = seen

    def __getitem__(self, grid):
        return lambda *arguments: self.seen.append(next(x for x in arguments if isinstance(x, str)))


def test_torch_on_a_cpu_unless_forced(monkeypatch):
    monkeypatch.delenv(dispatch.VARIABLE, raising=False)
    assert dispatch.way("one", X) == "torch"
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    monkeypatch.setenv(dispatch.VARIABLE, "triton")
    assert dispatch.way("two", X) == "triton"


def test_what_was_used_is_noted(monkeypatch):
    monkeypatch.setenv(dispatch.VARIABLE, "torch")
    dispatch.forget()
    dispatch.way("one", X)
    assert dispatch.used() == {"one": "torch"}
    dispatch.forget()
    assert dispatch.used() == {}


def test_the_precision_of_products_is_noted_where_it_is_used(monkeypatch):
    monkeypatch.setattr(dispatch, "_precision", dispatch.precision("x"))  # put back after the test
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    seen = []
    monkeypatch.setattr(spectrum, "_product", Spy(seen))
    for wanted in dispatch.PRECISIONS:
        dispatch.set_precision(wanted)
        dispatch.forget()
        for forced, noted in (("torch", {}), ("triton", {"spectrum: precision": wanted})):
            monkeypatch.setenv(dispatch.VARIABLE, forced)
            spectrum.dct2(torch.rand(1, 2, 3))
            assert dispatch.used() == {"spectrum": forced} | noted
        assert seen[-1] == wanted
    with pytest.raises(ValueError, match="'full': give tf32x3, tf32 or ieee"):
        dispatch.set_precision("full")


@pytest.mark.parametrize(
    ("forced", "said"), [("tritton", "ATTX_KERNELS=tritton: set it to torch or triton"), ("triton", "TRITON_INTERPRET")]
)
def test_a_way_that_cannot_be_gone_fails_loudly(monkeypatch, forced, said):
    monkeypatch.setenv("TRITON_INTERPRET", "0")
    monkeypatch.setenv(dispatch.VARIABLE, forced)
    with pytest.raises(RuntimeError, match=said):
        dispatch.way("one", X)


def test_without_triton_a_forced_triton_fails(monkeypatch):
    monkeypatch.setattr(dispatch, "triton", None)
    monkeypatch.setenv(dispatch.VARIABLE, "triton")
    with pytest.raises(RuntimeError, match="Triton is not installed"):
        dispatch.way("one", X)


def test_a_gpu_on_which_triton_fails_is_told_at_once(monkeypatch):
    class Broken:
        def __getitem__(self, grid):
            raise RuntimeError("Failed to find C compiler.\nTrace")

    monkeypatch.setattr(dispatch, "_nothing", Broken())
    monkeypatch.delenv(dispatch.VARIABLE, raising=False)
    with pytest.raises(RuntimeError, match=r"Failed to find C compiler.*ATTX_KERNELS=torch"):
        dispatch.ready(torch.device("cuda"))
    monkeypatch.setenv(dispatch.VARIABLE, "torch")
    dispatch.ready(torch.device("cuda"))

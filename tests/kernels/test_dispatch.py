"""Which way a kernel goes, and what is said where it cannot."""

import pytest
import torch
from attx_kernels import dispatch

X = torch.zeros(1)


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

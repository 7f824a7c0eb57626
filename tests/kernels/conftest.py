"""Tests of Triton's kernels run by its interpreter on a CPU, and, marked `gpu`, on a CUDA device: the same bodies."""

import contextlib
from collections.abc import Callable, Iterator

import pytest
import torch
from attx_kernels import dispatch, tune


@contextlib.contextmanager
def forced(way: str) -> Iterator[None]:
    """`ATTX_KERNELS` set to `way` within the block, and nothing measured: sizes are many, and small."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(tune.VARIABLE, "0")
        patch.setenv(dispatch.VARIABLE, way)
        yield


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)], scope="module")
def both_ways(request) -> Callable:
    """both_ways(function, *tensors, **settings) -> what torch's way returns and what Triton's does, on the CPU.

    The tensors (any that are nested in lists or tuples are not seen) are moved to the device first.
    """
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    if request.param == "cpu" and not dispatch.interpreted():
        pytest.skip("Triton's interpreter is off where there is a GPU")

    def call(function: Callable, *arguments: object, **settings: object) -> tuple:
        def on(value: object) -> object:
            return value.to(request.param) if isinstance(value, torch.Tensor) else value

        def off(value: object) -> object:
            if isinstance(value, tuple):
                return tuple(map(off, value))
            return value.cpu() if isinstance(value, torch.Tensor) else value

        found = []
        for way in dispatch.WAYS:
            moved = [on(a) for a in arguments], {key: on(a) for key, a in settings.items()}
            with forced(way):
                found.append(off(function(*moved[0], **moved[1])))
        return tuple(found)

    return call

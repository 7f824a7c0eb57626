"""Which way a kernel runs: by Triton on a GPU, by torch elsewhere.

`ATTX_KERNELS=triton` or `torch` forces one of them, and fails where that cannot be. Triton's interpreter
(`TRITON_INTERPRET=1`, before the first import) runs its kernels on a CPU, slowly: the tests do.
"""

import os
from collections.abc import Callable
from types import SimpleNamespace

import torch
from torch import Tensor

try:
    import triton
    import triton.language as tl
except ImportError:  # Triton has no wheels for this platform
    triton, tl = None, SimpleNamespace(constexpr=None)

VARIABLE = "ATTX_KERNELS"
WAYS = ("torch", "triton")
HALF_OR_SINGLE = (torch.float16, torch.bfloat16, torch.float32)
TRITONS = (*HALF_OR_SINGLE, torch.bool)
PRECISIONS = "tf32x3", "tf32", "ieee"
_precision = PRECISIONS[0]
_used: dict[str, str] = {}


def jit(function: Callable | None = None, **options: object) -> Callable:
    """`triton.jit`, where there is Triton."""
    if function is None:
        return lambda given: jit(given, **options)
    return triton.jit(function, **options) if triton else function


def way(kernel: str, x: Tensor) -> str:
    """ "triton" or "torch", for a kernel's name and its input; noted, so that `used` can tell.

    Unforced, Triton takes booleans and floats of up to 32 bits on CUDA devices. RuntimeError if a forced way is closed.
    """
    forced = os.environ.get(VARIABLE)
    if forced:
        check(x.device)
    chosen = forced or ("triton" if triton and x.is_cuda and x.dtype in TRITONS else "torch")
    _used[kernel] = chosen
    return chosen


def set_precision(wanted: str) -> None:
    """From now on Triton's products of float32 are made in "tf32x3" (three passes of tensor cores, nearly exact; as
    long as nothing is set), "tf32" (one pass) or "ieee" (none). ValueError for another."""
    global _precision
    if wanted not in PRECISIONS:
        raise ValueError(f"precision {wanted!r}: give {', '.join(PRECISIONS[:-1])} or {PRECISIONS[-1]}")
    _precision = wanted


def precision(kernel: str) -> str:
    """What `set_precision` chose, for a kernel with products; noted, as its way is."""
    _used[f"{kernel}: precision"] = _precision
    return _precision


def check(device: torch.device) -> None:
    """RuntimeError where the environment forces a way that `device` cannot go."""
    forced = os.environ.get(VARIABLE)
    if forced and forced not in WAYS:
        raise RuntimeError(f"{VARIABLE}={forced}: set it to torch or triton, or unset it")
    if forced == "triton" and triton is None:
        raise RuntimeError(f"{VARIABLE}=triton, but Triton is not installed: install triton, or unset {VARIABLE}")
    if forced == "triton" and device.type != "cuda" and not interpreted():
        raise RuntimeError(
            f"{VARIABLE}=triton, but the device is {device}: Triton needs a CUDA device, or TRITON_INTERPRET=1 for its "
            f"interpreter; else unset {VARIABLE}"
        )


def ready(device: torch.device) -> None:
    """RuntimeError where kernels would fail on `device`; a kernel that does nothing is compiled and run to see it."""
    check(device)
    if device.type == "cuda" and triton and os.environ.get(VARIABLE) != "torch":
        try:
            _nothing[(1,)](torch.zeros(1, device=device))
        except Exception as error:  # of the compiler, the driver, or Triton
            why = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise RuntimeError(
                f"Triton cannot run kernels on {device} ({why}): it needs a C compiler and Python's headers; or set "
                f"{VARIABLE}=torch, which needs neither"
            ) from error


@jit
def _nothing(x):
    pass


def interpreted() -> bool:
    """Whether Triton's kernels run by its interpreter."""
    return os.environ.get("TRITON_INTERPRET") == "1"


def used() -> dict[str, str]:
    """Which way each kernel went that has run in this process since `forget`, and with what precision."""
    return dict(_used)


def forget() -> None:
    """Begin to note anew."""
    _used.clear()

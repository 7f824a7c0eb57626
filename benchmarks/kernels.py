"""Each kernel's time on both ways, and how near it comes to what the device can do."""

import contextlib
import os
import statistics
from collections.abc import Callable, Iterator
from functools import partial

import torch
from attx_kernels import dispatch

from benchmarks import clock
from benchmarks.cases import Case, cases
from benchmarks.setting import Setting, Table


@contextlib.contextmanager
def way(name: str) -> Iterator[None]:
    """Kernels go this way within the block."""
    before = os.environ.get(dispatch.VARIABLE)
    os.environ[dispatch.VARIABLE] = name
    try:
        yield
    finally:
        del os.environ[dispatch.VARIABLE]
        if before:
            os.environ[dispatch.VARIABLE] = before


def table(setting: Setting) -> Table:
    """A row for each call of a kernel, after those of the device's ceilings."""
    bandwidth, rate = ceilings(setting)
    found = Table(
        "Kernels",
        notes=[
            f"Ceilings, measured in this run: {bandwidth / 1e9:.0f} GB/s (a large copy, read and written) and "
            f"{rate / 1e12:.2f} TFLOP/s (a large matrix product in float32 without TF32). `GB/s`, `TFLOP/s`: of what "
            "must at least be moved and computed. `share`: the time that this takes at the ceilings / the time taken.",
            "Random numbers, sorts and a sequential search (rank, topk) count as nothing, so their share says little.",
        ],
    )
    size, copies = (32, 2) if setting.quick else (224, 8 if setting.device == "cpu" else 128)
    for case in cases(setting.device, setting.dtype, size, copies, k=50 if setting.quick else 1000):
        try:
            times = both(case, setting)
        except Exception as error:  # a compiler's, in whatever words: the other kernels go on
            found.notes.append(f"{case.kernel}, {case.what}: {type(error).__name__}: {str(error).splitlines()[0]}")
            continue
        for name, seconds in times.items():
            row = {"kernel": case.kernel, "what": case.what, "way": name, "ms": 1000 * seconds}
            row |= {"GB/s": case.bytes / seconds / 1e9, "TFLOP/s": case.flop / seconds / 1e12}
            found.rows.append(row | {"share": max(case.bytes / bandwidth, case.flop / rate) / seconds})
    return found


def both(case: Case, setting: Setting) -> dict[str, float]:
    """Seconds of a call by way: on a CPU torch's alone."""
    ways = ("torch", "triton") if setting.device == "cuda" and has_triton(case.prepare) else ("torch",)
    times = clock.interleaved({name: partial(timed, case, name, setting) for name in ways}, 2 if setting.quick else 5)
    return {name: statistics.median(several) for name, several in times.items()}


def timed(case: Case, name: str, setting: Setting) -> float:
    """Seconds of one call: of as many in a row as take a while, after the first."""
    with way(name):
        return repeated(case.prepare(), setting)


def has_triton(prepare: Callable[[], Callable[[], object]]) -> bool:
    """Whether anything of a call goes Triton's way if that is forced."""
    dispatch.forget()
    with way("triton"):
        prepare()()
    return "triton" in dispatch.used().values()


def repeated(call: Callable[[], object], setting: Setting) -> float:
    """Seconds of one call among many, without the wait for the device after each."""
    call()
    once = max(clock.timed(call, setting.device), 1e-6)
    number = 1 if setting.quick else min(1000, max(3, int(0.05 / once)))

    def many() -> None:
        for _ in range(number):
            call()

    return clock.timed(many, setting.device) / number


def ceilings(setting: Setting) -> tuple[float, float]:
    """Bytes and floating-point operations a second."""
    count, n = (2**16, 64) if setting.quick else (2**26, 1536) if setting.device == "cpu" else (2**29, 8192)
    source = torch.rand(count, device=setting.device)
    target = torch.empty_like(source)
    a, b = torch.rand(2, n, n, device=setting.device)
    copy = min(repeated(lambda: target.copy_(source), setting) for _ in range(3))
    product = min(repeated(lambda: a @ b, setting) for _ in range(3))
    return 2 * count * 4 / copy, 2 * n**3 / product

"""Launch settings of a kernel (tiles, warps, stages) that are measured on the GPU where it is first used.

Which are fastest can come out otherwise in the next run, so only settings that leave all bits alone are there to choose
from: those of kernels whose elements are each made by the same operations in the same order, whatever the tile. Where
threads add up together (`update`), settings are fixed. What was measured is kept in Triton's cache, for the next jobs.
`ATTX_TUNE=0` takes the first settings of each list, and so does Triton's interpreter.
"""

import os
from collections.abc import Callable, Sequence
from functools import partial

from attx_kernels import dispatch
from attx_kernels.dispatch import triton

VARIABLE = "ATTX_TUNE"
OPTIONS = ("num_warps", "num_stages")  # Triton's own; the others of a setting are constants of the kernel


def tuned(*settings: dict[str, int], key: Sequence[str]) -> Callable:
    """For a kernel under `jit`: its launches get one of `settings`, measured for each combination of the dtypes and the
    arguments that `key` names. The kernel must not read what it writes, since measuring runs it again and again."""
    return lambda kernel: Tuned(kernel, settings, key) if triton else kernel


class Tuned:
    """A kernel, launched as others are: `kernel[grid](...)`, without what its settings give."""

    def __init__(self, kernel: Callable, settings: Sequence[dict[str, int]], key: Sequence[str]) -> None:
        self.kernel, self.settings = kernel, settings
        self.measured = triton.autotune([_config(s) for s in settings], list(key), cache_results=True)(kernel)

    def __getitem__(self, grid: Callable | tuple) -> Callable:
        if measuring():
            return self.measured[grid]
        return partial(self.kernel[grid], **self.settings[0])


def measuring() -> bool:
    """Whether settings are measured."""
    return os.environ.get(VARIABLE) != "0" and not dispatch.interpreted()


def _config(setting: dict[str, int]) -> object:
    constants = {name: value for name, value in setting.items() if name not in OPTIONS}
    return triton.Config(constants, **{name: setting[name] for name in OPTIONS if name in setting})

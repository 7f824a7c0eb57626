"""Times as ratios of the same round: other work on a machine changes from minute to minute, and both sides alike."""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

Result = TypeVar("Result")


def measured(function: Callable[[], Result], device: str) -> tuple[Result, float]:
    """What one call gives, and its seconds: CPU time of this process on a CPU, on a GPU wall time until all is done.

    CPU time, since jobs have one thread: it is what a core of their own would take.
    """
    if device == "cpu":
        start = time.process_time()
        return function(), time.process_time() - start
    torch.cuda.synchronize()
    start = time.perf_counter()
    result = function()
    torch.cuda.synchronize()
    return result, time.perf_counter() - start


def timed(function: Callable[[], object], device: str) -> float:
    """The seconds alone."""
    return measured(function, device)[1]


def interleaved(contenders: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Seconds by name, one for each round; every second round goes backwards. A contender returns its seconds."""
    found = {name: [] for name in contenders}
    for number in range(rounds):
        names = list(contenders) if number % 2 == 0 else list(reversed(contenders))
        for name in names:
            found[name].append(contenders[name]())
    return found


def ratio(above: list[float], below: list[float], factor: float = 1.0) -> tuple[float, float, float]:
    """Median, least and largest of the rounds' ratios, times `factor`."""
    ratios = [factor * a / b for a, b in zip(above, below, strict=True)]
    return statistics.median(ratios), min(ratios), max(ratios)


def spread(name: str, values: tuple[float, float, float]) -> dict[str, float | str]:
    """The columns of a ratio."""
    median, low, high = values
    return {name: median, f"{name}: range": f"{low:.2f} to {high:.2f}"}


def fastest(build: Callable[[int], Callable[[], object]], sizes: Sequence[int], device: str) -> int:
    """The batch size whose run, `build(size)`, takes the least time; those beyond the device's memory are left out."""
    times: dict[int, float] = {}
    for size in sizes:
        try:  # at the first run of a size libraries choose their algorithms
            run = build(size)
            times[size] = min(timed(run, device) for _ in range(2))
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
            break
    return min(times, key=times.__getitem__)

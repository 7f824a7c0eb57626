"""How fast a network is: seconds of its passes, forward and with the gradient of its images."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

ENOUGH = 2.0  # seconds: a first run that took as long stands, and shorter ones are repeated
Result = TypeVar("Result")


def pass_seconds(
    net: nn.Module, shape: Sequence[int], batch_size: int, where: torch.device, dtype: torch.dtype
) -> tuple[float, float]:
    """Seconds an image of a forward pass with the input's gradient, and of a forward pass alone."""
    images = torch.rand(batch_size, 3, *shape).to(where, dtype)
    with torch.no_grad():
        return gradient_seconds(net, images), _seconds(lambda: net(images), where) / batch_size


def gradient_seconds(net: nn.Module, images: Tensor) -> float:
    """Seconds an image of a forward pass with the input's gradient."""
    return _seconds(lambda: with_gradient(net, images), images.device) / len(images)


@torch.enable_grad()
def with_gradient(net: nn.Module, images: Tensor) -> None:
    """One forward pass with the input's gradient."""
    inputs = images.clone().requires_grad_()
    torch.autograd.grad(net(inputs)[:, 0].sum(), inputs)


def _seconds(call: Callable[[], object], where: torch.device) -> float:
    """The median of several runs; the first does not count, unless it took long."""
    _, first = timed(call, where)
    if first >= ENOUGH:
        return first
    took: list[float] = []
    while sum(took) < ENOUGH / 2 and len(took) < 20:
        took.append(timed(call, where)[1])
    return sorted(took)[len(took) // 2]


def timed(call: Callable[[], Result], where: torch.device) -> tuple[Result, float]:
    """What a call returns, and its seconds, to the end of what it started on the device."""
    start = time.perf_counter()
    result = call()
    if where.type == "cuda":
        torch.cuda.synchronize(where)
    return result, time.perf_counter() - start

"""How fast a model is on this machine, and how much memory its jobs take."""

import resource
import sys
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from attx.models.loading import load_model
from attx.stages import common

ENOUGH = 2.0  # seconds: a first run that took as long stands, and shorter ones are repeated
ENLARGED = 1.15  # the default `diversity_rate`
Result = TypeVar("Result")


def model(spec: dict, machine: dict, device: str, started: float) -> dict:
    """Seconds an image at full batches, with the gradient and forward alone; peak memory; seconds until loaded.

    The weights are random where published ones would have to be fetched. `started`: when the process did.
    """
    where, dtype = common.prepare(machine, device)
    if spec["use"] in ("torchvision", "timm"):
        spec = spec | {"weights": "random"}
    classifier = load_model("model", **spec).to(where, dtype)
    loaded = time.time() - started
    shape = classifier.preprocess.shape
    backward, forward = pass_seconds(classifier, shape, machine["batch_size"], where, dtype)
    if not classifier.fixed_size:  # what the diversity transform makes of a batch takes more memory
        large = torch.rand(machine["batch_size"], 3, *(int(side * ENLARGED) for side in shape))
        _with_gradient(classifier, large.to(where, dtype))
    return {
        "shape": shape,
        "forward_seconds": forward,
        "backward_seconds": backward,
        "start_seconds": loaded,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "device_memory": torch.cuda.max_memory_reserved(where) if where.type == "cuda" else 0,
        "device": torch.cuda.get_device_name(where) if where.type == "cuda" else "cpu",
    }


def pass_seconds(
    net: nn.Module, shape: Sequence[int], batch_size: int, where: torch.device, dtype: torch.dtype
) -> tuple[float, float]:
    """Seconds an image of a forward pass with the input's gradient, and of a forward pass alone."""
    images = torch.rand(batch_size, 3, *shape).to(where, dtype)

    with_gradient = _seconds(lambda: _with_gradient(net, images), where)
    with torch.no_grad():
        return with_gradient / batch_size, _seconds(lambda: net(images), where) / batch_size


def _with_gradient(net: nn.Module, images: Tensor) -> None:
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

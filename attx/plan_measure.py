"""What a plan must try: each model for its speed and memory, each method and metric for its passes and its own work.

Run as `python -m attx.plan_measure`, a process for each request: JSON in by stdin, JSON out by stdout.
"""

import json
import resource
import sys
import time
from collections import deque
from collections.abc import Callable

import torch
from torch import nn

from attx.allocator import keep_memory
from attx.attribution.attexplore import path_of
from attx.attribution.forward import counted
from attx.errors import UserError
from attx.models.classifier import Classifier
from attx.models.loading import load_model
from attx.models.state import seeded
from attx.preprocess import Preprocess
from attx.stages import common, score, trace

ENOUGH = 2.0  # seconds, after which a measurement stands
CLASSES = 1000


def model(spec: dict, machine: dict, device: str, started: float) -> dict:
    """Seconds an image at full batches, forward alone and with the gradient; peak memory; seconds until loaded.

    The weights are random wherever published ones would have to be fetched.
    """
    where, dtype = common.prepare(machine, device)
    if spec["use"] in ("torchvision", "timm"):
        spec = spec | {"weights": "random"}
    classifier = load_model("model", **spec).to(where, dtype)
    loaded = time.time() - started
    shape = classifier.preprocess.shape
    backward, forward = _pass_seconds(classifier, shape, machine["batch_size"], where, dtype)
    return {
        "shape": shape,
        "forward_seconds": forward,
        "backward_seconds": backward,
        "start_seconds": loaded,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "device_memory": torch.cuda.max_memory_reserved(where) if where.type == "cuda" else 0,
        "device": torch.cuda.get_device_name(where) if where.type == "cuda" else "cpu",
    }


def cost(spec: dict, shape: list[int], machine: dict, device: str) -> dict:
    """Passes for one image, counted on a toy model; the seconds beside them, which are the method's own work.

    `spec`: {method}, {attack}, {path} of a method, or {metric} with what it is handed. {error} where the toy model is
    none for it.
    """
    where, dtype = common.prepare(machine, device)
    toy = _toy(shape).to(where, dtype)
    images = torch.rand(1, 3, *shape, generator=torch.Generator().manual_seed(0)).to(where, dtype)
    try:
        use = _use(spec, toy, images)
        with counted(toy) as passes:
            result = use()
        forward, backward = passes.forward, passes.backward
        seconds = _seconds(use, images.device)
    except Exception as error:  # a method may need what a toy has not, and say so in any way
        return {"error": str(error).splitlines()[0] if str(error) else type(error).__name__}
    both, alone = _pass_seconds(toy, shape, machine["batch_size"], where, dtype)
    own = seconds - backward * both - max(forward - backward, 0) * alone
    size = sum(value.nbytes for value in result.values()) if isinstance(result, dict) else 0
    return {"forward": forward, "backward": backward, "own_seconds": max(own, 0.0), "bytes": size}


def _use(spec: dict, toy: Classifier, images: torch.Tensor) -> Callable[[], object]:
    """What is to be counted, as a call without arguments."""
    with torch.no_grad():
        targets = toy(images).argmax(1)
    if "metric" in spec:
        maps = torch.rand(images.shape, generator=torch.Generator().manual_seed(1)).to(images)
        chosen = dict.fromkeys(("predicted", "label", "explained"), targets)
        handed = score.handing(spec)(["image"])
        judge = score.built("metrics", spec["metric"])
        return lambda: judge(toy, images, maps, chosen, **handed)
    if "attack" in spec:
        attack = score.built("attacks", spec["attack"])
        return lambda: deque(attack.points(toy, images, targets, ["image"]), maxlen=0)
    if "path" in spec:
        attack = path_of(**{key: value for key, value in spec["path"].items() if key != "use"})
        return lambda: trace._followed(attack, toy, images, targets, ["image"])
    method = score.built("attribution", spec["method"])
    return lambda: method(toy, images, targets, ["image"])


def _toy(shape: list[int]) -> Classifier:
    """A net that takes next to no time, with a feature map and a head, for images of any size from 8 pixels."""
    with seeded(0):
        net = nn.Sequential(
            nn.Conv2d(3, 8, 8, stride=8),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(8, CLASSES),
        )
    return Classifier(net, preprocess=Preprocess(tuple(shape)), classes=CLASSES)


def _pass_seconds(
    net: nn.Module, shape: list[int], batch_size: int, where: torch.device, dtype: torch.dtype
) -> tuple[float, float]:
    """Seconds an image of a forward pass with the input's gradient, and of a forward pass alone."""
    images = torch.rand(batch_size, 3, *shape).to(where, dtype)

    def both() -> None:
        inputs = images.clone().requires_grad_()
        torch.autograd.grad(net(inputs)[:, 0].sum(), inputs)

    @torch.no_grad()
    def alone() -> None:
        net(images)

    return _seconds(both, where) / batch_size, _seconds(alone, where) / batch_size


def _seconds(call: Callable[[], object], where: torch.device) -> float:
    """Seconds of a call, the first of which does not count unless it took long."""
    first = _timed(call, where)
    if first >= ENOUGH:
        return first
    took = []
    while sum(took) < ENOUGH / 2 and len(took) < 20:
        took.append(_timed(call, where))
    return sorted(took)[len(took) // 2]


def _timed(call: Callable[[], object], where: torch.device) -> float:
    start = time.perf_counter()
    call()
    if where.type == "cuda":
        torch.cuda.synchronize(where)
    return time.perf_counter() - start


def main() -> int:
    """Answer one request: {"model": arguments of `model`}, or {"costs": [arguments of `cost`, ...]}."""
    keep_memory()
    request = json.load(sys.stdin)
    try:
        answer = model(**request["model"]) if "model" in request else [cost(**one) for one in request["costs"]]
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())

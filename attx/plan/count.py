"""How many passes methods, attacks and metrics take, counted on a toy model, and what they take beside the model."""

from collections import deque
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor, nn

from attx import registry
from attx.attribution.attexplore import path_of
from attx.attribution.forward import counted
from attx.models.classifier import Classifier
from attx.models.state import seeded
from attx.preprocess import Preprocess
from attx.stages import common, score, trace
from attx.stages.engine import sized
from attx.throughput import pass_seconds, timed

CLASSES = 1000
DEPTH = 6  # layers between the first and the head
MARGIN = 5.0  # logits: a probability of 0.1 that no attack lowers enough
SMALL = 32  # pixels, of images on which methods' passes are counted


def cost(spec: dict, shape: Sequence[int], machine: dict, device: str, *, time: bool = True) -> dict:
    """Passes an image, counted with as many images at once as jobs take, and with `time` the seconds of work beside.

    `spec`: {method}, {attack}, {perturbation}, {path} of a method, or {metric} with what it is handed. What stops when
    the prediction changes is counted at its most. {error} where the toy model is none for it.
    """
    where, dtype = common.prepare(machine, device)
    spec = sized(spec, machine["batch_size"])
    few, small = max(1, machine["batch_size"] // 4), [min(side, SMALL) for side in shape]
    if "metric" in spec:  # its passes go by the image's size; a method's do not, but may be shared by a batch
        few, small = 1, shape
    try:
        toy, images = _toy(small).to(where, dtype), _images(few, small).to(where, dtype)
        result, forward, backward = _counted(spec, toy, images)
        own = _own_seconds(spec, tuple(shape), machine["batch_size"], where, dtype) if time else None
    except Exception as error:  # a method may need what a toy has not, and say so in any way
        return {"error": (str(error) or type(error).__name__).splitlines()[0]}
    size = sum(value.nbytes for value in result.values()) if isinstance(result, dict) else 0
    each = {"forward": forward / few, "backward": backward / few, "bytes": size / few}
    return each if own is None else each | {"own_seconds": own}


def _counted(spec: dict, toy: Classifier, images: Tensor) -> tuple[object, int, int]:
    """What comes out, and the passes forward and backward."""
    targets = toy.net(images).argmax(1)
    with counted(toy) as passes:
        result = _use(spec, toy, images, targets)
    return result, passes.forward, passes.backward


def _own_seconds(spec: dict, shape: tuple[int, ...], batch_size: int, where: torch.device, dtype: torch.dtype) -> float:
    """The seconds for one image of that size, less those of the toy model's passes."""
    toy, images = _toy(shape).to(where, dtype), _images(1, shape).to(where, dtype)
    (_, forward, backward), seconds = timed(lambda: _counted(spec, toy, images), where)
    both, alone = _toy_seconds(shape, batch_size, where, dtype)
    return max(seconds - forward * alone - backward * (both - alone), 0.0)


@cache
def _toy_seconds(
    shape: tuple[int, ...], batch_size: int, where: torch.device, dtype: torch.dtype
) -> tuple[float, float]:
    return pass_seconds(_toy(shape).to(where, dtype), shape, batch_size, where, dtype)


def _use(spec: dict, toy: Classifier, images: Tensor, targets: Tensor) -> object:
    """Do what is to be counted."""
    ids = [str(i) for i in range(len(images))]
    if "metric" in spec:
        chosen = dict.fromkeys(("predicted", "label", "explained"), targets)
        maps = _images(len(images), images.shape[2:]).to(images)
        return registry.built("metrics", spec["metric"])(toy, images, maps, chosen, **score.handing(spec)(ids))
    if "attack" in spec:
        return deque(registry.built("attacks", spec["attack"]).points(toy, images, targets, ids), maxlen=0)
    if "perturbation" in spec:
        return registry.built("perturbations", spec["perturbation"]).run(toy, images, targets, ids)
    if "path" in spec:
        attack = path_of(**registry.params(spec["path"]))
        return trace.followed(attack, toy, images, targets, ids)
    return registry.built("attribution", spec["method"])(toy, images, targets, ids)


def _images(count: int, shape: Sequence[int]) -> Tensor:
    return torch.rand(count, 3, *shape, generator=torch.Generator().manual_seed(0))


def _toy(shape: Sequence[int]) -> Classifier:
    """A net that takes next to no time, for images from 8 pixels on; it always predicts class 0, by a little."""
    with seeded(0):
        layers = [layer for _ in range(DEPTH) for layer in (nn.Conv2d(8, 8, 3, padding=1), nn.ReLU())]
        head = nn.Linear(8, CLASSES)
        head.bias.data[0] += MARGIN
        pool = (nn.AdaptiveAvgPool2d(1), nn.Flatten())
        net = nn.Sequential(nn.Conv2d(3, 8, 8, stride=8), nn.ReLU(), *layers, *pool, head)
    return Classifier(net, preprocess=Preprocess(tuple(shape)), classes=CLASSES)

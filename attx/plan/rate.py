"""How fast a model is on this machine, and how much memory its jobs take."""

import resource
import sys
import time

import torch

from attx import registry
from attx.models.classifier import Classifier
from attx.models.loading import load_model
from attx.stages import common
from attx.throughput import pass_seconds, with_gradient
from attx.training import nets

ENLARGED = 1.15  # the default `diversity_rate`


def model(spec: dict, machine: dict, device: str, started: float) -> dict:
    """Seconds an image at full batches, with the gradient and forward alone; peak memory; seconds until loaded.

    `started`: when the process did.
    """
    where, dtype = common.prepare(machine, device)
    classifier = _classifier(spec).to(where, dtype)
    batch_size = common.tune(classifier, machine, where, dtype)
    loaded = time.time() - started
    shape = classifier.preprocess.shape
    backward, forward = pass_seconds(classifier, shape, batch_size, where, dtype)
    if not classifier.fixed_size:  # what the diversity transform makes of a batch takes more memory
        large = torch.rand(batch_size, 3, *(int(side * ENLARGED) for side in shape))
        with_gradient(classifier, large.to(where, dtype))
    return {
        "shape": shape,
        "batch_size": batch_size,
        "forward_seconds": forward,
        "backward_seconds": backward,
        "start_seconds": loaded,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "device_memory": torch.cuda.max_memory_reserved(where) if where.type == "cuda" else 0,
        "device": torch.cuda.get_device_name(where) if where.type == "cuda" else "cpu",
    }


def _classifier(spec: dict) -> Classifier:
    """With random weights where published ones would have to be fetched, and where the run has yet to train them."""
    if spec["use"] == "trained":
        keys = ("net", "classes", "channels", "size")
        return nets.untrained(**{k: spec.get(k, registry.default("models", "trained", k)) for k in keys}, seed=0)
    return load_model("model", **spec | ({"weights": "random"} if spec["use"] in ("torchvision", "timm") else {}))

"""What a job asks a cluster for: memory and time, by its slice of the configuration, or by a plan that was saved.

Estimates are meant to be enough; what was not is doubled when the job is tried again. No torch: the Snakefile imports
this. The constants were measured as docs/planning.md tells.
"""

import json
import math

from attx import registry
from attx.config import Config
from attx.data import listing
from attx.plan.jobs import Work, works
from attx.roots import images as learned

LIGHT_MB = 1200  # a job without a model
BASE_MB = 1400  # Python, torch and a model of 100 million weights
GPU_MB = 6000  # of the machine's own memory: CUDA's libraries, loaded
ACTIVATIONS_MB = {True: 165.0, False: 25.0}  # a row of a batch, with its gradient or without: 224 x 224 in float32
MAPS = 4  # copies of a shard's maps that a job holds
SIDE = 224  # pixels, of models whose size the configuration does not tell
CPU_BATCH = 32  # `batch_size: auto` on a CPU
PASS_SECONDS = 1.0  # forward and backward, an image of 224 x 224 pixels in float32 on one thread
GPU_SPEEDUP = 50
START_MINUTES = 5  # loading Python and the model from a slow shared disk
MARGIN = 2  # of all times
CURVE_BYTES = 8192  # an image's scores in a table, curves among them
FAMILIES = {"method": "attribution", "path": "attribution", "metric": "metrics", "attack": "attacks"}
FAMILIES |= {"perturbation": "perturbations"}
GRADIENTS = ("methods", "method", "attack", "perturbation", "training")  # slices of jobs that differentiate a model
COUNTS = ("steps", "attack_steps", "copies", "samples", "classes", "fractions", "restarts", "stages", "side")


def needed(config: Config, stage: str, spec: dict, images: int, gpu: bool) -> dict[str, int]:
    """{mem_mb, runtime}, in MB and minutes, of the first try of a job of `stage` with the slice `spec`.

    `images`: how many it works on, or rows it puts together; `gpu`: whether it runs on one.
    """
    if stage == "train":
        return _training(spec, gpu)
    if "model" not in spec or stage == "weights":
        rows_mb = images * CURVE_BYTES / 1e6
        return _whole(LIGHT_MB + 4 * rows_mb, images * 0.02)
    doing = works(config, stage, spec)
    side = _side(spec["model"])
    seconds = images * sum(passes(work, side) for work in doing) * _pass_seconds(side, spec, gpu)
    return _whole(_memory(spec, side, images, gpu), seconds)


def _whole(mb: float, seconds: float) -> dict[str, int]:
    return {"mem_mb": 100 * math.ceil(mb / 100), "runtime": START_MINUTES + math.ceil(MARGIN * seconds / 60)}


def _memory(spec: dict, side: int, images: int, gpu: bool) -> float:
    """MB of a job that runs a model."""
    area, itemsize = (side / SIDE) ** 2, 8 if spec["dtype"] == "float64" else 4
    maps = MAPS * images * 3 * side**2 * itemsize / 1e6
    if gpu:
        return GPU_MB + maps
    gradient = any(key in spec for key in GRADIENTS)
    return BASE_MB + _batch(spec) * ACTIVATIONS_MB[gradient] * area * itemsize / 4 + maps


def _batch(spec: dict) -> int:
    """The largest batch of a job on a CPU: the run's, or one of its methods', metric's or attack's."""
    entries = [spec, *spec.get("methods", {}).values(), *(spec.get(kind, {}) for kind in FAMILIES)]
    return max(CPU_BATCH if size == "auto" else size for entry in entries if (size := entry.get("batch_size")))


def _side(model: dict) -> int:
    return model.get("size") or registry.default("models", model["use"], "size") or SIDE


def _pass_seconds(side: int, spec: dict, gpu: bool) -> float:
    speed = GPU_SPEEDUP if gpu else spec["threads"] ** 0.5
    return PASS_SECONDS * (side / SIDE) ** 2 * (2 if spec["dtype"] == "float64" else 1) / speed


def passes(work: Work, side: int) -> float:
    """About how many passes, forward and backward, a work takes for an image, by the counts among its parameters."""
    found = json.loads(work.spec)
    if work.kind not in FAMILIES:
        return 1
    entry = found[work.kind]
    if entry["use"] == "insertion_deletion":
        step = entry.get("pixels_per_step") or registry.default("metrics", entry["use"], "pixels_per_step")
        return 2 * math.ceil(side**2 / step)
    if work.kind == "metric":  # one that explains anew, or runs the model alone
        method = _product("attribution", found["method"]) if "method" in found else 1
        return 2 + 2 * method * _product("metrics", entry)
    return 2 + 2 * _product(FAMILIES[work.kind], entry)


def _product(family: str, entry: dict) -> int:
    """The product of the counts that an entry has, or its file by default."""
    use = entry["use"]
    takes = registry.method_parameters(use, entry) if family == "attribution" else registry.parameters(family, use)
    return math.prod(int(_count(family, entry, key)) for key in COUNTS if key in takes)


def _count(family: str, entry: dict, key: str) -> float:
    if key in entry:
        return entry[key] or 1
    if family == "attribution":
        return registry.method_default(entry["use"], entry, key) or 1
    own = registry.default(family, entry["use"], key)
    return own or (registry.common_default(family, key) if family in registry.COMMON else None) or 1


def _training(spec: dict, gpu: bool) -> dict[str, int]:
    training = spec["training"]
    known = {key: _count("training", training, key) for key in ("epochs", "steps", "size", "batch_size")}
    held = sum(len(listing.entries(of)) for of in learned(training).values())
    side = int(known["size"])
    spec = spec | {"batch_size": int(known["batch_size"])}
    factor = 30 if "path_steps" in registry.parameters("training", training["use"]) else 1
    seconds = held * known["epochs"] * (1 + known["steps"]) * factor * _pass_seconds(side, spec, gpu)
    return _whole(_memory(spec, side, held, gpu) * (2 if factor > 1 else 1), seconds)


def attempted(first: int, attempt: int) -> int:
    """What the so-many-th attempt asks for: twice the one before."""
    return first * 2 ** (attempt - 1)

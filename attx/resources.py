"""What a job asks a cluster for, memory and time: by a plan that was saved, or else by its slice of the configuration.

Estimates are meant to be enough; what was not is doubled when the job is tried again. The constants are from the
measurements in docs/planning.md, and cautious. No torch: the Snakefile imports this.
"""

import math
from functools import cache
from pathlib import Path

from attx import registry
from attx.config import Config
from attx.data import listing
from attx.plan.jobs import Work, works
from attx.plan.passes import passes
from attx.plan.saved import Saved
from attx.roots import images as learned
from attx.slices import CONTROLS

BASE_MB = 1500  # a job with a small model
# jobs without a model; others of these load torch, or draw
LIGHT_MB = {"shard": 200, "select": 200, "collect": 300, "gather": 300, "table": 400, "figure_table": 500}
OTHER_MB = 1300
GPU_MB = 6000  # of a GPU job: of the machine's own memory
ROW_MB, FORWARD = 175.0, 0.2  # a row of a batch of 224 x 224 pixels in float32, with its gradient; share of one without
MAPS = 1  # times its shard's maps: cautious, since jobs hold a batch of them; scoring grew by a third of them
SIDE = 224  # pixels, of models whose size the configuration does not tell
PASS_SECONDS, GPU_SPEEDUP = 1.2, 50  # forward and backward for such a row on one thread
FORWARD_SECONDS = 0.4  # of them, for the pass forward
SHARES = {  # of ROW_MB and PASS_SECONDS, by how the model's file or name begins
    "efficientnet_lite": (0.7, 0.15),
    "resnet18": (0.6, 0.2),
    "resnet50": (0.6, 0.35),
    "maxvit": (1.8, 2.5),
    "trained": (0.6, 0.1),
}
START_MINUTES = 5  # loading Python and the model, from a slow shared disk
MARGIN, MEMORY_MARGIN = 2, 1.3  # of what is planned or guessed; of the memory that was measured
SCORES_BYTES = 32768  # of an image's scores in a job without a model, curves among them and some copies
ROW_BYTES = {"table": 1000, "figure_table": 1000, "figure": 10000}  # of those that hold all of a run's, few with curves
HELD = {"collect": 20_000, "gather": 20_000}  # of how many images they hold the scores at once
IMAGE_SECONDS, ROW_SECONDS = 0.02, 0.001  # of a job without a model; of one of all the run's scores
GRADIENTS = ("method", "attack", "perturbation")  # in slices of jobs that differentiate the model
SECOND = 30  # passes of a training with derivatives of explanations, for each of one without


def needed(config: Config, saved: Saved, stage: str, spec: dict, images: int, gpu: bool) -> dict[str, int]:
    """{mem_mb, runtime}, in MB and minutes, for the first try of a job of `stage` with the slice `spec`.

    `images`: how many it works on, or of how many it puts scores together; `gpu`: whether it runs on one.
    """
    if stage == "train":
        return _training(spec, gpu)
    if stage == "weights":
        return _whole(BASE_MB, 0)
    if "model" not in spec:
        return _without_model(stage, images)
    doing = list(works(config, stage, spec))
    measured = saved.models.get(doing[0].model, {})
    side = max(measured.get("shape") or [_side(spec["model"])])
    seconds = images * sum(_seconds(work, saved, _pass_seconds(spec, side, gpu, measured), side) for work in doing)
    return _whole(_memory(spec, side, images, gpu, measured), seconds)


def attempted(first: int, attempt: int, most: float = math.inf) -> int:
    """What the so-many-th attempt asks for: twice what the one before did, but not beyond `most`."""
    return int(min(first * 2 ** (attempt - 1), most))


@cache
def most(kind: str, partitions: Path | None, gpu: bool) -> float:
    """The largest `mem_mb` or `runtime` that a partition of the slurm plugin's file gives; of those with GPUs if so."""
    if partitions is None:
        return math.inf
    from snakemake_executor_plugin_slurm.partitions import read_partition_file  # is not installed for every run

    limits = [partition.limits for partition in read_partition_file(partitions)]
    return max((getattr(each, f"max_{kind}") for each in limits if each.max_gpu or not gpu), default=math.inf)


def _whole(mb: float, seconds: float) -> dict[str, int]:
    return {"mem_mb": 100 * math.ceil(mb / 100), "runtime": START_MINUTES + math.ceil(MARGIN * seconds / 60)}


def _without_model(stage: str, images: int) -> dict[str, int]:
    held = min(images, HELD.get(stage, images)) * ROW_BYTES.get(stage, SCORES_BYTES) / 1e6
    seconds = images * (ROW_SECONDS if stage in HELD or stage in ROW_BYTES else IMAGE_SECONDS)
    return _whole(LIGHT_MB.get(stage, OTHER_MB) + held, seconds)


def _memory(spec: dict, side: int, images: int, gpu: bool, measured: dict) -> float:
    """MB of a job that runs a model."""
    itemsize = 8 if spec["dtype"] == "float64" else 4
    maps = MAPS * images * 3 * side**2 * itemsize / 1e6
    if gpu:
        return GPU_MB + maps
    batch = _batch(spec)
    rows = batch * ROW_MB * _share(spec["model"])[0] * (side / SIDE) ** 2 * itemsize / 4
    if measured.get("device") == "cpu":
        rows = (MEMORY_MARGIN * measured["memory"] / 1e6 - BASE_MB) * batch / measured["batch_size"]
    return BASE_MB + max(rows, 0) * (1 if _differentiates(spec) else FORWARD) + maps


def _differentiates(spec: dict) -> bool:
    """Whether a job takes gradients of its model."""
    if "methods" in spec:
        return any(method["use"] not in CONTROLS for method in spec["methods"].values())
    return any(key in spec for key in GRADIENTS)


def _batch(spec: dict) -> int:
    """The largest batch of a job on a CPU: the run's, or one of its methods', metric's or attack's."""
    entries = [spec, *spec.get("methods", {}).values(), *(spec.get(key, {}) for key in (*GRADIENTS, "metric"))]
    sizes = [entry["batch_size"] for entry in entries if entry.get("batch_size")]
    return max(32 if size == "auto" else size for size in sizes)


def _side(model: dict) -> int:
    return model.get("size") or registry.default("models", model["use"], "size") or SIDE


def _share(model: dict) -> tuple[float, float]:
    name = model["name"] if model["use"] in ("torchvision", "timm") else model["use"]
    return next((shares for start, shares in SHARES.items() if name.startswith(start)), (1.0, 1.0))


def _pass_seconds(spec: dict, side: int, gpu: bool, measured: dict) -> tuple[float, float]:
    """Seconds of a pass forward for a row, and of one backward."""
    if measured and (measured["given"] or gpu == (measured["device"] != "cpu")):
        forward = measured["forward_seconds"]
        return forward, max(measured["backward_seconds"] - forward, 0.0)
    speed = GPU_SPEEDUP if gpu else spec["threads"] ** 0.5
    both = PASS_SECONDS * _share(spec["model"])[1] * (side / SIDE) ** 2 / speed
    both *= 2 if spec["dtype"] == "float64" else 1
    return FORWARD_SECONDS * both, (1 - FORWARD_SECONDS) * both


def _seconds(work: Work, saved: Saved, each: tuple[float, float], side: int) -> float:
    """Seconds of a work for an image, by the seconds of `each` pass forward and backward."""
    row = saved.work(work)
    forward, backward = (row[way] / row["images"] for way in ("forward", "backward")) if row else passes(work, side)
    own = row["own_seconds"] / row["images"] if row else 0.0
    return forward * each[0] + backward * each[1] + own


def _training(spec: dict, gpu: bool) -> dict[str, int]:
    """What a training needs, by the images that it learns from and is tested on."""
    training, use = spec["training"], spec["training"]["use"]
    known = {key: registry.common_default("training", key) for key in ("epochs", "steps", "size", "batch_size")}
    known |= {key: training[key] for key in known if key in training}
    shape = {key: spec[key] for key in ("dtype", "threads")} | {"model": {"use": "trained"}, "method": {}}
    shape["batch_size"] = known["batch_size"]
    held = sum(len(listing.entries(of)) for of in learned(training).values())
    again = SECOND if "path_steps" in registry.parameters("training", use) else 1
    seconds = held * known["epochs"] * (2 + known["steps"]) * again * sum(_pass_seconds(shape, known["size"], gpu, {}))
    return _whole(_memory(shape, known["size"], held, gpu, {}), seconds)

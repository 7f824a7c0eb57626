"""What the stages that run a model share: threads, device, precision and the model. How it is fed: `engine`."""

import json
import os
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path

import torch
from attx_kernels import dispatch

from attx import devices
from attx.batch_size import auto
from attx.data import listing
from attx.errors import UserError
from attx.models.classifier import Classifier
from attx.models.loading import load_model
from attx.stages.engine import Bench

PACKAGES = ("attx", "torch", "torchvision", "timm", "captum", "numpy", "pillow", "zarr")


def set_up(spec: dict, device: str, weights: Path, compiling: tuple[str, ...] = ()) -> Bench:
    """The bench that a slice with model, data and the machine's keys describes.

    `compiling`: the kinds of device where the network is compiled, if the slice says so. `weights`: what stage
    `weights` wrote; UserError if the model that loads now is another than that.
    """
    where, dtype = prepare(spec, device)
    model = load_model("model", **spec["model"])
    try:
        same = facts(model) == json.loads(weights.read_text())
    except (ValueError, RecursionError):  # damaged
        same = False
    if not same:
        raise UserError(
            f"the model is no longer the one of which {weights} was written (other weights or another transform), or "
            "that file is damaged: delete it and run again, and what depends on the model is made anew"
        )
    model = model.to(where, dtype)
    batch_size = tune(model, spec, where, dtype)
    if spec.get("compile") and where.type in compiling:
        model.compile_net(frozen=where.type == "cpu", graphs=spec["compile"] == "graphs")
    name = str(spec["model"].get("name") or spec["model"].get("function") or spec["model"]["use"])
    return Bench(model, where, dtype, batch_size, listing.reader(spec["data"]["use"]), name)


def prepare(spec: dict, device: str) -> tuple[torch.device, torch.dtype]:
    """Set torch up for a slice's threads and precision, and for the device; that device and the slice's dtype."""
    torch.set_num_threads(spec["threads"])
    where = choose_device(device)
    tf32 = spec.get("precision") == "tf32"
    if where.type == "cuda":
        _repeatable(tf32)
    elif tf32:
        raise UserError(f"precision: tf32 is for CUDA devices, not {where.type}; take `full`")
    elif spec.get("compile") == "graphs":
        raise UserError(f"compile: graphs is for CUDA devices, not {where.type}; take `true`")
    dispatch.set_precision("tf32" if tf32 else "tf32x3")
    return where, getattr(torch, spec["dtype"])


def tune(model: Classifier, spec: dict, where: torch.device, dtype: torch.dtype) -> int:
    """Set a model up for a slice's precision; the slice's batch size, found for the model if it is auto."""
    precision, size = spec.get("precision", "full"), spec["batch_size"]
    model.autocast = torch.bfloat16 if precision == "bfloat16" else None
    if size != "auto":
        return size
    return auto(model, where, dtype, {"precision": precision, "threads": spec["threads"]})


def facts(model: Classifier) -> dict:
    """What identifies a model: its weights' sha256, number of classes and preprocessing."""
    transform = json.loads(model.preprocess.to_json())
    return {"weights_sha256": model.weights_sha256, "classes": model.classes, "preprocess": transform}


def machine(bench: Bench) -> dict:
    """What makes a result: device, threads, the batch size in use (of what has none of its own), versions."""
    device = bench.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    versions = {package: version(package) for package in PACKAGES}
    return {
        "device": device.type,
        "name": name,
        "threads": torch.get_num_threads(),
        "batch_size": bench.fitting,
        "python": platform.python_version(),
    } | versions


def _repeatable(tf32: bool) -> None:
    """Ask CUDA for the same bits in every run: deterministic algorithms where there are any; TF32 only if asked for."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # kernels write all of what they allocate
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cuda.matmul.allow_tf32 = tf32


def choose_device(device: str) -> torch.device:
    """The device named; "auto" is a CUDA device if there is one, else the CPU. UserError if it cannot serve.

    "cuda" without a number is one that few other jobs use, where there are several (`attx.devices`).
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise UserError(
            f"device: {device!r} was asked for, but torch sees no CUDA device; take `device: auto` or `cpu`"
        )
    try:
        found = torch.device(device)
    except RuntimeError as error:
        raise UserError(f"device: {device!r} is none that torch knows; take `auto`, `cpu` or `cuda`") from error
    if found == torch.device("cuda"):
        found = torch.device("cuda", _dealt())
    if found.type == "cuda" and found.index >= torch.cuda.device_count():
        raise UserError(f"device: {device!r} is not there: torch sees {torch.cuda.device_count()} CUDA devices, from 0")
    if found.type == "cuda":
        torch.cuda.set_device(found)  # Triton's kernels run there
    try:
        dispatch.ready(found)
    except RuntimeError as error:
        raise UserError(str(error)) from error
    return found


@cache
def _dealt() -> int:
    count = torch.cuda.device_count()
    return devices.deal([str(torch.cuda.get_device_properties(i).uuid) for i in range(count)]) if count > 1 else 0

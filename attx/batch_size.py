"""`batch_size: auto`: the batch of the largest throughput, measured once for a model, device and settings, and kept."""

import contextlib
import gc
import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from attx.errors import UserError, out_of_memory
from attx.files import write_text
from attx.models.classifier import Classifier
from attx.throughput import gradient_seconds

# On one thread torch leaves batches of fewer than 16 to slower convolutions; more than 32 rows, dealt evenly to batches
# of 32 at most, come in batches of 16 at least. Beyond that differences are small, other work disturbs measurements.
CPU = 32
MEASURED = ("cuda",)
FIRST = 8
GAIN = 1.05  # what a batch twice as large must gain, or the smaller one is taken


def auto(model: Classifier, where: torch.device, dtype: torch.dtype, settings: dict) -> int:
    """The batch size for a model on a device: 32, on a CUDA device measured or, if it was before, remembered.

    `settings` are the other keys of the machine that speed depends on.
    """
    if where.type not in MEASURED:
        return CPU
    key = _key(model, where, dtype, settings)
    path = _folder() / f"{hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]}.json"
    known = remembered(path, key)
    if known:
        return known
    images = torch.rand(1, 3, *model.preprocess.shape).to(where, dtype)
    rates = measured(lambda size: 1 / gradient_seconds(model, images.expand(size, -1, -1, -1)))
    gc.collect()
    torch.cuda.empty_cache()  # of what the largest batch took
    found = smallest_of_the_best(rates)
    print(f"batch size {found}, measured on {key['device']} ({path})", file=sys.stderr, flush=True)
    remember(path, key, found, rates)
    return found


def measured(rate: Callable[[int], float]) -> dict[int, float]:
    """Images a second by batch size, doubled from FIRST until that gains less than 5%, or memory runs out."""
    rates: dict[int, float] = {}
    size, best = FIRST, 0.0
    while True:
        try:
            rates[size] = rate(size)
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            return rates
        if rates[size] < GAIN * best:
            return rates
        size, best = 2 * size, rates[size]


def smallest_of_the_best(rates: dict[int, float]) -> int:
    """The smallest batch that is within 5% of the fastest; FIRST, for a job to halve, where not even that fitted."""
    return min((size for size, rate in rates.items() if rate * GAIN >= max(rates.values())), default=FIRST)


def remembered(path: Path, key: dict) -> int | None:
    """What `remember` wrote for this key; None where it is not there or damaged."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        same = held["of"] == key and isinstance(held["batch_size"], int) and held["batch_size"] > 0
        return held["batch_size"] if same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remember(path: Path, key: dict, found: int, rates: dict[int, float]) -> None:
    """Keep a result in a file of its own, written whole, so that jobs at once do not disturb each other."""
    text = json.dumps({"of": key, "batch_size": found, "images_a_second": rates}, indent=1)
    with contextlib.suppress(OSError, UserError):  # a folder that cannot be written to: the next job measures again
        write_text(path, text + "\n")


def _folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "attx" / "batch_sizes"


def _key(model: Classifier, where: torch.device, dtype: torch.dtype, settings: dict) -> dict:
    """What throughput depends on. The network's structure: its weights are of no account."""
    return {
        "network": hashlib.sha256(repr(model.net).encode()).hexdigest()[:16],
        "shape": list(model.preprocess.shape),
        "device": torch.cuda.get_device_name(where),
        "dtype": str(dtype).removeprefix("torch."),
        "torch": torch.__version__,
    } | settings

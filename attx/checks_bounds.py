"""The checks of what a config, which may come from others, might reach or exhaust. No torch: planning imports this."""

import re
from typing import TYPE_CHECKING

from attx.errors import UserError

if TYPE_CHECKING:
    from attx.config import Config

FAMILIES = ("data", "models", "methods", "attacks", "training", "perturbations", "metrics", "figures", "postprocess")
PART = r"[\w+][\w.+ -]*"  # not hidden, and no option to a program
RESULTS = re.compile(rf"{PART}(/{PART})*")
DEVICE = re.compile(r"[a-z]+(:\d{1,3})?")  # Snakemake takes some resources for Python
MOST = {"threads": 1024, "size": 8192, "resize": 8192, "classes": 10**6, "channels": 1024}
LARGEST = 10**9  # of any other number but a seed


def check_bounds(config: "Config") -> None:
    """UserError, naming the key, for results elsewhere than below the folder where one runs, and for absurd numbers."""
    if not RESULTS.fullmatch(config.results):
        raise UserError(
            f"config: results: {config.results!r} must be a folder below the one where you run, such as results/mine"
        )
    if not DEVICE.fullmatch(config.device):
        raise UserError(f"config: device: {config.device!r} must be auto, cpu, cuda, or one such as cuda:1")
    for key in ("threads", "batch_size", "shard_size", "methods_per_job", "gallery_images"):
        value = getattr(config, key)
        if value != "auto" and not 1 <= value <= MOST.get(key, LARGEST):
            least = f"{value} must be at least 1" if value < 1 else f"{value} must be at most {MOST.get(key, LARGEST)}"
            raise UserError(f"config: {key}: {least}")
    for family in FAMILIES:
        for label, spec in getattr(config, family).items():
            for key, value in spec.items():
                _check(f"config: {family}.{label}.{key}", key, value)


def _check(where: str, key: str, value: object) -> None:
    """A number is within its bounds; sizes are those of pictures."""
    if isinstance(value, int) and not isinstance(value, bool) and key not in ("seed", "label"):
        least, most = (1 if key in MOST else -LARGEST), MOST.get(key, LARGEST)
        if not least <= value <= most:
            raise UserError(f"{where}: {value} must be from {least} to {most}")

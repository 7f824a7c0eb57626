"""What a metric needs beside a model and a map: the method itself, or a package that is an extra. No torch.

A metric's file says so by the constants `NEEDS` and `EXTRA`; docs/howto-metric-figure.md explains them. Where a file
stands for many metrics, by the parameter `name`, the keys of its `BETTER` are the names.
"""

from collections.abc import Mapping
from importlib.util import find_spec

from attx import registry
from attx.errors import UserError, unknown

# NEEDS: what `score` is handed by keyword; "method?": the method where there is one that can be run anew, else None
IMAGE_IDS, METHOD, METHOD_IF_ANY = "image_ids", "method", "method?"
# of metrics that compare two maps of an image: those of perturbed images, or of other seeds, with the stored ones
PERTURBED, SEEDS = "perturbed", "seeds"


def pairs(metric: str) -> str:
    """PERTURBED or SEEDS if a metric compares maps, else ""."""
    needs = registry.constant("metrics", metric, "NEEDS")
    return needs if needs in (PERTURBED, SEEDS) else ""


def explains(metric: str, method: str) -> bool:
    """Whether a job of the metric gets the method, to explain anew; both are names of files."""
    return registry.constant("metrics", metric, "NEEDS") in (METHOD, METHOD_IF_ANY) and not from_stores(method)


def from_stores(method: str) -> bool:
    """Whether a method is made of other methods' stored maps."""
    return registry.constant("attribution", method, "NEEDS") == "stores"


def check_metrics(metrics: Mapping[str, dict], methods: Mapping[str, dict], perturbations: Mapping[str, dict]) -> None:
    """UserError, before anything runs, where a metric lacks a package or perturbations, or can't judge a method."""
    for label, spec in metrics.items():
        if pairs(spec["use"]) == PERTURBED and not perturbations:
            raise UserError(
                f"config: metrics.{label}: {spec['use']} compares maps of perturbed images, and the config has no "
                "perturbations: add some, such as `perturbations: {random_sign: {}}`"
            )
        available("metrics", spec["use"], f"config: metrics.{label}")
        known = registry.constant("metrics", spec["use"], "BETTER") or {}
        if "name" in registry.parameters("metrics", spec["use"]) and spec.get("name") not in known:
            raise UserError(f"config: metrics.{label}.name: {unknown('metric', str(spec.get('name')), known)}")
        named = spec.get("methods") or ([] if pairs(spec["use"]) else methods)
        stored = [m for m in named if from_stores(methods[m]["use"])]
        if stored and pairs(spec["use"]):
            raise UserError(
                f"config: metrics.{label}.methods: {', '.join(stored)} is made of other methods' stored maps, and "
                "cannot be compared under other seeds or perturbations: leave it out"
            )
        if stored and registry.constant("metrics", spec["use"], "NEEDS") == METHOD:
            raise UserError(
                f"config: metrics.{label}: {spec['use']} explains images anew, which {', '.join(stored)} cannot, being "
                "made of other methods' stored maps: name the `methods` to score, without it"
            )


def available(family: str, name: str, where: str) -> None:
    """UserError unless the package that an entry's file names as `EXTRA` is installed."""
    package = registry.constant(family, name, "EXTRA")
    if package and find_spec(package) is None:
        raise UserError(f"{where}: {name} needs the package {package}: pip install 'attx[{package}]'")

"""The checks of metrics that compare maps, and of the figures of their scores. No torch: the Snakefile imports this."""

import re
from typing import TYPE_CHECKING

from attx import registry
from attx.errors import UserError, unknown
from attx.needs import PERTURBED, SEEDS, pairs

if TYPE_CHECKING:
    from attx.config import Config


def check_pair(config: "Config", label: str) -> None:
    """UserError unless the settings of a metric that compares maps are ones that its jobs can take."""
    spec, where = config.metrics[label], f"config: metrics.{label}"
    kind = pairs(spec["use"])
    if not kind:
        return
    windows = spec.get("windows", registry.default("metrics", spec["use"], "windows"))
    for key, values, fine, words in (
        ("windows", windows, _is_window, "odd numbers of pixels, such as 3"),
        ("epsilons", spec.get("epsilons", [0.1]), _is_amplitude, "numbers above 0, such as 8/255"),
        ("seeds", spec.get("seeds", [1]), _is_whole, "whole numbers"),
    ):
        if not values or not all(map(fine, values)):
            raise UserError(f"{where}.{key}: {values} must be a list of {words}")
    _check_scores(where, spec, windows)
    models = config.judged(label)["models"]
    _check_largest(config, where, spec, registry.default("metrics", spec["use"], "k"), models)
    if spec.get("pool") is not None and spec["pool"] < 1:
        raise UserError(f"{where}.pool: {spec['pool']} must be 1 at least, or null for all pixels")
    if kind == SEEDS:
        _check_seeds(config, where, label)
    for variant in config.perturbed(label).values() if kind == PERTURBED else ():
        attack, shared = config.perturbations[variant.base], registry.common_default("perturbations", "k")
        _check_largest(config, f"config: perturbations.{variant.base}", attack, shared, models)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_window(value: object) -> bool:
    return _is_whole(value) and value > 0 and value % 2 == 1


def _is_amplitude(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0


def _check_scores(where: str, spec: dict, windows: list[int]) -> None:
    """`scores` must be columns for these windows."""
    names = [re.sub(r"_w\d+$", "_w", name) for name in registry.constant("metrics", spec["use"], "BETTER")]
    known = [f"{n}{w}" if n.endswith("_w") else n for n in dict.fromkeys(names) for w in windows]
    for name in spec.get("scores") or []:
        if name not in known:
            raise UserError(f"{where}.scores: {unknown('score', str(name), known)}")


def _check_largest(config: "Config", where: str, spec: dict, default: int, models: list[str]) -> None:
    """`k` pixels must be there in a map, as far as the models' sizes are known without loading them."""
    k = spec.get("k", default)
    if k < 1:
        raise UserError(f"{where}.k: {k} must be 1 at least")
    for model in models:
        chosen = config.models[model]
        side = chosen.get("size") or registry.default("models", chosen["use"], "size")
        if isinstance(side, int) and k > side * side:
            raise UserError(
                f"{where}.k: {k} pixels are more than a map of {model} has, {side} x {side}: take a smaller k"
            )


def _check_seeds(config: "Config", where: str, label: str) -> None:
    """Each method that draws must have another seed to be compared with."""
    others = config.seeds(label)
    alone = [method for method, labels in others.items() if not labels]
    if alone:
        raise UserError(f"{where}.seeds: {', '.join(alone)} has no other seed than the run's there: name another one")


def check_figure(config: "Config", label: str) -> None:
    """A figure of perturbed scores has a metric that gives them, and shows what that metric has; others have none."""
    spec, where = config.figures[label], f"config: figures.{label}"
    source, needs = config.source(label), config.needs(label)
    if "metric" not in source:
        return
    metric = source["metric"]
    kind = pairs(config.metrics[metric]["use"])
    if needs in ("cross", "ablation") and kind:
        raise UserError(f"{where}.metric: {metric} compares maps: take a metric that scores them one by one")
    if not perturbed_alone(config.figures[label]["use"]):
        if kind == PERTURBED and len(config.perturbed(metric)) > 1:
            raise UserError(f"{where}.metric: {metric} has several perturbations: draw it by robustness_curves")
        return
    if kind != PERTURBED:
        raise UserError(f"{where}.metric: {metric} perturbs no images: take a metric of `use: robustness`")
    shown = {"perturbations": {variant.base for variant in config.perturbed(metric).values()}}
    shown |= {"perturbation": shown["perturbations"]} | {key: set(v) for key, v in config.judged(metric).items()}
    for key, held in shown.items():
        named = spec.get(key, source.get(key)) or []
        for one in [named] if isinstance(named, str) else named:
            if one not in held:
                raise UserError(f"{where}.{key}: {metric} does not compare {one}, but {', '.join(sorted(held))}")
    if needs == "pixels":
        _check_pixels(config, where, spec, metric)


def perturbed_alone(figure: str) -> bool:
    """Whether a figure is of maps of perturbed images and no others."""
    of = registry.constant("figures", figure, "OF")
    return of == PERTURBED


def _check_pixels(config: "Config", where: str, spec: dict, metric: str) -> None:
    if not _is_window(spec.get("window", 3)):
        raise UserError(f"{where}.window: {spec['window']} must be an odd number of pixels, such as 3")
    k = registry.default("figures", spec["use"], "k")
    _check_largest(config, where, spec, k, spec.get("models") or config.judged(metric)["models"])
    held = config.metrics[metric].get("images")
    if held and spec.get("images", 0) > held:
        raise UserError(f"{where}.images: {spec['images']} are more than {metric} compares, {held}")

"""Where the jobs that put results together find their parts: of a metric's scores, and of what figures are drawn from.

A slice's `parts` is a list of {pattern, wildcard: values}, which `attx.paths.parts` turns into files. No torch.
"""

from collections.abc import Iterable, Mapping

from attx import paths, registry
from attx.config import Config
from attx.needs import PERTURBED, pairs

Shards = Mapping[str, Iterable[str]]  # of each data set


def collect(config: Config, *, data: str, metric: str, shards: Shards, **_: str) -> dict:
    """The slice of the job that puts all scores of a metric together, in the order of the config."""
    scored = _scored(metric, *config.judged(metric).values())
    if pairs(config.metrics[metric]["use"]) == PERTURBED:
        scored["perturbation"] = list(config.perturbed(metric))
    pattern = paths.PERTURBED_SCORES if "perturbation" in scored else paths.SHARD_SCORES
    return {"data": data, "parts": [_part(config, pattern, data, config.metrics[metric], shards) | scored]}


def gather(config: Config, *, data: str, figure: str, shards: Shards, **_: str) -> dict:
    """The slice of the job that puts together what a figure is drawn from, where that is no metric's scores."""
    needs = registry.constant("figures", config.figures[figure]["use"], "NEEDS")
    return {"data": data} | GATHERERS[needs](config, data, figure, shards)


def _ablation(config: Config, data: str, figure: str, shards: Shards) -> dict:
    source, variants = config.source(figure), config.variants()[figure]
    scored = _scored(source["metric"], source["models"], variants, [source["postprocess"]])
    part = _part(config, paths.SHARD_SCORES, data, source, shards) | scored
    return {"parts": [part], "variants": {label: [v.base, v.value] for label, v in variants.items()}}


def _cross(config: Config, data: str, figure: str, shards: Shards) -> dict:
    source = config.source(figure)
    scored = _scored(source["metric"], source["models"], source["methods"], [source["postprocess"]])
    own = _part(config, paths.SHARD_SCORES, data, source, shards) | scored
    crossed = _part(config, paths.CROSS_SCORES, data, source, shards) | scored
    pairs = [(judge, explained) for explained in source["models"] for judge in source["models"] if judge != explained]
    return {"parts": [own, *(crossed | {"model": [judge], "source": [explained]} for judge, explained in pairs)]}


def _trace(config: Config, data: str, figure: str, shards: Shards) -> dict:
    source = config.source(figure)
    chosen = {"model": source["models"], "method": source["methods"]}
    return {"parts": [_part(config, paths.TRACE, data, source, shards) | chosen]}


def _transfer(config: Config, data: str, figure: str, shards: Shards) -> dict:
    source = config.source(figure)
    chosen = {"model": source["models"], "source": source["sources"], "attack": source["attacks"]}
    return {"parts": [_part(config, paths.TRANSFER, data, source, shards) | chosen]}


def _training(config: Config, data: str, figure: str, shards: Shards) -> dict:
    pattern = f"{config.results}/{paths.CURVE}"
    return {"parts": [{"pattern": pattern, "training": config.source(figure)["training"]}]}


def _leaderboard(config: Config, data: str, figure: str, shards: Shards) -> dict:
    pattern, metrics = f"{config.results}/{paths.SCORES}", list(dict.fromkeys(config.source(figure)["metrics"]))
    return {"parts": [{"pattern": pattern, "data": [data], "metric": metrics}], "metrics": metrics}


GATHERERS = {
    "ablation": _ablation,
    "cross": _cross,
    "trace": _trace,
    "transfer": _transfer,
    "training": _training,
    "leaderboard": _leaderboard,
}


def _part(config: Config, pattern: str, data: str, entry: dict, shards: Shards) -> dict:
    """All shards of a data set, or of its first images, if a metric's or figure's entry asks for these alone."""
    part = config.part(data, entry.get("images"))
    return {"pattern": f"{config.results}/{pattern}", "data": [part], "shard": list(shards[part])}


def _scored(metric: str, models: Iterable[str], methods: Iterable[str], readings: Iterable[str]) -> dict:
    return {"metric": [metric], "model": list(models), "method": list(methods), "postprocess": list(readings)}

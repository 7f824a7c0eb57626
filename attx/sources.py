"""Where the jobs that put results together find their parts: of a metric's scores, and of what figures are drawn from.

A slice's `parts` is a list of {pattern, wildcard: values}, which `attx.paths.parts` turns into files. No torch.
"""

from attx import paths, registry
from attx.config import Config

SHARDS = list[str]


def collect(config: Config, *, data: str, metric: str, shards: SHARDS, **_: str) -> dict:
    """The slice of the job that puts all scores of a metric together, in the order of the config."""
    found = _part(config, paths.SHARD_SCORES, data, shards)
    return {"parts": [found | _scored(metric, *config.judged(metric).values())]}


def gather(config: Config, *, data: str, figure: str, shards: SHARDS, **_: str) -> dict:
    """The slice of the job that puts together what a figure is drawn from, where that is no metric's scores."""
    needs = registry.constant("figures", config.figures[figure]["use"], "NEEDS")
    return GATHERERS[needs](config, data, figure, shards)


def _ablation(config: Config, data: str, figure: str, shards: SHARDS) -> dict:
    source, variants = config.source(figure), config.variants()[figure]
    scored = _scored(source["metric"], source["models"], variants, [source["postprocess"]])
    part = _part(config, paths.SHARD_SCORES, data, shards) | scored
    return {"parts": [part], "variants": {label: [v.base, v.value] for label, v in variants.items()}}


def _cross(config: Config, data: str, figure: str, shards: SHARDS) -> dict:
    source = config.source(figure)
    scored = _scored(source["metric"], source["models"], source["methods"], [source["postprocess"]])
    own = _part(config, paths.SHARD_SCORES, data, shards) | scored
    pairs = [(judge, explained) for explained in source["models"] for judge in source["models"] if judge != explained]
    crossed = _part(config, paths.CROSS_SCORES, data, shards) | scored
    return {"parts": [own, *(crossed | {"model": [judge], "source": [explained]} for judge, explained in pairs)]}


def _trace(config: Config, data: str, figure: str, shards: SHARDS) -> dict:
    source = config.source(figure)
    chosen = {"figure": [figure], "model": source["models"], "method": source["methods"]}
    return {"parts": [_part(config, paths.TRACE, data, shards) | chosen]}


def _transfer(config: Config, data: str, figure: str, shards: SHARDS) -> dict:
    source = config.source(figure)
    chosen = {"model": source["models"], "source": source["sources"], "attack": source["attacks"]}
    return {"parts": [_part(config, paths.TRANSFER, data, shards) | chosen]}


GATHERERS = {"ablation": _ablation, "cross": _cross, "trace": _trace, "transfer": _transfer}


def _part(config: Config, pattern: str, data: str, shards: SHARDS) -> dict:
    return {"pattern": f"{config.results}/{pattern}", "data": [data], "shard": list(shards)}


def _scored(metric: str, models, methods, readings) -> dict:
    return {"metric": [metric], "model": list(models), "method": list(methods), "postprocess": list(readings)}

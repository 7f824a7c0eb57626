"""What the page depends on, and which maps it can show without a job more than the run's own. No torch.

The Snakefile imports this; `sections` is what the job finds its files by.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path

from attx import paths
from attx.config import GALLERIES, Config

PARTS = Path(__file__).with_name("parts")  # templates, styles and scripts


def page(config: Config, sections: list[dict]) -> dict:
    """The slice of the job that makes the page: the whole config, its files, and `sections`, one per data set."""
    files = b"".join(path.read_bytes() for path in sorted(PARTS.iterdir()))
    return {"config": asdict(config), "page": hashlib.sha256(files).hexdigest()[:16], "sections": sections}


def section(
    config: Config,
    data: str,
    *,
    ids: Sequence[str],
    shards: Mapping[str, Mapping[str, Sequence]],
    made: Callable[..., dict],
) -> dict:
    """What the page shows of a data set: its tables and figures, how each is `made`, and groups of maps.

    `ids`: of all images, of which the first `gallery_images` are shown; `shards`: the entries of each shard of all
    data sets; `made(stage, **wildcards)`: of a table or figure {spec, code}, and of a table {part}, a file of scores.
    """
    tables = {m: made("table", data=data, metric=m) for m in config.metrics}
    figures = {f: made("figure", data=data, figure=f) | {"tabled": f in config.tabled()} for f in config.figures}
    groups = [
        {"part": part, "models": models, "image_ids": list(shown), "shards": _holding(shards[part], shown)}
        for part, number, models in mapped(config, data)
        for shown in [ids[: min(number, config.gallery_images)]]
    ]
    return {"data": data, "images": len(ids), "metrics": tables, "figures": figures, "groups": groups}


def _holding(shards: Mapping[str, Sequence], ids: Sequence[str]) -> list[str]:
    return [shard for shard, entries in shards.items() if {entry.image_id for entry in entries} & set(ids)]


def mapped(config: Config, data: str) -> list[tuple[str, int, dict[str, list[str]]]]:
    """The maps that a run makes of a data set: (label of its part, images at most, methods by model).

    A model's maps of a method are named once, where they are of the most images.
    """
    most: dict[tuple[str, str], tuple[int, str]] = {}
    for part, number, models, methods in _asked(config, data):
        for key in product(models, methods):
            most[key] = max(most.get(key, (0, "")), (number, part), key=lambda found: found[0])
    groups: dict[tuple[str, int], dict[str, list[str]]] = {}
    order = [key for key in product(config.models, config.methods) if key in most]
    for model, method in order:
        number, part = most[model, method]
        groups.setdefault((part, number), {}).setdefault(model, []).append(method)
    return [(*key, models) for key, models in groups.items()]


def _asked(config: Config, data: str) -> list[tuple[str, int, list[str], list[str]]]:
    """Part, images, models and methods of which metrics, galleries and figures of several models ask for maps."""
    every, found = 10**9, []
    for label, spec in config.metrics.items():
        judged = config.judged(label)
        number = spec.get("images")
        found.append((config.part(data, number), number or every, judged["models"], judged["methods"]))
    for label in config.figures:
        needs, source = config.needs(label), config.source(label)
        if needs in GALLERIES:
            found.append((config.shown(data, label), source["images"], source["models"], source["methods"]))
        elif needs == "cross":
            number = source["images"]
            found.append((config.part(data, number), number or every, source["models"], source["methods"]))
    return found


def inputs(spec: Mapping) -> list[str]:
    """The files that the page is made of, all made by the run itself."""
    return sorted({path for each in spec["sections"] for path in _files(spec["config"], each)})


def _files(config: Mapping, each: Mapping) -> set[str]:
    results, data = config["results"], each["data"]
    found = {f"{results}/{paths.SCORES.format(data=data, metric=metric)}" for metric in each["metrics"]}
    found |= {made["part"] for made in each["metrics"].values()}
    found |= {table(config, data, label) for label in (*each["metrics"], *tabled(each))}
    found |= {figure(config, data, label) for label in each["figures"]}
    for group in each["groups"]:
        for model in group["models"]:
            found.add(f"{results}/{paths.WEIGHTS.format(model=model)}")
            found = found.union(*held(config, data, group, model).values())
    return found


def tabled(each: Mapping) -> list[str]:
    """The figures of a section that come with a table."""
    return [label for label, made in each["figures"].items() if made["tabled"]]


def table(config: Mapping, data: str, label: str) -> str:
    """The CSV of a metric's table, or of a figure's: they have one pattern."""
    return f"{config['results']}/{paths.TABLE.format(data=data, metric=label, format='csv')}"


def figure(config: Mapping, data: str, label: str) -> str:
    """A figure as PNG."""
    return f"{config['results']}/{paths.FIGURE.format(data=data, figure=label, format='png')}"


def held(config: Mapping, data: str, group: Mapping, model: str) -> dict[str, list[str]]:
    """The files behind a group's maps of a model: manifests, predictions, stores."""
    kept = config["data"][data].get("keep", "all") == "correct"
    given = {"data": [group["part"]], "shard": group["shards"]}

    def every(pattern: str, **more: list[str]) -> list[str]:
        return paths.combinations(f"{config['results']}/{pattern}", **given, **more)

    return {
        "manifests": every(paths.SELECTED if kept else paths.SHARD),
        "predictions": every(paths.PREDICTIONS, model=[model]),
        "stores": every(paths.ATTRIBUTIONS, model=[model], method=group["models"][model]),
    }

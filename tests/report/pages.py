"""Pages of a small run, made of files as the run's own stages write them, with names that try to be more than names."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from attx import frames, paths, tables
from attx.config import Config
from attx.figures import curves, leaderboard, style
from attx.figures.gallery import Gallery
from attx.predictions import Prediction
from attx.report import gallery as shown
from attx.report import page, plan

HOSTILE = """"><img src=x onerror="window.hacked = 1"></script><script>window.hacked = 1</script>'"""
IDS = ["first", f"second {HOSTILE}", "third"]
CLASSES = ["tabby", f"lynx {HOSTILE}", "puma"]
METHODS = ["attexplore", "integrated_gradients", "random"]
SIDE = 32
RAW = {
    "results": "results/tiny",
    "note": f"a note {HOSTILE}",
    "data": {"tiny": {"use": "sample", "first": 3}},
    "models": {
        label: {"use": "python", "function": "tests.toy_models:small_cnn", "size": SIDE, "classes": 3}
        for label in ("net", "other")
    },
    "methods": {"attexplore": {}, "integrated_gradients": {"steps": 4}, "random": {}},
    "metrics": {"insertion_deletion": {}},
    "figures": {"curves": {}, "leaderboard": {}},
}


def scores() -> pd.DataFrame:
    """A row per image, model and method, where the reference is best; the first image has no map of `random`."""
    steps = np.linspace(0, 1, 9)
    rows = []
    for model in RAW["models"]:
        for k, method in enumerate(METHODS):
            for i, image_id in enumerate(IDS):
                rise, fall = steps ** (1 + k + i / 10), (1 - steps) ** (9 - k)
                row = {"image_id": image_id, "data": "tiny", "model": model, "method": method, "postprocess": "signed"}
                row |= {"label": 0, "predicted": i, "insertion_curve": rise, "deletion_curve": fall}
                row |= {"insertion_auc": rise.mean(), "deletion_auc": fall.mean()}
                rows.append(row | {"forward_passes": 4.0, "backward_passes": 4.0, "seconds": 0.5})
    return pd.DataFrame(rows)


def found(model: str) -> Gallery:
    """Images and maps: of `attexplore` the left half speaks against and the right half for the class."""
    draw = np.random.default_rng(0)
    halves = np.where(np.arange(SIDE) < SIDE // 2, -1.0, 1.0) * np.ones((SIDE, 1))
    maps = {"attexplore": halves, "integrated_gradients": np.abs(halves), "random": draw.normal(size=(SIDE, SIDE))}
    made = {"spec": {"method": {"use": "random"}}, "code": "abc", "forward_passes": 12, "images_sha256": IDS}
    return Gallery(
        images={(model, i): draw.random((SIDE, SIDE, 3)) for i in IDS},
        maps={(model, m): {i: values for i in IDS if (m, i) != ("random", "first")} for m, values in maps.items()},
        titles={(model, i): CLASSES[k] for k, i in enumerate(IDS)},
        classes={model: CLASSES},
        made={(model, m): made | {"backward_passes": 12, "seconds": 1.5} for m in METHODS},
    )


def write(root: Path) -> str:
    """Write the run's files under `root`, which must be the current folder, and give its page."""
    config, table, part = Config.of(RAW), scores(), "results/tiny/part.parquet"
    at = Path(config.results)
    for folder in ("tables", "figures", "weights"):
        (at / folder).mkdir(parents=True)
    frames.write(part, table)
    named = {"data": "tiny", "metric": "insertion_deletion"}
    csv, md, tex = (at / paths.TABLE.format(**named, format=kind) for kind in ("csv", "md", "tex"))
    tables.write(tables.summarise(table), csv, md, tex)
    boarded = table.assign(metric="insertion_deletion")
    for label, drawn in (("curves", curves.draw(table)), ("leaderboard", leaderboard.draw(boarded))):
        named = {"data": "tiny", "figure": label}
        style.save(drawn, *(at / paths.FIGURE.format(**named, format=kind) for kind in ("pdf", "png")))
    named = {"data": "tiny", "figure": "leaderboard"}
    csv, md, tex = (at / paths.FIGURE_TABLE.format(**named, format=kind) for kind in ("csv", "md", "tex"))
    tables.write(leaderboard.table(boarded), csv, md, tex, title="as drawn")
    for model in config.models:
        facts = {"weights_sha256": "0" * 64, "classes": 3, "preprocess": {"size": SIDE}}
        (at / paths.WEIGHTS.format(model=model)).write_text(json.dumps(facts))
    made = {"spec": {"note": HOSTILE}, "code": "abc", "part": part}
    shards = {"tiny": {"s0000": []}}
    section = plan.section(config, "tiny", ids=IDS, shards=shards, made=lambda stage, **labels: made)
    return page.render(plan.page(config, [section])["config"], [section], [_gallery(config, table)])


def _gallery(config: Config, table: pd.DataFrame) -> dict:
    known = {i: Prediction(i, 0, k, 0.75) for k, i in enumerate(IDS)}
    galleries = {model: found(model) for model in config.models}
    models = [shown.model(each, model, IDS, known) for model, each in galleries.items()]
    made = {key: value for each in galleries.values() for key, value in each.made.items()}
    own = {"data": "tiny", "images": IDS, "models": models, "looks": shown.looks(METHODS), "made": made}
    return own | {"scores": shown.scores("insertion_deletion", table, IDS, "rise_2d")}

"""Put a run's tables, figures and maps on one page, a file that needs nothing else."""

from pathlib import Path

import pandas as pd

from attx import frames, paths, predictions
from attx.data import manifest
from attx.files import write_text
from attx.report import gallery as shown
from attx.report import page, plan
from attx.stages.gallery import gallery


def run(spec: dict, *, out: Path) -> None:
    """`spec`: as `attx.report.plan.page` makes it: {config, sections}."""
    config, sections = spec["config"], spec["sections"]
    most = shown.MOST // max(len(sections), 1)
    galleries = [_gallery(config, section, most) for section in sections]
    write_text(out, page.render(config, sections, galleries))
    images = ", ".join(f"{len(found['images'])} images of {found['data']}" for found in galleries)
    print(f"{out}: {out.stat().st_size / 1e6:.1f} MB; gallery: {images or 'none'}")


def _gallery(config: dict, section: dict, most: int) -> dict:
    """The data behind a gallery, of as many images as fit into `most` bytes, and how the maps were made (`made`)."""
    ids = _kept(config, section)
    models: dict[str, dict] = {}
    made: dict[tuple[str, str], dict] = {}
    for group in section["groups"]:
        for label in group["models"]:
            found, seen = _read(config, section["data"], group, label)
            made |= found.made
            new = shown.model(found, label, ids, seen)
            shown.join(models.setdefault(label, new), new)
    ids = ids[: shown.fewer(list(models.values()), most)]
    shown.cut(list(models.values()), len(ids))
    scores = [each for metric in section["metrics"] for each in _scores(config, section["data"], metric, ids)]
    looks = shown.looks({method for _, method in made})
    own = {"data": section["data"], "images": ids, "models": list(models.values()), "scores": scores, "looks": looks}
    return own | {"made": made}


def _kept(config: dict, section: dict) -> list[str]:
    """The ids of the images to show, without those that the run has left out."""
    longest = max((group["image_ids"] for group in section["groups"]), key=len, default=[])
    manifests = {
        path
        for group in section["groups"]
        for model in group["models"]
        for path in plan.held(config, section["data"], group, model)["manifests"]
    }
    kept = {row.image_id for path in manifests for row in manifest.read(path)}
    return [image_id for image_id in longest if image_id in kept]


def _read(config: dict, data: str, group: dict, label: str) -> tuple:
    """A model's images and maps, and what it says of the images."""
    files = plan.held(config, data, group, label)
    reading = next(iter(config["postprocess"].values()))
    spec = {"data": {"use": config["data"][data]["use"]}, "models": {label: config["models"][label]}}
    spec |= {"image_ids": group["image_ids"], "postprocess": reading}
    found = gallery(spec, files["manifests"], files["stores"])
    return found, {k: v for path in files["predictions"] for k, v in predictions.read(path).items()}


def _scores(config: dict, data: str, metric: str, ids: list[str]) -> list[dict]:
    """The scores of these images alone, however many the table has."""
    path = Path(config["results"]) / paths.SCORES.format(data=data, metric=metric)
    with frames.whole(path):
        table = pd.read_parquet(path, filters=[("image_id", "in", ids)])
    return shown.scores(metric, table, ids, config["metrics"][metric].get("order", "rise_2d"))

"""Draw one figure from the scores of a data set, or from a gallery of its images and maps."""

from pathlib import Path

import pandas as pd
import torch

from attx import registry, store
from attx.data import listing, manifest
from attx.data.loading import load_batch
from attx.figures import style
from attx.figures.gallery import Gallery
from attx.models.loading import load_model
from attx.postprocess import postprocess
from attx.stages.pixels import pixels


def run(
    spec: dict,
    *,
    scores: list[Path],
    shards: list[Path],
    stores: list[Path],
    perturbed: list[Path],
    under: list[Path],
    pdf: Path,
    png: Path,
) -> None:
    """`spec`: {figure, needs, note} and, for a gallery, {data, models, image_ids, methods, postprocess}.

    For pixels also {perturbations: label: [name, epsilon]}: images in the stores `perturbed`, maps of them in `under`.
    """
    figure = registry.load("figures", spec["figure"]["use"])
    params = registry.params(spec["figure"])
    if spec["needs"] == "gallery":
        source = _gallery(spec, shards, stores)
    elif spec["needs"] == "pixels":
        source = pixels(spec, _gallery(spec, shards, stores), perturbed, under)
    else:
        source = pd.read_parquet(scores[0])
    style.save(figure.draw(source, **params), pdf, png, note=spec["note"])
    print(f"{pdf}, and as PNG")


def _gallery(spec: dict, shards: list[Path], stores: list[Path]) -> Gallery:
    """The images that `spec` names, as far as kept, as each model sees them, and their maps by model and method."""
    kept = {row.image_id: row for path in shards for row in manifest.read(path)}
    rows = [kept[image_id] for image_id in spec["image_ids"] if image_id in kept]
    gallery, classes = Gallery({}, {}), {}
    for label, settings in spec["models"].items():
        model = load_model(label, **settings)
        pictures = load_batch(rows, model.preprocess, listing.reader(spec["data"]["use"]))
        gallery.images |= {(label, row.image_id): p.transpose(1, 2, 0) for row, p in zip(rows, pictures, strict=True)}
        classes[label] = model.class_names or [f"class {k}" for k in range(model.classes)]
    for path in stores:
        content = store.read(path, [row.image_id for row in rows], partly=True)
        if content.image_ids:
            found = postprocess(torch.from_numpy(content.attributions), **spec["postprocess"])
            model, method = content.attributes["model"], content.attributes["method"]
            gallery.maps.setdefault((model, method), {}).update(
                zip(content.image_ids, found.sum(1).numpy(), strict=True)
            )
            for image_id, explained in zip(content.image_ids, content.targets.tolist(), strict=True):
                gallery.titles[model, image_id] = classes[model][explained]
    return gallery

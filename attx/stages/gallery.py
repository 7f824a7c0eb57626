"""Images as models see them, and their stored maps: what figures of maps and the page are made from."""

from collections.abc import Sequence
from pathlib import Path

import torch

from attx import store
from attx.data import listing, manifest
from attx.data.loading import load_batch
from attx.figures.gallery import Gallery
from attx.files import damaged
from attx.models.loading import load_model
from attx.postprocess import postprocess


def gallery(spec: dict, shards: Sequence[Path], stores: Sequence[Path]) -> Gallery:
    """The images that `spec` names, as far as kept, as each model sees them, and their maps by model and method.

    `spec`: {data, models, image_ids, postprocess}; `shards`: manifests that have the images.
    """
    kept = {row.image_id: row for path in shards for row in manifest.read(path)}
    rows = [kept[image_id] for image_id in spec["image_ids"] if image_id in kept]
    found = Gallery({}, {})
    for label, settings in spec["models"].items():
        model = load_model(label, **settings)
        pictures = load_batch(rows, model.preprocess, listing.reader(spec["data"]["use"]))
        found.images |= {(label, row.image_id): p.transpose(1, 2, 0) for row, p in zip(rows, pictures, strict=True)}
        found.classes[label] = model.class_names or [f"class {k}" for k in range(model.classes)]
    for path in stores:
        content = store.read(path, [row.image_id for row in rows], partly=True)
        if content.image_ids:
            if not _fits(found, content):
                raise damaged(path, "it is of another model")
            _add(found, content, spec["postprocess"])
    return found


def _fits(found: Gallery, content: store.Attributions) -> bool:
    """Whether a store is of a model that is shown, and of classes that this has."""
    classes = len(found.classes.get(content.attributes["model"], ()))
    return all(0 <= target < classes for target in content.targets)


def _add(found: Gallery, content: store.Attributions, reading: dict) -> None:
    """Add a store's maps, read as `reading` says and summed over channels, and how they were made."""
    model, method = content.attributes["model"], content.attributes["method"]
    maps = postprocess(torch.from_numpy(content.attributions), **reading).sum(1).numpy()
    found.maps.setdefault((model, method), {}).update(zip(content.image_ids, maps, strict=True))
    found.made.setdefault((model, method), content.attributes)
    for image_id, explained in zip(content.image_ids, content.targets.tolist(), strict=True):
        found.titles[model, image_id] = found.classes[model][explained]

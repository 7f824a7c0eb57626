"""Score the stored attributions of a shard by one metric, one row per image."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from attx_kernels import dispatch
from torch import Tensor

from attx import frames, needs, predictions, registry, store
from attx.data import manifest
from attx.errors import UserError
from attx.postprocess import postprocess
from attx.stages import common
from attx.stages.engine import Bench

COSTS = ["forward_passes", "backward_passes", "seconds"]


def run(
    spec: dict,
    *,
    device: str,
    weights: Path,
    shard: Path,
    predicted: Path,
    attributions: Path,
    label: str,
    out: Path,
) -> None:
    """`spec`: {data, model, postprocess, metric(, method)}, the machine's keys; `label`: data/model/method/postprocess.

    Attributions of another model are resized bilinearly to this one's images; the column `source` names that model.
    """
    bench = common.set_up(spec, device, weights, compiling=("cuda", "cpu"))
    chosen = predictions.read(predicted)
    rows = manifest.read(shard)
    known = [chosen[row.image_id] for row in rows]
    dispatch.forget()
    with store.reading(attributions) as held:
        tables = _scored(bench, spec, rows, known, held, f"score {label}")
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"image_id": []})
    for position, (name, value) in enumerate(
        zip(("data", "model", "method", "postprocess"), label.split("/"), strict=True)
    ):
        table.insert(1 + position, name, value)
    if held.attributes["model"] != label.split("/")[1]:
        table.insert(3, "source", held.attributes["model"])
    for name in COSTS:
        table[name] = held.attributes[name] / max(len(rows), 1)
    table.attrs = {"machine": common.machine(bench), "kernels": dispatch.used()}
    frames.write(out, table)
    means = table.select_dtypes("float").drop(columns=COSTS, errors="ignore").mean()
    print(
        f"{label}/{shard.stem}: {len(table)} images, "
        + ", ".join(f"{name} {value:.3f}" for name, value in means.items())
    )


def _scored(
    bench: Bench,
    spec: dict,
    rows: list,
    known: list[predictions.Prediction],
    held: store.Reader,
    label: str,
) -> list[pd.DataFrame]:
    """The scores of all rows, in tables of some rows each."""
    places = held.places([row.image_id for row in rows])

    def scored(tool: tuple[Callable, Callable], place: slice, images: Tensor) -> pd.DataFrame:
        score, handed = tool
        ids = [row.image_id for row in rows[place]]
        maps = torch.from_numpy(held.maps(places[place]))
        maps = postprocess(_resized(maps.to(images), images), **spec["postprocess"])
        targets = {
            which: torch.tensor([p.target(which) for p in known[place]], device=images.device)
            for which in ("predicted", "label")
        }
        targets["explained"] = torch.from_numpy(held.targets[places[place]]).to(images.device)
        try:
            return table_of(known[place], score(bench.model, images, maps, targets, **handed(ids)))
        except UserError as error:
            raise UserError(f"scoring {', '.join(ids)}: {error}") from error

    def build() -> tuple[Callable, Callable]:
        fitting = bench.sized(spec)
        return registry.built("metrics", fitting["metric"]), handing(fitting)

    return [table for _, table in bench.each(bench.images(rows, label), build, scored)]


def _resized(maps: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    if maps.shape[2:] == images.shape[2:]:
        return maps
    return F.interpolate(maps, images.shape[2:], mode="bilinear", align_corners=False)


def handing(spec: dict) -> Callable[[list], dict]:
    """What the metric asks for by `NEEDS`, for a batch of images."""
    asked = registry.constant("metrics", spec["metric"]["use"], "NEEDS")
    if not asked:
        return lambda image_ids: {}
    if asked == needs.IMAGE_IDS:
        return lambda image_ids: {"image_ids": image_ids}
    if asked == needs.METHOD and "method" not in spec:
        raise UserError(
            f"{spec['metric']['use']} explains images anew: it scores no maps of another model or of stores"
        )
    explain = _explainer(spec) if "method" in spec else None
    return lambda image_ids: {"image_ids": image_ids, "explain": explain}


def _explainer(spec: dict) -> Callable[..., Tensor]:
    """The method with the post-processing behind it: (model, images, targets, image_ids) -> maps as those stored."""
    method = registry.built("attribution", spec["method"])

    @torch.enable_grad()
    def explain(model: Callable, images: Tensor, targets: Tensor, image_ids: list) -> Tensor:
        return postprocess(method(model, images, targets, image_ids).detach(), **spec["postprocess"])

    return explain


def table_of(known: list[predictions.Prediction], values: dict[str, np.ndarray]) -> pd.DataFrame:
    """A row per image: its id, label and predicted class, and what a metric gave for it."""
    columns = {
        "image_id": [p.image_id for p in known],
        "label": [p.label for p in known],
        "predicted": [p.predicted for p in known],
    }
    return pd.DataFrame(columns | {name: list(value) for name, value in values.items()})

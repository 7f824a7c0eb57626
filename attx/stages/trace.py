"""Follow the path of a method's attack: loss and probability of the class explained, step by step."""

from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from attx import frames, predictions, registry
from attx.attack import Attack
from attx.attribution.attexplore import path_of
from attx.data import manifest
from attx.stages import common


def run(spec: dict, *, device: str, weights: Path, shard: Path, predicted: Path, label: str, out: Path) -> None:
    """`spec`: {data, model, method, target, ...}; `label`: data/model/method.

    One row per image and step 0 ... steps: image_id, data, model, method, step, loss (the attack's objective),
    probability (softmax) of the class explained, distance (largest change of a value), title (the class's name).
    """
    bench = common.set_up(spec, device, weights, compiling=("cuda",))
    chosen = predictions.read(predicted)
    names = bench.model.class_names or [f"class {k}" for k in range(bench.model.classes)]
    data, model, method = label.split("/")
    rows = manifest.read(shard)

    def traced(attack: Attack, place: slice, images: Tensor) -> pd.DataFrame:
        ids = [row.image_id for row in rows[place]]
        targets = [chosen[image_id].target(spec["target"]) for image_id in ids]
        table = followed(attack, bench.model, images, torch.tensor(targets, device=images.device), ids)
        titles = {image_id: names[target] for image_id, target in zip(ids, targets, strict=True)}
        return table.assign(title=table["image_id"].map(titles))

    def build() -> Attack:
        return path_of(**registry.params(bench.sized(spec)["method"]))

    tables = [table for _, table in bench.each(bench.images(rows, f"trace {label}"), build, traced)]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"image_id": []})
    table = table.assign(data=data, model=model, method=method)
    frames.write(out, table)
    print(f"{label}: paths of {len(rows)} images")


def followed(attack: Attack, model, images: Tensor, targets: Tensor, image_ids: list[str]) -> pd.DataFrame:
    """A row per image and step: what the path's points are to the model."""
    tables = []
    for step, point in enumerate(attack.points(model, images, targets, image_ids)):
        with torch.no_grad():
            logits = model(point)
        probability = logits.softmax(1).gather(1, targets[:, None])[:, 0]
        columns = {
            "loss": attack.objective(logits, targets),
            "probability": probability,
            "distance": (point - images).abs().amax((1, 2, 3)),
        }
        numbers = {name: value.double().cpu().numpy() for name, value in columns.items()}
        tables.append(pd.DataFrame({"image_id": image_ids, "step": step} | numbers))
    return pd.concat(tables)

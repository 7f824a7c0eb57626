"""Attack the images of a shard, on their labels, and store the adversarial images."""

from pathlib import Path

import numpy as np
import torch

from attx import registry, store
from attx.data import manifest
from attx.stages import common


def run(spec: dict, *, code: str, device: str, weights: Path, shard: Path, label: str, out: Path) -> None:
    """`spec`: {data, model, attack, dtype, threads, batch_size}; `label`: data/model/attack/shard."""
    bench = common.set_up(spec, device, weights)
    attack = registry.built("attacks", spec["attack"])
    rows = manifest.read(shard)
    found = np.empty((len(rows), 3, *bench.model.preprocess.shape), np.dtype(spec["dtype"]))
    done, distance = 0, []
    for batch, images in bench.batches(rows, label):
        labels = torch.tensor([row.label for row in batch], device=bench.device)
        for point in attack.points(bench.model, images, labels, [row.image_id for row in batch]):
            last = point
        found[done : done + len(batch)] = last.cpu().numpy()
        done += len(batch)
        distance += (last - images).abs().amax((1, 2, 3)).tolist()
    attributes = dict(zip(("data", "model", "attack", "shard"), label.split("/"), strict=True)) | {
        "spec": spec,
        "code": code,
        "model_facts": common.facts(bench.model),
        "images_sha256": [row.sha256 for row in rows],
        "distance": distance,
        "machine": common.machine(bench.device),
    }
    labels = np.array([row.label for row in rows], np.int64)
    store.write(out, store.Attributions(found, [row.image_id for row in rows], labels, attributes), "adversarial")
    print(f"{label}: {len(rows)} images attacked")

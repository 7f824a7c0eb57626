"""Attack the images of a shard, on their labels, and store the adversarial images."""

from pathlib import Path

import numpy as np
import torch
from attx_kernels import dispatch
from torch import Tensor

from attx import registry, store
from attx.attack import Attack
from attx.data import manifest
from attx.stages import common


def run(spec: dict, *, code: str, device: str, weights: Path, shard: Path, label: str, out: Path) -> None:
    """`spec`: {data, model, attack, dtype, threads, batch_size}; `label`: data/model/attack/shard."""
    bench = common.set_up(spec, device, weights, compiling=("cuda",))
    rows = manifest.read(shard)
    ids, labels = [row.image_id for row in rows], np.array([row.label for row in rows], np.int64)
    shape, dtype = (3, *bench.model.preprocess.shape), np.dtype(spec["dtype"])

    def attacked(attack: Attack, place: slice, images: Tensor) -> tuple[np.ndarray, list[float]]:
        classes = torch.tensor(labels[place], device=bench.device)
        for point in attack.points(bench.model, images, classes, ids[place]):
            last = point
        return last.cpu().numpy(), (last - images).abs().amax((1, 2, 3)).tolist()

    def build() -> Attack:
        return registry.built("attacks", bench.sized(spec)["attack"])

    dispatch.forget()
    distance: list[float] = []
    with store.writing(out, ids, labels, shape, dtype, "adversarial") as writer:
        for _, (images, moved) in bench.each(bench.images(rows, label), build, attacked):
            writer.add(images)
            distance += moved
        writer.attributes = dict(zip(("data", "model", "attack", "shard"), label.split("/"), strict=True)) | {
            "spec": spec,
            "code": code,
            "model_facts": common.facts(bench.model),
            "images_sha256": [row.sha256 for row in rows],
            "distance": distance,
            "machine": common.machine(bench),
            "kernels": dispatch.used(),
        }
    print(f"{label}: {len(rows)} images attacked")

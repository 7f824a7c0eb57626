"""Perturb the images of a shard against their explanation, the prediction kept, and store the perturbed images."""

from pathlib import Path

import numpy as np
import torch
from attx_kernels import dispatch
from torch import Tensor

from attx import predictions, registry, store
from attx.attributional import AttributionalAttack, Perturbed
from attx.data import manifest
from attx.stages import common


def run(
    spec: dict, *, code: str, device: str, weights: Path, shard: Path, predicted: Path, label: str, out: Path
) -> None:
    """`spec`: {data, model, perturbation, target, ...}; `label`: data/model/perturbation/shard.

    The store's attributes `measure` and `step` have what the attack found for each image, and where on its path.
    """
    bench = common.set_up(spec, device, weights, compiling=("cuda",))
    rows = manifest.read(shard)
    chosen = predictions.read(predicted)
    targets = np.array([chosen[row.image_id].target(spec["target"]) for row in rows], np.int64)
    ids, shape, dtype = [row.image_id for row in rows], (3, *bench.model.preprocess.shape), np.dtype(spec["dtype"])

    def perturbed(attack: AttributionalAttack, place: slice, images: Tensor) -> Perturbed:
        return attack.run(bench.model, images, torch.tensor(targets[place], device=bench.device), ids[place])

    def build() -> AttributionalAttack:
        return registry.built("perturbations", bench.sized(spec)["perturbation"])

    dispatch.forget()
    measures, steps = [], []
    with store.writing(out, ids, targets, shape, dtype, "perturbed") as writer:
        for _, found in bench.each(bench.images(rows, label), build, perturbed):
            writer.add(found.images.cpu().numpy())
            measures += found.measure.tolist()
            steps += found.step.tolist()
        writer.attributes = dict(zip(("data", "model", "perturbation", "shard"), label.split("/"), strict=True)) | {
            "spec": spec,
            "code": code,
            "model_facts": common.facts(bench.model),
            "images_sha256": [row.sha256 for row in rows],
            "measure": measures,
            "step": steps,
            "machine": common.machine(bench),
            "kernels": dispatch.used(),
        }
    kept = steps.count(0)
    left = f", {kept} of them left as they were: no step that kept the prediction made the map worse" if kept else ""
    print(f"{label}: {len(rows)} images perturbed{left}")

"""Classify the images of a shard."""

from pathlib import Path

import torch
from torch import Tensor

from attx import predictions
from attx.data import manifest
from attx.errors import UserError
from attx.models.classifier import Classifier
from attx.stages import common


def run(spec: dict, *, device: str, weights: Path, manifest_csv: Path, shard: Path, out: Path) -> None:
    """`spec`: {data, model, dtype, threads, batch_size}. Labels that the model lacks are refused, all in one error."""
    bench = common.set_up(spec, device, weights)
    _check_labels(manifest_csv, bench.model.classes)
    rows = manifest.read(shard)

    def classified(model: Classifier, place: slice, images: Tensor) -> list[predictions.Prediction]:
        with torch.inference_mode():
            logits = model(images)
            predicted = logits.argmax(1)
            probability = logits.softmax(1).gather(1, predicted[:, None])[:, 0]
        each = zip(rows[place], predicted.tolist(), probability.tolist(), strict=True)
        return [predictions.Prediction(row.image_id, row.label, k, p) for row, k, p in each]

    batches = bench.images(rows, "predict", few=bench.batch_size)
    found = [one for _, each in bench.each(batches, lambda: bench.model, classified) for one in each]
    unsure = [p.image_id for p in found if p.probability != p.probability]
    if unsure:
        raise UserError(f"the model gives NaN for {', '.join(unsure)}: mend the model, or take these images out")
    predictions.write(out, found)
    right = sum(p.label == p.predicted for p in found)
    name = "/".join(out.with_suffix("").parts[-3:])
    print(f"{name}: {right} of {len(found)} images classified as labelled")


def _check_labels(manifest_csv: Path, classes: int) -> None:
    bad = [f"  {row.path}: label {row.label}" for row in manifest.read(manifest_csv) if row.label >= classes]
    if bad:
        raise UserError(
            f"labels are out of range: the model has the classes 0 to {classes - 1}; mend the labels, "
            "or choose a model that has these classes:\n" + "\n".join(bad)
        )

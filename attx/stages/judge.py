"""Classify adversarial images made against a model, by that model or another."""

from pathlib import Path

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from attx import frames, predictions, store
from attx.models.classifier import Classifier
from attx.stages import common


def run(
    spec: dict,
    *,
    device: str,
    weights: Path,
    predicted: Path,
    source_predicted: Path,
    adversarial: Path,
    label: str,
    out: Path,
) -> None:
    """`spec`: {data, model, ...}, the judge's; `label`: data/model/source/attack.

    One row per image: label, predicted and source_predicted (of the clean image, by the judge and by the model
    attacked), adversarial (the class the judge gives the adversarial image, resized bilinearly to its own size),
    distance (largest change of a value, before resizing).
    """
    bench = common.set_up(spec, device, weights)

    def classified(model: Classifier, place: slice, images: Tensor) -> list[int]:
        if images.shape[2:] != model.preprocess.shape:
            images = F.interpolate(images, model.preprocess.shape, mode="bilinear", align_corners=False)
        with torch.no_grad():
            return model(images).argmax(1).tolist()

    with store.reading(adversarial, "adversarial") as content:
        batches = bench.stored(content, list(range(len(content.image_ids))), f"judge {label}", few=bench.batch_size)
        classes = [k for _, each in bench.each(batches, lambda: bench.model, classified) for k in each]
    judged, attacked = predictions.read(predicted), predictions.read(source_predicted)
    table = pd.DataFrame(
        {
            "image_id": content.image_ids,
            **dict(zip(("data", "model", "source", "attack"), label.split("/"), strict=True)),
            "label": content.targets,
            "predicted": [judged[i].predicted for i in content.image_ids],
            "source_predicted": [attacked[i].predicted for i in content.image_ids],
            "adversarial": classes,
            "distance": content.attributes["distance"],
        }
    )
    frames.write(out, table)
    print(f"{label}: {len(table)} adversarial images classified")

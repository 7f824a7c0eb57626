"""`python -m attx explain`: a person's first use: the prediction, and a heatmap over the image."""

from pathlib import Path

import matplotlib
import numpy as np
import torch
import yaml

from attx import registry
from attx.api import check_explains, explain
from attx.data.images import open_rgb
from attx.errors import UserError
from attx.files import atomic
from attx.models.classifier import Classifier
from attx.models.loading import load_model, weights_file
from attx.models.weights import fetch
from attx.postprocess import postprocess
from attx.stages.common import choose_device

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def run(
    *, images: list[str], model: str, method: str, target: int | None, out: str, settings: list[str], device: str
) -> None:
    """Explain image files one by one; the pictures are `<out>/<stem>_<method>.png`."""
    check_explains(method)
    params = _params(method, settings)
    drawn = _drawn(images, _called(method, params), Path(out))
    pictures = [open_rgb(path, upright=True) for path in images]
    wanted = weights_file(model)
    if wanted is not None:
        fetch(wanted)
    where = choose_device(device)
    classifier = load_model(model).to(where)
    if target is not None and not 0 <= target < classifier.classes:
        raise UserError(f"--target {target}: the model's classes are 0 to {classifier.classes - 1}")
    for path, picture in zip(images, pictures, strict=True):
        image = torch.from_numpy(classifier.preprocess.apply(picture))[None].to(where)
        with torch.no_grad():
            probability = classifier(image).softmax(1)[0]
        explained = int(probability.argmax()) if target is None else target
        best = (f"{_name(classifier, k)} [{k}] {probability[k]:.1%}" for k in _best(probability))
        print(f"{path}: {', '.join(best)}")
        maps = explain(classifier, image, explained, method, image_ids=[Path(path).name], **params)
        heat = postprocess(maps, sign="absolute", channels="sum", blur=2.0)[0, 0].cpu().numpy()
        if not np.isfinite(heat).all():
            raise UserError(f"{path}: the attributions are NaN or infinite, nothing was drawn: look at the model")
        title = f"{_name(classifier, explained)} ({probability[explained]:.1%})"
        _draw(image[0].cpu().numpy(), heat, title, _called(method, params), drawn[path])
        print(f"  {method} for {title} -> {drawn[path]}")


def _params(method: str, settings: list[str]) -> dict:
    params = {}
    for item in settings:
        key, _, value = item.partition("=")
        try:
            params[key] = registry.number(yaml.safe_load(value))
        except yaml.YAMLError:
            value = ""
        if not key or not value:
            raise UserError(f"--set {item}: must be KEY=VALUE, such as copies=8")
    registry.check("--set", params, registry.method_parameters(method, params))
    registry.complete("--set", params, "attribution", method)
    return params


def _called(method: str, params: dict) -> str:
    """The method's name, and that of the class where it stands for many."""
    return f"{method}_{params['name']}" if "name" in params else method


def _drawn(images: list[str], method: str, out: Path) -> dict[str, Path]:
    """Where each image's picture goes; UserError where two would go to one file."""
    found: dict[Path, str] = {}
    for path in images:
        target = out / f"{Path(path).stem}_{method}.png"
        if found.setdefault(target, path) != path:
            raise UserError(f"{found[target]} and {path} would both be drawn to {target}: explain them one by one")
    return {path: target for target, path in found.items()}


def _best(probability: torch.Tensor) -> list[int]:
    return probability.topk(min(3, len(probability))).indices.tolist()


def _name(classifier: Classifier, k: int) -> str:
    return classifier.class_names[k] if classifier.class_names else f"class {k}"


def _draw(image: np.ndarray, heat: np.ndarray, title: str, method: str, target: Path) -> None:
    """The image, and the image under the heatmap, clipped at its 99.5th percentile."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3.5), layout="constrained")
    pixels = image.transpose(1, 2, 0)
    left.imshow(pixels)
    left.set_title(title)
    right.imshow(pixels.mean(2), cmap="gray", vmin=0, vmax=1)
    shown = right.imshow(heat / max(np.percentile(heat, 99.5), 1e-30), cmap="inferno", vmin=0, vmax=1, alpha=0.65)
    right.set_title(method)
    for axes in (left, right):
        axes.axis("off")
    figure.colorbar(shown, ax=right, shrink=0.75, label="|attribution|, blurred (1 = 99.5th percentile)")
    with atomic(target) as temporary:
        figure.savefig(temporary, dpi=150, format="png")
    plt.close(figure)

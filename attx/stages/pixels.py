"""Which pixels of maps are the largest, before and after perturbations: what the figure `top_pixels` is drawn from."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from attx_kernels.topk import top_k, top_k_div

from attx import registry, store
from attx.errors import UserError
from attx.figures.gallery import Gallery
from attx.figures.pixels import Pixels
from attx.postprocess import postprocess


def pixels(spec: dict, gallery: Gallery, perturbed: Sequence[Path], under: Sequence[Path]) -> list[Pixels]:
    """Image by image and method by method, the pixels of the image's own map, then those under each perturbation.

    `spec`: {figure, image_ids, perturbations: label: [name, epsilon], postprocess}. `perturbed`: stores of the images,
    `under`: of the maps of these.
    """
    figure = spec["figure"]
    settings = {key: figure.get(key, registry.default("figures", figure["use"], key)) for key in ("k", "window")}
    images = _by_label(perturbed, "perturbed", spec["image_ids"])
    maps = _by_label(under, "attribution", spec["image_ids"])
    found = []
    for model, image_id in gallery.images:
        for (owner, method), held in gallery.maps.items():
            if owner != model or image_id not in held:
                continue
            title = gallery.titles[model, image_id]
            names = {"model": model, "method": method, "image_id": image_id, "title": title}
            clean = {"perturbation": "", "epsilon": 0.0, "image": gallery.images[model, image_id]}
            found.append(Pixels(**names, **clean, **_largest(held[image_id], **settings)))
            for label, (name, epsilon) in spec["perturbations"].items():
                image = images[model, "", label, image_id].transpose(1, 2, 0)
                values = postprocess(
                    torch.from_numpy(maps[model, method, label, image_id][None]), **spec["postprocess"]
                )
                shown = {"perturbation": name, "epsilon": epsilon, "image": image}
                found.append(Pixels(**names, **shown, **_largest(values.sum(1)[0].numpy(), **settings)))
    return found


def _by_label(paths: Sequence[Path], array: str, image_ids: Sequence[str]) -> dict[tuple[str, ...], np.ndarray]:
    """By model, method ("" for images), label of the perturbation and image id, what stores hold of these images."""
    found = {}
    for path in paths:
        content = store.read(path, image_ids, array, partly=True)
        names = [content.attributes.get(key, "") for key in ("model", "method", "perturbation")]
        found |= {(*names, i): each for i, each in zip(content.image_ids, content.attributions, strict=True)}
    return found


def _largest(values: np.ndarray, k: int, window: int) -> dict[str, np.ndarray]:
    """The masks `top_k` and `top_k_div` of a map (H, W)."""
    batch = torch.from_numpy(np.ascontiguousarray(values))[None]
    apart = np.zeros(values.size, bool)
    try:
        chosen = top_k(batch, k)[0].numpy()
        apart[top_k_div(batch, k, window)[0].numpy()] = True
    except ValueError as error:
        raise UserError(f"top_pixels: {error}") from error
    return {"top_k": chosen, "top_k_div": apart.reshape(values.shape)}

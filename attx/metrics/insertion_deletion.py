"""Insertion and deletion: the target's probability while pixels appear, or vanish, in the order of their attribution.

Source: Petsiuk et al., RISE, BMVC 2018; the orders are those of attx.metrics.ranking.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import torch
from attx_kernels.masking import mixer
from torch import Tensor

from attx.errors import UserError, unknown
from attx.metrics.ranking import ORDERS, check_attributions, rank_map
from attx.metrics.substrates import SUBSTRATES, make

TARGETS = ("predicted", "label")
BETTER = {"insertion_auc": "higher", "deletion_auc": "lower"}


@dataclass(frozen=True)
class InsertionDeletion:
    """Curves (N, points): softmax probability of the target, point 0 with nothing inserted or deleted; areas (N,)."""

    insertion_curve: np.ndarray
    deletion_curve: np.ndarray
    insertion_auc: np.ndarray
    deletion_auc: np.ndarray


def insertion_deletion(
    model: Callable[[Tensor], Tensor],
    images: Tensor,
    attributions: Tensor,
    order: str = "rise_2d",
    pixels_per_step: int = 224,
    substrate: str = "zeros",
    target: str | int | Sequence[int] | Tensor = "predicted",
    batch_size: int = 32,
) -> InsertionDeletion:
    """Score attributions (N, C, H, W), (N, 1, H, W) or (N, H, W) of images (N, C, H, W) in [0, 1] by a model of logits.

    Step t shows (insertion) or covers by the substrate (deletion) the pixels of rank below t * pixels_per_step, the
    last step all; points = ceil(H * W / pixels_per_step) + 1. flat_3hw takes pixels_per_step * C values a step.
    `target`: "predicted" (argmax on the whole image), a class, or a class per image. Areas by the trapezoid rule.
    Raises UserError for shapes that do not fit, NaN or infinity, unknown names and classes, and steps below one pixel.
    """
    _check_settings(order=order, substrate=substrate, pixels_per_step=pixels_per_step, batch_size=batch_size)
    images, attributions = torch.as_tensor(images), torch.as_tensor(attributions)
    if images.ndim != 4 or not len(images):
        raise UserError(f"images of shape {tuple(images.shape)}: give (N, C, H, W), N at least 1")
    with torch.no_grad():  # no inference_mode: what a model keeps of a pass must serve later gradients
        ranks = rank_map(check_attributions(attributions, images), order=order, channels=images.shape[1])
        covers = make(images, substrate=substrate)
        if hasattr(model, "normalise"):  # an attx Classifier: once an image, not once a step
            images, covers = model.normalise(images), model.normalise(covers)
            model = partial(model, normalised=True)
        step, every = pixels_per_step * ranks.shape[1], ranks[0].numel()
        thresholds = range(step, every, step)
        rows = _rows(len(images), thresholds, every)
        mix = mixer(images, covers, ranks, *rows)
        found = _sweep(model, mix, rows[0], len(images), batch_size, target)
    whole, covered, between = np.split(found, [len(images), 2 * len(images)])
    between = between.reshape(len(images), len(thresholds), 2)
    insertion = np.concatenate([covered[:, None], between[..., 0], whole[:, None]], axis=1)
    deletion = np.concatenate([whole[:, None], between[..., 1], covered[:, None]], axis=1)
    return _result(insertion, deletion)


def _rows(images: int, thresholds: range, every: int) -> tuple[list[int], list[int], list[bool]]:
    """Image, threshold and direction of all rows: whole images; their covers; then image by image insertion and
    deletion in turn. The outer points, the whole image and its cover, are passed once for both.
    """
    outer = [(image, threshold, True) for threshold in (every, 0) for image in range(images)]
    inner = [(image, t, inserting) for image in range(images) for t in thresholds for inserting in (True, False)]
    return tuple(map(list, zip(*outer, *inner, strict=True)))


def _sweep(
    model: Callable, mix: Callable[[int, int], Tensor], image: list[int], images: int, batch_size: int, target: object
) -> np.ndarray:
    """The probability of the target for each row, float64; the first rows are the whole `images`.

    Full batches one after another: nothing in the loop waits for the device.
    """
    rows = len(image)
    head = min(rows, -(-images // batch_size) * batch_size)  # the batches that tell the predicted classes
    starts = range(0, rows, batch_size)
    passes = ((start, _logits(model, mix(start, min(start + batch_size, rows)))) for start in starts)
    logits = torch.cat([next(passes)[1] for _ in range(0, head, batch_size)])
    classes = _classes(target, logits[:images])[torch.tensor(image, device=logits.device)]
    found = [_probability(logits, classes[:head])]
    found += [_probability(part, classes[start : start + len(part)]) for start, part in passes]
    return torch.cat(found).double().cpu().numpy()


def _logits(model: Callable[[Tensor], Tensor], batch: Tensor) -> Tensor:
    logits = model(batch)
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != len(batch):
        shape = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise UserError(f"the model gave {shape} for {len(batch)} images: it must give logits, a tensor (N, classes)")
    return logits


def _probability(logits: Tensor, classes: Tensor) -> Tensor:
    exact = torch.promote_types(logits.dtype, torch.float32)  # half precision is too coarse for a sum of exponentials
    return logits.softmax(1, dtype=exact).gather(1, classes[:, None])[:, 0]


def _classes(target: str | int | Sequence[int] | Tensor, logits: Tensor) -> Tensor:
    """The explained class of each image, int64 (N,)."""
    if isinstance(target, str):
        if target != "predicted":
            raise UserError(f"target {target!r}: give 'predicted' or the classes themselves, as integers")
        return logits.argmax(1)
    classes = torch.as_tensor(target, device=logits.device)
    if classes.is_floating_point() or classes.shape not in {(), (len(logits),)}:
        raise UserError(
            f"target of shape {tuple(classes.shape)}, {classes.dtype}: give an integer class, or one per image"
        )
    if (classes < 0).any() or (classes >= logits.shape[1]).any():
        raise UserError(f"target {classes.tolist()}: the model's classes are 0 to {logits.shape[1] - 1}")
    return classes.long().expand(len(logits))


def _result(insertion: np.ndarray, deletion: np.ndarray) -> InsertionDeletion:
    bad = np.flatnonzero(~(np.isfinite(insertion) & np.isfinite(deletion)).all(1)).tolist()
    if bad:
        raise UserError(
            f"the model's probabilities for images {bad} (counted from 0), or parts of them, are not finite"
        )
    return InsertionDeletion(insertion, deletion, _area(insertion), _area(deletion))


def _area(curves: np.ndarray) -> np.ndarray:
    return (curves.sum(1) - (curves[:, 0] + curves[:, -1]) / 2) / (curves.shape[1] - 1)


def _check_settings(*, order: str, substrate: str, pixels_per_step: int, batch_size: int) -> None:
    if order not in ORDERS:
        raise unknown("order", order, ORDERS)
    if substrate not in SUBSTRATES:
        raise unknown("substrate", substrate, SUBSTRATES)
    for name, value in {"pixels_per_step": pixels_per_step, "batch_size": batch_size}.items():
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
            raise UserError(f"{name} {value!r}: give a whole number of 1 at least")


def build(
    *,
    order: Literal["rise_2d", "channel_union", "flat_3hw"] = "rise_2d",
    pixels_per_step: int = 224,
    substrate: Literal["zeros", "mean", "blur"] = "zeros",
    target: Literal["predicted", "label"] = "predicted",
    batch_size: int = 32,
) -> Callable[..., dict[str, np.ndarray]]:
    """`score(model, images, attributions, targets)` -> values (N,) and curves (N, points) by name; `target` is a key of
    `targets`, whose "predicted" and "label" are classes (N,)."""
    _check_settings(order=order, substrate=substrate, pixels_per_step=pixels_per_step, batch_size=batch_size)
    if target not in TARGETS:
        raise unknown("target", target, TARGETS)

    def score(
        model: Callable, images: Tensor, attributions: Tensor, targets: dict[str, Tensor]
    ) -> dict[str, np.ndarray]:
        chosen = targets[target]
        result = insertion_deletion(
            model, images, attributions, order, pixels_per_step, substrate, target=chosen, batch_size=batch_size
        )
        return dict(vars(result))

    return score

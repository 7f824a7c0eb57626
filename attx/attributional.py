"""Attacks on explanations: the image changes within epsilon, the prediction does not, and the explanation does.

A named attack (`attx/perturbations/`) is data for the loop of `attx/attack.py`: what it raises (an aim) and by what the
worst point is told (a measure), of `attx/gradients/aims.py` and `measures.py`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from attx.attack import Attack
from attx.errors import UserError, unknown
from attx.gradients.aims import share
from attx.gradients.explanations import explanation
from attx.gradients.maps import Look, MapGradient, RandomSign, RandomStart
from attx.gradients.measures import MEASURES
from attx.gradients.objectives import Output
from attx.models.smooth import SmoothCopy, kinks


class Perturbed(NamedTuple):
    """The worst points (N, C, H, W), the measure there (N,), and the step of the path, int64 (N,): 0 is the image."""

    images: Tensor
    measure: Tensor
    step: Tensor


@dataclass(frozen=True)
class AttributionalAttack:
    """x <- clip01(x0 + clip(x + alpha sign(g) - x0, +-epsilon)), g the gradient of `aim` on the map S of `against`.

    S = HW sum_c|.| / sum|.| (InterpretationFragility, Ghorbani et al., AAAI 2019). g is that of a copy of the model in
    which softplus of sharpness `beta` stands for ReLU (None: of the model itself, UserError if it has ReLU); `aim` None
    takes a random sign at every step. The first of the `restarts` begins at the image, the others at points drawn
    within epsilon of it. `batch_size`: model inputs in one pass.
    """

    aim: Callable | None
    measure: Callable
    against: Callable
    epsilon: float
    alpha: float
    steps: int
    beta: float | None
    restarts: int
    seed: int
    batch_size: int

    def __post_init__(self):
        if self.steps < 1 or self.restarts < 1 or self.batch_size < 1 or self.epsilon < 0 or self.alpha < 0:
            raise UserError("an attack needs steps, restarts and batch_size of 1 at least, epsilon >= 0 and alpha >= 0")

    def run(
        self, model: Callable, images: Tensor, targets: Tensor, image_ids: Iterable[str | int] | None = None
    ) -> Perturbed:
        """Of each image the point of its path with the worst measure on `model`, among those of unchanged prediction.

        `images` (N, C, H, W) in [0, 1]; `targets` (N,) int64, the classes explained; `image_ids` None means 0..N-1.
        Where no point is worse than the image, that is the result, of step 0. Of equally bad ones it is the first, so
        a batch ends early when nothing can be worse.
        """
        ids = list(range(len(images)) if image_ids is None else image_ids)
        if len(ids) != len(images) or len(targets) != len(images):
            raise UserError(
                f"{len(images)} images, {len(targets)} targets and {len(ids)} image ids: give one of each per image"
            )
        images, size = images.detach(), max(1, self.batch_size // getattr(self.against, "copies", 1))
        followed = self._followed(model, images[:1])
        batches = [slice(start, start + size) for start in range(0, max(1, len(ids)), size)]
        found = [self._batch(model, followed, images[b], targets[b], ids[b]) for b in batches]
        return Perturbed(*(torch.cat(parts) for parts in zip(*found, strict=True)))

    def _followed(self, model: Callable, image: Tensor) -> Callable:
        """The model whose gradient is followed."""
        if self.aim is None or not len(image):
            return model
        if self.beta is None and (found := kinks(model, image)):
            raise UserError(
                f"beta: null, but the model has {', '.join(sorted(found))}, whose second derivative is zero: an "
                "attack on its explanations has no gradient. Set `beta`, the sharpness of softplus in a copy of it"
            )
        return SmoothCopy(model, self.beta)

    def _batch(self, model: Callable, followed: Callable, images: Tensor, targets: Tensor, ids: list) -> Perturbed:
        seen = Look(model, self.against, targets, ids)
        if not len(images):
            return Perturbed(images, images.new_zeros(0), torch.zeros(0, dtype=torch.int64, device=images.device))
        maps, labels = seen(images)
        measure, aim = self.measure(maps), self.aim and self.aim(maps)
        worst = Perturbed(images, measure(maps), torch.zeros_like(labels))
        for number, point in self._points(followed, aim, images, targets, ids):
            maps, now = seen(point)
            value = measure(maps)
            worse = (now == labels) & ((value - worst.measure) * self.measure.worse > 0)
            worst = Perturbed(
                point.where(worse[:, None, None, None], worst.images),
                value.where(worse, worst.measure),
                worst.step.masked_fill(worse, number),
            )
            if (worst.measure == self.measure.limit).all():
                break
        return worst

    def _points(
        self, model: Callable, aim: Callable | None, images: Tensor, targets: Tensor, ids: list
    ) -> Iterator[tuple[int, Tensor]]:
        """The points of all restarts, each with the number of its step from 1 on."""
        for restart in range(self.restarts):
            path = Attack(
                estimate=RandomSign(restart) if aim is None else MapGradient(self._maps(model, targets, ids), aim),
                post=(),
                objective=Output("logit"),
                epsilon=self.epsilon,
                alpha=self.alpha,
                steps=self.steps,
                direction=1,
                seed=self.seed,
                start=RandomStart(restart) if restart else None,
            )
            for number, step in enumerate(path.walk(model, images, targets, ids), 1):
                yield number, step.next_point

    def _maps(self, model: Callable, targets: Tensor, ids: list) -> Callable[[Tensor], Tensor]:
        return lambda x: share(self.against(model, x, targets, ids))


def compose(
    aim: Callable | None,
    own: Callable,
    *,
    epsilon: float = 8 / 255,
    alpha: float = 1 / 255,
    steps: int = 100,
    k: int = 1000,
    window: int = 3,
    measure: Literal["own", "top_k_intersection", "lens_recall_at_k", "spearman", "mass_center"] = "own",
    against: Literal[
        "saliency_gradient", "input_x_gradient", "integrated_gradients", "smoothgrad"
    ] = "saliency_gradient",
    settings: dict | None = None,
    output: Literal["probability", "logit"] = "logit",
    beta: float | None = 20.0,
    restarts: int = 1,
    seed: int = 3407,
    batch_size: int = 32,
) -> AttributionalAttack:
    """What every file of `attx/perturbations/` builds; its keywords are theirs, too.

    `aim` and `own`, the measure by default, are made of `k` and `window`. `against`: a name of EXPLANATIONS, with
    `settings` of its own, of the target's `output`; or, in Python, any function (model, images, targets, image_ids) ->
    attributions that can be differentiated in the images when these require a gradient. The others: see
    `AttributionalAttack`.
    """
    if isinstance(against, str):
        against = explanation(against, settings or {}, output=output, batch_size=batch_size)
    measures = MEASURES | {"own": own}
    if measure not in measures:
        raise unknown("measure", measure, measures)
    return AttributionalAttack(
        aim=aim and aim(k, window),
        measure=measures[measure](k, window),
        against=against,
        epsilon=epsilon,
        alpha=alpha,
        steps=steps,
        beta=beta,
        restarts=restarts,
        seed=seed,
        batch_size=batch_size,
    )

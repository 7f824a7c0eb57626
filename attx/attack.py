"""The one attack loop. A named attack (`attx/attacks/`) is data for it, a composition of parts.

The parts are in `attx/gradients/` and `attx/transforms/`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from attx.errors import UserError
from attx.gradients.objectives import OBJECTIVES, CrossEntropy
from attx.gradients.step import SIGN
from attx.gradients.update import advance
from attx.rng import Rows, pick


class Step(NamedTuple):
    """One step of a path: the point, the gradient used there (after `post`), and the next point; each (N, C, H, W)."""

    point: Tensor
    gradient: Tensor
    next_point: Tensor


class Path(NamedTuple):
    """A whole path: `points` (steps + 1, N, C, H, W) and `gradients` (steps, N, C, H, W)."""

    points: Tensor
    gradients: Tensor


@dataclass(frozen=True)
class Attack:
    """x <- clip01(x0 + clip(x + direction alpha move(g) - x0, +-epsilon)), g = post(estimate), move = sign by default.

    `epsilon` and `alpha` are in units of [0, 1] images (maximum norm); `alpha` None means epsilon / steps. `direction`
    +1 ascends the objective (an attack on the label), -1 descends it (as the published AttEXplore does). `keep_size`
    resizes what a transform has made larger back to the images' size before the model; it is always done for a model
    whose `fixed_size` is true (vision transformers). `start` None starts at the image. State lives in `walk`, never
    here: the parts get its `memory`, which begins with `epsilon`, `stride` (direction * alpha) and the `model`.
    """

    estimate: Callable
    post: tuple[Callable, ...]
    objective: Callable
    epsilon: float
    alpha: float | None
    steps: int
    direction: int
    seed: int
    keep_size: bool = False
    start: Callable | None = None
    move: Callable = SIGN

    def __post_init__(self):
        if self.direction not in (-1, 1):
            raise UserError(f"direction: {self.direction!r} must be +1 (ascend the objective) or -1 (descend it)")
        if self.steps < 1 or self.estimate.copies < 1 or self.epsilon < 0 or (self.alpha or 0) < 0:
            raise UserError("an attack needs steps >= 1, copies >= 1, epsilon >= 0 and alpha >= 0")
        if self.alpha is None:
            object.__setattr__(self, "alpha", self.epsilon / self.steps)

    def walk(
        self,
        model: Callable,
        images: Tensor,
        targets: Tensor,
        image_ids: Iterable | None = None,
        total: Tensor | None = None,
    ) -> Iterator[Step]:
        """The steps one after another, so that a caller can sum along the path without keeping it.

        `images` (N, C, H, W) in [0, 1]; `targets` (N,) int64; `image_ids` str or int, None means 0..N-1. Each step
        adds (next_point - point) * gradient to `total`, shaped as the images.
        """
        ids = list(range(len(images)) if image_ids is None else image_ids)
        if len(ids) != len(images) or len(targets) != len(images):
            raise UserError(
                f"{len(images)} images, {len(targets)} targets and {len(ids)} image ids: give one of each per image"
            )
        start = images.detach()
        memory = {"epsilon": self.epsilon, "stride": self.direction * self.alpha, "model": model}
        rows = Rows.of(self.seed, ids, self.estimate.copies, step=0)
        point = self.start(start, rows.first(1), memory) if self.start else start
        keep_size = self.keep_size or getattr(model, "fixed_size", False)

        def value(inputs: Tensor, image: list[int]) -> Tensor:
            if keep_size and inputs.shape[2:] != images.shape[2:]:
                inputs = F.interpolate(inputs, images.shape[2:], mode="bilinear", align_corners=False)
            return self.objective(model(inputs), pick(targets, image))

        for step in range(self.steps):
            gradient = self.estimate(value, point, rows.at(step), memory)
            gradient, following = advance(self.post, self.move, gradient, point, start, memory, total)
            yield Step(point, gradient, following)
            point = following

    def points(
        self, model: Callable, images: Tensor, targets: Tensor, image_ids: Iterable | None = None
    ) -> Iterator[Tensor]:
        """The points x_0 ... x_steps of the path, each (N, C, H, W); arguments as in `walk`."""
        for number, step in enumerate(self.walk(model, images, targets, image_ids)):
            if number == 0:
                yield step.point
            yield step.next_point

    def run(self, model: Callable, images: Tensor, targets: Tensor, image_ids: Iterable | None = None) -> Path:
        """The whole path at once; arguments as in `walk`."""
        steps = list(self.walk(model, images, targets, image_ids))
        points = torch.stack([steps[0].point, *(s.next_point for s in steps)])
        return Path(points, torch.stack([s.gradient for s in steps]))


def compose(
    estimate: Callable,
    post: tuple[Callable, ...] = (),
    own: Callable = CrossEntropy,
    start: Callable | None = None,
    move: Callable = SIGN,
    *,
    epsilon: float = 16 / 255,
    alpha: float | None = None,
    steps: int = 10,
    direction: Literal[-1, 1] = 1,
    objective: Literal["own", "cross_entropy", "probability", "logit"] = "own",
    softmax: int = 0,
    keep_size: bool = False,
    seed: int = 3407,
    batch_size: int = 32,
) -> Attack:
    """What every file of `attx/attacks/` builds; its keywords are theirs, too.

    `objective`: a name of OBJECTIVES, or the attack's `own`; `softmax`: see `CrossEntropy`; `batch_size`: model inputs
    in one pass; the others: see `Attack`.
    """
    return Attack(
        estimate=replace(estimate, batch_size=batch_size),
        post=post,
        objective=OBJECTIVES.get(objective, own)(softmax),
        epsilon=epsilon,
        alpha=alpha,
        steps=steps,
        direction=direction,
        seed=seed,
        keep_size=keep_size,
        start=start,
        move=move,
    )

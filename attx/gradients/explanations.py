"""Explanations that can be differentiated in the images: what attributional attacks lower, by double backpropagation.

Each is called as a method of `attx/attribution/` and gives the same attributions as its namesake there.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor

from attx.errors import UserError, unknown
from attx.gradients.objectives import Output
from attx.rng import Rows
from attx.transforms.scale import Scale
from attx.transforms.spectrum import Spectrum


@dataclass(frozen=True)
class Explanation:
    """The sum over copies of `weights` times the gradient of the target's output at place(x); times x if so wanted.

    `place` (None: x itself) is a transform (x, rows) -> x that a gradient goes through. `output`: "probability" or
    "logit". So many copies of all images go through the model at once as make `batch_size` inputs, one at least;
    what is differentiated in more goes is computed a second time, so that memory does not grow with the copies.
    """

    weights: tuple[float, ...] = (1.0,)
    place: Callable | None = None
    times_input: bool = False
    output: str = "logit"
    seed: int = 3407
    batch_size: int = 32

    def __post_init__(self):
        if self.output not in ("probability", "logit"):
            raise UserError(f"output: {self.output!r} must be 'probability' or 'logit'")
        if self.batch_size < 1:
            raise UserError(f"batch_size: {self.batch_size} must be 1 at least")

    @property
    def copies(self) -> int:
        """Model inputs for each image."""
        return len(self.weights)

    def __call__(self, model: Callable, images: Tensor, targets: Tensor, image_ids: Iterable) -> Tensor:
        """Signed attributions like `images` (N, C, H, W), with a graph if these require a gradient."""
        parts = list(self._parts(model, targets, Rows.of(self.seed, image_ids, self.copies, step=0)))
        if images.requires_grad and len(parts) > 1:
            found = sum(_Recomputed.apply(images, part) for part in parts)
        else:
            found = sum(part(images) for part in parts) if parts else torch.zeros_like(images)
        return images * found if self.times_input else found

    def _parts(self, model: Callable, targets: Tensor, rows: Rows) -> Iterator[Callable[[Tensor], Tensor]]:
        """Functions of the images, each the sum over some of the copies of all images."""
        images = len(rows.keys)
        together = max(1, self.batch_size // max(1, images))
        for first in range(0, self.copies if images else 0, together):
            copies = range(first, min(first + together, self.copies))
            batch = rows.take([image * self.copies + copy for image in range(images) for copy in copies])
            yield lambda x, batch=batch, copies=copies: self._sum(model, x, targets, batch, copies)

    def _sum(self, model: Callable, x: Tensor, targets: Tensor, rows: Rows, copies: range) -> Tensor:
        wanted = x.requires_grad and torch.is_grad_enabled()
        with torch.enable_grad():
            points = x if wanted else x.detach().requires_grad_()
            if self.place:
                points = self.place(points.repeat_interleave(len(copies), 0), rows)
            value = Output(self.output)(model(points), targets.repeat_interleave(len(copies), 0)).sum()
            (gradient,) = torch.autograd.grad(value, points, create_graph=wanted)
        if self.weights == (1.0,):
            return gradient
        weights = torch.tensor(self.weights[copies.start : copies.stop], dtype=x.dtype, device=x.device)
        return torch.einsum("nc...,c->n...", gradient.unflatten(0, (len(x), len(copies))), weights)


class _Recomputed(torch.autograd.Function):
    """A function of a tensor whose graph is made on the way back, and dropped at once."""

    @staticmethod
    def forward(ctx, x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
        ctx.save_for_backward(x)
        ctx.function = function
        return function(x.detach())

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        with torch.enable_grad():
            x = ctx.saved_tensors[0].detach().requires_grad_()
            return _gradient(ctx.function(x), x, gradient), None


def _gradient(value: Tensor, x: Tensor, outer: Tensor) -> Tensor:
    """Of `value` to `x`; zero where it does not depend on it, as the gradient of a linear model."""
    found = torch.autograd.grad(value, x, outer, allow_unused=True)[0] if value.requires_grad else None
    return torch.zeros_like(x) if found is None else found


def saliency_gradient(**common: Any) -> Explanation:
    """The gradient of the target's output; `common`: output, batch_size."""
    return Explanation(**common)


def input_x_gradient(**common: Any) -> Explanation:
    """The image times the gradient of the target's output."""
    return Explanation(times_input=True, **common)


def integrated_gradients(*, steps: int = 50, **common: Any) -> Explanation:
    """Along the line from black, by the trapezoid rule at `steps` points, 2 at least."""
    if steps < 2:
        raise UserError(f"integrated_gradients: steps: {steps} must be 2 at least")
    weights = [1 / (steps - 1) / (2 if i in (0, steps - 1) else 1) for i in range(steps)]
    path = Scale(tuple(i / (steps - 1) for i in range(steps)))
    return Explanation(tuple(weights), path, times_input=True, **common)


def smoothgrad(*, copies: int = 50, sigma: float = 0.15, seed: int = 3407, **common: Any) -> Explanation:
    """The mean gradient over noisy copies; `sigma` in units of [0, 1] images."""
    if copies < 1:
        raise UserError(f"smoothgrad: copies: {copies} must be 1 at least")
    return Explanation((1 / copies,) * copies, Spectrum(rho=0, sigma=sigma), seed=seed, **common)


EXPLANATIONS = {
    function.__name__: function for function in (saliency_gradient, input_x_gradient, integrated_gradients, smoothgrad)
}
NUMBERS = {int: Integral, float: Real}  # NumPy's are numbers, too


def explanation(name: str, settings: dict, **common: Any) -> Explanation:
    """One of EXPLANATIONS by its name; UserError for an unknown name, or a setting that is no keyword of its own.

    Also for a setting of another type than the keyword's.
    """
    if name not in EXPLANATIONS:
        raise unknown("explanation", name, EXPLANATIONS)
    parameters = inspect.signature(EXPLANATIONS[name]).parameters.values()
    known = {one.name: one.annotation for one in parameters if one.kind is one.KEYWORD_ONLY}
    for key, value in settings.items():
        if key not in known:
            raise unknown(f"setting of {name}", key, known)
        if isinstance(value, bool) or not isinstance(value, NUMBERS[known[key]]):
            raise UserError(f"settings.{key}: {value!r} is not of type {known[key].__name__}, as {name} takes it")
    return EXPLANATIONS[name](**settings, **common)

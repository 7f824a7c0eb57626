"""DeepLIFT by the rescale rule, from a plain image (Shrikumar et al., ICML 2017); complete, on any usual network."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d_with_indices

from attx.attribution.forward import in_batches
from attx.attribution.rules import Rules
from attx.errors import UserError


def build(
    *, output: Literal["probability", "logit"] = "logit", baseline: float = 0.0, batch_size: int = 32
) -> Callable[..., Tensor]:
    """`baseline`: what all values of the reference image are; `output`: what is explained, f_y as the paper has it."""

    def attribute(model: Callable, images: Tensor, targets: Tensor, image_ids: list) -> Tensor:
        few = max(1, batch_size - 1)  # the reference goes along
        return in_batches(lambda x, y: _explain(model, output, baseline, x, y), few, images, targets)

    return attribute


def _explain(model: Callable, output: str, baseline: float, x: Tensor, y: Tensor) -> Tensor:
    reference = torch.full_like(x[:1], baseline)
    rules = Rescale(len(x) + 1)
    with rules.within(model):
        inputs = torch.cat([x, reference]).detach().requires_grad_()
        outputs = model(inputs)
        if output == "probability":
            outputs = outputs.softmax(1)
    explained = outputs[:-1].gather(1, y[:, None])[:, 0]
    (multipliers,) = torch.autograd.grad(explained.sum(), inputs)
    found = multipliers[:-1] * (x - reference)
    _check(found, (explained - outputs[-1, y]).detach())
    return found


def _check(found: Tensor, difference: Tensor) -> None:
    """UserError unless attributions sum to the difference in output: something was computed out of sight."""
    sums, scale = found.flatten(1).sum(1), found.flatten(1).abs().sum(1)
    if (sums - difference).abs().gt(0.05 * difference.abs() + 1e-3 * scale).any():
        raise UserError(
            f"deeplift: attributions sum to {sums.tolist()}, the outputs differ from the reference's by "
            f"{difference.tolist()}: this model computes something that cannot be followed, such as a "
            "torch.autograd.Function of its own; integrated_gradients and expected_gradients take any network"
        )


class Rescale(Rules):
    """Each function's derivative is the ratio of differences to the reference, which is the last of `rows` rows.

    A product's difference is split between its factors by their own, the other factor at its mean: a player's Shapley
    value in a game of two. Batches come first in every tensor, blocks of a row beside each other.
    """

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.rows = rows

    def activation(self, func: Callable, z: Tensor, *args, **kwargs) -> Tensor:
        """func(z), any function of each value."""
        work = z.detach().clone()
        y = func(work, *args, **kwargs)
        slope = self._slope(z.detach(), y, lambda p: func(p, *args, **kwargs))
        found = y + (z - z.detach()) * slope
        return z.copy_(found) if y is work else found

    def _slope(self, z: Tensor, y: Tensor, func: Callable) -> Tensor:
        """The ratio of differences; the derivative where they are but rounding. The kink of a ReLU is never there."""
        across, up = self._difference(z), self._difference(y)
        small = across.abs() <= torch.finfo(z.dtype).eps ** (2 / 3) * z.abs()
        with torch.enable_grad():
            point = z.clone().requires_grad_()
            (derivative,) = torch.autograd.grad(func(point + 0).sum(), point)
        return torch.where(small, derivative.nan_to_num(0, 0, 0), up / torch.where(small, 1, across))

    def product(self, func: Callable, a: Tensor, b: Tensor) -> Tensor:
        """func(a, b), linear in either."""
        value = func(a.detach(), b.detach())
        return value + func(a - a.detach(), self._middle(b)) + func(self._middle(a), b - b.detach())

    def peak(self, func: Callable, z: Tensor, *args, **kwargs) -> Tensor:
        """Max pooling: a difference goes to the peak of the image if that is higher, else to the reference's."""
        y, place = max_pool2d_with_indices(z.detach(), *args, **kwargs)
        higher = y >= self._reference(y)
        place = torch.where(higher, place, self._reference(place)).flatten(2)
        across = self._difference(z.detach()).flatten(2).gather(2, place).view_as(y)
        slope = torch.where(across == 0, 1, self._difference(y) / torch.where(across == 0, 1, across))
        peak = z.flatten(2).gather(2, place).view_as(y)
        return y + (peak - peak.detach()) * slope

    def _reference(self, z: Tensor) -> Tensor:
        """The reference's values, for each row."""
        if len(z) % self.rows:
            raise self.refusal(f"a tensor {tuple(z.shape)} whose first dimension is not the images'")
        parts = z.unflatten(0, (self.rows, -1))
        return parts[-1:].expand_as(parts).flatten(0, 1)

    def _difference(self, z: Tensor) -> Tensor:
        return z - self._reference(z)

    def _middle(self, z: Tensor) -> Tensor:
        return (z.detach() + self._reference(z.detach())) / 2

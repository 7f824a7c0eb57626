"""How a gradient is got: the mean over transformed copies of each image, packed into model batches."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from attx.errors import UserError
from attx.rng import Rows, pick

Value = Callable[[Tensor, list[int]], Tensor]


@dataclass(frozen=True)
class MeanGradient:
    """Mean over `copies` of the gradient of an objective at the leaf z = before(x), taken through after(z).

    `before` and `after` are transforms (x, rows) -> x; one with a method `group` sorts rows that may not share a batch;
    one with `spread`, first of `before`, makes its copies of the images themselves. At most `batch_size` model inputs
    go through the model at once, whatever images they are copies of. With `lookahead`, the
    momentum's factor, x is first moved by that part of the momentum (Nesterov; NI-FGSM, Lin et al., ICLR 2020, eq. 6).
    """

    copies: int = 1
    before: tuple[Callable, ...] = ()
    after: tuple[Callable, ...] = ()
    batch_size: int = 32
    lookahead: float = 0.0

    def __post_init__(self):
        if self.copies < 1 or self.batch_size < 1:
            raise UserError(f"copies and batch_size must be 1 at least, not {self.copies} and {self.batch_size}")

    def __call__(self, value: Value, x: Tensor, rows: Rows, memory: dict | None = None) -> Tensor:
        """`value(inputs, image indices)` gives one value per input; `x` (N, C, H, W) -> the mean gradient, alike.

        Of `rows` the first `copies` of each image are used. `memory` is that of the run; only `lookahead` reads it.
        """
        if self.lookahead and memory and "momentum" in memory:
            x = x + memory["stride"] * self.lookahead * memory["momentum"]
        total = torch.zeros_like(x)
        for batch in self._batches(rows.first(self.copies)):
            leaf = self._leaf(x, batch)
            with torch.enable_grad():  # captum's metrics call from within no_grad
                inputs = leaf = leaf.detach().requires_grad_()
                for transform in self.after:
                    inputs = transform(inputs, batch)
                (gradient,) = torch.autograd.grad(value(inputs, batch.image).sum(), leaf)
            add_runs(total, gradient, batch.image)
        return total / self.copies

    def _leaf(self, x: Tensor, batch: Rows) -> Tensor:
        transforms = list(self.before)
        if transforms and hasattr(transforms[0], "spread"):
            leaf = transforms.pop(0).spread(x, batch.image, batch)
        else:
            leaf = pick(x, batch.image)
        for transform in transforms:
            leaf = transform(leaf, batch)
        return leaf

    def _batches(self, rows: Rows) -> Iterator[Rows]:
        """Batches of about the same size, since small ones cost more for each input."""
        groups: dict[tuple, list[int]] = {}
        marks = [t.group(rows) for t in self.after if hasattr(t, "group")]
        for row in range(len(rows)):
            groups.setdefault(tuple(mark[row] for mark in marks), []).append(row)
        for members in groups.values():
            parts = -(-len(members) // self.batch_size)
            for part in range(parts):
                yield rows.take(members[len(members) * part // parts : len(members) * (part + 1) // parts])


def add_runs(total: Tensor, gradient: Tensor, image: list[int]) -> None:
    """Add each row to its image's total, run by run: deterministic on every device, no image touches another's."""
    start = 0
    for stop in range(1, len(image) + 1):
        if stop == len(image) or image[stop] != image[start]:
            total[image[start]] += gradient[start:stop].sum(0)
            start = stop

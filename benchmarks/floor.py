"""The floor: the bare passes that a method makes, as many and of the same sizes, in equal batches of the best size."""

from collections import Counter
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from benchmarks import clock

Shape = tuple[int, ...]


class Recorder(nn.Module):
    """A model that costs nothing and remembers how many inputs of which shape it got; draws do not depend on models."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.classes, self.fixed_size = model.classes, model.fixed_size
        self.weight = nn.Parameter(next(model.parameters()).new_ones(()), requires_grad=False)
        self.shapes: Counter[Shape] = Counter()

    def normalise(self, images: Tensor) -> Tensor:
        return images

    def forward(self, x: Tensor, *, normalised: bool = False) -> Tensor:
        self.shapes[tuple(x.shape[1:])] += len(x)
        return x.flatten(1)[:, : self.classes] * self.weight


def shapes_of(method: Callable[[nn.Module], object], model: nn.Module) -> Counter[Shape]:
    """How many inputs of which shape `method(model)` passes through the model."""
    recorder = Recorder(model)
    method(recorder)
    return recorder.shapes


def one_pass(model: nn.Module, x: Tensor, gradient: bool) -> None:
    """Forward and the gradient of a logit with respect to the input; else forward alone, of normalised images."""
    if not gradient:
        with torch.no_grad():
            model(x, normalised=True)
        return
    leaf = x.detach().requires_grad_()
    torch.autograd.grad(model(leaf)[:, 0].sum(), leaf)


def inputs(model: nn.Module, shape: Shape, batch: int) -> Tensor:
    """A batch in the memory format of the model, on its device."""
    weight = next(p for p in model.parameters() if p.is_floating_point())
    x = torch.rand(batch, *shape, device=weight.device, dtype=weight.dtype)
    return x.contiguous(memory_format=torch.channels_last)


def bare(
    model: nn.Module, shapes: Counter[Shape], sizes: Sequence[int], gradient: bool, device: str
) -> tuple[int, Callable[[], None]]:
    """The fastest way to make all these passes, and its batch size of `sizes`; the inputs are there before."""
    batch = clock.fastest(lambda size: passes(model, shapes, size, gradient), sizes, device)
    return batch, passes(model, shapes, batch, gradient)


def passes(model: nn.Module, shapes: Counter[Shape], batch: int, gradient: bool) -> Callable[[], None]:
    """All these passes, for each shape in equal batches of `batch` at most."""
    ready = [x for shape, number in shapes.items() for x in _batches(model, shape, number, batch)]

    def run() -> None:
        for x in ready:
            one_pass(model, x, gradient)

    return run


def _batches(model: nn.Module, shape: Shape, number: int, batch: int) -> list[Tensor]:
    parts = -(-number // batch)
    largest = inputs(model, shape, -(-number // parts))
    return [largest[: number * (part + 1) // parts - number * part // parts] for part in range(parts)]

"""How an attributional attack moves and what it sees: gradients through a map, random signs, maps with predictions."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from attx.errors import UserError
from attx.gradients.aims import share
from attx.rng import Rows, Stream
from attx.transforms.neighbour import UniformStart


@dataclass(frozen=True)
class MapGradient:
    """The gradient of aim(maps(x)), summed over the images; zero where the maps do not depend on x."""

    maps: Callable[[Tensor], Tensor]
    aim: Callable[[Tensor], Tensor]
    copies: int = 1

    def __call__(self, value: Callable, x: Tensor, rows: Rows, memory: dict) -> Tensor:
        """As `attx.gradients.estimate.MeanGradient`."""
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            raised = self.aim(self.maps(x)).sum()
            found = torch.autograd.grad(raised, x, allow_unused=True)[0] if raised.requires_grad else None
        return torch.zeros_like(x) if found is None else found


@dataclass(frozen=True)
class RandomSign:
    """+1 or -1 for each value, drawn anew at every step of every restart."""

    restart: int = 0
    copies: int = 1

    def __call__(self, value: Callable, x: Tensor, rows: Rows, memory: dict) -> Tensor:
        """As `attx.gradients.estimate.MeanGradient`."""
        drawn = _of(rows, self.restart).uniform(Stream.SIGNS, x.shape[1:], x)
        return 1 - 2 * (drawn < 0.5).to(x.dtype)


@dataclass(frozen=True)
class RandomStart:
    """`UniformStart` with draws of a restart's own."""

    restart: int

    def __call__(self, images: Tensor, rows: Rows, memory: dict) -> Tensor:
        """As `UniformStart`."""
        return UniformStart()(images, _of(rows, self.restart), memory)


def _of(rows: Rows, restart: int) -> Rows:
    return replace(rows, copy=[restart] * len(rows))


class Look:
    """What a model says of images, with its explanations: maps S (N, H, W) and predicted classes (N,).

    `against` is the explanation. Where it shows the model the images themselves, their logits are those of that pass.
    """

    def __init__(self, model: Callable, against: Callable, targets: Tensor, image_ids: list) -> None:
        self.heard = _Listener(model)
        self.against, self.targets, self.image_ids = against, targets, image_ids

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """UserError if an explanation is NaN or infinite."""
        images = images.detach()
        self.heard.images, self.heard.logits = images, None
        maps = share(self.against(self.heard, images, self.targets, self.image_ids).detach())
        if not maps.isfinite().all():
            raise UserError("the explanation attacked is NaN or infinite: take `dtype: float64`, or check the weights")
        if self.heard.logits is None:
            with torch.no_grad():
                self.heard(images)
        return maps, self.heard.logits.argmax(1)


class _Listener(nn.Module):
    """A model that keeps its logits for certain images; views of these are the same memory."""

    def __init__(self, model: Callable) -> None:
        super().__init__()
        self.model, self.images, self.logits = model, None, None

    def forward(self, inputs: Tensor) -> Tensor:
        logits = self.model(inputs)
        if inputs.data_ptr() == self.images.data_ptr() and inputs.shape == self.images.shape:
            self.logits = logits.detach()
        return logits

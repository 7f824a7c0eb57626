"""Gradients of a feature layer weighted by how much its values matter to the class: NAA."""

from dataclasses import dataclass

import torch
from torch import Tensor

from attx.errors import UserError
from attx.gradients.estimate import MeanGradient, Value, add_runs
from attx.layers import default, features
from attx.rng import Rows, pick
from attx.transforms.scale import Scale
from attx.transforms.spectrum import Spectrum


@dataclass(frozen=True)
class NeuronAttribution:
    """The gradient of sum(w (f(x) - f(0))) at a layer f; negative terms count `gamma` times. The attack's value is -p.

    NAA (Zhang et al., CVPR 2022): w, of unit L2 norm for each image, is the mean gradient of the value to f over
    `copies` of the path's first point, noise of deviation `sigma` added, then scaled by 1 - i / `copies`. `layer` is a
    name, or "default" for the one at relative `depth`.
    """

    copies: int
    layer: str
    depth: float
    sigma: float
    gamma: float = 1.0
    batch_size: int = 32

    def __post_init__(self):
        if not 0 <= self.depth <= 1 or self.sigma < 0:
            raise UserError(f"depth must be in [0, 1] and sigma not negative, but are {self.depth} and {self.sigma}")

    def __call__(self, value: Value, x: Tensor, rows: Rows, memory: dict) -> Tensor:
        """As `MeanGradient`."""
        model = memory["model"]
        if "weights" not in memory:
            name = default(model, x, self.depth) if self.layer == "default" else self.layer
            memory |= {"layer": name, "weights": self._weights(value, x, rows, model, name)}
            if self.gamma != 1:  # else f(0) has no gradient
                with torch.no_grad(), features(model, name) as layer:
                    value(torch.zeros_like(x[:1]), [0])
                memory["base"] = layer.output.detach()

        def attribution(inputs: Tensor, image: list[int]) -> Tensor:
            with features(model, memory["layer"]) as layer:
                value(inputs, image)
            terms = pick(memory["weights"], image) * (layer.output - memory.get("base", 0))
            return terms.where(terms >= 0, self.gamma * terms).flatten(1).sum(1)

        return MeanGradient(batch_size=self.batch_size)(attribution, x, rows)

    def _weights(self, value: Value, x: Tensor, rows: Rows, model: torch.nn.Module, name: str) -> Tensor:
        """(N, *shape of the layer), a batch of copies at a time."""
        noise, fade = Spectrum(rho=0, sigma=self.sigma), Scale(tuple(1 - i / self.copies for i in range(self.copies)))
        rows, total = rows.first(self.copies), None
        for start in range(0, len(rows), self.batch_size):
            batch = rows.take(range(start, min(start + self.batch_size, len(rows))))
            copies = fade(noise(pick(x, batch.image), batch), batch)
            with torch.enable_grad(), features(model, name) as layer:
                (gradient,) = torch.autograd.grad(value(copies, batch.image).sum(), layer.output)
            total = x.new_zeros(len(x), *gradient.shape[1:]) if total is None else total
            add_runs(total, gradient, batch.image)
        total = total.flatten(1)
        total = total / total.abs().amax(1, keepdim=True).clamp(min=torch.finfo(x.dtype).tiny)  # squares may underflow
        return (total / total.norm(dim=1, keepdim=True).clamp(min=1)).unflatten(1, gradient.shape[1:])

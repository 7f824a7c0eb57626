"""Layer-wise relevance propagation, epsilon and gamma rule (Bach et al., PLoS ONE 2015; Montavon et al., 2019)."""

from collections.abc import Callable

import torch
from torch import Tensor

from attx.attribution.forward import in_batches
from attx.attribution.rules import Rules, names
from attx.errors import UserError

GATES = names("sigmoid sigmoid_ hardsigmoid softmax rsqrt sqrt reciprocal")
ACTIVATIONS = names(
    "relu relu_ relu6 hardtanh hardtanh_ hardswish silu gelu elu elu_ selu celu leaky_relu leaky_relu_ mish tanh tanh_ "
    "softsign prelu"
)
WEIGHTED = names("conv1d conv2d conv3d linear")


def build(*, epsilon: float = 1e-9, gamma: float = 0.0, batch_size: int = 32) -> Callable[..., Tensor]:
    """Relevance of the logit of the target, by one rule for all convolutions and linear layers.

    `epsilon` is added to what is divided by, with its sign; `gamma` favours what has a sum's own sign, 0 not at all.
    """
    if epsilon < 0 or gamma < 0:
        raise UserError(f"lrp: epsilon and gamma must not be negative: {epsilon}, {gamma}")

    def attribute(model: Callable, images: Tensor, targets: Tensor, image_ids: list) -> Tensor:
        return in_batches(lambda x, y: _explain(model, Relevance(epsilon, gamma), x, y), batch_size, images, targets)

    return attribute


def _explain(model: Callable, rules: Rules, x: Tensor, y: Tensor) -> Tensor:
    with rules.within(model):
        inputs = x.detach().clone().requires_grad_()
        explained = model(inputs).gather(1, y[:, None])
    (factor,) = torch.autograd.grad(explained.sum(), inputs)
    return factor * x


class Relevance(Rules):
    """Relevance is value times derivative, an activation's derivative being f(z) / z (Ancona et al., ICLR 2018).

    A gate, the weights of attention and the factor of a norm are constants, so all relevance goes to what they multiply
    (Arras et al., 2017; Ali et al., ICML 2022).
    """

    def __init__(self, epsilon: float, gamma: float) -> None:
        super().__init__()
        self.epsilon, self.gamma = epsilon, gamma

    def other(self, name: str) -> Callable | None:
        """Gates, and the layers with weights."""
        if name in GATES:
            return lambda func, *args, **kwargs: func(
                *(a.detach() if isinstance(a, Tensor) else a for a in args), **kwargs
            )
        return self.weighted if name in WEIGHTED else None

    def weighted(self, func: Callable, z: Tensor, weight: Tensor, bias: Tensor | None = None, *args, **kwargs):
        """A layer's output; back, a share of its relevance goes to each input, as large as its part of the sum."""

        def layer(z: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
            return func(z, weight, bias, *args, **kwargs)

        found = parts = layer(z, weight, bias)
        if self.gamma:
            parts = torch.where(found > 0, *(self._favoured(layer, z, weight, bias, sign) for sign in (1, -1)))
        return found.detach() + (parts - parts.detach()) * _ratio(found, parts, self.epsilon)

    def _favoured(self, layer: Callable, z: Tensor, weight: Tensor, bias: Tensor | None, sign: int) -> Tensor:
        """The sum, in which what has this sign counts 1 + gamma times, so that it is not 0 where the sum has it."""
        more = [t + self.gamma * sign * (sign * t).clamp(min=0) for t in (weight, -weight)]
        bias = None if bias is None else bias + self.gamma * sign * (sign * bias).clamp(min=0)
        return layer(z.clamp(min=0), more[0], bias) + layer((-z).clamp(min=0), more[1], None)

    def activation(self, func: Callable, z: Tensor, *args, **kwargs) -> Tensor:
        """func(z), any function of each value that is 0 at 0."""
        if func.__name__ not in ACTIVATIONS:
            raise self.refusal(func.__name__)
        work = z.detach().clone()
        y = func(work, *args, **kwargs)
        slope = _ratio(y, z, torch.finfo(z.dtype).tiny)
        found = y + (z - z.detach()) * slope
        return z.copy_(found) if y is work else found

    def product(self, func: Callable, a: Tensor, b: Tensor) -> Tensor:
        """func(a, b), linear in either: half of the relevance to each."""
        value = func(a.detach(), b.detach())
        return value + (func(a - a.detach(), b.detach()) + func(a.detach(), b - b.detach())) / 2

    def peak(self, func: Callable, z: Tensor, *args, **kwargs) -> Tensor:
        """Max pooling: all to the peak, as the derivative has it."""
        return func(z, *args, **kwargs)


def _ratio(above: Tensor, below: Tensor, epsilon: float) -> Tensor:
    """above / below, stabilised."""
    below = below.detach()
    return above.detach() / (below + torch.full_like(below, epsilon).copysign(below))

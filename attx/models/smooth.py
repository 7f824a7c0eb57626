"""A model's copy with softplus for ReLU, for attacks on explanations: second derivatives of ReLU are zero.

The network is not changed: while the copy runs, a mode of torch takes each call of a ReLU and its kin, from a module or
as a function, and computes the smooth one instead. Maximum pooling and functions with second derivatives of their own
(SiLU, GELU, ELU, hardswish ...) stay as they are. A ReLU that is written otherwise, as clamp(min=0), is not seen.
Convolutions and attention are computed in ways that can be differentiated twice, and quickly.
"""

import copy
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

from attx.errors import UserError
from attx.models.twice import FixedConv2d, ramp


def _relu(beta: float, x: Tensor, inplace: bool = False) -> Tensor:
    return ramp(x, beta)


def _relu6(beta: float, x: Tensor, inplace: bool = False) -> Tensor:
    return ramp(x, beta, 0.0, 6.0)


def _hardtanh(beta: float, x: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    return ramp(x, beta, min_val, max_val)


def _leaky(beta: float, x: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    return negative_slope * x + (1 - negative_slope) * ramp(x, beta)


def _hardsigmoid(beta: float, x: Tensor, inplace: bool = False) -> Tensor:
    return ramp(x, beta, -3.0, 3.0) / 6 + 0.5


def _prelu(beta: float, x: Tensor, weight: Tensor) -> Tensor:
    slope = weight if weight.numel() == 1 else weight.view(-1, *[1] * (x.ndim - 2))
    return slope * x + (1 - slope) * ramp(x, beta)


def _conv(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride=1, padding=0, dilation=1, groups: int = 1
) -> Tensor:
    """torch.conv2d, of weights that need no gradient by `FixedConv2d`."""
    free = weight.requires_grad or (bias is not None and bias.requires_grad)
    if free or isinstance(padding, str) or input.ndim != 4 or torch.is_autocast_enabled(input.device.type):
        return torch.conv2d(input, weight, bias, stride, padding, dilation, groups)
    return FixedConv2d.apply(input, weight, bias, stride, padding, dilation, groups)


SMOOTH = {
    **dict.fromkeys((F.relu, F.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_), _relu),
    F.relu6: _relu6,
    **dict.fromkeys((F.hardtanh, F.hardtanh_), _hardtanh),
    F.hardsigmoid: _hardsigmoid,
    **dict.fromkeys((F.leaky_relu, F.leaky_relu_), _leaky),
    **dict.fromkeys((F.prelu, torch.prelu, Tensor.prelu), _prelu),
}
IN_PLACE = (F.relu_, torch.relu_, Tensor.relu_, F.hardtanh_, F.leaky_relu_)  # what they return may go unused


class _Mode(TorchFunctionMode):
    """Computes the smooth functions, or with `beta` None the usual ones; `seen` has the names of those called."""

    def __init__(self, beta: float | None) -> None:
        super().__init__()
        self.beta, self.seen = beta, set()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func is torch.conv2d:
            return _conv(*args, **kwargs)
        if func not in SMOOTH:
            return func(*args, **kwargs)
        self.seen.add(func.__name__.rstrip("_"))
        if self.beta is None:
            return func(*args, **kwargs)
        x, *rest = [kwargs.pop("input"), *args] if "input" in kwargs else args
        if func in IN_PLACE:
            return x.copy_(SMOOTH[func](self.beta, x.clone(), *rest, **kwargs))
        return SMOOTH[func](self.beta, x, *rest, **kwargs)


class SmoothCopy(nn.Module):
    """`model`, the same weights, with softplus(x; beta) = log(1 + exp(beta x)) / beta for max(x, 0), and alike.

    ReLU6, hardtanh and hardsigmoid become differences of two, leaky and parametric ReLU sums with x. `beta` above 0:
    the larger, the nearer to the model, no ReLU being off by more than log(2) / beta. None leaves these as they are.
    UserError for a model of TorchScript, whose calls cannot be seen.
    """

    def __init__(self, model: Callable, beta: float | None) -> None:
        super().__init__()
        if beta is not None and not beta > 0:
            raise UserError(f"beta: {beta!r} must be above 0, or null for a model that is smooth itself")
        self.model, self.beta = eager(model), beta

    def forward(self, images: Tensor) -> Tensor:
        """What `model` gives, smoothly."""
        with sdpa_kernel(SDPBackend.MATH), _Mode(self.beta):
            return self.model(images)


def kinks(model: Callable, images: Tensor) -> set[str]:
    """The names of the functions without second derivative that `model` calls for `images`: relu, hardtanh ..."""
    with torch.no_grad(), _Mode(None) as mode:
        eager(model)(images)
    return mode.seen


def eager(model: Callable) -> Callable:
    """`model` as Python runs it, call by call: compiled code of these would not be seen, nor differentiated twice."""
    model = getattr(model, "_orig_mod", model)  # of torch.compile
    if not isinstance(model, nn.Module):
        return model
    if any(isinstance(module, torch.jit.ScriptModule) for module in model.modules()):
        raise UserError("the model is TorchScript, of which no smooth copy can be made: load it as a Python module")
    return copy.copy(model)  # the same weights; a Classifier's copy is not compiled

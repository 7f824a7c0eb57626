"""Operations that are cheap to differentiate twice: smooth ramps, and convolutions whose weights are constants."""

import math

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def ramp(x: Tensor, beta: float, low: float = 0.0, high: float = math.inf) -> Tensor:
    """max(x, low) by softplus, log(1 + exp(beta (x - low))) / beta + low; up to `high` by the difference of two.

    Where the two are further apart than rounding tells, the nearer to x is all that is computed.
    """
    if high < math.inf and beta * (high - low) < 60:
        return low + ramp(x - low, beta) - ramp(x - high, beta)
    return _Ramp.apply(x, beta, low, high)


class _Ramp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, beta: float, low: float, high: float) -> Tensor:
        middle, half = (0.0, 0.0) if high == math.inf else ((low + high) / 2, (high - low) / 2)
        below = middle - x if half else None
        inward = below.abs().neg_().add_(half) if half else x - low  # from the nearer end
        # log(1 + exp(-|z|)) as -log(sigmoid(|z|)): without denormal numbers in between, many times as fast on a CPU
        outer = inward.abs().mul_(beta).sigmoid_()
        slope = (outer - 0.5).copysign_(inward).add_(0.5)
        bend = torch.addcmul(outer, outer, outer, value=-1).mul_(beta)
        ctx.save_for_backward(x, slope, bend.copysign_(below) if half else bend)
        rise = inward.relu_().add_(outer.log_(), alpha=-1 / beta)
        return rise.sub_(half).copysign_(below).neg_().add_(middle) if half else rise.add_(low)

    @staticmethod
    def backward(ctx, outer: Tensor) -> tuple:
        return _Slope.apply(outer, *ctx.saved_tensors), None, None, None


class _Slope(torch.autograd.Function):
    """outer * slope, whose derivative to x is outer * bend."""

    @staticmethod
    def forward(ctx, outer: Tensor, x: Tensor, slope: Tensor, bend: Tensor) -> Tensor:
        ctx.save_for_backward(outer, slope, bend)
        return outer * slope

    @staticmethod
    @once_differentiable
    def backward(ctx, second: Tensor) -> tuple:
        outer, slope, bend = ctx.saved_tensors
        return second * slope, (outer * second).mul_(bend), None, None


class FixedConv2d(torch.autograd.Function):
    """torch.conv2d of weights that need no gradient, of which nothing is computed or kept for one.

    torch's second derivative of a convolution has the weights' part too, group by group, whether it is wanted or not.
    """

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor | None, *settings) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.settings, ctx.shape = settings, x.shape
        return torch.conv2d(x, weight, bias, *settings)

    @staticmethod
    def backward(ctx, outer: Tensor) -> tuple:
        return _Transposed.apply(outer, *ctx.saved_tensors, ctx.shape, *ctx.settings), *[None] * 6


class _Transposed(torch.autograd.Function):
    """The gradient of such a convolution to its input, of this shape."""

    @staticmethod
    def forward(ctx, outer: Tensor, weight: Tensor, shape: torch.Size, *settings) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.settings = stride, padding, dilation, groups = settings
        reach = [d * (k - 1) - p for d, k, p in zip(_pair(dilation), weight.shape[2:], _pair(padding), strict=True)]
        if _pair(stride) != (1, 1) or min(reach) < 0:
            return torch.nn.grad.conv2d_input(shape, weight, outer, *settings)
        # a convolution by the turned kernel; on a CPU three times as fast as torch's own gradient
        turned = weight.flip(2, 3).unflatten(0, (groups, -1)).transpose(1, 2).flatten(0, 1)
        return torch.conv2d(outer, turned, None, 1, reach, dilation, groups)

    @staticmethod
    def backward(ctx, second: Tensor) -> tuple:
        return FixedConv2d.apply(second, *ctx.saved_tensors, None, *ctx.settings), *[None] * 6


def _pair(value: int | tuple[int, ...]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value * 2)[:2]

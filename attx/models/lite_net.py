"""The network of EfficientNet-Lite (TensorFlow's "lite" variants of Tan and Le 2019: ReLU6, no squeeze and excitation).

Written for speed on a CPU: batch norms folded into the convolutions, no padded copies. Names follow the weight files.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad, relu6
from torch.nn.utils.fusion import fuse_conv_bn_eval

# kernel, stride, expansion, output channels, repeats
STAGES = (
    *((3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3)),
    *((5, 1, 6, 112, 3), (5, 2, 6, 192, 4), (3, 1, 6, 320, 1)),
)
STEM, HEAD = 32, 1280


class SameConv(nn.Conv2d):
    """A convolution with an odd kernel (stride 2: 3 or more) and TensorFlow's SAME padding.

    At stride 2 an even size is padded by one pixel more behind than before. The small kernel gets a leading row and
    column of zeros for that: the same sums, without a padded copy of the large input.
    """

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight
        if self.stride[0] == 2:
            weight = pad(weight, (1 - x.shape[-1] % 2, 0, 1 - x.shape[-2] % 2, 0))
        return conv2d(x, weight, self.bias, self.stride, self.padding, 1, self.groups)


class ReLU6(nn.ReLU6):
    """In place where no gradient is wanted: forward passes alone are faster so, those with a gradient slower."""

    def forward(self, x: Tensor) -> Tensor:
        return relu6(x, inplace=not torch.is_grad_enabled())


class Block(nn.Module):
    """Expansion, depthwise convolution, projection; plus the input where the shapes are equal."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        if expansion != 1:
            self.expand_conv, self.bn0, self.relu0 = _conv(inputs, wide), _norm(wide), ReLU6()
        self.depthwise_conv, self.bn1, self.relu1 = _conv(wide, wide, kernel, stride, wide), _norm(wide), ReLU6()
        self.project_conv, self.bn2 = _conv(wide, outputs), _norm(outputs)
        self.skip = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for layer in self.children():
            y = layer(y)
        return y + x if self.skip else y


class Lite(nn.Module):
    """The network of a width and a depth, with batch norms as the weight files have them; `fold` removes these.

    Lite variants scale neither the stem and the head, nor the repeats of the first and last stage.
    """

    def __init__(self, width: float, depth: float, classes: int) -> None:
        super().__init__()
        self.conv_stem, self.bn0, self.relu0 = _conv(3, STEM, 3, 2), _norm(STEM), ReLU6()
        blocks, inputs = [], STEM
        for index, (kernel, stride, expansion, channels, repeats) in enumerate(STAGES):
            outputs = _rounded(channels * width)
            scaled = repeats if index in (0, len(STAGES) - 1) else math.ceil(depth * repeats)
            for repeat in range(scaled):
                blocks.append(Block(inputs, outputs, kernel, 1 if repeat else stride, expansion))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.conv_head, self.bn1, self.relu1 = _conv(inputs, HEAD), _norm(HEAD), ReLU6()
        self.fc = nn.Linear(HEAD, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu0(self.bn0(self.conv_stem(x)))
        x = self.relu1(self.bn1(self.conv_head(self.blocks(x))))
        return self.fc(x.mean((2, 3)))


def fold(net: Lite) -> Lite:
    """`net`, changed in place and in eval mode: each batch norm is part of the convolution before it."""
    for module in net.eval().modules():
        for (conv, first), (norm, second) in pairwise(list(module.named_children())):
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                setattr(module, conv, fuse_conv_bn_eval(first, second))
                setattr(module, norm, nn.Identity())
    return net


def _conv(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> SameConv:
    conv = SameConv(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")  # for random weights
    return conv


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


def _rounded(channels: float) -> int:
    """The nearest multiple of 8, but never more than a tenth below."""
    nearest = int(channels + 4) // 8 * 8
    return nearest if nearest >= 0.9 * channels else nearest + 8

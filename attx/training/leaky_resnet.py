"""The narrow residual net of RAR for Flower and GTSRB (Chen et al., NeurIPS 2019): leaky ReLU, no batch norm."""

import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS = (16, 32, 64)


class LeakyResNet(nn.Module):
    """Three stages of `units` residual units, of 16, 32 and 64 channels; the second and third halve the sides.

    Each image is standardised first, by its own mean and deviation, so the net sees neither brightness nor contrast.
    """

    def __init__(self, channels: int, classes: int, units: int) -> None:
        super().__init__()
        self.stem = _conv(channels, WIDTHS[0])
        before = (WIDTHS[0], *WIDTHS)
        self.units = nn.Sequential(
            *(
                _Unit(before[stage] if unit == 0 else width, width, stage if unit == 0 else None)
                for stage, width in enumerate(WIDTHS)
                for unit in range(units)
            )
        )
        self.leaky = nn.LeakyReLU(0.1)
        self.head = nn.Linear(WIDTHS[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.leaky(self.units(self.stem(_standardised(x)))).mean((2, 3)))


class _Unit(nn.Module):
    """x + conv(leaky(conv(leaky(x)))), in the net's first leaky(x) + ...

    `opens`: the stage that it is the first of, or None. Where it halves the sides, x is pooled, and zeros around the
    old channels make the new ones.
    """

    def __init__(self, inputs: int, outputs: int, opens: int | None) -> None:
        super().__init__()
        halving = bool(opens)
        self.leaky1, self.leaky2 = nn.LeakyReLU(0.1), nn.LeakyReLU(0.1)
        self.conv1, self.conv2 = _conv(inputs, outputs, 2 if halving else 1), _conv(outputs, outputs)
        self.first, self.halving, self.more = opens == 0, halving, (outputs - inputs) // 2

    def forward(self, x: Tensor) -> Tensor:
        active = self.leaky1(x)
        change = self.conv2(self.leaky2(self.conv1(active)))
        kept = active if self.first else F.avg_pool2d(x, 2, ceil_mode=True) if self.halving else x
        return change + F.pad(kept, (0, 0, 0, 0, self.more, self.more))


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    conv = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
    nn.init.normal_(conv.weight, std=(2 / (9 * outputs)) ** 0.5)
    return conv


def _standardised(x: Tensor) -> Tensor:
    """(x - mean) / deviation, the latter at least 1 / sqrt(values)."""
    variance, mean = x.flatten(1).var(1, correction=0), x.flatten(1).mean(1)
    deviation = variance.clamp_min(1 / x[0].numel()).sqrt()  # before the root, whose slope at 0 is infinite
    return (x - mean.view(-1, 1, 1, 1)) / deviation.view(-1, 1, 1, 1)

"""Tuned networks give what they gave, and are tuned where they can be."""

import copy

import pytest
import torch
import torchvision
from torch import nn

from attx.models.tuned import tuned


def results(net, x):
    """Logits, and the gradient of one, in float64."""
    leaf = x.clone().requires_grad_()
    logits = net(leaf)
    return logits.detach(), torch.autograd.grad(logits.square().sum(), leaf)[0]


@pytest.mark.parametrize(
    ("name", "size", "norms"), [("resnet18", 32, 0), ("googlenet", 64, 0), ("densenet121", 32, 62), ("vit_b_32", 64, 0)]
)
def test_logits_and_gradients_stay(name, size, norms):
    torch.manual_seed(0)
    options = {"image_size": size} if name.startswith("vit") else {}
    options |= {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    plain = torchvision.models.get_model(name, weights=None, num_classes=5, **options).eval().requires_grad_(False)
    for module in plain.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 2)
    if name.startswith("vit"):
        nn.init.normal_(plain.heads.head.weight)
    fast = tuned(copy.deepcopy(plain)).requires_grad_(False)
    assert sum(isinstance(module, nn.BatchNorm2d) for module in fast.modules()) == norms
    assert plain.state_dict().keys() >= fast.state_dict().keys() - {k for k in fast.state_dict() if "bias" in k}
    x = torch.rand(2, 3, size, size, dtype=torch.float64)
    for found, expected in zip(results(fast.double(), x), results(plain.double(), x), strict=True):
        # weights were rounded to float32 once more
        assert (found - expected).norm() < 1e-5 * expected.norm()


class Shared(nn.Module):
    """A convolution of which a norm takes the output, but not alone, and one that two norms follow."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1)
        self.norm, self.first, self.second = nn.BatchNorm2d(4), nn.BatchNorm2d(4), nn.BatchNorm2d(4)

    def forward(self, x):
        y = self.a(x)
        y = y + self.norm(y)
        return self.second(input=self.b(self.first(self.b(y)))).mean((2, 3))


class Branching(nn.Module):
    """Tracing cannot follow it."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, x):
        return self.norm(self.conv(x if x.sum() > 0 else -x)).mean((2, 3))


@pytest.mark.parametrize("build", [Shared, Branching])
def test_norms_that_stand_alone_stay(build):
    net = build().eval()
    before, x = {k: v.clone() for k, v in net.state_dict().items()}, torch.rand(2, 3, 8, 8)
    logits = net(x)
    assert torch.equal(tuned(net)(x), logits)
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())

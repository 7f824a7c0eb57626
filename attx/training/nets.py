"""Nets to be trained: small ones of our own, and any of torchvision's classifiers by its name there."""

from functools import partial

from torch import Tensor, nn

from attx.errors import UserError, unknown
from attx.models import state, torchvision
from attx.models.classifier import Classifier
from attx.preprocess import Preprocess
from attx.training.leaky_resnet import LeakyResNet


class ConvNet(nn.Module):
    """Two convolutions with ReLU that halve an image's sides each, and two dense layers.

    No module is used twice, since methods that hook modules need that.
    """

    def __init__(self, channels: int, size: int, classes: int, *, filters: tuple[int, int], hidden: int, pooled: bool):
        super().__init__()
        self.features = nn.Sequential(
            *_halving(channels, filters[0], pooled), *_halving(filters[0], filters[1], pooled)
        )
        self.head = nn.Sequential(
            nn.Flatten(), nn.Linear(filters[1] * (size // 4) ** 2, hidden), nn.ReLU(), nn.Linear(hidden, classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


class Grey(nn.Module):
    """A net of one channel sees the first of the images' channels: grey images are the same to it in one or three.

    Not their mean, in which changes of the channels that differ would cancel each other: an attack is to have as much
    room in three channels as in one.
    """

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x[:, :1])


def _halving(inputs: int, outputs: int, pooled: bool) -> list[nn.Module]:
    """A convolution of 5 x 5 and a pool, or one of 4 x 4 in strides of 2."""
    if pooled:
        return [nn.Conv2d(inputs, outputs, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)]
    return [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.ReLU()]


OWN = {  # (channels, size, classes) -> net
    # for MNIST in RAR (Chen et al., 2019) and before
    "cnn": partial(ConvNet, filters=(32, 64), hidden=1024, pooled=True),
    # for MNIST in Wong and Kolter (ICML 2018)
    "small_cnn": partial(ConvNet, filters=(16, 32), hidden=100, pooled=False),
    # for Flower and GTSRB in RAR
    "leaky_resnet8": lambda channels, size, classes: LeakyResNet(channels, classes, units=1),
    "leaky_resnet14": lambda channels, size, classes: LeakyResNet(channels, classes, units=2),
}


def untrained(net: str, *, classes: int, channels: int, size: int, seed: int) -> Classifier:
    """The classifier with random weights of `seed`, ready to be trained: `net` is a name of OWN or of torchvision.

    `channels` 1 or 3; torchvision's take 3.
    """
    if net not in OWN:
        _check(net, channels)
        return torchvision.untuned(name=net, seed=seed, classes=classes, size=size)
    with state.seeded(seed):
        return _own(net, classes, channels, size)


def trained(net: str, path: str, *, classes: int, channels: int, size: int) -> Classifier:
    """The classifier with the weights in the file `path`, ready to be used."""
    if net not in OWN:
        _check(net, channels)
        return torchvision.build(name=net, weights=path, classes=classes, size=size)
    model = _own(net, classes, channels, size)
    state.load_into(model.net, state.read(path), path)
    model.weights_sha256 = state.sha256_of(model.net)
    return model


def _own(net: str, classes: int, channels: int, size: int) -> Classifier:
    if channels not in (1, 3) or size < 4:
        raise UserError(f"the net {net} takes `channels` 1 or 3 and a `size` of 4 and more, not {channels} and {size}")
    made = OWN[net](channels, size, classes)
    return Classifier(
        Grey(made) if channels == 1 else made,
        preprocess=Preprocess(size=size),
        classes=classes,
        fixed_size=isinstance(made, ConvNet),
    )


def _check(net: str, channels: int) -> None:
    known = torchvision.names()
    if net not in known:
        raise unknown("net", net, [*OWN, *known])
    if channels != 3:
        raise UserError(f"channels: torchvision's {net} takes 3, not {channels}")

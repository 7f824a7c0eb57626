"""Nets to be trained: small ones of our own, and any of torchvision's classifiers by its name there."""

from torch import Tensor, nn

from attx.errors import UserError, unknown
from attx.models import state, torchvision
from attx.models.classifier import Classifier
from attx.preprocess import Preprocess


class ConvNet(nn.Module):
    """Two convolutions, 5 x 5 and padded, each with ReLU and a pool of 2 x 2, and two dense layers.

    `channels` 1 takes the mean of the images' channels, so images of one or of three grey ones are the same to it.
    """

    def __init__(self, filters: tuple[int, int], hidden: int, channels: int, size: int, classes: int) -> None:
        super().__init__()
        self.grey = channels == 1
        self.conv1 = nn.Conv2d(channels, filters[0], 5, padding=2)
        self.relu1, self.pool1 = nn.ReLU(), nn.MaxPool2d(2)  # none twice, since methods that hook modules need that
        self.conv2 = nn.Conv2d(filters[0], filters[1], 5, padding=2)
        self.relu2, self.pool2 = nn.ReLU(), nn.MaxPool2d(2)
        self.dense1 = nn.Linear(filters[1] * (size // 4) ** 2, hidden)
        self.relu3 = nn.ReLU()
        self.dense2 = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        if self.grey:
            x = x.mean(1, keepdim=True)
        x = self.pool1(self.relu1(self.conv1(x)))
        x = self.pool2(self.relu2(self.conv2(x)))
        return self.dense2(self.relu3(self.dense1(x.flatten(1))))


OWN = {  # filters of the convolutions, width of the dense layer
    "cnn": ((32, 64), 1024),  # of the papers, for MNIST
    "small_cnn": ((8, 16), 64),
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
    filters, hidden = OWN[net]
    return Classifier(
        ConvNet(filters, hidden, channels, size, classes),
        preprocess=Preprocess(size=size),
        classes=classes,
        fixed_size=True,
    )


def _check(net: str, channels: int) -> None:
    known = torchvision.names()
    if net not in known:
        raise unknown("net", net, [*OWN, *known])
    if channels != 3:
        raise UserError(f"channels: torchvision's {net} takes 3, not {channels}")
